# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091
#
#	demo.sh [SECONDS]
#
# Two domUs, paired by the broker, communicate over AF_SCHANNEL: u2 sends a file to u1, then one
# program measures TCP over netfront, AF_SCHANNEL and diverted TCP in the same boot. u2 sends, u1
# receives; SECONDS (3) is the length of a single measurement. At the end unmodified iperf3 runs
# over netfront, and then attached; and once more while the broker takes the domains apart and
# pairs them again. Leaves demo.json.
set -euo pipefail
. /testbed/lib/broker
. /testbed/lib/transparent

seconds=${1:-3}
runs=3
sizes=(1024 8192 65536 131072)
paths=(netfront schannel diverted)
group=measured	# of the server, and of the clients that are diverted
file_mib=16
phase=5		# seconds for which the domains are paired, not paired, and paired again
raw=/run/measurements

listener() {	# DOM COMMAND: start a command, and wait until it prints "listening ..."
	local log=/run/listener.$RANDOM deadline=$((SECONDS + 30))
	on "$1" "$2" >$log 2>&1 &
	listener=$!
	until grep -q '^listening' $log; do
		kill -0 $listener 2>/dev/null || fail "$1: $2: $(cat $log)"
		[ $SECONDS -lt $deadline ] || fail "$1: $2: not listening: $(cat $log)"
		sleep 0.1
	done
}

send_file() {
	local wanted got start
	wanted=$(on u2 "head -c $((file_mib * 1048576)) /dev/urandom >/tmp/file; sha256sum </tmp/file")
	progress "u2 made a file of $file_mib MiB, SHA-256 ${wanted%% *}"
	listener u1 'schannel-perf receive /tmp/file --once 2>&1'
	start=$EPOCHREALTIME
	on u2 "schannel-perf send /tmp/file $(domid u1) >/dev/null" || fail "the file was not sent"
	wait "$listener" || fail "the file was not received"
	progress "u2 sent it to u1 over AF_SCHANNEL in $(since "$start") s"
	got=$(on u1 'sha256sum </tmp/file')
	[ "$got" = "$wanted" ] || fail "u1 received a different file, SHA-256 ${got%% *}"
	progress "u1 received a file with the same SHA-256, ${got%% *}"
	on u1 'rm /tmp/file'
	on u2 'rm /tmp/file'
	jq -n --arg sha "${got%% *}" --argjson mib $file_mib \
		'{bytes: ($mib * 1048576), sha256: $sha}' >/run/file.json
}

since() {
	awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

# in_group GROUP DOM COMMAND: run a command as a member of a cgroup.
in_group() {
	on "$2" "mkdir -p /sys/fs/cgroup/$1 && echo 0 >/sys/fs/cgroup/$1/cgroup.procs && $3"
}

client() {	# PATH ARGUMENTS: one run of the client in u2, as JSON
	case $1 in
	netfront) on u2 "schannel-perf client $(address u1) --family tcp --json $2" ;;
	schannel) on u2 "schannel-perf client $(domid u1) --json $2" ;;
	diverted) in_group $group u2 "schannel-perf client $(address u1) --family tcp --json $2" ;;
	esac
}

# One measurement, with the CPU time that all domains used meanwhile.
measure() {	# PATH BYTES TEST
	local before after start=$EPOCHREALTIME result
	before=$(cpu_seconds)
	result=$(client "$1" "--test $3 --size $2 --time $seconds") || fail "$1: $result"
	after=$(cpu_seconds)
	jq -c -n --arg path "$1" --argjson bytes "$2" --arg test "$3" \
		--argjson before "$before" --argjson after "$after" \
		--argjson took "$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" \
		--argjson result "$result" \
		'{$path, $bytes, $test, cpu: ($after - $before), $took, $result}' >>$raw
}

# The paths alternate, so that a change of the machine's speed affects all of them.
compare() {	# BYTES TEST
	local start=$EPOCHREALTIME path
	for path in "${paths[@]}"; do
		client "$path" "--test $2 --size $1 --time 1" >/dev/null || fail "$path does not work"
	done
	for _ in $(seq $runs); do
		for path in "${paths[@]}"; do
			measure "$path" "$1" "$2"
		done
	done
	progress "measured $2 at $1 bytes: $runs runs each in $(since "$start") s"
}

# Fails unless connections were diverted since /run/before, and none were declined.
all_diverted() {
	traffic_since /run/before u2 >/run/moved
	jq -e '.diverted > 0 and .declined == 0' /run/moved >/dev/null ||
		fail "connections were not diverted as expected: $(cat /run/moved)"
}

# CPU seconds per second that all domains use when idle.
measure_idle() {
	local before after start=$EPOCHREALTIME
	before=$(cpu_seconds)
	sleep 4
	after=$(cpu_seconds)
	awk -v cpu="$after" -v was="$before" -v from="$start" -v to="$EPOCHREALTIME" \
		'BEGIN { printf "%.4f\n", (cpu - was) / (to - from) }'
}

# iperf3_rate true|false: the median in MiB/s; connections must be diverted, or none.
iperf3_rate() {
	local went
	traffic u2 >/run/before
	for _ in $(seq $runs); do
		in_group demo u2 "iperf3 -J -l 128K -t $seconds -c $(address u1)" |
			jq '.end.sum_received.bits_per_second / 8 / 1048576'
	done | jq -s 'sort | .[length / 2 | floor]'
	went=$(traffic_since /run/before u2)
	jq -e "(.diverted > 0) == $1 and .declined == 0" <<<"$went" >/dev/null ||
		fail "iperf3's connections were not diverted as expected: $went"
}

# The program, its arguments and the address stay the same.
transparent() {
	local netfront schannel
	in_group demo u1 'iperf3 -s -D >/dev/null 2>&1'
	wait_for u2 30 "iperf3 -t 1 -c $(address u1)" || fail "iperf3 does not answer"
	netfront=$(iperf3_rate false) || fail "iperf3 over netfront: $netfront"
	progress "unmodified iperf3 over netfront: $(printf '%.1f' "$netfront") MiB/s"
	attach demo u1 u2 || fail "the cgroups cannot be attached"
	progress "schannelctl attach /demo, in u1 and u2"
	schannel=$(iperf3_rate true) || fail "iperf3 when attached: $schannel"
	progress "unmodified iperf3 over SChannel: $(printf '%.1f' "$schannel") MiB/s"
	jq -n --argjson netfront "$netfront" --argjson schannel "$schannel" \
		'{netfront: $netfront, schannel: $schannel, ratio: ($schannel / $netfront)}' \
		>/run/iperf3.json
}

# carried true|false: fail unless channels carry connections of u1, or none.
carried() {
	on u1 'schannelctl -j flows state open' | jq -e "any(.[]; .peer_address) == $1" >/dev/null ||
		fail "second $second: that channels carry connections is not $1"
}

# The connection that iperf3 has made lasts; the policy says where its bytes go. An empty one pairs
# no domains.
take_apart() {
	local second=0 rate
	: >/run/rates
	cp /etc/schannel/policy /run/policy
	in_group demo u2 "iperf3 --forceflush -f M -i 1 -l 128K -t $((3 * phase)) -c $(address u1)" |
		sed -u -n '/sender\|receiver/d; s/^\[ *[0-9]*\] .* sec .* \([0-9.]*\) MBytes\/sec.*/\1/p' |
		while read -r rate; do
			second=$((second + 1))
			progress "iperf3, second $second: $rate MiB/s"
			echo "$rate" >>/run/rates
			case $second in
			"$phase")
				carried true
				: >/etc/schannel/policy
				schannelctl reload
				progress "the policy does not pair u1 and u2 any more"
				;;
			$((2 * phase)))
				carried false
				cp /run/policy /etc/schannel/policy
				schannelctl reload
				progress "the policy pairs u1 and u2 again"
				;;
			$((3 * phase - 1)))
				carried true
				;;
			esac
		done
	[ "$(wc -l </run/rates)" -ge $((3 * phase)) ] || fail "iperf3 has ended early"
}

summary() {	# IDLE
	jq -s --arg accel "$ACCEL" --arg xen "$(xl info xen_version)" --arg kernel "$(uname -r)" \
		--arg guest "$GUEST" --argjson idle "$1" --slurpfile file /run/file.json \
		--slurpfile iperf3 /run/iperf3.json --slurpfile rates /run/rates --argjson phase $phase '
	def median: sort | .[length / 2 | floor];
	def row: {path: .[0].path, bytes: .[0].bytes} +
		if .[0].test == "rtt" then
			{mib_per_s: null, rtt_us: ([.[].result.rtt_us.median] | median),
			 cpu_s_per_gib: null}
		else
			{mib_per_s: ([.[].result.mib_per_s] | median), rtt_us: null,
			 cpu_s_per_gib: ([.[] | (.cpu - $idle * .took) /
				(.result.bytes / 1073741824)] | median)}
		end;
	{accelerator: $accel, $xen, $kernel, $guest, mitigations: "off",
	 idle_cpu_s_per_s: $idle, file: $file[0], iperf3_mib_per_s: $iperf3[0],
	 iperf3_taken_apart: {paired_for_s: $phase, not_paired_for_s: $phase, mib_per_s: $rates},
	 rows: (group_by([.test, .bytes, .path]) | map(row))}' $raw
}

table() {
	jq -r '
	def of(path; bytes): .rows[] | select(.path == path and .bytes == bytes);
	. as $all | [.rows[].bytes] | unique[] | . as $bytes |
	[$bytes, ($all | (of("netfront"; $bytes), of("schannel"; $bytes), of("diverted"; $bytes)) |
		.mib_per_s // "-", .rtt_us // "-", .cpu_s_per_gib // "-")] | @tsv' "$1" |
	awk -F '\t' '
	BEGIN {
		line = "%-26s %10s %12s %7s %13s %7s\n"
		printf line, "", "netfront", "AF_SCHANNEL", "ratio", "TCP diverted", "ratio"
	}
	function show(what, a, b, c, form) {
		printf line, what, sprintf(form, a), sprintf(form, b), sprintf("%.2f", b / a),
			sprintf(form, c), sprintf("%.2f", c / a)
	}
	$3 != "-" { rtt[1] = $3; rtt[2] = $6; rtt[3] = $9; next }
	{
		rate[++n] = sprintf("%d KiB writes", $1 / 1024)
		a[n] = $2; b[n] = $5; c[n] = $8
		ca[n] = $4; cb[n] = $7; cc[n] = $10
	}
	END {
		print "throughput, MiB/s"
		for (i = 1; i <= n; i++) show("  " rate[i], a[i], b[i], c[i], "%.1f")
		print "CPU seconds per GiB"
		for (i = 1; i <= n; i++) show("  " rate[i], ca[i], cb[i], cc[i], "%.2f")
		show("1-byte round trip, us", rtt[1], rtt[2], rtt[3], "%.0f")
	}'
	jq -r '.iperf3_mib_per_s | [.netfront, .schannel, .ratio] | @tsv' "$1" | awk '
		{ printf "%-26s %10.1f %12s %7s %13.1f %7.2f\n", "iperf3, unmodified, MiB/s", $1, "", "", $2, $3 }'
}

if ! schannel_load u1 u2 || ! divert_load u1 u2; then
	fail "the modules do not load"
fi
broker
progress "u1 and u2 are paired"
send_file

idle=$(measure_idle)
attach $group u1 u2 || fail "the cgroups cannot be attached"
listener u1 "echo 0 >/sys/fs/cgroup/$group/cgroup.procs && exec schannel-perf server --family tcp 2>&1"
listener u1 'schannel-perf server 2>&1'
traffic u2 >/run/before
for size in "${sizes[@]}"; do
	compare "$size" stream
done
compare 1 rtt
all_diverted
transparent
take_apart

summary "$idle" >/result/demo.json
cat <<END

Accelerator $ACCEL, Xen $(xl info xen_version), Linux $(uname -r), $GUEST guests
with $VCPUS vCPU each; u2 sends to u1.
Xen (spec-ctrl=no xpti=off pv-l1tf=off), dom0 and guests (mitigations=off) run
without CPU mitigations. Median of $runs runs of $seconds s, alternating in one boot.
CPU seconds are those of dom0 and both domUs together, less the
$idle CPU s/s that the three use when idle.

$(table /result/demo.json)

END
