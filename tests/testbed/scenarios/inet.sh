# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	inet.sh [quick]
#
# Diverted TCP between domains: schannel-test's cases over IPv4, IPv6 and v4-mapped addresses,
# where every connection must be diverted; a domain that claims another's address stays on
# the network; connections when a pair is removed, or a domain destroyed. "quick" runs a
# part of it.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows
. /testbed/lib/cases
. /testbed/lib/answers
. /testbed/lib/holdings

quick=${1:-}
CGROUP=/sys/fs/cgroup/in
stranger=10.99.0.77	# the address of no domain
few=connect,accept,transfer,shutdown,inet_connect,inet_end

# ---- Domains -------------------------------------------------------------------

prepare() {	# DOM...
	local dom
	for dom in "$@"; do
		schannel_load $dom &&
			on $dom "insmod /lib/schannel/schannel_inet.ko &&
				echo 1 >/proc/sys/net/schannel/divert_local &&
				echo 20000 >/proc/sys/net/schannel/divert_timeout_ms &&
				echo 15000 >/proc/sys/net/schannel/divert_retry_ms &&
				mkdir -p $CGROUP &&
				schannelctl attach /in not port $CASES_PORT" || return
	done
}

pair() {
	schannelctl pair u1 u2
}

# ---- One connection ------------------------------------------------------------

INSIDE="echo \$\$ >$CGROUP/cgroup.procs && exec schannel-test"

serve_tcp() {	# DOM...
	local dom
	for dom in "$@"; do
		spawn "serve-$dom" $dom "$INSIDE serve-hold --family inet --port $FLOW_PORT"
		await $FLOW_LIMIT "serve-$dom" '^listening' || return
	done
}

hold_tcp() {	# NAME FROM TO send|recv
	spawn "$1" $2 "$INSIDE hold --family inet --peer $(address $3) --port $FLOW_PORT --direction $4"
	await $FLOW_LIMIT "$1" '^flowing'
}

# How many of a domain's connections ended in each verdict so far.
verdicts() {	# DOM
	on $1 'schannel-test verdicts'
}

# becomes WHAT FROM TO: a new connection gets exactly these verdicts, as in "OK 1" or
# "NO_PEER 1 TCP 1" (an extended regular expression), and carries data.
becomes() {
	local what=$1 now
	verdicts $2 >/run/before
	hold_tcp probe $2 $3 send || return
	stop probe
	now=$(verdicts $2 | paste /run/before - | awk '$4 > $2 { print $1, $4 - $2 }' | sort | xargs)
	detail=$now
	[[ $now =~ ^$what$ ]]
}

comes_to_become() {
	until_true $FLOW_LIMIT becomes "$@"
}

# ---- schannel-test -------------------------------------------------------------

family=inet

cases_program() {
	echo "$INSIDE"
}

cases_peer() {
	if [ $family = inet6 ]; then address6 $1; else address $1; fi
}

between() {	# FAMILY CLIENT SERVER [OPTIONS...]
	local start=$EPOCHREALTIME
	family=$1
	shift
	CASES_OF_BOTH="--family $family --diverted"
	echo "# $family, from $1 to $2"
	cases "$@"
	progress "$family, from $1 to $2: took $(since "$start") s"
}

# ---- Addresses ------------------------------------------------------------------

# xenstore tells u1 an address of u2 that is not u2's.
spoofed() {
	local key is
	key=/local/domain/$(domid u1)/backend/schannel/$(domid u2)/0/peer-addresses
	is=$(xenstore-read $key)
	step "u1 has a listener" serve_tcp u1
	step "u2's connections are diverted" becomes 'OK 1' u2 u1
	xenstore-write $key $stranger
	step "u2's address differs from xenstore: refused, TCP" comes_to_become 'REFUSED_SOURCE 1 TCP 1' u2 u1
	step "the refusal is remembered" becomes 'RECENT 1 TCP 1' u2 u1
	xenstore-write $key "$is"
	step "xenstore has the right address: diverted again" comes_to_become 'OK 1' u2 u1
	step "schannelctl why says so" has u2 '.[0].diverted' \
		"schannelctl -j why $(address u1):$FLOW_PORT cgroup in"
	stop serve-u1
}

# ---- Pairs and domains come and go -----------------------------------------------

parted_soon() {
	serve_tcp u1 u2 && hold_tcp u1-sends u1 u2 send && hold_tcp u2-receives u2 u1 recv
}

parted() {
	step "u1 and u2 have connections" parted_soon
	schannelctl unpair u1 u2
	step "the pair is removed: u1's connection gets ECONNRESET" reset u1-sends
	step "u2's connection gets ECONNRESET" reset u2-receives
	step "the accepted ends get ECONNRESET" both_reset
	step "a new connection from u1 is plain TCP, over netfront" comes_to_become 'NO_PEER 1 TCP 1' u1 u2
	step "a new connection from u2, too" comes_to_become 'NO_PEER 1 TCP 1' u2 u1
	pair
	step "paired again: u1's connections are diverted" comes_to_become 'OK 1' u1 u2
	step "u2's connections are diverted" comes_to_become 'OK 1' u2 u1
	stop u1-sends u2-receives serve-u1 serve-u2
}

both_reset() {
	await $FLOW_LIMIT serve-u1 'errno=ECONNRESET' && await $FLOW_LIMIT serve-u2 'errno=ECONNRESET'
}

destroyed_soon() {
	serve_tcp u1 u2 && hold_tcp u1-sends u1 u2 send && hold_tcp u1-receives u1 u2 recv &&
		hold_tcp u2-sends u2 u1 send
}

destroyed() {
	local id
	id=$(domid u2)
	step "u1 and u2 have connections" destroyed_soon
	domu_destroy u2
	step "u2 is destroyed: u1's send gets ECONNRESET" reset u1-sends
	step "u1's recv gets ECONNRESET" reset u1-receives
	step "u1's accepted connection gets ECONNRESET" await $FLOW_LIMIT serve-u1 'errno=ECONNRESET'
	step "no reference keeps u2: the domain is gone" until_true $HOLDINGS_LIMIT dead $id
	stop u1-sends u1-receives u2-sends serve-u2
	schannelctl unpair u1 $id
	domu_create u2 && prepare u2 && pair || fail "u2 cannot be created again"
	step "u2 listens" serve_tcp u2
	step "created and paired again: u1's connections are diverted" comes_to_become 'OK 1' u1 u2
	step "u2's connections are diverted" comes_to_become 'OK 1' u2 u1
	stop serve-u1 serve-u2
}

unload() {
	local dom
	for dom in u1 u2; do
		on $dom 'schannelctl detach /in' &&
			wait_for $dom $FLOW_LIMIT 'rmmod schannel_inet schannel_xen && rmmod schannel' || return
	done
}

# ------------------------------------------------------------------------------------

trap 'cp /run/*.out /run/*.end /result 2>/dev/null' EXIT
holdings u1 u2 >/run/at-first
prepare u1 u2 && pair || fail "u1 and u2 cannot be paired"
if [ "$quick" ]; then
	between inet u2 u1 --group $few --skip inet_end.often
	between inet6 u1 u2 --group $few --skip inet_end.often
	spoofed
	parted
else
	between inet u2 u1 --skip inet_end.often
	between inet6 u1 u2 --group $few,process,poll,inet_*
	between mapped u2 u1 --group $few --skip inet_end.often
	spoofed
	parted
	destroyed
fi
stop_all
step "the modules are unloaded" unload
schannelctl unpair u1 u2
step "grants and event channels are as before" back_to /run/at-first u1 u2
summary
