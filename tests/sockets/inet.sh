#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2016,SC2034,SC2119,SC2120
#
#	inet.sh MODULES SLOW [quick | only PART...]
#
# TCP in a plain VM, diverted over loopback: what attaching and detaching change and what they
# do not, the rights they need, and schannel-test's cases, whose connections move to channels as
# soon as they are established. Loads schannel.ko and schannel_inet.ko from the folder MODULES,
# and unloads them in the end. "quick" leaves the long cases out; "only" runs only some parts:
# attaching, unprivileged, detaching, or FAMILY:PICK, some of the cases ("inet:" may be left out).
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
trap stop_all EXIT

modules=$1
slow=$2
choice=${3:-}
parts=("${@:4}")
LIMIT=$((15 * slow))	# seconds anything may take that must happen
SHARE=25		# percent of the cases' connections that are diverted, at least
PORT=5000
CGROUPS=/sys/fs/cgroup
NOBODY='/bin/setpriv --reuid=1000 --regid=1000 --clear-groups'
# They are for real Xen, and UDP has nothing to do with this.
skip='load.full_duplex,load.echo,load.churn,load.streams,dgram*,seqpacket*'
# What there is beside is the same code over IPv6.
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

# How many ends of connections got each verdict: lines as "OK 3".
verdicts() {
	schannel-test verdicts
}

_counted() {
	now=$(verdicts | paste /run/before - | awk '$4 > $2 { print $1, $4 - $2 }' | sort | xargs)
	[ "$now" = "$1" ]
}

# becomes WHAT CGROUP PORT [ADDRESS]: the ends of a new connection from this cgroup get exactly
# these verdicts, as in "OK 2" or "", and it carries what it should.
becomes() {
	local what=$1 cgroup=$2 port=$3 now status=0
	verdicts >/run/before
	hold probe "$cgroup" "$port" --peer "${4:-127.0.0.1}" || return
	if [[ $what = OK* ]]; then
		until_true $LIMIT _counted "$what" || status=1
	else
		sleep 0.5	# for what is tried in the background
	fi
	stop probe
	until_true $LIMIT _counted "$what" && sleep 0.2 && _counted "$what" || status=1
	[ $status = 0 ] || echo "it became '$now', not '$what'"
	return $status
}

# Bytes that a diverted connection has carried.
carried() {
	schannelctl -j flows dport "$1" state open | jq 'map(.stats.tx_bytes) | add // 0'
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

# Ends of flows that carry TCP connections.
tcp_flows() {
	schannelctl -j flows state open | jq 'map(select(.peer_address)) | length'
}

_has_flows() {
	[ "$(tcp_flows)" = "$1" ]
}

# has_flows COUNT: soon so many ends of flows carry connections.
has_flows() {
	until_true $LIMIT _has_flows "$1" && return
	verdicts
	return 1
}

load() {
	insmod "$modules/schannel.ko" && insmod "$modules/schannel_inet.ko" || return
	set_sysctl divert_local 1
	set_sysctl divert_delay_ms 0
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
	step 'a connection to it is plain TCP' becomes '' in $PORT
	step 'a second one stays open' hold early in $PORT
	step 'a cgroup is attached' schannelctl attach /in
	step 'a connection to that listener is diverted' becomes 'OK 2' in $PORT
	step 'why: would be diverted' why $PORT in '.diverted and .last == null'
	step 'the connection from before attaching is still open' [ "$(said early '^ended')" = 0 ]
	step 'and TCP carries it' has_flows 0
	stop early

	step 'from a cgroup that is not attached: refused there' becomes 'NOT_ATTACHED 1' out $PORT
	step 'a listener there' serve outsider out 5001
	step 'to a cgroup that is not attached: not offered' becomes 'NOT_OFFERED 1' in 5001
	step 'why: what became of the last one' why 5001 in \
		'.diverted and .last.reason == "not_offered" and .last.age_ms >= 0'
	step 'why: another cgroup is not attached' why $PORT out \
		'(.diverted | not) and [.reasons[].reason] == ["cgroup_not_attached"]'
	stop outsider
	scopes

	step 'divert_local is off: TCP' unlocal
	step 'over before it is divert_delay_ms old: TCP' delayed 60000 'BRIEF 1 NOT_OFFERED 1'
	step 'why: the last one was not offered' why $PORT in '.last.reason == "not_offered"'
	step 'older than that: diverted' delayed 200 'OK 2'
	step 'why: that is forgotten' why $PORT in '.last == null'

	step 'a listener in a third cgroup' serve other both 5002
	mkdir $CGROUPS/in/below
	step 'a cgroup below is attached, too' becomes 'OK 2' in/below $PORT
	step 'a connection stays open' hold one in $PORT --peer 127.0.0.2
	step 'flows: both ends, with addresses' until_true $LIMIT \
		has 'map(select(.state == "open")) | length == 2 and
		any(.local_address == "127.0.0.1" and .peer_address == "127.0.0.2" and .peer_port == 5000) and
		any(.local_address == "127.0.0.2" and .peer_address == "127.0.0.1" and .local_port == 5000)' \
		schannelctl -j flows
	step 'detached' schannelctl detach /in
	step 'a new connection is plain TCP' becomes '' in $PORT
	schannelctl attach /both
	step 'from an attached cgroup to a detached one' becomes 'NOT_OFFERED 1' both $PORT
	step 'from a detached cgroup to an attached one' becomes 'NOT_ATTACHED 1' in 5002
	schannelctl detach /both
	so_far=$(carried $PORT)
	step 'the diverted connection continues' until_true $LIMIT carries_on $PORT "$so_far"
	step 'the diverted connection is still open' [ "$(said one '^ended')" = 0 ]
	stop one server other
}

# The server is in /in, and so is the client, or in /both.
scopes() {
	step 'an excluded port: TCP' scoped '' in not port $PORT
	step 'another port is excluded' scoped 'OK 2' in not port 5001
	step 'an excluded prefix: TCP' scoped '' in not to 127.0.0.0/8
	step 'another prefix is excluded' scoped 'OK 2' in not to 127.1.0.0/16
	schannelctl attach /both
	step "the listener's scope excludes its port: not offered" scoped 'NOT_OFFERED 1' both not port $PORT
	step "the port is the listener's, not the client's" scoped 'OK 2' both port $PORT
	step "the listener's scope excludes the client's address" scoped 'NOT_OFFERED 1' both to 127.0.0.2
	step "the listener's scope includes the client's address" scoped 'OK 2' both to 127.0.0.1
	schannelctl attach /both not port $PORT
	step "the client's scope excludes it: refused there" scoped 'NOT_ATTACHED 1' both
	schannelctl detach /both
	step 'the first scope again: diverted' scoped 'OK 2' in
}

# scoped WHAT CGROUP SCOPE...: with this scope of /in, connections from CGROUP to 127.0.0.2.
scoped() {
	local what=$1 cgroup=$2
	shift 2
	schannelctl attach /in "$@" && becomes "$what" "$cgroup" $PORT 127.0.0.2
}

unlocal() {
	local status=0
	set_sysctl divert_local 0 || return
	becomes 'LOCAL 2' in $PORT || status=1
	why $PORT in '[.reasons[].reason] == ["local"]' || status=1
	set_sysctl divert_local 1
	return $status
}

delayed() {	# MS WHAT
	local status=0
	set_sysctl divert_delay_ms "$1" || return
	becomes "$2" in $PORT || status=1
	set_sysctl divert_delay_ms 0
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
	step 'a server listens' serve server in 5003
	spawn_in other in "$NOBODY schannel-test hold --family inet --port 5003 --direction send"
	step "another user's connection carries data" await $LIMIT other '^flowing'
	step 'it is diverted, too' has_flows 2
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

# Of closed connections no direction is in a ring.
all_back() {
	schannelctl -j stats | jq -e '.tcp_moved == (with_entries(select(
		.key | test("^tcp_back_") and . != "tcp_back_bytes")) | add)' >/dev/null
}

# Not all are: some are over at once, and some are about something else.
mostly_diverted() {
	detail=$(verdicts | awk '{ n += $2 } $1 == "OK" { ok = $2 }
		END { print int(100 * ok / (n ? n : 1)) " % of " n " ends" }')
	[ "${detail%% *}" -ge $SHARE ]
}

all_cases() {	# [quick]
	local quick=$1
	schannelctl attach /in
	cases in --family inet --skip "$skip${quick:+,load,inet_end.often,inet_move.storm}"
	cases in --family inet6 --group "$few,inet_*" --skip inet_end.often,inet_move.storm
	cases in --family mapped --group "$few,inet_*" --skip inet_end.often,inet_move,inet_back
	step 'most ends of connections were diverted' mostly_diverted
}

report() {
	verdicts | xargs | sed 's/^/# /'
	schannelctl -j stats | jq -c 'with_entries(select(.key | startswith("tcp_")))' | sed 's/^/# /'
}

# ---- Detaching ---------------------------------------------------------------------

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

# Connections, with threads that sleep in all kinds of calls, go back to TCP and stay there; the
# module is unloaded while they are open.
detaching() {	# FAMILY
	local first
	load || return
	schannelctl attach /in
	FAMILY=$1
	step 'a server listens' serve server in $PORT
	step 'one sends' hold sender in $PORT
	step 'it is diverted' has_flows 2
	first=$(schannelctl -j flows dport $PORT | jq '.[0].local_port')
	spawn_in receiver in "schannel-test hold --family $FAMILY --port $PORT --direction recv"
	step 'one receives' await $LIMIT receiver '^flowing'
	spawn_in silent in "schannel-test hold --family $FAMILY --port $PORT --direction recv --stall"
	step 'one sleeps in recv()' await $LIMIT silent '^blocked'
	step 'all are diverted' has_flows 6
	step 'one is demoted' has 'length > 0' schannelctl -j flows demote port "$first"
	step 'its bytes go over the network' goes_on
	step 'it stays there; the others have flows' _has_flows 4
	step 'the module stays while they are open' fails_with 'in use\|unavailable' rmmod schannel_inet
	step 'all are detached' schannelctl detach --all --now
	step 'stats: an administrator took them back' has '.tcp_promoted >= 6 and .tcp_back_admin >= 2' \
		schannelctl -j stats
	step 'the module is unloaded' rmmod schannel_inet
	step 'nothing is left of it' [ ! -d /sys/module/schannel_inet ]
	step 'they go on' goes_on
	step 'none has ended' [ "$(said sender '^ended')$(said receiver '^ended')$(said silent '^ended')$(said server 'wrong')$(said receiver 'wrong')" = 00000 ]
	stop sender receiver silent

	insmod "$modules/schannel_inet.ko"
	step 'connections come and go while it is attached and detached' \
		in_turns schannel-test --loopback --family "$1" --slow "$slow" \
		--pick close,half_close,shutdown,transfer,epoll
	step 'the module is unloaded after that' until_true $LIMIT rmmod schannel_inet
	step 'the module is loaded again' insmod "$modules/schannel_inet.ko"
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
	await $LIMIT stalled '^blocked' && has_flows 2
}

# ---- The whole, or parts of it ----------------------------------------------------

# A short time limit for cases that hang.
seconds_for() {	# PICK
	case $1 in
	*inet_move* | *.often*)	echo 120 ;;
	*)			echo 20 ;;
	esac
}

part() {	# PART
	case $1 in
	attaching | unprivileged)
		schannelctl detach /in 2>/dev/null
		"$1"
		;;
	detaching) ;;	# in the end, with modules of its own
	*)
		schannelctl attach /in
		[[ $1 = *:* ]] || set -- "inet:$1"
		cases in --family "${1%%:*}" --pick "${1#*:}" --timeout "$(seconds_for "$1")"
		;;
	esac
}

all_parts() {	# [quick]
	attaching
	unprivileged
	all_cases "$1"
}

# -------------------------------------------------------------------------------------

load || exit
mkdir $CGROUPS/in $CGROUPS/out $CGROUPS/both
ip address add fd00::2/128 dev lo
if [ "$choice" = only ]; then
	for each in "${parts[@]}"; do
		part "$each"
	done
else
	all_parts "$choice"
	parts=(detaching)
fi
schannelctl attach /in
step 'the module stays while a cgroup is attached' fails_with 'in use\|unavailable' rmmod schannel_inet
stop_all
step 'as many directions went back as moved' until_true $LIMIT all_back
report
schannelctl detach /in
step 'the modules are unloaded' until_true $LIMIT unload
if [[ " ${parts[*]} " = *' detaching '* ]]; then
	detaching inet
	detaching inet6
fi
summary
