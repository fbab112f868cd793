# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	pause.sh [quick]
#
# A domain is paused for a minute (quick: for some seconds) while its peer uses their channel,
# connects, unloads the module, and has a full pool. What the peer holds meanwhile is bounded,
# each of its calls ends in time, and once the domain goes on, nothing is lost.
#
# A paused domain answers no command. So this script does not address it then, and its
# commands there must survive the pause.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows
. /testbed/lib/holdings

export AGENT_SILENCE=300

PAUSE=60
CROWD=16		# connections with rings of 4 MiB: 64 MiB
CONNECTS=20
UNLOAD_MAX=10		# seconds that unloading the module may take
[ "${1:-}" != quick ] || PAUSE=6

# channel DOM FIELD: a number of its channel.
channel() {
	on "$1" 'schannelctl -j channels' | jq ".[0].$2 // 0"
}

holds() {
	echo "$(channel $1 flows) flows, $(channel $1 pool_size) bytes in the pool," \
		"$(granted $1) pages granted"
}

# granted DOM: pages that the other domU may read.
granted() {
	local to=u2
	[ "$1" = u1 ] || to=u1
	grants "$(domid "$1")" | awk -v to="$(domid $to)" '$2 == to { n = $3 } END { print n + 0 }'
}

_more() {	# DOM FIELD THAN
	[ "$(channel "$1" $2)" -gt "$3" ]
}

paused() {	# DOM
	xl pause "$1" && paused_at=$EPOCHREALTIME
}

# resumed DOM: let it go on, PAUSE seconds after it was paused.
resumed() {
	sleep "$(awk -v from="$paused_at" -v to="$EPOCHREALTIME" -v pause="$PAUSE" \
		'BEGIN { left = pause - (to - from); print left > 0 ? left : 0 }')"
	detail="after $(since "$paused_at") s"
	xl unpause "$1"
}

# ---- Transfers, and connections that carry data ------------------------------------------

files() {
	local dom
	for dom in u1 u2; do
		on $dom 'head -c 2000000 /dev/urandom >/tmp/piece
			for i in $(seq 40); do cat /tmp/piece; done >/tmp/file' || return
	done
}

# copy NAME PORT FROM TO: send the file in the background. Both ends compare the digest.
copy() {
	spawn "get-$1" $4 "schannel-perf receive /dev/null --once --port $2 --timeout 300 2>&1"
	await $FLOW_LIMIT "get-$1" '^listening' &&
		spawn "put-$1" $3 "schannel-perf send /tmp/file $(domid $4) --port $2 --timeout 300 2>&1"
}

# Bytes that u1 has sent and received.
moved() {
	on u1 'schannelctl -j channels' | jq '.[0] | .tx_bytes + .rx_bytes'
}

_moved() {
	[ "$(moved)" -gt $1 ]
}

both_copy() {
	copy there 6101 u1 u2 && copy back 6102 u2 u1 &&
		until_true $FLOW_LIMIT _moved $(($(moved) + 8000000))
}

# The connections have not ended, nor have the transfers: they are in the middle.
in_the_middle() {
	detail=$(holds u1)
	flows u1-sends u1-receives && ! ended put-there && ! ended get-back
}

copied() {
	local name
	for name in put-there get-there put-back get-back; do
		until_true $FLOW_LIMIT ended $name || return
		[ "$(cat /run/$name.end)" = 0 ] || {
			cat /run/$name.out
			return 1
		}
	done
}

# The connections carry further data, of which both ends check every byte.
go_on() {
	until_true $FLOW_LIMIT _moved $(($(moved) + 4000000)) &&
		flows u1-sends u1-receives && undamaged serve-u1 serve-u2
}

# undamaged SERVER...: no connection of theirs has ended with an error.
undamaged() {
	local name
	for name in "$@"; do
		if [ "$(said "$name" '^ended errno=E')" != 0 ] || ended "$name"; then
			echo "$name: $(grep '^ended errno=E' "/run/$name.out" | tail -n 1)"
			return 1
		fi
	done
}

part_transfers() {
	files || fail 'no files'
	step 'connections carry data both ways' \
		eval 'flow u1-sends u1 u2 send && flow u1-receives u1 u2 recv'
	step 'files are sent both ways' both_copy
	paused u2
	step 'u2 is paused in the middle of all of them' in_the_middle
	part_connects
	step 'u2 goes on' resumed u2
	step 'the files arrive complete' copied
	step 'the connections go on' go_on
	step 'a connect() that waited for u2 has succeeded' await $FLOW_LIMIT waits '^flowing'
	stop u1-sends u1-receives waits
	step 'u1 and u2 connect' eval 'connects u1 u2 && connects u2 u1'
	step 'nothing is left of the connects that timed out' until_true $FLOW_LIMIT few_flows
}

# ---- Connects while the peer is paused --------------------------------------------------------

set_timeout() {
	on u1 "sysctl -q net.schannel.connect_timeout_ms=$1"
}

many_connects() {
	local i held
	for i in $(seq $CONNECTS); do
		spawn connect-$i u1 "schannel-test hold --port $FLOW_PORT \
			--peer $(domid u2) --direction send"
	done
	until_true $FLOW_LIMIT _connecting $CONNECTS
	held=$(holds u1)
	for i in $(seq $CONNECTS); do
		await $FLOW_LIMIT connect-$i '^connect: ETIMEDOUT' || return
		stop connect-$i
	done
	detail="u1 had $held, and has $(channel u1 flows) flows now"
}

_connecting() {
	[ "$(channel u1 flows)" -ge $1 ]
}

part_connects() {
	set_timeout 3000
	step 'a connect() to u2 ends at its time limit' \
		cannot_connect u1 "$(domid u2)" 10 ETIMEDOUT
	step "so do $CONNECTS at once" many_connects
	set_timeout 120000
	spawn waits u1 "schannel-test hold --port $FLOW_PORT --peer $(domid u2) --direction send"
	set_timeout 10000
}

few_flows() {
	detail=$(holds u1)
	[ "${detail%% *}" -le 2 ]
}

# ---- No channel yet -----------------------------------------------------------------------------

# Without a channel, the paused domain does not take part in making one.
part_set_up() {
	schannelctl unpair u1 u2 && schannel_pair u1 u2 || fail 'the domains do not meet again'
	paused $1
	step "no channel, and $1 is paused: connect() ends in time" \
		cannot_connect $2 "$(domid $1)" 15 'ETIMEDOUT|EHOSTUNREACH'
	xl unpause $1
	step "$1 goes on: the domains connect" until_true $FLOW_LIMIT connects $2 $1
}

# ---- The module is unloaded while the peer is paused -------------------------------------------------

no_pool() {	# DOM
	[ "$(channel $1 pool_size)" = 0 ]
}

fill_pool() {	# FROM TO
	local i=0
	on $1 'sysctl -q net.schannel.ring_min_kib=4096' || return
	while [ $i -lt $CROWD ] && flow crowd-$i $1 $2 send --stall; do
		i=$((i + 1))
	done
	on $1 'sysctl -q net.schannel.ring_min_kib=4'
	detail="$i connections, $(holds $1)"
	[ "$(channel $1 pool_size)" -ge 56000000 ]
}

stop_crowd() {
	local i
	for i in $(seq 0 $((CROWD - 1))); do
		stop crowd-$i
	done
}

unloads() {	# DOM
	local start before=$(granted $1) taken
	stop serve-$1
	stop_crowd
	start=$EPOCHREALTIME
	on $1 'rmmod schannel_xen' || return
	taken=$(since $start)
	detail="$taken s; $before pages were granted, $(granted $1) still are"
	[ "${taken%.*}" -lt $UNLOAD_MAX ]
}

# What a new channel needs is granted again.
all_back() {	# DOM
	detail="$(granted $1) pages granted, $idle before"
	[ "${detail%% *}" -le $idle ]
}

part_unload() {	# DOM PEER
	serve $1 $2 && connects $1 $2 && until_true $FLOW_LIMIT no_pool $1 || fail 'no idle channel'
	idle=$(granted $1)
	step "$1 connects to $2 until its pool is full" fill_pool $1 $2
	paused $2
	step "$1 unloads the module, $2 is paused" unloads $1
	step "$1 loads it again" on $1 'insmod /lib/schannel/schannel_xen.ko'
	step "connect() to $2 ends in time" cannot_connect $1 "$(domid $2)" 15 'ETIMEDOUT|EHOSTUNREACH'
	step "$2 goes on" resumed $2
	# As the log of $1 and the documentation say; by itself the kernel frees ten a second.
	on $1 'echo 0 >/sys/module/grant_table/parameters/free_per_iteration'
	step "$1 has all pages back that $2 had mapped" until_true $FLOW_LIMIT all_back $1
	stop_all
	serve $1 $2
	step "$1 and $2 connect again" eval "until_true $FLOW_LIMIT connects $1 $2 && connects $2 $1"
	stop_all
}

# A kernel takes the time in which its domain was paused for one of its tasks' lockup.
for dom in u1 u2; do
	on $dom 'echo 0 >/proc/sys/kernel/soft_watchdog' || fail 'the watchdog cannot be stopped'
done
schannel_load u1 u2 && schannel_pair u1 u2 || fail 'the domains do not meet'
serve u1 u2 || fail 'the domains cannot listen'
step 'u1 and u2 connect' eval 'connects u1 u2 && connects u2 u1'
part_transfers
part_set_up u2 u1
part_set_up u1 u2
stop_all
part_unload u1 u2
part_unload u2 u1
summary
