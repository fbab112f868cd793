# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	inet.sh [quick] [only PART...]
#
# TCP connections between domains whose bytes move to a channel and back: schannel-test's cases, and
# unmodified programs. Their channel goes and comes again: the pair, the module, a save and restore.
# A domain is paused, or destroyed; or it does not know the other's address. All bytes are checked,
# both ways. PARTs are cases, data, pair, later, refused, module, pause, save, three, destroy and
# rate; "quick" runs some of them, shortened, and "three" needs a third domain.
#
# What runs in a domain must survive its pauses and saves: see lib/detached.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/detached
. /testbed/lib/flows
. /testbed/lib/cases
. /testbed/lib/holdings

export AGENT_SILENCE=300

LIMIT=120		# seconds until an expected event must have happened
PAUSE=20
MOVE=2000000		# bytes that prove that something moves: more than fits in a queue of ours
SOON=20			# seconds until connections have moved that had to wait for a peer
SHARE=25		# percent of the cases' connections that are diverted, at least
CGROUP=/sys/fs/cgroup/in
STRANGER=10.99.0.77	# the address of no domain
ECHO=7300		# servers in all domains: IPv4; the next port has IPv6
RATE_S=4

quick=
[ "${1:-}" != quick ] || { quick=quick; shift; }
all='cases data pair later refused module pause save three destroy rate'
few='cases pair refused'
[ ! "$quick" ] || { all=$few PAUSE=5 RATE_S=2; }
[ "${1:-}" != only ] || { shift; all=$*; }

# ---- Commands in a domain ------------------------------------------------------------

begin_cgroup=$CGROUP

listens() {	# DOM PORT
	on $1 "grep -q '$(printf ':%04X 0*:0000 0A' $2)' /proc/net/tcp /proc/net/tcp6"
}

# ---- Connections whose bytes are checked -----------------------------------------------

# talk NAME ADDRESS PORT [OPTIONS]: socat sends bytes to an echo server until /tmp/NAME/stop exists.
# The digests of what was sent and of what came back must be the same.
talk_program() {
	cat >/run/talk <<-'END'
	#!/bin/sh
	mkdir /tmp/$1 && cd /tmp/$1 && mkfifo copy || exit
	md5sum <copy >sent &
	{ while [ ! -e stop ]; do cat /tmp/piece; done; } | tee copy |
		socat -t 600 - "TCP:$2:$3$4" 2>errors | sh -c 'echo $$ >reader; exec md5sum >got'
	wait
	cmp -s sent got && echo same >verdict || echo different >verdict
	END
	for dom in "$@"; do
		push $dom /run/talk /bin/talk && on $dom 'chmod +x /bin/talk
			head -c 300000 /dev/urandom >/tmp/piece' || return
	done
}

# talk NAME FROM TO 4|6|PORT [OPTIONS]: FROM connects, over IPv4 or IPv6, or IPv6 to another server.
declare -A talker
talk() {
	local to port=$ECHO
	to=$(address $3)
	[ $4 = 4 ] || to="[$(address6 $3)]" port=$(($4 == 6 ? ECHO + 1 : $4))
	talker[$1]=$2
	on $2 "rm -rf /tmp/$1"
	begin $2 $1 "talk $1 $to $port ${5:-}"
}

# Bytes that have come back to a talker.
returned() {	# NAME
	on ${talker[$1]} "sed -n 's/rchar: //p' /proc/\$(cat /tmp/$1/reader)/io" 2>/dev/null || echo 0
}

_returned() {
	[ "$(returned $1)" -gt $2 ]
}

# go_on NAME...: talkers get further bytes back.
go_on() {
	local name
	for name in "$@"; do
		until_true $LIMIT _returned $name $(($(returned $name) + MOVE)) && continue
		echo "$name: $(on ${talker[$name]} "cat /tmp/$name/errors /tmp/$name/verdict" 2>&1)"
		return 1
	done
}

_verdict() {
	on ${talker[$1]} "cat /tmp/$1/verdict" 2>/dev/null | grep -q .
}

# finish NAME...: talkers end, and all bytes have come back as they were.
finish() {
	local name bytes=0 status=0
	for name in "$@"; do
		bytes=$((bytes + $(returned $name)))
		on ${talker[$name]} "touch /tmp/$name/stop"
	done
	for name in "$@"; do
		until_true $LIMIT _verdict $name &&
			[ "$(on ${talker[$name]} "cat /tmp/$name/verdict")" = same ] && continue
		echo "$name: $(on ${talker[$name]} "cat /tmp/$name/errors /tmp/$name/verdict" 2>&1)"
		status=1
	done
	detail="more than $((bytes / 1000000)) MB"
	return $status
}

# Streams of schannel-test in one direction, which keep the rings full. Both ends check what they
# receive.
stream() {	# NAME FROM TO 4|6 send|recv
	local to family=inet port=$FLOW_PORT
	to=$(address $3)
	[ $4 = 4 ] || { to=$(address6 $3) family=inet6 port=$((FLOW_PORT + 1)); }
	begin $2 $1 "exec schannel-test hold --family $family --peer $to --port $port --direction $5"
	says $2 $1 '^flowing'
}

serve() {	# DOM...
	local dom
	for dom in "$@"; do
		begin $dom echo4 "exec socat -t 600 TCP4-LISTEN:$ECHO,fork,reuseaddr EXEC:cat" &&
			begin $dom echo6 "exec socat -t 600 TCP6-LISTEN:$((ECHO + 1)),fork,reuseaddr EXEC:cat" &&
			begin $dom hold4 "exec schannel-test serve-hold --family inet --port $FLOW_PORT" &&
			begin $dom hold6 "exec schannel-test serve-hold --family inet6 --port $((FLOW_PORT + 1))" &&
			says $dom hold4 '^listening' && says $dom hold6 '^listening' || return
	done
}

# The streams have not ended, and no byte was wrong at either end.
streams_right() {
	! on u1 "grep -H 'wrong byte' /tmp/*.out; grep -H ^ended /tmp/send4.out /tmp/recv6.out" | grep . &&
		! on u2 "grep -H 'wrong byte' /tmp/*.out"
}

# The connections of most parts: both families, both directions, and both ends opened.
mix() {
	talk talk4 u1 u2 4 && talk talk6 u2 u1 6 &&
		stream send4 u1 u2 4 send && stream recv6 u1 u2 6 recv && go_on talk4 talk6
}

end_mix() {
	local status=0
	streams_right || status=1
	finish talk4 talk6 || status=1
	kill_in u1 talk4 send4 recv6
	kill_in u2 talk6
	return $status
}

# ---- Where the bytes go -------------------------------------------------------------------

# rings DOM: the number of its diverted connections, and the bytes that they have sent and
# received in rings.
rings() {
	on $1 'schannelctl -j flows state open' | jq -r '[length, ([.[].stats.tx_bytes] | add // 0),
		([.[].stats.rx_bytes] | add // 0)] | @tsv'
}

# Why connections are not diverted.
state() {
	local dom
	for dom in u1 u2; do
		on $dom "schannel-test verdicts; schannelctl peers; schannelctl channels; schannelctl flows
			dmesg | tail -n 3"
	done
}

wire() {	# DOM: bytes of its network device
	on $1 'cat /sys/class/net/eth0/statistics/[rt]x_bytes' | awk '{ n += $1 } END { print n }'
}

_in_rings() {	# DOM COUNT TX RX
	local count tx rx
	read -r count tx rx < <(rings $1)
	[ "${count:-0}" = $2 ] && [ $tx -gt $3 ] && [ $rx -gt $4 ]
}

# on_rings DOM COUNT: soon so many connections are diverted, and their bytes are in rings, both ways.
on_rings() {
	local count tx rx before start=$EPOCHREALTIME
	before=$(wire $1)
	until_true $LIMIT _in_rings $1 $2 -1 -1 || { state; return 1; }
	detail="after $(since $start) s"
	read -r count tx rx < <(rings $1)
	until_true $LIMIT _in_rings $1 $2 $((tx + MOVE)) $((rx + MOVE)) && return
	echo "from $tx $rx to $(rings $1); $(($(wire $1) - before)) bytes over the network"
	return 1
}

_on_wire() {
	[ "$(wire $1)" -gt $2 ]
}

# on_tcp DOM: no connection is diverted any more, and the network carries bytes.
on_tcp() {
	until_true $LIMIT _in_rings $1 0 -1 -1 &&
		until_true $LIMIT _on_wire $1 $(($(wire $1) + MOVE))
}

# ---- Domains ----------------------------------------------------------------------------------

# attach DOM [SCOPE]: the cases' own connections are not among those that are diverted.
attach() {
	on $1 "schannelctl attach /in not port $CASES_PORT ${*:2}"
}

load_inet() {	# DOM
	on $1 "insmod /lib/schannel/schannel_inet.ko && mkdir -p $CGROUP" && attach $1
}

prepare() {	# DOM...
	local dom
	for dom in "$@"; do
		schannel_load $dom && load_inet $dom &&
			on $dom 'echo 0 >/proc/sys/kernel/soft_watchdog' || return
	done
}

_unloads() {
	on $1 'rmmod schannel_inet schannel_xen 2>/dev/null; rmmod schannel'
}

end_all() {	# DOM...
	local dom
	for dom in "$@"; do
		on $dom 'for pid in /tmp/*.pid; do kill -KILL -- -$(cat $pid); done
			rm -rf /tmp/*.pid; schannelctl detach /in' 2>/dev/null
	done
	for dom in "$@"; do
		until_true $LIMIT _unloads $dom || return
	done
}

# ---- One connection, and its verdicts -----------------------------------------------------------

INSIDE="echo \$\$ >$CGROUP/cgroup.procs && exec schannel-test"

# How many ends of connections in a domain got each verdict.
verdicts() {	# DOM
	on $1 'schannel-test verdicts' 2>/dev/null
}

_given() {	# DOM
	verdicts $1 | paste /run/verdicts-$1 - | awk '$4 > $2 { print $1, $4 - $2 }' | sort | xargs
}

_judged() {	# FROM TO WHAT WHAT
	given="$(_given $1), $(_given $2)"
	[[ $given =~ ^($3),\ ($4)$ ]]
}

# becomes FROM TO WHAT WHAT: the two ends of a new connection get exactly these verdicts, as in
# "OK 1" (extended regular expressions), and it carries data.
becomes() {
	local given='' status=0
	verdicts $1 >/run/verdicts-$1
	verdicts $2 >/run/verdicts-$2
	spawn probe $1 "$INSIDE hold --family inet --peer $(address $2) --port $FLOW_PORT --direction send"
	await $FLOW_LIMIT probe '^flowing' || return
	if [ "$3" = 'OK 1' ]; then
		until_true $FLOW_LIMIT _judged "$@"
	else
		sleep 1		# for what is tried in the background
	fi
	stop probe
	until_true 5 _judged "$@" && sleep 0.5 && _judged "$@" || status=1
	detail=$given
	return $status
}

comes_to_become() {
	until_true $LIMIT becomes "$@"
}

why() {		# FROM TO EXPRESSION: true for the output of "why" for such a connection
	local said
	said=$(on $1 "schannelctl -j why $(address $2):$FLOW_PORT cgroup /in")
	jq -e ".[0] | $3" <<<"$said" >/dev/null && return
	echo "$said"
	return 1
}

# ---- schannel-test -----------------------------------------------------------------------------------

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
	CASES_OF_BOTH="--family $family"
	echo "# $family, from $1 to $2"
	cases "$@"
	progress "$family, from $1 to $2: took $(since "$start") s"
}

# Not all are: some are over at once, and some are about something else.
mostly_diverted() {
	detail=$({ verdicts u1; verdicts u2; } | awk '{ n += $2 } $1 == "OK" { ok += $2 }
		END { print int(100 * ok / (n ? n : 1)) " % of " n " ends" }')
	[ "${detail%% *}" -ge $SHARE ]
}

delays() {	# MS LOCAL: when connections move, and whether those of a domain to itself do
	local dom
	for dom in u1 u2; do
		on $dom "cd /proc/sys/net/schannel && echo $1 >divert_delay_ms && echo $2 >divert_local"
	done
}

part_cases() {
	local few=connect,accept,transfer,shutdown,inet_connect,inet_end,inet_back
	delays 0 1
	if [ "$quick" ]; then
		between inet u2 u1 --group accept,transfer,shutdown,inet_end,inet_move --skip inet_end.often,inet_move.storm
		between inet6 u1 u2 --group connect,transfer
	else
		between inet u2 u1 --skip "'inet_end.often,dgram*,seqpacket*'"
		between inet6 u1 u2 --group "'$few,process,poll,inet_*'"
		between mapped u2 u1 --group $few --skip inet_end.often
	fi
	delays 20 0
	step 'most ends of connections were diverted' mostly_diverted
}

# ---- Parts ------------------------------------------------------------------------------------

part_data() {
	step 'talkers and streams, IPv4 and IPv6' mix
	step 'u1: they are diverted, and bytes are in rings both ways' on_rings u1 4
	step 'u2: the same' on_rings u2 4
	step 'all bytes are right' end_mix
}

part_pair() {
	step 'connections carry data' mix
	step 'in rings' on_rings u1 4
	schannelctl unpair u1 u2
	step 'the pair is removed: u1 goes on over TCP' on_tcp u1
	step 'u2, too' on_tcp u2
	step 'the talkers go on' go_on talk4 talk6
	schannelctl pair u1 u2
	step 'paired again: back in rings' on_rings u1 4
	step 'u2, too' on_rings u2 4
	step 'the talkers go on' go_on talk4 talk6
	step 'all bytes are right' end_mix
}

# Connections to prefixes that a scope names are prepared for a peer that comes later.
part_later() {
	schannelctl unpair u1 u2
	talk plain u1 u2 4
	step 'without a pair, a connection carries data' go_on plain
	attach u1 to "$(address u2),$(address6 u2)"
	attach u2 to "$(address u1),$(address6 u1)"
	step "connections to the prefixes of a scope, too" mix
	step 'over TCP' on_tcp u1
	schannel_pair u1 u2
	step 'paired while they are open: they move' eval 'LIMIT=$SOON on_rings u1 4'
	step 'u2, too' on_rings u2 4
	step 'all go on' go_on plain talk4 talk6
	schannelctl unpair u1 u2
	step 'the pair is removed: u1 goes on over TCP' on_tcp u1
	step 'u2, too' on_tcp u2
	schannelctl pair u1 u2
	step 'paired again: back in rings' on_rings u1 4
	step 'the one from before stays with TCP, and its bytes are right' finish plain
	kill_in u1 plain
	step 'all bytes are right' end_mix
	attach u1
	attach u2
}

# xenstore tells u1 an address of u2 that is not u2's; u2 cannot divert connections.
part_refused() {
	local key is
	key=/local/domain/$(domid u1)/backend/schannel/$(domid u2)/0/peer-addresses
	is=$(xenstore-read $key)
	step "u2's connections are diverted" becomes u2 u1 'OK 1' 'OK 1'
	xenstore-write $key $STRANGER
	step "u1 does not know u2's address: it offers u2 nothing" \
		comes_to_become u2 u1 'NOT_OFFERED 1' 'NO_PEER 1'
	step 'it refuses what u2 offers' becomes u1 u2 'NO_PEER 1' 'REFUSED_SOURCE 1'
	step 'schannelctl why says so' why u1 u2 '(.diverted | not) and .reasons[0].reason == "no_peer"'
	xenstore-write $key "$is"
	step 'it knows the address again: diverted' comes_to_become u2 u1 'OK 1' 'OK 1'
	step 'the other way, too' becomes u1 u2 'OK 1' 'OK 1'
	step 'schannelctl why says so' why u1 u2 .diverted
	on u2 'schannelctl detach /in'
	step 'u2 unloads schannel_inet' until_true $LIMIT on u2 'rmmod schannel_inet'
	step 'it refuses what u1 offers' becomes u2 u1 '' 'UNSUPPORTED 1'
	load_inet u2
	step 'u2 has it again: diverted' becomes u2 u1 'OK 1' 'OK 1'
}

reloaded() {	# DOM
	step "$1 unloads schannel_xen in the middle of it" on $1 'rmmod schannel_xen'
	step 'u1 goes on over TCP' on_tcp u1
	step 'the talkers go on' go_on talk4 talk6
	step "$1 loads it again" on $1 'insmod /lib/schannel/schannel_xen.ko'
	step 'back in rings' on_rings u1 4
	step 'the talkers go on' go_on talk4 talk6
}

part_module() {
	step 'connections carry data' mix
	step 'in rings' on_rings u1 4
	reloaded u1
	[ "$quick" ] || reloaded u2
	step 'all bytes are right' end_mix
}

# A paused domain answers no command.
# Connects while u1's server sends the first half of /tmp/two, whose second half is sent when u2
# is paused; then the server closes.
close_later() {
	on u1 'head -c 400000 /dev/urandom >/tmp/two; rm -f /tmp/half'
	begin u1 closes 'exec socat -u EXEC:"/bin/sh /tmp/feed" TCP4-LISTEN:7400,reuseaddr'
	until_true $LIMIT listens u1 7400 || return
	begin u2 reads "socat -u TCP4:$(address u1):7400 - | md5sum; echo end"
}

# The server's end and the client's have one more flow than before.
closes_on_rings() {
	[ "$(rings u1 | cut -f 1)" = 5 ]
}

got_all() {
	says u2 reads '^end' && on u2 'cat /tmp/reads.out' | grep -q "$(on u1 'md5sum </tmp/two')" && return
	on u2 'cat /tmp/reads.out'
	return 1
}

part_pause() {
	local from
	cat >/run/feed <<-'END'
	head -c 200000 /tmp/two
	while [ ! -e /tmp/half ]; do usleep 100000; done
	tail -c 200000 /tmp/two
	END
	push u1 /run/feed /tmp/feed
	step 'connections carry data' mix
	step 'in rings' on_rings u1 4
	step 'so is one whose server will close' eval 'close_later && until_true $LIMIT closes_on_rings'
	xl pause u2
	from=$EPOCHREALTIME
	step 'u2 is paused: u1 still answers, with its flows' _in_rings u1 5 -1 -1
	on u1 'touch /tmp/half'
	step 'the server sends the rest, and closes' until_true $LIMIT ended_in u1 closes
	sleep $PAUSE
	xl unpause u2
	step "u2 goes on after $(since $from) s: in rings" on_rings u1 4
	step 'the talkers go on' go_on talk4 talk6
	step 'what the server had sent before it closed has arrived' got_all
	step 'all bytes are right' end_mix
}

# saved DOM: with its connections, and again under another domain id.
saved() {
	local dom=$1 other=$2 old start=$EPOCHREALTIME
	old=$(domid $dom)
	step "$dom is saved" xl save $dom /run/$dom.save
	step "$dom is restored" xl restore /run/$dom.save
	rm -f /run/$dom.save
	echo "# $(since $start) s"
	schannelctl unpair $old $other
	step "$other goes on over TCP" on_tcp $other
	step "$dom, too" on_tcp $dom
	step 'the talkers go on' go_on talk4 talk6
	schannel_pair $dom $other
	step 'paired again: back in rings' on_rings u1 4
	step 'u2, too' on_rings u2 4
	step 'the talkers go on' go_on talk4 talk6
}

part_save() {
	step 'connections carry data' mix
	step 'in rings' on_rings u1 4
	saved u2 u1
	[ "$quick" ] || saved u1 u2
	step 'all bytes are right' end_mix
}

part_three() {
	[ $DOMUS -gt 2 ] || { skip 'three domains' 'there are two'; return; }
	prepare u3 && schannel_pair u1 u3 && schannel_pair u2 u3 && talk_program u3 && serve u3 ||
		fail 'u3 cannot be reached'
	step 'each talks to each' eval 'talk a u1 u2 4 && talk b u2 u3 6 && talk c u3 u1 4 && go_on a b c'
	step 'u1: in rings' on_rings u1 2
	step 'u2: in rings' on_rings u2 2
	step 'u3: in rings' on_rings u3 2
	schannelctl unpair u1 u3
	step 'u1 and u3 are not paired any more: u3 has one connection in a ring' \
		until_true $LIMIT _in_rings u3 1 -1 -1
	step 'all go on' go_on a b c
	step 'u2 has both in rings' on_rings u2 2
	schannel_pair u1 u3
	step 'paired again: u3 has both in rings' on_rings u3 2
	step 'all bytes are right' finish a b c
	end_all u3
	schannelctl unpair u1 u3
	schannelctl unpair u2 u3
}

# ---- A domain dies ------------------------------------------------------------------------------

wanted=
# What ends a connection to a domain that is gone: keepalive if nothing is under way, else
# TCP_USER_TIMEOUT.
KEEP=,keepalive,keepidle=3,keepintvl=1,keepcnt=3
ALIVE=$KEEP,setsockopt-int=6:18:10000

# A reader that waits, while u2 sends into its ring.
wait_program() {
	cat >/run/slow <<-'END'
	#!/bin/sh
	until [ -e /tmp/go ]; do sleep 0.1; done
	md5sum >/tmp/slow.sum
	END
	cat >/run/feed <<-'END'
	#!/bin/sh
	n=0
	{
		until [ -e /tmp/feed ]; do dd bs=1000 count=1; sleep 0.1; n=$((n + 1)); done
		dd bs=1000 count=60
		echo $(((n + 60) * 1000)) >/tmp/fed
		exec sleep 1000
	} </tmp/piece 2>/dev/null | sh -c 'echo $$ >/tmp/feeder; exec socat -t 600 - "$@"' feed "$@"
	END
	push u1 /run/slow /bin/slow && push u2 /run/feed /bin/feed &&
		on u1 'chmod +x /bin/slow' && on u2 'chmod +x /bin/feed'
}

_fed() {
	on u2 '[ -s /tmp/fed ] && [ "$(sed -n "s/wchar: //p" /proc/$(cat /tmp/feeder)/io)" -ge "$(cat /tmp/fed)" ]'
}

fed() {
	begin u1 slow "exec socat -t 600 TCP4-LISTEN:7310$ALIVE EXEC:slow"
	until_true $LIMIT listens u1 7310 || return
	begin u2 feeds "feed TCP:$(address u1):7310"
	until_true $LIMIT _in_rings u1 1 -1 0 || return
	on u2 'touch /tmp/feed'
	until_true $LIMIT _fed || return
	wanted=$(on u2 'head -c $(cat /tmp/fed) /tmp/piece | md5sum')
	detail="$(on u2 'cat /tmp/fed') bytes, of which $(on u1 'schannelctl -j flows' |
		jq '[.[].rx_queued] | add') are in u1's ring"
}

same_digest() {
	echo "sent $1, received $2"
	[ "$1" = "$2" ]
}

delivered() {
	on u1 'touch /tmp/go'
	until_true $LIMIT on u1 '[ -s /tmp/slow.sum ]' &&
		same_digest "$wanted" "$(on u1 'cat /tmp/slow.sum')"
}

# Only listeners are left.
_no_socats() {
	[ "$(on u1 'pidof socat' | wc -w)" = 3 ]
}

# One of these programs in u1 writes, one echoes, and one only reads.
quiet() {
	begin u2 source 'exec socat -t 600 -U TCP4-LISTEN:7320,reuseaddr SYSTEM:"cat /tmp/piece; exec sleep 1000"'
	until_true $LIMIT listens u2 7320 || return
	begin u1 reads "exec socat -u TCP:$(address u2):7320$KEEP OPEN:/tmp/read,creat"
	begin u1 alive "exec socat -t 600 TCP6-LISTEN:7311,fork,reuseaddr$ALIVE EXEC:cat"
	until_true $LIMIT listens u1 7311 && talk writes u1 u2 4 $ALIVE && talk echoed u2 u1 7311 && go_on writes echoed
}

part_destroy() {
	local id start
	id=$(domid u2)
	wait_program
	step "u2 has sent to a program in u1 that does not read" fed
	step 'talkers and a program that only reads' quiet
	step 'all are in rings' on_rings u1 4
	domu_destroy u2
	start=$EPOCHREALTIME
	step 'u2 is destroyed: what had arrived is delivered' delivered
	step "TCP ends the connections of u1" until_true $LIMIT _no_socats
	echo "# after $(since $start) s"
	step 'no reference keeps u2: the domain is gone' until_true $HOLDINGS_LIMIT dead $id
	schannelctl unpair u1 $id
	domu_create u2 && prepare u2 && schannel_pair u1 u2 && talk_program u2 && serve u2 ||
		fail 'u2 cannot be created again'
	step 'created and paired again: connections carry data' mix
	step 'in rings' on_rings u1 4
	step 'all bytes are right' end_mix
}

# ---- Rates ----------------------------------------------------------------------------------------

rate() {	# CGROUP OPTIONS...: MB/s from u2 to u1
	local cgroup=$1
	shift
	on u2 "echo \$\$ >$cgroup/cgroup.procs; iperf3 -J -c $(address u1) -l 128K -O 1 -t $RATE_S $*" |
		jq '.end.sum_received.bits_per_second / 8e6 | floor'
}

rates() {
	local round way
	for round in 1 2; do
		for way in '' -R; do
			echo "# iperf3 $way: $(rate $CGROUP $way) MB/s diverted, $(rate /sys/fs/cgroup $way) MB/s over netfront"
		done
	done
}

part_rate() {
	begin u1 iperf3 'exec iperf3 -s'
	until_true $LIMIT listens u1 5201 || fail 'iperf3 does not listen'
	rates
	kill_in u1 iperf3
}

# -----------------------------------------------------------------------------------------------------

trap 'cp /run/*.out /run/*.end /result 2>/dev/null' EXIT
holdings u1 u2 >/run/at-first
prepare u1 u2 && schannel_pair u1 u2 && talk_program u1 u2 && serve u1 u2 ||
	fail 'u1 and u2 cannot be prepared'
for part in $all; do
	progress "$part"
	"part_$part"
done
stop_all
step 'the modules are unloaded' end_all u1 u2
schannelctl unpair u1 u2
step 'grants and event channels are as before' back_to /run/at-first u1 u2
summary
