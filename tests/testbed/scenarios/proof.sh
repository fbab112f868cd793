# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	proof.sh [quick]
#
# Unmodified programs between two domUs with a Debian root ("testbed xen --root"): first over
# netfront, then attached, with no other difference. Each must transfer its data correctly,
# and the counters must show which way its connections went. "quick" runs a few programs.
# Leaves proof.json and proof.md.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/broker
. /testbed/lib/transparent
. /testbed/lib/programs

quick=${1:-}
seconds=5
[ -z "$quick" ] || seconds=3
group=proof		# the cgroup of all programs, which is attached
results=/run/results
network_share=20	# limit of network traffic when diverted, percent of that over netfront
network_each=524288	# and bytes for each connection, which fill TCP's queues before it moves

# q if quick|IP version|least number of diverted connections|unit|name|command. What is over within
# net.schannel.divert_delay_ms stays with TCP; 0: it may be all of them.
programs() {
	grep "^${quick:+q}" <<-'END' | cut -d '|' -f 2-
	q|4|2|MiB/s|iperf3, 1 stream|iperf3_client
	 |4|17|MiB/s|iperf3, 16 streams|iperf3_client -P 16
	 |4|2|MiB/s|iperf3 -R|iperf3_client -R
	 |6|3|MiB/s|iperf3 --bidir|iperf3_client --bidir
	 |4|50|1/s|redis-benchmark SET|redis_client set 10000
	q|4|50|1/s|redis-benchmark GET|redis_client get 10000
	q|4|16|1/s|nginx and wrk, 100 bytes|wrk_client small
	q|4|0|1/s|nginx and wrk, 100 bytes, a connection each|wrk_close_client small
	q|4|16|MiB/s|nginx and wrk, 1 MiB|wrk_client large
	 |4|8|1/s|PostgreSQL and pgbench|pgbench_client
	 |4|1|MiB/s|OpenSSH's scp|scp_client
	q|6|1|MiB/s|curl|curl_client file
	q|6|4|MiB/s|Go, echo, 4 streams|go_client
	 |6|4|MiB/s|Python's asyncio, echo, 4 streams|python_client
	END
}

start_servers() {
	local each=(iperf3 redis nginx go) name
	[ "$quick" ] || each+=(postgres sshd python)
	for name in "${each[@]}"; do
		"${name}_server" || return
	done
	servers_answer && { [ "$quick" ] || postgres_prepare; }
}

# client FAMILY COMMAND...: run a client with the server's address in "host" and "url".
client() {
	if [ "$1" = 6 ]; then
		host=$(address6 u1) url="http://[$(address6 u1)]"
	else
		host=$(address u1) url="http://$(address u1)"
	fi
	shift
	"$@"
}

# went netfront|schannel CONNECTIONS PROGRAM: check the counters in /run/moved.
went() {
	local before
	case $1 in
	netfront)
		jq -e '.diverted + .brief + .declined == 0' /run/moved
		;;
	schannel)
		before=$(jq --arg program "$3" 'select(.path == "netfront" and .program == $program) |
			.network' $results)
		jq -e --argjson least "$2" --argjson share "$((before * network_share / 100))" \
			--argjson each $network_each \
			'.diverted >= $least and .declined == 0 and
				($least == 0 or .network <= $share + .diverted * $each)' /run/moved
		;;
	esac >/dev/null && return
	echo "counted: $(cat /run/moved)${before:+, over the network before: $before}"
	return 1
}

# try PATH FAMILY CONNECTIONS UNIT NAME COMMAND: run a program and record its rate.
try() {
	local path=$1 family=$2 connections=$3 unit=$4 name=$5 rate
	shift 5
	traffic u2 >/run/before && rate=$(client $family "$@") &&
		traffic_since /run/before u2 >/run/moved || return
	jq -c --arg path "$path" --arg program "$name" --arg unit "$unit" --argjson family $family \
		--argjson rate "$rate" '{$program, $path, $family, $unit, $rate} + .' /run/moved >>$results
	detail=$(jq -r --arg rate "$(printf '%.1f' "$rate") $unit" '"\($rate), \(.diverted) diverted, " +
		"\(.network / 1048576 * 10 | round / 10) MiB over the network"' /run/moved)
	went "$path" "$connections" "$name"
}

try_all() {	# PATH
	local family connections unit name command
	programs >/run/programs
	while IFS='|' read -r -u 3 family connections unit name command; do
		step "$name, $1, IPv$family" try "$1" $family $connections "$unit" "$name" $command
	done 3</run/programs
}

# The first one waits until the channel is up.
diverted() {
	local host url seconds=1
	traffic u2 >/run/before
	client 4 iperf3_client && traffic_since /run/before u2 | jq -e '.diverted > 0'
}

# ---- Both kinds of clients on one server -----------------------------------------

INCREMENTS=10000

clients_connected() {
	local diverted plain
	diverted=$(on u1 'schannelctl -j flows' | jq '[.[] | select(.local_port == 6379)] | length')
	plain=$(on u1 "cat /proc/net/tcp" | awk '$2 ~ /:18EB$/ && $4 == "01"' | wc -l)
	plain=$((plain - diverted))	# they are TCP connections, too
	echo "$diverted diverted, $plain not"
	detail="$diverted diverted and $plain other connections at once"
	[ "$diverted" -ge 25 ] && [ "$plain" -ge 25 ]
}

mixed() {
	local name
	in_u2 "redis-cli -h $(address u1) del counter:__rand_int__" >/dev/null
	for name in plain $group; do
		spawn "mixed-$name" u2 "debian $name 'redis-benchmark -h $(address u1) -t incr -c 25 \
			-n $INCREMENTS --csv'"
	done
	until_true 60 clients_connected || return
	for name in plain $group; do
		until_true 240 ended "mixed-$name" || return
		[ "$(cat "/run/mixed-$name.end")" = 0 ] || { cat "/run/mixed-$name.out"; return 1; }
	done
	[ "$(in_u2 "redis-cli -h $(address u1) get counter:__rand_int__")" = $((2 * INCREMENTS)) ]
}

# ---- What is left ------------------------------------------------------------

summarise() {
	jq -s --arg accel "$ACCEL" --arg xen "$(xl info xen_version)" --arg kernel "$(uname -r)" \
		--arg guest "$GUEST" --argjson seconds $seconds '
	{accelerator: $accel, $xen, $kernel, $guest, mitigations: "off", $seconds, programs:
	 [reduce .[] as $each ([]; if any(.[]; .[0].program == $each.program)
			then map(if .[0].program == $each.program then . + [$each] else . end)
			else . + [[$each]] end) | .[] |
	  {program: .[0].program, family: .[0].family, unit: .[0].unit} +
		(map({(.path): {rate, diverted, declined, network}}) | add) |
	  .ratio = (if .netfront and .schannel then .schannel.rate / .netfront.rate else null end)]}' \
		$results >/result/proof.json
}

table() {
	jq -r '
	def rounded: if . == null then "-" elif . >= 100 then round else . * 10 | round / 10 end;
	"| | | netfront | SChannel | ratio |", "|---|---|---:|---:|---:|",
	(.programs[] | "| \(.program), IPv\(.family) | \(.unit) | \(.netfront.rate | rounded) | " +
		"\(.schannel.rate | rounded) | \(.ratio | if . then . * 100 | round / 100 else "-" end) |")' \
		/result/proof.json
}

schannel_load u1 u2 && divert_load u1 u2 || fail "the modules do not load"
broker
step "servers start in u1" start_servers
progress "the servers answer"
try_all netfront
step "the servers' cgroup is attached, and the clients'" attach $group u1 u2
step "connections are diverted" until_true 30 diverted
try_all schannel
step "redis-server has clients of both kinds at once" mixed

summarise
table >/result/proof.md
echo
echo "Accelerator $ACCEL, Linux $(uname -r), $GUEST guests with $VCPUS vCPU each, $seconds s each:"
echo
cat /result/proof.md
summary
