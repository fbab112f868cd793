# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	scale.sh [FLOWS]
#
# FLOWS (10000) connections between two domUs: how fast they open, how much memory an idle one
# costs in both domains together, how much a bulk stream slows down beside them, and which
# share the slowest gets when many or all are busy. Leaves scale.jsonl;
# tests/bench/README.md describes its lines, tests/bench/targets.py has the targets.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/holdings

flows=${1:-10000}
PORT=7410
POOL_KIB=131072		# more than the rings need
SECONDS_BUSY=6
SECONDS_ALL=20		# each sends about once a second then
# Each thread has a share of the connections, as in servers. With a thread for each, some would
# not run for seconds: without CONFIG_PARAVIRT_TIME_ACCOUNTING a guest's scheduler charges a
# thread for the time in which the hypervisor runs another domain.
THREADS=8
OPEN_LIMIT=300
lines=/result/scale.jsonl

record() {	# TEST FLOWS JSON
	jq -c --arg where "xen-$GUEST" --arg test $1 --argjson flows $2 --argjson vcpus $VCPUS '
		{$where, peer: "schannel-stream", $test, bytes: (.bytes // 0), $flows, $vcpus, round: 1} +
		(. | del(.where, .peer, .test, .flows, .vcpus, .round))' <<<"$3" | tee -a $lines
}

# ---- Memory --------------------------------------------------------------------

# channel DOM FIELD: a field of its channel to the other domU.
channel() {
	on "$1" 'schannelctl -j channels' | jq ".[0].$2"
}

pools() {
	channel u1 pool_size && channel u2 pool_size
}

# Memory that a domain uses, in bytes.
in_use() {	# DOM
	local free
	free=$(memory $1)
	on $1 'cat /proc/meminfo; schannelctl -j channels' | awk -v free=$free '
		$1 == "MemTotal:" { total = $2 }
		$1 == "Slab:" { slab = $2 }
		match($0, /"pool_size": *[0-9]+/) { split(substr($0, RSTART, RLENGTH), pool, ":") }
		END { printf "{\"all\": %.0f, \"slab\": %.0f, \"pool\": %.0f}\n",
			(total - free) * 1024, slab * 1024, pool[2] }'
}

in_use_of_both() {
	jq -cn --argjson u1 "$(in_use u1)" --argjson u2 "$(in_use u2)" \
		--argjson grants "$(granted)" '{$u1, $u2, $grants}'
}

# Memory in slabs of both domains together, as lines "BYTES NAME".
slabs() {
	local dom
	for dom in u1 u2; do
		on $dom "sed 1,2d /proc/slabinfo"
	done | awk '{ bytes[$1] += $3 * $4 } END { for (name in bytes) print bytes[name], name }'
}

# The same per connection, since FILE was written; the largest first.
slabs_since() {	# FILE
	slabs | awk -v flows=$flows 'NR == FNR { was[$2] = $1; next }
		($1 - was[$2]) / flows >= 20 { printf "%d %s\n", ($1 - was[$2]) / flows, $2 }' $1 - |
		sort -rn
}

granted() {
	grants "$(domid u1)" "$(domid u2)" | awk '$2 != 0 { n += $3 } END { print n + 0 }'
}

cost() {
	local each
	until_still pools && in_use_of_both >/run/after || return
	record idle $flows "$(jq -cn --slurpfile was /run/before --slurpfile now /run/after \
		--argjson flows $flows '
		def each(f): (($now[0] | f) - ($was[0] | f)) / $flows | round;
		{value: each(.u1.all + .u2.all), unit: "B", slab: each(.u1.slab + .u2.slab),
		 pool: each(.u1.pool + .u2.pool), of_u1: each(.u1.all), grants: each(100 * .grants)} |
		.grants /= 100')"
	each=$(jq -s 'last.value' $lines)
	detail="$each bytes each: $(jq -sc 'last | {slab, pool, of_u1, grants}' $lines)"
	slabs_since /run/slabs >/result/slabs
}

# ---- Traffic -------------------------------------------------------------------

bulk() {	# TEST IDLE
	local result
	result=$(on u2 "schannel-perf client $(domid u1) --size 65536 --time 3 --json") || return
	result=$(jq -c --argjson idle $2 '{bytes: 65536, value: .mib_per_s, unit: "MiB/s",
		moved_bytes: .bytes, idle_flows: $idle}' <<<"$result")
	record $1 1 "$result"
	detail="$(jq '.value * 10 | round / 10' <<<"$result") MiB/s"
}

# The channel is up and has been used before memory is counted.
open_first() {
	spawn server u1 "bench-flows server $PORT $((flows + 16))"
	spawn perf u1 'schannel-perf server'
	await 30 server '^listening' && await 30 perf '^listening' && bulk scale 0
}

open_all() {
	spawn client u2 "mkfifo /run/orders; exec 3<>/run/orders
		exec bench-flows client $(domid u1) $PORT $flows <&3"
	await $OPEN_LIMIT client '^{' || return
	record open $flows "$(head -n 1 /run/client.out)"
	detail="$(jq -s 'first.value' /run/client.out) connections per second"
}

busy() {	# FLOWS BYTES SECONDS
	local before
	before=$(said client '^{')
	on u2 "echo $THREADS $1 $2 $3 >/run/orders"
	await 120 client '^{' $((before + 1)) || return
	record scale $1 "$(tail -n 1 /run/client.out)"
	detail=$(jq -rs 'last | "\(.value * 10 | round / 10) MiB/s in all, the slowest " +
		"\(.fewest_share * 100 | round)% of its share"' $lines)
	record fairness $1 "$(jq -sc "last | {bytes, value: .fewest_share, unit: \"x\"}" $lines)"
}

all_gone() {
	stop client
	until_true 60 few_flows
}

few_flows() {
	[ "$(channel u1 flows)" -lt 16 ] && [ "$(channel u2 flows)" -lt 16 ]
}

for dom in u1 u2; do
	schannel_load $dom && on $dom "echo $POOL_KIB >/proc/sys/net/schannel/pool_max_kib" ||
		fail "the modules do not load"
done
schannel_pair u1 u2 || fail "u1 and u2 cannot be paired"
step "a bulk stream" open_first
until_still pools && in_use_of_both >/run/before && slabs >/run/slabs || fail "memory cannot be counted"
step "$flows connections open" open_all
step "memory of an idle connection, both domains together" cost
step "the bulk stream beside idle connections" bulk beside-idle $flows
step "64 connections busy" busy 64 65536 $SECONDS_BUSY
step "256 connections busy" busy 256 65536 $SECONDS_BUSY
step "all $flows busy" busy $flows 4096 $SECONDS_ALL
step "all connections end with their programs" all_gone
summary
