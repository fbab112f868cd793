# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	hostile.sh [quick] [only PART...]
#
# u2's kernel breaks the protocol on command (tests/hostile). What u1 reads from it is checked:
# the flow or the channel that an invalid value belongs to ends, and is counted; nothing
# grows; and dom0, which has a channel to u1, too, notices nothing. PARTs are peek, flows,
# channels, storms, opens, mute and gone.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/forgery

# Servers that a busy machine keeps from answering for a while must not be ended for that.
export AGENT_SILENCE=120

LIMIT=60	# seconds until an expected event must have happened
ECHO=7100	# servers in all domains
SINK=7101
IDLE=7102
NOBODY=7999
FEW=5		# flows that a channel has in any case
STORM_S=6
ROUNDS=3

quick=
[ "${1:-}" != quick ] || { quick=quick; shift; }
[ "${1:-}" != only ] || shift
parts=${*:-peek flows channels storms opens mute gone}
[ ! "$quick" ] || { STORM_S=2 ROUNDS=1; }

# hostile COMMAND [NUMBER]: u2's kernel does it to u1.
hostile() {
	on u2 "echo '$D1 $*' >/sys/module/schannel/parameters/hostile"
}

# stat DOM NAME [PEER]: a counter of the namespace, or of the channel to a peer.
stat() {
	on "$1" "schannelctl -j stats ${3:-}" | jq ".$2"
}

_counted() {	# NAME BEFORE [PEER]
	[ "$(stat u1 "$1" ${3:-})" -gt "$2" ]
}

# The domain beside is served as if nothing had happened.
bystander() {
	local ms
	ms=$(timeout $LIMIT schannel-witness rounds "$D1" $ECHO 50) || return
	detail="50 round trips in $ms ms"
}

unharmed() {	# AFTER WHAT
	step "$1: dom0 is not affected" bystander
}

_reaches() {
	on u2 "timeout 20 schannel-witness rounds $D1 $ECHO 3" &&
		on u1 "timeout 20 schannel-witness rounds $D2 $ECHO 3"
}

# The channel between u1 and u2, or the next one, can be used.
usable() {	# AFTER WHAT
	step "$1: u1 and u2 connect again" until_true $LIMIT _reaches
}

held() {	# hold|push PORT
	spawn held u1 "schannel-witness $1 $D2 $2"
	await $LIMIT held '^holds'
}

lets_go() {	# PATTERN
	await $LIMIT held "$1"
}

serve() {	# DOM ROLE PORT
	spawn $2-$1 $1 "schannel-witness $2 $3"
	await $LIMIT $2-$1 '^listening'
}

# ---- A byte that was peeked at -----------------------------------------------------

peek() {
	spawn peek u1 'rm -f /tmp/go; schannel-witness peek 7300 /tmp/go'
	await $LIMIT peek '^listening' || return
	spawn say u2 "schannel-witness say $D1 7300 A"
	await $LIMIT peek '^peeked A' || return
	hostile change
	on u1 'touch /tmp/go'
	await $LIMIT peek '^received A'
}

part_peek() {
	step 'a byte that changes after MSG_PEEK is received as it was seen' peek
	stop peek say
}

# ---- Values of a flow, and of a channel ------------------------------------------------

flow_ends() {	# COMMAND hold|push PORT
	local errors failed
	held "$2" "$3" || return
	errors=$(stat u1 errors "$D2")
	failed=$(stat u1 channels_failed)
	hostile "$1" && lets_go '^ended ECONNRESET' && _counted errors "$errors" "$D2" &&
		[ "$(stat u1 channels_failed)" = "$failed" ]
}

channel_ends() {	# COMMAND
	local failed
	held hold $ECHO || return
	failed=$(stat u1 channels_failed)
	hostile "$1" && lets_go '^ended ECONNRESET' && _counted channels_failed "$failed"
}

part_flows() {
	local each
	for each in "prod hold $ECHO" "cons push $IDLE" "switch hold $ECHO" "follow push $IDLE"; do
		step "an invalid ${each%% *} of a flow resets that flow alone" flow_ends $each
		usable "an invalid ${each%% *}"
	done
	unharmed 'invalid values of flows'
}

part_channels() {
	local each
	for each in queue control answer accept gone type; do
		step "an invalid $each ends the channel" channel_ends $each
		usable "an invalid $each"
	done
	unharmed 'invalid values of channels'
}

# ---- Storms ------------------------------------------------------------------------------

storm() {	# KIND
	local received spurious
	received=$(stat u1 notify_received "$D2")
	spurious=$(stat u1 notify_spurious "$D2")
	hostile storm "$1" || return
	sleep $STORM_S
	bystander || return
	received=$(($(stat u1 notify_received "$D2") - received))
	spurious=$(($(stat u1 notify_spurious "$D2") - spurious))
	detail="$detail, $received notifications, $spurious of them spurious"
	# Xen holds back a domain whose notifications are spurious.
	[ $received -gt 0 ] && [ $((spurious * 10)) -ge $((received * 9)) ]
}

part_storms() {
	local kind name
	for kind in '1 events for unused flows' '2 overflows' '3 notifications for nothing'; do
		name=${kind#* }
		step "a storm of $name counts as spurious" storm "${kind%% *}"
		hostile storm 0
		usable "a storm of $name"
	done
}

# ---- Flows that nobody asked for -----------------------------------------------------------

# flows_of [MEMBER]: u1's flows of the channel to u2, or another number of it.
flows_of() {
	on u1 "schannelctl -j channels $D2" | jq ".[0].${1:-flows} // 0"
}

opens() {
	local round
	accepted=$(stat u1 accepted)
	hostile deaf 1
	for round in $(seq $((ROUNDS * 5))); do
		hostile open $NOBODY
		hostile open $ECHO
	done
	bystander
}

# A server that waits for its clients keeps the connections that it has accepted, as with TCP.
as_accepted() {
	accepted=$(($(stat u1 accepted) - accepted))
	detail="$(flows_of) flows, $accepted were accepted"
	[ $accepted -gt 0 ] && [ "${detail%% *}" -le $((accepted + FEW)) ]
}

# The server ends. u2 knows nothing of its clients, and never answers that they are closed,
# unless an answer to an OPEN that it does not remember has ended the channel before.
orphans() {
	local flows orphans memory
	flows=$(flows_of) orphans=$(flows_of orphans) memory=$(flows_of orphan_memory)
	detail="$flows flows, of which $orphans are orphans with $memory bytes of rings"
	[ $((flows - orphans)) -le $FEW ] && [ $orphans -le $((accepted + FEW)) ] &&
		[ $memory -le $((orphans * 65536)) ]
}

few_flows() {
	detail="$(flows_of) flows, $(flows_of orphans) orphans"
	[ "$(flows_of)" -le $FEW ] && [ "$(flows_of orphans)" -le $FEW ]
}

part_opens() {
	step 'a storm of OPENs keeps nobody waiting' opens
	hostile deaf 0
	usable 'a storm of OPENs'
	step 'a storm of OPENs: u1 has the flows that it accepted' as_accepted
	stop echo-u1
	step 'a storm of OPENs: they are closed, whether u2 answers or not' until_true $LIMIT orphans
	until_true $LIMIT serve u1 echo $ECHO || fail 'u1 has no server'
	usable 'closed connections that u2 does not answer'
	# Its entries and rings are u2's until then.
	step 'a storm of OPENs: the flows end with the channel' channel_ends type
	usable 'the end of the channel'
	step 'a storm of OPENs: no flow is left in u1' until_true $LIMIT few_flows
}

# ---- A peer that reads no messages ------------------------------------------------------------

is_told() {	# ERROR
	local said
	said=$(on u1 "timeout $LIMIT schannel-witness rounds $D2 $ECHO 1")
	detail="connect: ${said##* }"
	[ "$said" = "connect: $1" ]
}

part_mute() {
	local each
	on u1 'echo 1000 >/proc/sys/net/schannel/connect_timeout_ms'
	hostile mute 1
	for each in $(seq $ROUNDS); do
		step 'u2 reads no messages: connect() to it ends in time' is_told ETIMEDOUT
	done
	unharmed 'a peer that reads no messages'
	hostile mute 0
	on u1 'echo 10000 >/proc/sys/net/schannel/connect_timeout_ms'
	usable 'a peer that reads no messages'
}

# ---- Segments that stay mapped ---------------------------------------------------------------

granted() {
	grants "$D1" | awk -v to="$D2" '$2 == to { n = $3 } END { print n + 0 }'
}

# u1 uses memory, gives it back, and u2 says that it is not mapped any more. The connections
# before may leave memory to be given back, too, so u2 begins when nothing else is to be done.
gone() {
	local failed
	spawn swell u1 "schannel-witness swell $D2 $SINK 8"
	await $LIMIT swell '^swollen' || return
	failed=$(stat u1 channels_failed)
	hostile keep 1 || return
	stop swell
	until_true $LIMIT _counted channels_failed "$failed" || return
	detail="$(granted) pages are granted to u2"
}

# Pages count until they are unmapped, and there is no other channel before: this part is the last.
part_gone() {
	on u1 'echo 200 >/proc/sys/net/schannel/ring_idle_ms
		echo 1000 >/proc/sys/net/schannel/connect_timeout_ms'
	usable 'before segments stay mapped'
	step 'a segment that is said to be unmapped, and is not, ends the channel' gone
	step 'a segment that stays mapped: there is no other channel' until_true $LIMIT no_channel
	schannelctl unpair u1 u2 && schannel_pair u1 u2 || fail 'the domains do not meet again'
	step 'a segment that stays mapped: nor is there one in a new pair' no_channel
	unharmed 'segments that stay mapped'
}

no_channel() {
	! _reaches >/dev/null && [ "$(on u1 "schannelctl -j peers $D2" | jq -r '.[0].channel')" != up ]
}

# ---- All of it ---------------------------------------------------------------------------------

schannel_load dom0 u1 || fail 'the modules cannot be loaded'
on u2 'insmod /lib/hostile/schannel.ko && insmod /lib/hostile/schannel_xen.ko' ||
	fail 'the hostile modules cannot be loaded'
schannel_pair u1 u2 && schannel_pair dom0 u1 || fail 'the domains do not meet'
D1=$(domid u1) D2=$(domid u2)
for dom in dom0 u1 u2; do
	serve $dom echo $ECHO && serve $dom sink $SINK && serve $dom idle $IDLE ||
		fail "$dom has no servers"
done
usable 'the beginning'
for part in $parts; do
	progress "$part"
	"part_$part"
	stop held
done
unharmed 'the end'
stop_all
step 'u2 is destroyed' domu_destroy u2
released() {
	detail="$(granted) pages are granted to u2"
	[ "${detail%% *}" = 0 ]
}
step 'u2 is gone: u1 has all its pages back' until_true $LIMIT released
summary
