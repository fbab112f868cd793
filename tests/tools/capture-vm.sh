#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC1091,SC2016,SC2034
#
# schannelctl capture, and the monitor devices, in a plain VM: both ends of each connection are here,
# so that its bytes are shown four times.
#
#	capture-vm.sh MODULE
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
trap stop_all EXIT

MODULE=$1
LIMIT=60	# seconds anything may take that must happen
PORT=7777	# which tcpdump takes for no protocol
NOBODY='/bin/setpriv --reuid=1000 --regid=1000 --clear-groups'
TRACING=/sys/kernel/tracing

# ---- A connection that is echoed, and moves ------------------------------------------

# fails_with STATUS TEXT COMMAND...: it fails with this.
fails_with() {
	local wanted=$1 text=$2 said status=0
	shift 2
	said=$("$@" 2>&1 >/dev/null) || status=$?
	echo "status $status, $said"
	[ $status = "$wanted" ] && grep -q "$text" <<<"$said"
}

count() {	# NAME
	schannelctl -j stats | jq ".$1"
}

reached() {	# NAME VALUE
	[ "$(count "$1")" -ge "$2" ]
}

serve() {
	spawn server dom0 "exec socat -d -d TCP6-LISTEN:$PORT,ipv6only=0,fork,reuseaddr EXEC:cat"
	await $LIMIT server 'listening on'
}

# Both directions are in rings when it returns. The greeting may have been the first in them.
dial() {	# ADDRESS
	local moved line
	exec 3>&-
	moved=$(count tcp_moved)
	exec 3<>"/dev/tcp/$1/$PORT" && echo hello >&3 && read -rt $LIMIT -u 3 line &&
		until_true $LIMIT reached tcp_moved $((moved + 2))
}

# exchange BYTES: they come back. /run/sent has all since it was removed.
exchange() {
	local sender status
	head -c "$1" /dev/urandom >/run/piece
	cat /run/piece >>/run/sent
	cat /run/piece >&3 &
	sender=$!
	timeout $LIMIT head -c "$1" <&3 | cmp - /run/piece
	status=$?
	wait $sender && return $status
}

# The same, while the connection goes back to TCP in the middle. It moves again.
exchange_and_leave() {	# BYTES
	local moved back exchange
	moved=$(count tcp_moved)
	back=$(count tcp_back_admin)
	exchange "$1" &
	exchange=$!
	schannelctl flows kill dport $PORT >/dev/null
	wait $exchange && reached tcp_back_admin $((back + 1)) &&
		until_true $LIMIT reached tcp_moved $((moved + 2))
}

ring_left_and_entered() {
	local i
	for ((i = 0; i < 5; i++)); do
		exchange_and_leave 200000 && exchange 20000 || return
	done
}

# ---- Capturing -----------------------------------------------------------------------

# What names the monitor devices that are up.
devices() {
	local flags
	for flags in /sys/class/net/schannelmon*/flags; do
		[ $(($(cat "$flags" 2>/dev/null || echo 0) & 1)) = 1 ] && basename "$(dirname "$flags")"
	done
}

devices_are() {	# NAMES
	[ "$(devices | xargs)" = "$1" ]
}

# Once the file has its first block, packets are seen.
capture() {	# NAME [ARGUMENTS]
	local name=$1
	shift
	rm -f "/run/$name.pcapng"
	spawn "$name" dom0 "echo \$\$ >/run/$name.pid; exec schannelctl capture -w /run/$name.pcapng $*"
	until_true $LIMIT [ -s "/run/$name.pcapng" ]
}

# finish NAME [SIGNAL] [STATUS]
finish() {
	kill "-${2:-TERM}" "$(cat "/run/$1.pid")"
	until_true $LIMIT ended "$1"
	cat "/run/$1.out"
	[ "$(cat "/run/$1.end")" = "${3:-0}" ]
}

# said_packets NAME OPERATOR NUMBER: it has captured so many, as test(1) compares.
said_packets() {
	local n
	n=$(sed -n 's/ packets captured, 0 dropped$//p' "/run/$1.out")
	echo "$n packets"
	test "$n" "$2" "$3"
}

# is_sent FILE: it has what was exchanged, with or without the greeting.
is_sent() {
	[ "$(stat -c %s "$1")" -ge "$(stat -c %s /run/sent)" ] &&
		{ echo hello; cat /run/sent; } | tail -c "$(stat -c %s "$1")" | cmp - "$1"
}

# Each end shows both directions, and all that was sent since the connection moved.
shows_all() {	# NAME IP-VERSION
	local which
	for which in 'out to' 'in from' 'in to' 'out from'; do
		# shellcheck disable=SC2086
		reassemble "/run/$1.pcapng" $which $PORT "$2" >/run/stream || return
		is_sent /run/stream || return
	done
	detail="$(stat -c %s /run/sent) bytes"
}

# tcpdump is the judge.
reads_well() {	# NAME
	tcpdump -Z root -nvr "/run/$1.pcapng" >/run/read 2>&1
	tail -n 3 /run/read
	[ "$(grep -c 'cksum.*(correct)' /run/read)" -gt 10 ] && ! grep -q 'incorrect\|\[|' /run/read
}

transfer_is_shown() {	# ADDRESS IP-VERSION
	rm -f /run/sent
	step "$1: a capture begins" capture shown
	step "$1: the connection moves" dial "$1"
	step "$1: bytes are exchanged" exchange 300000
	step "$1: also while rings are left and entered" ring_left_and_entered
	step "$1: SIGTERM ends the capture" finish shown
	step "$1: it has removed its device" devices_are ''
	step "$1: each end has shown each byte once, both ways" shows_all shown "$2"
	step "$1: tcpdump reads it" reads_well shown
}

# tcpdump -Z looks up its user
grep -qs ^root: /etc/passwd || echo root:x:0:0:::/bin/sh >>/etc/passwd

# ---- Rights and modules --------------------------------------------------------------

step 'no module' fails_with 1 'schannel_inet is not loaded' schannelctl capture -w /run/none
step 'the module' insmod "$MODULE"
echo 1 >/proc/sys/net/schannel/divert_local
echo 0 >/proc/sys/net/schannel/divert_delay_ms
# shellcheck disable=SC2086
step 'another user may not' fails_with 1 'CAP_NET_ADMIN and CAP_NET_RAW' $NOBODY schannelctl capture -w /run/none
step 'not to a file that cannot be' fails_with 1 'No such file' schannelctl capture -w /run/none/none
step 'its device is removed then' devices_are ''
step 'an invalid filter' fails_with 2 'invalid filter' schannelctl capture -w /run/none port
schannelctl attach /
step 'a server' serve

# ---- While nobody looks --------------------------------------------------------------

# How often the module has looked for devices.
looks() {
	awk '$1 == "looks" { print $2 }' $TRACING/kprobe_profile
}

trace() {
	[ -d $TRACING ] && { [ -e $TRACING/kprobe_events ] || mount -t tracefs none $TRACING 2>/dev/null; } &&
		echo 'p:looks schannel_inet:scinet_monitor_is_up' >$TRACING/kprobe_events &&
		echo 1 >$TRACING/events/kprobes/looks/enable
}

costs_nothing() {
	exchange 100000 && detail="$(looks) times" && [ "$(looks)" = 0 ]
}

costs_something() {
	capture looks && exchange 100000 && finish looks && detail="$(looks) times" && [ "$(looks)" -gt 0 ]
}

untrace() {
	echo 0 >$TRACING/events/kprobes/looks/enable && echo >$TRACING/kprobe_events
}

if trace; then
	step 'the connection moves' dial 127.0.0.1
	step 'no device: sending and receiving do not look for one' costs_nothing
	step 'with a device they do' costs_something
	before=$(looks)
	step 'and afterwards not' eval 'exchange 100000 && [ "$(looks)" = "$before" ]'
	untrace
else
	skip 'no device: sending and receiving do not look for one' 'the kernel has no kprobes'
fi

# ---- What is shown -------------------------------------------------------------------

transfer_is_shown 127.0.0.1 4
transfer_is_shown ::1 6
transfer_is_shown ::ffff:127.0.0.1 4

filters() {	# NAME FILTER OPERATOR NUMBER
	rm -f /run/sent
	capture "$1" "'$2'" && exchange 50000 && finish "$1" && said_packets "$1" "$3" "$4"
}
step 'the filter excludes all' filters excluded "not port $PORT" -eq 0
step 'the filter includes one direction' filters included "outbound and dst port $PORT" -gt 0
step 'nothing else is in the file' eval \
	'reassemble /run/included.pcapng out to $PORT 4 >/run/stream && cmp /run/stream /run/sent &&
	 [ "$(tcpdump -Z root -nr /run/included.pcapng 2>/dev/null | wc -l)" = "$(tcpdump -Z root -nr /run/included.pcapng dst port $PORT 2>/dev/null | wc -l)" ]'

counts() {
	capture counted -c 3 && exchange 50000 && until_true $LIMIT ended counted && said_packets counted -eq 3
}
step 'a number of packets' counts

# A reader of standard output that has enough.
reader_ends() {
	spawn piped dom0 'schannelctl capture | head -c 2000 >/run/head'
	until_true $LIMIT devices_are schannelmon0 && until_true $LIMIT exchange 1000 &&
		until_true $LIMIT ended piped && until_true $LIMIT devices_are ''
}
step 'the reader of a pipe ends' reader_ends

# ---- Other namespaces ----------------------------------------------------------------

elsewhere() {
	rm -f /run/other.pcapng
	spawn other dom0 'echo $$ >/run/other.pid; exec unshare -n sh -c "ip link set lo up; echo up; exec schannelctl capture -w /run/other.pcapng"'
	await $LIMIT other '^up' && until_true $LIMIT [ -s /run/other.pcapng ]
}
step 'a capture in another namespace' elsewhere
step 'its device is not here' devices_are ''
step 'bytes are exchanged' exchange 50000
step 'it ends' finish other
step 'it has seen nothing' said_packets other -eq 0
leave_namespace() {
	elsewhere && { exchange 50000 & } && kill -KILL "$(cat /run/other.pid)" && wait $!
}
step 'a namespace with a device ends' leave_namespace

# ---- Devices -------------------------------------------------------------------------

device_goes() {
	local exchange
	capture gone && devices_are schannelmon0 && { exchange 1000000 & exchange=$!; } && ip link del schannelmon0 &&
		until_true $LIMIT ended gone && grep 'was removed' /run/gone.out &&
		[ "$(cat /run/gone.end)" = 1 ] && wait $exchange
}
step 'the device is deleted meanwhile' device_goes
step 'the file is complete' eval 'reassemble /run/gone.pcapng out to $PORT 4 >/run/stream'

killed() {
	capture killed && finish killed KILL 137 && devices_are schannelmon0
}
step 'a capture that is killed leaves its device' killed
step 'one of tcpdump keeps it' eval 'spawn reader dom0 tcpdump -Z root -ni schannelmon0 && await $LIMIT reader listening'
# next NAMES: the devices while another capture runs.
next() {
	capture next && devices && devices_are "$1" && finish next
}
step 'the next one does not remove that' next 'schannelmon0 schannelmon1'
stop reader
step 'without a reader it does' next 'schannelmon0'
step 'nothing is left' devices_are ''

own_device() {
	ip link add mon0 type schannelmon && ip link set mon0 up &&
		spawn tcpdump dom0 "tcpdump -Z root -c 4 -ni mon0 port $PORT" && await $LIMIT tcpdump listening &&
		exchange 1000 && until_true $LIMIT ended tcpdump && cat /run/tcpdump.out &&
		grep -q '4 packets captured' /run/tcpdump.out
}
step 'tcpdump on a device of our own' own_device
step 'the device counts' eval '[ "$(cat /sys/class/net/mon0/statistics/tx_bytes)" -ge 2000 ] &&
	[ "$(cat /sys/class/net/mon0/statistics/rx_bytes)" -ge 2000 ]'
step 'capture leaves it alone' next schannelmon0
step 'IPv6 sends nothing on it' eval '! grep mon0 /proc/net/if_inet6'

unload() {
	schannelctl detach --all --now >/dev/null && rmmod schannel_inet
}
step 'the module is unloaded with the device' until_true $LIMIT unload
step 'which is gone' [ ! -e /sys/class/net/mon0 ]
step 'the connection continues' exchange 1000
exec 3>&-

summary
