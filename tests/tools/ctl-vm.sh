#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2016,SC2034
#
# schannelctl in a plain VM: it shows the connections over loopback, to each user his own, and
# ends sockets.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
trap stop_all EXIT

LIMIT=60	# seconds anything may take that must happen
PORT=5000
# By its path: busybox's shell has one of its own, which can do less.
NOBODY='/bin/setpriv --reuid=1000 --regid=1000 --clear-groups'

# has EXPRESSION COMMAND...: it prints JSON for which this holds.
has() {
	local expression=$1 said
	shift
	said=$("$@") && jq -e "$expression" <<<"$said" >/dev/null && return
	echo "$said"
	return 1
}

quietly() {
	"$@" >/dev/null 2>&1
}

comes_to_have() {
	until_true $LIMIT quietly has "$@" || has "$@"
}

# shows EXPRESSION ARGUMENTS...: of schannelctl.
shows() {
	local expression=$1
	shift
	step "$*: ${expression//$'\n\t'/ }" comes_to_have "$expression" schannelctl -j "$@"
}

# Checked once and at once: private data must never be shown.
shows_nobody() {
	local expression=$1
	shift
	# shellcheck disable=SC2086
	step "another user's $*: $expression" has "$expression" $NOBODY schannelctl -j "$@"
}

# fails_with TEXT COMMAND...: it fails with this, and prints nothing else.
fails_with() {
	local text=$1 said status=0
	shift
	said=$("$@" 2>&1 >/run/said) || status=$?
	echo "status $status, $said"
	[ $status = 1 ] && [ ! -s /run/said ] && grep -q "$text" <<<"$said"
}

hold() {	# NAME ARGUMENTS...
	local name=$1
	shift
	spawn "$name" dom0 "schannel-test hold --port $PORT $*"
}

shows 'length == 1 and .[0].transport == "loopback" and .[0].peer == "self"' peers
shows '.[0].channel == "down" and .[0].own_domid == null' peers
shows '[.sockets, .connects, .accepted] == [0, 0, 0]' stats
shows '. == []' flows
shows '. == []' sockets

# A listener, and a connection whose server does not read.
spawn server dom0 "schannel-test serve-hold --port $PORT"
step 'a server listens' await $LIMIT server '^listening'
shows 'length == 1 and (.[0] | .state == "listen" and .local_port == 5000 and .type == "stream"
	and .peer == null and .uid == 0 and .wqueue == 64)' sockets
hold sender --direction send --stall
step 'a connection is blocked in send' await $LIMIT sender '^blocked'
shows 'length == 2 and all(.state == "open" and .type == "stream" and .peer_domid == 32752
	and .uid == 0 and .inode > 0)' flows
shows 'length == 1 and (.[0] | .opened and .peer == "self:5000" and .tx_queued > 0
	and .tx_ring >= 4096 and .tx_queued <= .tx_ring and .stats.tx_waits > 0)' flows dport $PORT
shows 'length == 1 and (.[0] | (.opened | not) and .local == "self:5000"
	and .rx_queued > 0 and .stats.rx_bytes == 1)' flows sport $PORT
both='(.[0].local_port == .[1].peer_port) and (.[0].peer_id == .[1].id)'
shows "$both and (map(.stats.tx_bytes) | max) > 4096" flows port $PORT peer self
shows 'map(.state) | sort == ["established", "established", "listen"]' sockets
shows 'length == 1 and .[0].wqueue > 0 and .[0].stats.tx_bytes > 4096 and (.[0].memory | length) == 9' \
	sockets dport $PORT state established
shows '.[0].processes | length == 1 and .[0].name == "schannel-test" and .[0].fd > 2' \
	flows -p dport $PORT
shows 'length == 1 and (.[0] | .state == "up" and .flows == 2 and .opened == 1 and .accepted == 1
	and .tx_bytes > 4096 and .pool_used >= 8192 and .pool_size >= .pool_used)' channels
shows '.sockets == 3 and .connects == 1 and .connected == 1 and .accepted == 1' stats
shows '.peer == "self" and .flows == 2' stats self
shows '.peers[0].channel == "up" and .channels[0].flows == 2' show
spawn rates dom0 'schannelctl -j -i 0.1 stats'
step 'stats -i: repeats with rates' await $LIMIT rates '"rates":{"sockets":0.000' 3
stop rates
step 'flows: text' sh -c "schannelctl flows -p |
	grep '^open  *stream .* self:$PORT .* schannel-test(pid=[0-9]*,fd=[0-9]*)\$'"

# TCP connections, where transparent mode is not loaded.
why() {	# STATUS EXPRESSION ARGUMENTS...
	local wanted=$1 expression=$2 status=0
	shift 2
	schannelctl -j why "$@" >/run/why || status=$?
	cat /run/why
	[ $status = "$wanted" ] && jq -e "$expression" /run/why >/dev/null
}
step 'why: transparent mode is not loaded' why 1 'length == 1 and (.[0] | (.diverted | not) and .port == 80
	and .address == "127.0.0.1" and any(.reasons[]; .reason == "no_module"))' 127.0.0.1:80
step 'why: this cgroup is not attached' why 1 '.[0] | .cgroup == "/" and .peer == null
	and any(.reasons[]; .reason == "cgroup_not_attached")' ::1
shows 'has("divert_ok") and .divert_ok == null' stats
shows 'all(.local_address == null and .peer_address == null)' flows

# TCP connections that are diverted, to this machine itself.
cat >/run/in-cgroup <<'END'
#!/bin/sh
# NAME COMMAND...
echo $$ >"/sys/fs/cgroup/$1/cgroup.procs"
shift
exec "$@"
END
chmod +x /run/in-cgroup
mkdir -p /sys/fs/cgroup/in /sys/fs/cgroup/out
ip addr add 127.0.0.1/8 dev lo 2>/dev/null
ip link set lo up
echo 1 >/proc/sys/net/schannel/divert_local
step 'transparent mode is loaded' insmod /root/schannel_inet.ko
step 'why: the cgroup is not attached' why 1 '.[0] | .peer == "self" and .cgroup == "/in"
	and (.reasons | map(.reason)) == ["cgroup_not_attached"]' 127.0.0.1:6000 cgroup in
step 'attach' schannelctl attach in not port 6009
step 'why: it would be diverted' why 0 '.[0].diverted' 127.0.0.1:6000 cgroup in
step 'why: not from another cgroup' why 1 '.[0].diverted | not' 127.0.0.1:6000 cgroup out
step 'why: not to this port' why 1 '.[0].reasons | map(.reason) == ["cgroup_excluded"]' \
	127.0.0.1:6009 cgroup in
step 'why: not to an address without a peer' why 1 '.[0].reasons | map(.reason) == ["no_peer"]' \
	192.0.2.1:6000 cgroup in
serve_tcp() {	# CGROUP PORT
	spawn "tcp$2" dom0 "/run/in-cgroup $1 socat -d -d TCP6-LISTEN:$2,fork EXEC:cat"
	await $LIMIT "tcp$2" listening
}
# One from the cgroup "in", open as long as its fifo.
connect_tcp() {	# NAME ADDRESS
	mkfifo "/run/$1.fifo"
	exec 7<>"/run/$1.fifo"
	spawn "$1" dom0 "/run/in-cgroup in socat - TCP:$2 </run/$1.fifo"
	echo "hello $1" >&7
	await $LIMIT "$1" "hello $1"
}
# Both ends of a connection are here, and each of them counts. The accepting one opens the flow.
step 'a TCP server in the cgroup' serve_tcp in 6000
step 'a TCP connection to it' connect_tcp four 127.0.0.1:6000
shows '.divert_ok == 2 and .tcp_moved == 2' stats
says() {	# NAME TEXT
	echo "$2" >&7
	await $LIMIT "$1" "$2"
}
step 'bytes go through the channel' says four 'again four'
ends='.[0] | .local_address == "127.0.0.1" and .peer_address == "127.0.0.1" and .type == "tcp"'
shows "length == 1 and ($ends and (.opened | not) and .peer == \"127.0.0.1:6000\" and .stats.rx_bytes == 22)" \
	flows dport 6000
shows 'length == 1 and (.[0] | .local_address and .local_port == 6000 and .opened)' \
	flows sport 6000
step 'flows demote: one end' has 'length == 1 and .[0].peer_port == 6000' \
	schannelctl -j flows demote dport 6000
shows '. == []' flows port 6000
shows '.tcp_back_admin > 0' stats
step 'its bytes go over TCP' says four 'third four'
exec 7>&-
step 'a TCP connection over IPv6' connect_tcp six '[::1]:6000'
shows 'any(.peer == "[::1]:6000" and .local_address == "::1")' flows dport 6000
exec 7>&-
shows '.divert_ok == 4 and .divert_not_attached == 0' stats

# Those that stay with TCP get their verdicts when they end.
step 'a TCP server in another cgroup' serve_tcp out 6001
step 'a TCP connection to it' connect_tcp plain 127.0.0.1:6001
shows '.divert_not_offered == 0' stats
exec 7>&-
stop plain
shows '.divert_ok == 4 and .divert_not_offered == 1' stats
step 'why: the next one would be diverted, the last one was not' why 0 '.[0] | .diverted and .reasons == []
	and .peer == "self" and (.last | .reason == "not_offered" and .age_ms < 60000)' 127.0.0.1:6001 cgroup in
step 'why: the same as text' sh -c "schannelctl why 127.0.0.1:6001 cgroup in |
	grep 'would be diverted, to self; the last connection there stayed with TCP, .* s ago: the accepting end'"
step 'why: for that port only' why 0 '.[0] | .diverted and .last == null' 127.0.0.1:6000 cgroup in
echo 60000 >/proc/sys/net/schannel/divert_delay_ms
step 'a TCP connection that is over before it could move' connect_tcp brief 127.0.0.1:6000
exec 7>&-
stop brief
shows '.divert_ok == 4 and .divert_brief == 1 and .divert_not_offered == 2' stats
stop tcp6000 tcp6001 four six
step 'detach' schannelctl detach in
shows 'map(select(.local_address)) == []' flows
step 'transparent mode is unloaded' until_true $LIMIT rmmod schannel_inet

# Other types of sockets.
spawn seqpacket dom0 'seqpacket listen self:7001'
shows 'length == 1 and .[0].state == "listen" and .[0].local == "self:7001"' sockets type seqpacket
spawn dgram dom0 'dgram listen any:7002'
shows 'length == 1 and .[0].state == "closed" and .[0].local == "any:7002"' sockets type dgram
stop seqpacket dgram

# What an unprivileged user sees.
shows_nobody '. == []' flows
shows_nobody '. == []' sockets
shows_nobody 'length == 1' peers
spawn other dom0 "$NOBODY schannel-test hold --port $PORT --direction send --stall"
step "another user's connection" await $LIMIT other '^blocked'
shows 'length == 4 and (map(select(.uid == 1000)) | length == 1)' flows
shows_nobody 'length == 1 and .[0].uid == 1000 and .[0].peer_port == 5000' flows
shows_nobody 'length == 1 and .[0].uid == 1000 and .[0].peer_port == 5000' sockets
# shellcheck disable=SC2086
step 'another user may not see flows come and go' fails_with 'not permitted' \
	$NOBODY schannelctl monitor flows
# shellcheck disable=SC2086
step 'another user may end no sockets' fails_with 'not permitted' \
	$NOBODY schannelctl sockets kill port $PORT
# shellcheck disable=SC2086
step 'another user may end no flows' fails_with 'not permitted' \
	$NOBODY schannelctl flows kill port $PORT
step 'the connection is still open' has 'length == 1' schannelctl -j flows state open dport $PORT peer self \
	sport "$(schannelctl -j flows | jq 'map(select(.uid == 1000))[0].local_port')"

# Ending sockets: both ends get an error.
before=$(schannelctl -j flows | jq -c 'map(.local_port)')
hold talker --direction send
step 'a connection transfers data' await $LIMIT talker '^flowing'
port=$(schannelctl -j flows | jq --argjson before "$before" \
	'map(select(.opened).local_port) - $before | .[0]')
step 'sockets kill: one' has 'length == 1 and .[0].peer_port == 5000' \
	schannelctl -j sockets kill sport "$port"
step 'its program gets an error' await $LIMIT talker 'ended errno=ECONNABORTED'
step 'the peer gets an error' await $LIMIT server 'ended errno=ECONNRESET'
shows 'length == 4' flows
step 'sockets -K: the other clients' has 'length == 2' \
	schannelctl -j sockets -K dport $PORT state established
step 'its program gets an error' await $LIMIT sender 'ended errno=ECONNABORTED'
step 'the other user gets an error' await $LIMIT other 'ended errno=ECONNABORTED'
step 'sockets kill: no socket matches any more' has '. == []' \
	schannelctl -j sockets kill dport $PORT state established
stop sender other talker

# Ending flows.
hold stalled --direction send --stall
step 'another connection' await $LIMIT stalled '^blocked'
step 'flows kill: its end' has 'length == 1 and .[0].peer_port == 5000' \
	schannelctl -j flows kill state open dport $PORT
step 'its program gets an error' await $LIMIT stalled 'ended errno=ECONNABORTED'
step 'flows -K: no flow matches any more' has '. == []' \
	schannelctl -j flows -K state open dport $PORT
stop stalled

# A monitor shows the events from its start on.
spawn monitor dom0 'schannelctl -j monitor'
shown() {	# EVENT
	hold again --direction send
	await $LIMIT again '^flowing'
	stop again
	grep -q "\"event\":\"$1\"" /run/monitor.out
}
step 'monitor: a flow was opened' until_true $LIMIT shown flow-opened
step 'monitor: a flow ended' until_true $LIMIT shown flow-ended
step 'monitor: the event names the flow' \
	has 'any(.event == "flow-opened" and (.flow | .opened and .peer_port == 5000 and .type == "stream"))' \
	jq -s . /run/monitor.out
step 'monitor: each line is an object with a time' has 'all(.time > 1e9 and .event != null)' \
	jq -s . /run/monitor.out

step 'sockets kill: the listener' has 'length == 1' schannelctl -j sockets kill state listen sport $PORT
step 'its program gets an error' await $LIMIT server '^accept:'
stop_all
shows '. == []' sockets
step 'the module is unloaded' until_true $LIMIT rmmod schannel
step 'the missing module is reported' fails_with 'module is not loaded' schannelctl
step 'the missing module is reported' fails_with 'module is not loaded' schannelctl -j sockets

summary
