#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2016,SC2034,SC2119,SC2120
#
#	inet.sh MODULES SLOW [quick | only PART...]
#
# TCP in a plain VM, diverted over loopback: what attaching and detaching change and
# what they do not, the rights they need, and then schannel-test's cases, all of whose
# connections have to be diverted. Loads schannel.ko and schannel_inet.ko from the
# folder MODULES, and unloads them in the end. "quick" leaves the long cases out; "only"
# runs only some parts: attaching, unprivileged, detaching, promoted, or FAMILY:PICK, some of
# the cases.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
trap stop_all EXIT

modules=$1
slow=$2
choice=${3:-}
parts=("${@:4}")
LIMIT=$((15 * slow))	# seconds anything may take that must happen
PORT=5000
CGROUPS=/sys/fs/cgroup
NOBODY='/bin/setpriv --reuid=1000 --regid=1000 --clear-groups'
# The one is for real Xen; what there is beside the other is the same code over IPv6.
long=load.full_duplex,load.echo,load.churn,load.streams
few=connect,accept,name,transfer,poll

# ---- Servers and clients in cgroups --------------------------------------------

# spawn_in NAME CGROUP COMMAND: in the background, in a cgroup.
spawn_in() {
	local name=$1 cgroup=$2
	shift 2
	spawn "$name" dom0 "echo \$\$ >$CGROUPS/$cgroup/cgroup.procs && exec $*"
}

serve() {	# NAME CGROUP PORT
	spawn_in "$1" "$2" "schannel-test serve-hold --family ${FAMILY:-inet} --port $3"
	await $LIMIT "$1" '^listening'
}

hold() {	# NAME CGROUP PORT [OPTIONS]
	local name=$1 cgroup=$2 port=$3
	shift 3
	spawn_in "$name" "$cgroup" "schannel-test hold --family ${FAMILY:-inet} --port $port --direction send $*"
	await $LIMIT "$name" '^flowing'
}

# How many connections ended so: "OK 3 TCP 1 NOT_ATTACHED 1" and so on.
verdicts() {
	schannel-test verdicts
}

# becomes WHAT CGROUP PORT [ADDRESS]: a new connection from this cgroup is exactly
# WHAT, as in "OK" or "NOT_ATTACHED TCP", and carries what it should.
becomes() {
	local what=$1 cgroup=$2 port=$3 now
	verdicts >/run/before
	hold probe "$cgroup" "$port" --peer "${4:-127.0.0.1}" || return
	stop probe
	now=$(verdicts | paste /run/before - | awk '$4 > $2 { print $1, $4 - $2 }' | sort | xargs)
	[ "$now" = "$what" ] && return
	echo "it became '$now', not '$what'"
	return 1
}

# Bytes that a diverted connection has carried.
carried() {
	schannelctl -j flows dport "$1" state open | jq 'map(select(.opened).stats.tx_bytes) | add // 0'
}

carries_on() {
	[ "$(carried "$1")" -gt "$2" ]
}

# fails_with TEXT COMMAND...: it fails, with this.
fails_with() {
	local text=$1 said
	shift
	said=$("$@" 2>&1) && return 1
	echo "$said"
	grep -q "$text" <<<"$said"
}

has() {		# EXPRESSION COMMAND...: it prints JSON for which this holds.
	local expression=$1 said
	shift
	said=$("$@") && jq -e "$expression" <<<"$said" >/dev/null && return
	echo "$said"
	return 1
}

# why PORT CGROUP EXPRESSION: true for the output of "why" for a connection from there.
why() {
	local said
	said=$(schannelctl -j why "127.0.0.1:$1" cgroup "$2")
	jq -e ".[0] | $3" <<<"$said" >/dev/null && return
	echo "$said"
	return 1
}

set_sysctl() {	# NAME VALUE
	echo "$2" >"/proc/sys/net/schannel/$1"
}

# The probes of sc_tamper do not come back with the modules.
unload() {
	[ ! -d /sys/module/sc_tamper ] || rmmod sc_tamper
	rmmod schannel_inet && rmmod schannel
}

# ---- Attaching -----------------------------------------------------------------

attaching() {
	local so_far
	step 'a listener starts before anything is attached' serve server in $PORT
	step 'a connection to it is plain TCP' becomes 'TCP 1' in $PORT
	step 'a second one stays open' hold early in $PORT
	step 'a cgroup is attached' schannelctl attach /in
	step 'a connection to that listener is diverted' becomes 'OK 1' in $PORT
	step 'why: would be diverted' why $PORT in .diverted
	step 'the connection from before attaching is still open' [ "$(said early '^ended')" = 0 ]
	stop early

	step 'from a cgroup that is not attached: TCP' becomes 'TCP 1' out $PORT
	step 'a listener there' serve outsider out 5001
	step 'to a cgroup that is not attached: TCP, with the reason' becomes 'NOT_ATTACHED 1 TCP 1' in 5001
	step 'again: the refusal is remembered' becomes 'RECENT 1 TCP 1' in 5001
	step 'why: refused recently' why 5001 in \
		'(.diverted | not) and .retry_ms > 0 and any(.reasons[]; .reason == "not_attached")'
	step 'why: another cgroup is not attached' why $PORT out \
		'(.diverted | not) and [.reasons[].reason] == ["cgroup_not_attached"]'
	stop outsider
	step 'an excluded port: TCP' scoped 'TCP 1' not port $PORT
	step 'another port is excluded' scoped 'OK 1' not port 5001
	step 'an excluded prefix: TCP' scoped 'TCP 1' not to 127.0.0.0/8
	step 'another prefix is excluded' scoped 'OK 1' not to 127.1.0.0/16
	step 'divert_local is off: TCP' unlocal
	step 'the first scope again: diverted' scoped 'OK 1'

	step 'a listener in a third cgroup' serve other both 5002
	mkdir $CGROUPS/in/below
	step 'a cgroup below is attached, too' becomes 'OK 1' in/below $PORT
	step 'a connection stays open' hold one in $PORT --peer 127.0.0.2
	step 'flows: both ends, with addresses' has 'map(select(.state == "open")) | length == 2 and
		any(.local_address == "127.0.0.1" and .peer_address == "127.0.0.2" and .peer_port == 5000) and
		any(.local_address == "127.0.0.2" and .peer_address == "127.0.0.1" and .local_port == 5000)' \
		schannelctl -j flows
	step 'detached' schannelctl detach /in
	step 'a new connection is plain TCP' becomes 'TCP 1' in $PORT
	schannelctl attach /both
	step 'from an attached cgroup to a detached one' becomes 'NOT_ATTACHED 1 TCP 1' both $PORT
	step 'from a detached cgroup to an attached one' becomes 'TCP 1' in 5002
	schannelctl detach /both
	so_far=$(carried $PORT)
	step 'the diverted connection continues' until_true $LIMIT carries_on $PORT "$so_far"
	step 'the diverted connection is still open' [ "$(said one '^ended')" = 0 ]
	stop one server other
}

scoped() {	# WHAT SCOPE...
	local what=$1
	shift
	schannelctl attach /in "$@" && becomes "$what" in $PORT
}

unlocal() {
	local status=0
	schannelctl attach /in && set_sysctl divert_local 0 || return
	becomes 'LOCAL 1 TCP 1' in $PORT || status=1
	why $PORT in '[.reasons[].reason] == ["local"]' || status=1
	set_sysctl divert_local 1
	return $status
}

# ---- Unprivileged users -----------------------------------------------------------

unprivileged() {
	# shellcheck disable=SC2086
	step 'another user may not attach a cgroup' fails_with 'not permitted\|denied' $NOBODY schannelctl attach /in
	# shellcheck disable=SC2086
	step 'another user may not attach his own cgroup' fails_with 'not permitted\|denied' \
		$NOBODY schannelctl run true
	step 'nothing is attached' has '. == []' schannelctl -j attached
	schannelctl attach /in
	# shellcheck disable=SC2086
	step 'another user may not detach a cgroup' fails_with 'not permitted\|denied' $NOBODY schannelctl detach /in
	# shellcheck disable=SC2086
	step 'another user may not write the sysctls' fails_with 'denied\|not permitted' \
		$NOBODY sh -c 'echo 0 >/proc/sys/net/schannel/divert_local'
	# The refusal of the other port is still remembered.
	step 'a server listens' serve server in 5003
	spawn_in other in "$NOBODY schannel-test hold --family inet --port 5003 --direction send"
	step "another user's connections are diverted, too" await $LIMIT other '^flowing'
	# shellcheck disable=SC2086
	step 'another user sees his own connections' has 'length == 1 and .[0].uid == 1000 and .[0].peer_port == 5003' $NOBODY schannelctl -j flows
	stop other server
}

# ---- schannel-test ----------------------------------------------------------------

# cases CGROUP OPTIONS...: as steps of their own.
cases() {
	local cgroup=$1
	shift
	echo "# schannel-test $*"
	merge "schannel-test $*" sh -c 'echo $$ >"$0/cgroup.procs" && exec schannel-test --loopback "$@"' \
		"$CGROUPS/$cgroup" --slow "$slow" "$@"
}

# ---- The whole, or parts of it ----------------------------------------------------

all() {		# [quick]
	local quick=$1
	attaching
	unprivileged
	cases in --diverted --family inet --skip "$long${quick:+,load,inet_end.often}"
	cases in --diverted --family inet6 --group "$few,inet_*" --skip inet_end.often
	cases in --diverted --family mapped --group "$few,inet_*" --skip inet_end.often
	[ "$quick" ] || cases out --family inet --pick inet_end.often
}

# The same connections set up by TCP, whose bytes move to channels: with a module parameter.
promoted() {	# FAMILY OPTIONS...
	local family=$1
	shift
	insmod "$modules/schannel.ko" && insmod "$modules/schannel_inet.ko" promote=1 promote_ms=0 || return
	set_sysctl divert_local 1
	step 'promoted: a cgroup is attached' schannelctl attach /in
	cases in --family "$family" "$@"
	echo "# promoted: $(verdicts | xargs)"
	schannelctl -j stats | jq -c 'with_entries(select(.key | startswith("tcp_")))' | sed 's/^/# /'
	step 'promoted: as many directions went back as moved' until_true $LIMIT all_back
	schannelctl detach /in
	step 'promoted: the modules are unloaded' until_true $LIMIT unload
}

# Flows that carry TCP connections: both ends of each.
tcp_flows() {
	schannelctl -j flows state open | jq 'map(select(.peer_address)) | length'
}

# Bytes that the network has carried.
over_network() {
	cat /sys/class/net/lo/statistics/tx_bytes
}

# Eight more MiB go over the network.
goes_on() {
	local so_far
	so_far=$(over_network)
	until_true $LIMIT eval "[ \$(over_network) -gt $((so_far + (8 << 20))) ]"
}

has_flows() {
	[ "$(tcp_flows)" = "$1" ]
}

have_flows() {
	until_true $LIMIT has_flows "$1" && return
	verdicts
	return 1
}

# Of closed connections no direction is in a ring.
all_back() {
	schannelctl -j stats | jq -e '.tcp_moved > 0 and .tcp_moved == (with_entries(select(
		.key | test("^tcp_back_") and . != "tcp_back_bytes")) | add)' >/dev/null
}

# Connections, with threads that sleep in all kinds of calls, go back to TCP and stay there; the
# module is unloaded while they are open.
detaching() {	# FAMILY
	local first
	insmod "$modules/schannel.ko" && insmod "$modules/schannel_inet.ko" promote=1 promote_ms=0 || return
	set_sysctl divert_local 1
	schannelctl attach /in
	FAMILY=$1
	step 'a server listens' serve server in $PORT
	step 'one sends' hold sender in $PORT
	step 'it is promoted' have_flows 2
	first=$(schannelctl -j flows dport $PORT | jq '.[0].local_port')
	spawn_in receiver in "schannel-test hold --family $FAMILY --port $PORT --direction recv"
	step 'one receives' await $LIMIT receiver '^flowing'
	spawn_in silent in "schannel-test hold --family $FAMILY --port $PORT --direction recv --stall"
	step 'one sleeps in recv()' await $LIMIT silent '^blocked'
	step 'all are promoted' have_flows 6
	step 'one is demoted' has 'length > 0' schannelctl -j flows demote port "$first"
	step 'its bytes go over the network' goes_on
	step 'it stays there; the others have flows' has_flows 4
	step 'the module stays while they are open' fails_with 'in use\|unavailable' rmmod schannel_inet
	step 'all are detached' schannelctl detach --all --now
	step 'stats: an administrator took them back' has '.tcp_promoted >= 6 and .tcp_back_admin >= 2' \
		schannelctl -j stats
	step 'the module is unloaded' rmmod schannel_inet
	step 'nothing is left of it' [ ! -d /sys/module/schannel_inet ]
	step 'they go on' goes_on
	step 'none has ended' [ "$(said sender '^ended')$(said receiver '^ended')$(said silent '^ended')$(said server 'wrong')$(said receiver 'wrong')" = 00000 ]
	stop sender receiver silent

	insmod "$modules/schannel_inet.ko" promote=1 promote_ms=0
	step 'connections come and go while it is attached and detached' \
		in_turns schannel-test --loopback --family "$1" --slow "$slow" \
		--pick close,half_close,shutdown,transfer,epoll
	step 'the module is unloaded after that' until_true $LIMIT rmmod schannel_inet
	step 'the module is loaded again' insmod "$modules/schannel_inet.ko" promote=1 promote_ms=0
	step 'the cgroup is attached again' schannelctl attach /in
	step 'a program that does not read, once more' stalled
	step 'detach says so' fails_with 'have not read' schannelctl detach --all --now
	step 'the module stays' fails_with 'in use\|unavailable' rmmod schannel_inet
	stop stalled server
	step 'until it ends' schannelctl detach --now
	step 'the modules are unloaded' until_true $LIMIT unload
}

# Connections are made and closed while their cgroup is attached and detached.
in_turns() {	# COMMAND...
	local turns=0
	spawn_in turning in "$@"
	while ! ended turning; do
		schannelctl attach /in || return
		schannelctl detach --all --now >/run/turns 2>&1 || grep 'have not read' /run/turns || return
		turns=$((turns + 1))
	done
	echo "# detached $turns times"
	grep '^not ok\|^#' /run/turning.out
	[ $turns -gt 5 ] && [ "$(cat /run/turning.end)" = 0 ]
}

stalled() {
	spawn_in stalled in "schannel-test hold --family $FAMILY --port $PORT --direction send --stall"
	await $LIMIT stalled '^blocked' && have_flows 2
}

# A short time limit for cases that hang.
only() {	# PART...
	local part seconds
	for part in "$@"; do
		seconds=10
		[[ $part != *.often ]] || seconds=120
		case $part in
		promoted* | detaching) ;;	# in the end, with modules of its own
		attaching | unprivileged)
			schannelctl detach /in 2>/dev/null
			$part ;;
		*:*)	schannelctl attach /in
			cases in --diverted --family "${part%%:*}" --pick "${part#*:}" --timeout $seconds ;;
		*)	schannelctl attach /in
			cases in --diverted --family inet --pick "$part" --timeout $seconds ;;
		esac
	done
	schannelctl attach /in
}

# -------------------------------------------------------------------------------------

insmod "$modules/schannel.ko" && insmod "$modules/schannel_inet.ko" || exit
mkdir $CGROUPS/in $CGROUPS/out $CGROUPS/both
set_sysctl divert_local 1
ip address add fd00::2/128 dev lo
# The machine is emulated and may be busy.
set_sysctl divert_timeout_ms 20000
if [ "$choice" = only ]; then
	only "${parts[@]}"
else
	all "$choice"
fi
step 'the module stays while a cgroup is attached' fails_with 'in use\|unavailable' rmmod schannel_inet
stop_all
schannelctl detach /in
step 'the modules are unloaded' until_true $LIMIT unload
# All cases, and a storm of promotions, are the part "promoted".
if [ "$choice" != only ]; then
	promoted inet --pick inet_promote,transfer,half_close,shutdown,epoll \
		--skip inet_promote.storm
	promoted inet6 --pick inet_promote --skip inet_promote.storm
	detaching inet
	detaching inet6
fi
for part in "${parts[@]}"; do
	case $part in
	promoted)	promoted inet --skip "$long" ;;
	detaching)	detaching inet; detaching inet6 ;;
	promoted:*)	promoted inet --pick "${part#*:}" --timeout 60 ;;
	promoted6:*)	promoted inet6 --pick "${part#*:}" --timeout 60 ;;
	esac
done
summary
