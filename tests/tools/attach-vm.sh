#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2016,SC2034
#
# schannelctl attach, detach, attached and run in a plain VM, where all addresses are
# this domain's own: the kernel is asked to divert what the scope includes, and nothing else. While it
# is not to divert such addresses, it says so and counts that in connect().
#
#	attach-vm.sh MODULE
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
trap stop_all EXIT

LIMIT=60	# seconds anything may take that must happen
CGROUPS=/sys/fs/cgroup
NOBODY='/bin/setpriv --reuid=1000 --regid=1000 --clear-groups'

# How often the kernel was asked to divert a connection, diverted or not.
asked() {
	schannelctl -j stats | jq '[to_entries[] | select(.key | startswith("divert_")).value] | add'
}

# No listener is needed.
connect() {	# ADDRESS PORT [FROM-CGROUP]
	( echo $BASHPID >"$CGROUPS/${3:-}/cgroup.procs"
	  exec 3<>"/dev/tcp/$1/$2" ) 2>/dev/null
	return 0
}

asks() {	# TIMES ADDRESS PORT...
	local times=$1 before
	shift
	before=$(asked)
	connect "$@"
	before=$(($(asked) - before))
	echo "asked $before times"
	[ $before = "$times" ]
}

diverts() {
	step "asks for $*" asks 1 "$@"
}

leaves() {
	step "does not ask for $*" asks 0 "$@"
}

# fails_with STATUS TEXT COMMAND...: it fails with this, and prints nothing else.
fails_with() {
	local wanted=$1 text=$2 said status=0
	shift 2
	said=$("$@" 2>&1 >/run/said) || status=$?
	echo "status $status, $said"
	[ $status = "$wanted" ] && [ ! -s /run/said ] && grep -q "$text" <<<"$said"
}

# has EXPRESSION: attached prints JSON for which this holds.
has() {
	local said
	said=$(schannelctl -j attached) && jq -e "$1" <<<"$said" >/dev/null && return
	echo "$said"
	return 1
}

attach() {
	step "attach $*" schannelctl attach "$@"
}

# Cgroups that run has left.
run_cgroups() {
	find $CGROUPS -name 'schannel-run-*'
}

ip address add 10.1.0.1/32 dev lo
ip address add 10.2.0.1/32 dev lo
ip address add fd00::1/128 dev lo
mkdir -p $CGROUPS/a.slice/web.service/worker $CGROUPS/a.slice/twins $CGROUPS/b.slice/twins

# Missing requirements are named.
step 'no module' fails_with 1 'module is not loaded' schannelctl attach /
step 'no module: run' fails_with 1 'module is not loaded' schannelctl run true
step 'no module: run leaves no cgroup' test -z "$(run_cgroups)"
step 'no module: nothing is attached' has '. == []'
step 'the module' insmod "$1"
# shellcheck disable=SC2086
step 'another user may not attach' fails_with 1 'not permitted' $NOBODY schannelctl attach /
umount /sys/fs/bpf

# The root cgroup, which includes all cgroups.
leaves 127.0.0.1 80
attach /
step 'bpffs was mounted' grep -q ' /sys/fs/bpf bpf ' /proc/mounts
# shellcheck disable=SC2086
step 'another user may not look' fails_with 1 'not permitted' $NOBODY schannelctl attached
diverts 127.0.0.1 80
diverts ::1 80
diverts ::ffff:127.0.0.1 80
diverts 127.0.0.1 80 a.slice/web.service/worker
step 'attached: all' has 'length == 1 and (.[0] | .cgroup == "/" and .scope == "all" and (.gone | not))'
step 'the module is in use' fails_with 1 'schannel_inet' rmmod schannel_inet

# Another scope takes the place of the first one.
attach / port 80,8000-8099 to 10.0.0.0/8,fd00::1 not to 10.2.0.0/16
diverts 10.1.0.1 80
diverts 10.1.0.1 8099
leaves 10.1.0.1 8100
leaves 10.1.0.1 81
leaves 10.2.0.1 80
leaves 127.0.0.1 80
diverts ::ffff:10.1.0.1 8000
leaves ::ffff:10.2.0.1 8000
diverts fd00::1 80
leaves fd00::1 443
leaves ::1 80
step 'attached: the words that made it' \
	has '.[0].scope == "port 80,8000-8099 to 10.0.0.0/8,fd00::1 not to 10.2.0.0/16"'
attach / not port 65535 not to ::/0
leaves 10.1.0.1 65535
diverts 10.1.0.1 1
leaves fd00::1 80

# During a change of the scope a cgroup stays attached.
connect_much() {
	local i
	for ((i = 0; i < 100; i++)); do
		connect 127.0.0.1 80
	done
	echo done
}
no_gap() {
	local before times=0
	schannelctl attach / port 80
	before=$(asked)
	connect_much >/run/much &
	until [ -s /run/much ]; do
		schannelctl attach / port $((80 - times % 2))-$((80 + times % 2)) || return 1
		times=$((times + 1))
	done
	wait $!
	detail="$times scopes"
	before=$(($(asked) - before))
	echo "asked $before of 100 times"
	[ $before = 100 ] && [ $times -gt 2 ]
}
step 'attaching again leaves no gap' no_gap
step 'detach' schannelctl detach /
leaves 127.0.0.1 80
leaves ::1 80
step 'nothing is attached' has '. == []'
step 'detach: it is not attached' fails_with 1 'not attached' schannelctl detach /

# One cgroup, by the name of a unit.
attach web.service port 80
diverts 127.0.0.1 80 a.slice/web.service
diverts 127.0.0.1 80 a.slice/web.service/worker
leaves 127.0.0.1 80 a.slice
leaves 127.0.0.1 80
attach $CGROUPS/a.slice/web.service/worker/ port 81
step 'nested cgroups: the scopes of both' asks 1 127.0.0.1 80 a.slice/web.service/worker
diverts 127.0.0.1 81 a.slice/web.service/worker
leaves 127.0.0.1 81 a.slice/web.service
leaves 127.0.0.1 82 a.slice/web.service/worker
step 'detach: the inner one' schannelctl detach worker
leaves 127.0.0.1 81 a.slice/web.service/worker
diverts 127.0.0.1 80 a.slice/web.service/worker
step 'attach: two of one name' fails_with 2 'is ambiguous' schannelctl attach twins
attach a.slice/twins
attach /b.slice/twins
step 'detach: two of one name' fails_with 2 'is ambiguous' schannelctl detach twins
step 'detach: several' schannelctl detach /a.slice/twins b.slice/twins
step 'attach: no such cgroup' fails_with 1 'no cgroup' schannelctl attach nginx.service

# A service that is started again has another cgroup.
rmdir $CGROUPS/a.slice/web.service/worker $CGROUPS/a.slice/web.service
step 'the cgroup of a stopped service is gone' has 'length == 1 and (.[0] | .gone and .cgroup == "/a.slice/web.service")'
mkdir $CGROUPS/a.slice/web.service
leaves 127.0.0.1 80 a.slice/web.service
attach web.service
step 'the new cgroup replaces it' has 'length == 1 and (.[0].gone | not)'
diverts 127.0.0.1 80 a.slice/web.service
rmdir $CGROUPS/a.slice/web.service
step 'detach: one that is gone' schannelctl detach web.service
step 'nothing is attached' has '. == []'

# A command in a cgroup of its own.
run_connects() {
	local before
	before=$(asked)
	schannelctl run "$@" bash -c 'exec 3<>/dev/tcp/127.0.0.1/80' 2>/dev/null
	before=$(($(asked) - before))
	echo "asked $before times"
	[ $before = 1 ]
}
step 'run: the command is attached' run_connects
step 'run: with a scope' run_connects port 80 to 127.0.0.0/8 --
step 'run: excluded connections are not diverted' eval '! run_connects not port 80'
leaves 127.0.0.1 80
step 'run: its status' fails_with 7 '^$' schannelctl run sh -c 'exit 7'
step 'run: no such command' fails_with 127 'No such file' schannelctl run there-is-none
step 'run: cgroup and attachment are removed' eval 'test -z "$(run_cgroups)" && has ". == []"'
spawn run dom0 'echo $$ >/run/run.pid; exec schannelctl run bash -c '\''trap "echo got; exit 3" TERM; echo ready; while :; do read -rt 0.1 <>/run/never; done'\'
mkfifo /run/never
step 'run: a command waits' await $LIMIT run '^ready'
step 'run: the command has a cgroup of its own' has 'length == 1 and (.[0].cgroup | startswith("/schannel-run-"))'
step 'run: gets a signal' eval 'kill "$(cat /run/run.pid)"'
step 'run: the command gets the signal, too' await $LIMIT run '^got'
step 'run: its status' eval 'until_true $LIMIT ended run && [ "$(cat /run/run.end)" = 3 ]'
step 'run: its cgroup is removed' eval 'test -z "$(run_cgroups)" && has ". == []"'
mkfifo /run/stay
leave_behind() {
	schannelctl run sh -c 'read line </run/stay & echo $!' 2>/run/said >/run/left
	grep -q 'processes remain in /schannel-run-' /run/said
}
step 'run: a process stays behind' leave_behind
step 'run: the process stays attached' has 'length == 1 and (.[0].gone | not)'
echo >/run/stay
left=$(run_cgroups)
step 'run: the process ends, and the cgroup can go' until_true $LIMIT rmdir "$left"
step 'run: the removed cgroup can be detached' schannelctl detach "$left"

# A connection continues while its cgroup is attached and detached.
verdicts() {	# NAME
	schannelctl -j stats | jq ".divert_$1"
}
talk() {	# TEXT
	local line
	echo "$1" >&3 && read -rt $LIMIT -u 3 line && echo "said $line" && [ "$line" = "$1" ]
}
serve() {	# CGROUP
	spawn server dom0 "echo \$\$ >$CGROUPS/$1/cgroup.procs; exec socat -d -d TCP4-LISTEN:80,fork,reuseaddr EXEC:cat"
	await $LIMIT server 'listening on'
}
dial() {
	exec 3>&-
	exec 3<>/dev/tcp/127.0.0.1/80 && talk hello
}
reach() {	# COUNT NAME
	[ "$(verdicts "$2")" = "$1" ]
}
# Each end counts.
moves() {	# DIVERTED-ENDS
	dial && until_true $LIMIT reach "$1" ok && talk moved
}
# It is much older than those that move.
stays() {	# DIVERTED-ENDS
	dial && sleep 1 && talk stayed && reach "$1" ok
}
flows() {	# COUNT
	schannelctl -j flows | jq -e "length == $1"
}
sysctl -qw net.schannel.divert_local=1
step 'a server' serve .
step 'not attached: TCP' stays 0
attach /
step 'TCP continues' talk one
step 'attached: a channel' moves 2
step 'it is a flow with both addresses' eval 'schannelctl -j flows |
	jq -e "length == 2 and any(.peer == \"127.0.0.1:80\") and any(.local == \"127.0.0.1:80\")"'
step 'detach' schannelctl detach /
step 'the diverted connection continues' talk two
step 'it stays in the channel' flows 2
step 'not attached: TCP' stays 2
attach / not port 80
step 'not in the scope: TCP' stays 2
step 'detach' schannelctl detach /
exec 3>&-
stop server

# A scope binds the accepting end, too: the port is the server's, the address the client's.
echo $$ >$CGROUPS/a.slice/cgroup.procs
step 'a server in a cgroup of its own' serve b.slice
attach /a.slice
attach /b.slice not port 80
step 'the server excludes the port: TCP' stays 2
attach /b.slice port 80 not to 127.0.0.0/8
step 'the server excludes the address: TCP' stays 2
step 'the client was offered no flow' until_true $LIMIT reach 1 not_offered
attach /b.slice port 80 to 127.0.0.0/8
step 'both include it: a channel' moves 4

# With --now it goes back to TCP, and the module is unloaded while it is open.
step 'detach --now: one end' schannelctl detach --now b.slice
step 'it is TCP again' until_true $LIMIT flows 0
step 'the connection continues' talk three
step 'detach --all --now' schannelctl detach --all --now
step 'the module is unloaded' until_true $LIMIT rmmod schannel_inet 2>/dev/null
step 'the connection continues' talk four
echo $$ >$CGROUPS/cgroup.procs
exec 3>&-
stop server

# All is undone.
step 'nothing is attached' has '. == []'
step 'nothing is pinned' test -z "$(ls /sys/fs/bpf/schannel)"
attach_without_cgroups() {
	umount $CGROUPS && fails_with 1 'no cgroup2 is mounted' schannelctl attach /
}
step 'no cgroup2' attach_without_cgroups

summary
