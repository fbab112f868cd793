# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	bench.sh [quick | flows]
#
# Measures every way of communication between two domUs: u2 is the client and sends, u1 is the
# server. Each round measures every peer once before the next round begins. The TCP server
# runs in an attached cgroup of u1; a client in u2 runs in one if its connections are to be
# diverted, so that netfront and SChannel alternate, too. "flows" measures only several
# connections at a time, for domUs with more vCPUs. In the first round some measurements
# have "counts" in addition: switches, interrupts and notifications of both domains.
# Leaves bench.jsonl; tests/bench/README.md describes its lines.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/broker
. /testbed/lib/transparent

what=${1:-all}
GROUP=bench		# of u1's servers, and of clients that are diverted
WARM_MS=300
IDLE_S=3
where=xen-$GUEST
id_u1=$(domid u1)	# cached: asking takes longer than some measurements
id_u2=$(domid u2)
lines=/result/bench.jsonl

rounds=5 ms=1000 iperf3_s=2 sizes="1024 8192 65536 131072" flows="4 16 64" copy_sizes=$sizes
if [ $what = quick ]; then
	rounds=3 ms=500 iperf3_s=1 sizes="1024 65536 131072" flows="16" copy_sizes="65536 131072"
fi

# ---- The plan ------------------------------------------------------------

socket_peers="schannel-stream schannel-seqpacket schannel-dgram tcp udp schannel-tcp"
vchan_peers="xenvchan-64k xenvchan-1m"

# The peers that can send blocks of this size.
stream_peers() {	# BYTES
	echo schannel-stream schannel-seqpacket tcp schannel-tcp $vchan_peers
	[ $1 -gt 65536 ] || echo schannel-dgram
	[ $1 -gt 8192 ] || echo udp
	[ $1 != 131072 ] || echo iperf3 schannel-iperf3
}

# The measurements of one round, as lines "PEER TEST BYTES FLOWS".
plan_all() {
	local bytes peer
	for bytes in $sizes; do
		for peer in $(stream_peers $bytes); do
			echo $peer stream $bytes 1
		done
	done
	for peer in $socket_peers $vchan_peers event-channel; do
		echo $peer rtt 1 1
	done
	for peer in schannel-stream tcp schannel-tcp; do
		echo $peer connect 1 1
	done
	plan_flows
	for bytes in $copy_sizes; do
		echo memcpy copy $bytes 1
		echo memcpy copy $bytes 2
	done
}

plan_flows() {
	local peer count
	for count in $flows; do
		for peer in schannel-stream tcp schannel-tcp; do
			echo $peer stream 65536 $count
		done
	done
}

plan() {
	case $what in
	flows) plan_flows ;;
	*) plan_all ;;
	esac
}

# ---- One measurement ---------------------------------------------------------------

in_group() {	# DOM COMMAND
	on $1 "echo 0 >/sys/fs/cgroup/$GROUP/cgroup.procs || exit
		$2"
}

# Peers whose connections are to be diverted have "schannel-" before their name.
is_diverted() {	# PEER
	case $1 in
	schannel-tcp | schannel-iperf3) return 0 ;;
	*) return 1 ;;
	esac
}

in_seconds() {	# MS
	printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
}

sockets() {	# PEER TEST BYTES FLOWS MS
	local run=on peer=$1
	is_diverted $1 && run=in_group peer=${1#schannel-}
	$run u2 "schannel-bench client $peer $2 --bytes $3 --flows $4 --ms $5 \
		--ip $(address u1) --domid $id_u1"
}

iperf3() {	# PEER TEST BYTES FLOWS MS
	local run=on
	is_diverted $1 && run=in_group
	$run u2 "iperf3 -J -c $(address u1) -l $3 -P $4 -t $iperf3_s" | jq -c '.end |
		{value: (.sum_received.bits_per_second / 8 / 1048576), unit: "MiB/s",
		 moved_bytes: .sum_received.bytes, sent_bytes: .sum_sent.bytes}'
}

vchan() {	# PEER TEST BYTES FLOWS MS
	on u2 "bench-vchan client $id_u1 $1 $2 $3 $(in_seconds $5)"
}

event_channel() {	# PEER TEST BYTES FLOWS MS
	on u2 "bench-evtchn client $id_u1 $event_port $(in_seconds $5)"
}

# Copying in one domain alone, or in both at once.
copies() {	# PEER TEST BYTES FLOWS MS
	case $4 in
	1) on u2 "bench-copy alone $3 $(in_seconds $5)" ;;
	2) on u2 "bench-copy client $(address u1) $3 $(in_seconds $5)" ;;
	esac
}

client() {	# PEER TEST BYTES FLOWS MS: one run, as JSON
	case $1 in
	xenvchan-*) vchan "$@" ;;
	event-channel) event_channel "$@" ;;
	memcpy) copies "$@" ;;
	*iperf3) iperf3 "$@" ;;
	*) sockets "$@" ;;
	esac
}

# Counting takes time, so only these measurements have counts.
is_counted() {	# PEER TEST ROUND
	[ $3 = 1 ] && [ $2 != connect ] && [[ $1 =~ ^(schannel-stream|schannel-tcp|tcp)$ ]]
}

# Context switches, interrupts and notifications of the domains so far, as JSON.
counts() {
	local dom other=$id_u2
	for dom in u1 u2; do
		on $dom "cat /proc/stat; schannelctl -j stats $other" | awk -v dom=$dom '
			/^ctxt/ { switches = $2 }
			/^intr/ { interrupts = $2 }
			match($0, /"notify_sent": *[0-9]+/) {
				split(substr($0, RSTART, RLENGTH), notify, ":")
			}
			END {
				printf "{\"%s\": {\"switches\": %d, \"interrupts\": %d, " \
					"\"notifications\": %d}}\n", dom, switches, interrupts, notify[2]
			}'
		other=$id_u1
	done | jq -cs add
}

# The difference of two such counts.
counted() {	# BEFORE AFTER
	jq -cn --argjson before "$1" --argjson after "$2" '$after |
		with_entries(.key as $dom | .value |= with_entries(.value -= $before[$dom][.key]))'
}

# CPU time as JSON, from "DOMID NANOSECONDS" lines before and after. The total is less the time
# that idle domains and starting a client use.
cpu_between() {	# BEFORE AFTER TOOK START
	printf '%s\n' "$1" "$2" | awk -v took="$3" -v idle="$idle" -v start="$4" -v u1=$id_u1 '
		{ used[$1] = $2 / 1e9 - used[$1]; total += seen[$1]++ ? used[$1] : 0 }
		END {
			printf "{\"cpu_s\": %.3f, \"cpu_of\": {", total - idle * took - start
			for (id in used)
				printf "%s\"%s\": %.3f", comma++ ? ", " : "",
					id == 0 ? "dom0" : id == u1 ? "u1" : "u2", used[id]
			print "}}"
		}'
}

measure() {	# PEER TEST BYTES FLOWS ROUND
	local before after start result cpu was now
	! is_counted $1 $2 $5 || was=$(counts)
	before=$(cpu-time) || return
	start=$EPOCHREALTIME
	result=$(client $1 $2 $3 $4 $ms) || { echo "$result"; return 1; }
	after=$(cpu-time) || return
	cpu=$(cpu_between "$before" "$after" "$(took $start)" "$(start_of $1)")
	! is_counted $1 $2 $5 || now=$(counted "$was" "$(counts)")
	jq -c --arg where $where --arg peer $1 --arg test $2 --argjson bytes $3 --argjson flows $4 \
		--argjson vcpus $VCPUS --argjson round $5 --argjson cpu "$cpu" \
		--argjson counts "${now:-null}" '
		{$where, $peer, $test, $bytes, $flows, $vcpus, $round} + (. | del(.where, .peer, .test,
			.bytes, .flows, .vcpus, .round)) + $cpu + if $counts then {$counts} else {} end' \
		<<<"$result" >>$lines
}

took() {	# START
	awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { print to - from }'
}

measure_idle() {
	local before after start
	idle=0
	before=$(cpu-time) || return
	start=$EPOCHREALTIME
	sleep $IDLE_S
	after=$(cpu-time) || return
	idle=$(cpu_between "$before" "$after" 0 0 | jq --argjson took "$(took $start)" '.cpu_s / $took')
}

# CPU time of a client and its server that send a single block: the least of five, because an
# emulator runs code slowly the first time.
measure_start() {	# PEER
	local before after start
	for _ in 1 2 3 4 5; do
		before=$(cpu-time) || return
		start=$EPOCHREALTIME
		client $1 stream 1024 1 1 >/dev/null || return
		after=$(cpu-time) || return
		cpu_between "$before" "$after" "$(took $start)" 0
	done | jq -s 'map(.cpu_s) | min'
}

start_of() {	# PEER
	case $1 in
	xenvchan-*) echo $start_vchan ;;
	schannel-iperf3 | iperf3 | event-channel | memcpy) echo 0 ;;
	*) echo $start_sockets ;;
	esac
}

# ---- Servers -------------------------------------------------------------------------

start_servers() {
	local peer
	in_group u1 'iperf3 -s -D >/dev/null 2>&1; schannel-bench server >/run/bench.log 2>&1 &'
	spawn copy u1 'bench-copy server'
	spawn events u1 "bench-evtchn server $id_u2"
	spawn xenvchan-64k u1 "bench-vchan server $id_u2 xenvchan-64k 65536"
	spawn xenvchan-1m u1 "bench-vchan server $id_u2 xenvchan-1m 1048576"
	for peer in copy events $vchan_peers; do
		await 30 $peer '^listening' || return
	done
	event_port=$(sed -n 's/^listening on //p' /run/events.out)
	wait_for u2 30 "iperf3 -t 1 -c $(address u1)"
}

# The first run is slow: channels come up, pools grow, iperf3 waits for entropy. Also checks
# that exactly the connections that should be diverted are.
warm_up() {	# PEER TEST
	local bytes=1024 want
	[[ $1 != *iperf3 ]] || bytes=131072
	traffic u2 >/run/before
	client $1 $2 $bytes 1 $WARM_MS && traffic_since /run/before u2 >/run/moved || return
	cat /run/moved
	is_diverted $1 && want='.diverted > 0' || want='.diverted == 0'
	jq -e "$want and .declined == 0" /run/moved
}

warm_up_all() {
	local peer
	for peer in $socket_peers $vchan_peers iperf3 schannel-iperf3; do
		until_true 20 warm_up $peer stream || return
	done
}

measure_round() {	# ROUND
	local start=$EPOCHREALTIME peer test bytes count failed=0
	start_sockets=$(measure_start schannel-stream) && start_vchan=$(measure_start xenvchan-64k) ||
		return
	while read -r -u 3 peer test bytes count; do
		measure $peer $test $bytes $count $1 && continue
		echo "$peer $test $bytes $count failed"
		failed=1
	done 3</run/plan
	detail="in $(since "$start") s, a client takes $start_sockets CPU s to start"
	return $failed
}

schannel_load u1 u2 && divert_load u1 u2 || fail "the modules do not load"
broker
attach $GROUP u1 u2 || fail "the cgroups cannot be attached"
step "servers start in u1" start_servers
step "each peer works, diverted or not as its name says" warm_up_all
step "CPU time when idle" measure_idle || fail "CPU time cannot be measured"
[ $what = flows ] || jq -cn --arg where $where --arg accelerator "$ACCEL" --arg xen "$(xl info xen_version)" \
	--arg kernel "$(uname -r)" --argjson vcpus $VCPUS --argjson ms $ms --argjson idle "$idle" '
	{$where, about: {$accelerator, $xen, $kernel, mitigations: "off", $vcpus, $ms,
	 "CPU s per s, idle": ($idle * 1000 | round / 1000)}}' >>$lines
plan >/run/plan
for round in $(seq $rounds); do
	step "round $round of $rounds" measure_round $round
	progress "round $round: $(wc -l <$lines) lines"
done
summary
