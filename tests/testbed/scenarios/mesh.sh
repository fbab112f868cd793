# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	mesh.sh
#
# Starts the domUs that --domus allows, pairs each with each, and has all of them send at the
# same time, each to one after the other. Leaves mesh.jsonl; tests/bench/README.md describes
# its lines.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/broker
. /testbed/lib/holdings

AT_ONCE=4
PATIENCE=120
SECONDS_EACH=0.5
lines=/result/mesh.jsonl
doms=()

boot() {
	local number dom batch=()
	for number in $(seq $DOMUS); do
		batch+=("u$number")
		[ ${#batch[@]} -lt $AT_ONCE ] && [ $number -lt $DOMUS ] && continue
		domu_create "${batch[@]}" || break
		doms+=("${batch[@]}")
		progress "${#doms[@]} domUs are up"
		batch=()
	done
	detail="${#doms[@]} of $DOMUS"
	[ ${#doms[@]} = $DOMUS ]
}

record() {	# TEST FLOWS VALUE UNIT
	jq -cn --arg where "xen-$GUEST" --arg test $1 --argjson flows $2 --argjson vcpus $VCPUS \
		--argjson value $3 --arg unit "$4" --argjson domains ${#doms[@]} '
		{$where, peer: "schannel-stream", $test, bytes: 65536, $flows, $vcpus, round: 1, $value,
		 $unit, $domains}' >>$lines
}

know_each_other() {
	local dom
	for dom in "${doms[@]}"; do
		[ "$(on $dom 'schannelctl -j peers' | jq length)" -ge $((${#doms[@]} - 1)) ] || return
	done
}

paired() {
	local start=$EPOCHREALTIME
	broker
	until_true $PATIENCE know_each_other || return
	detail="$((${#doms[@]} * (${#doms[@]} - 1) / 2)) pairs in $(since "$start") s"
}

# Pages that the domUs share with each other. Free memory still changes after a boot.
shared_pages() {
	local dom ids=()
	for dom in "${doms[@]}"; do
		ids+=("$(domid $dom)")
	done
	grants "${ids[@]}" | awk '$2 != 0 { n += $3 } END { print n + 0 }'
}

start_servers() {
	local dom
	for dom in "${doms[@]}"; do
		spawn server-$dom $dom 'schannel-perf server --timeout 60'
	done
	for dom in "${doms[@]}"; do
		await 60 server-$dom '^listening' || return
	done
}

# All domUs send at once, each to one after the other.
talk() {
	local dom other others start=$EPOCHREALTIME
	for dom in "${doms[@]}"; do
		others=
		for other in "${doms[@]}"; do
			[ $other = $dom ] || others+=" $(domid $other)"
		done
		spawn talk-$dom $dom "for id in $others; do schannel-perf client \$id --size 65536 \
			--time $SECONDS_EACH --timeout 60 --verify --json || exit; done"
	done
	for dom in "${doms[@]}"; do
		until_true 600 ended talk-$dom && [ "$(cat /run/talk-$dom.end)" = 0 ] || {
			echo "$dom said:"
			tail -n 3 /run/talk-$dom.out
			return 1
		}
	done
	took=$(since "$start")
	moved=$(cat /run/talk-*.out | jq -s 'map(.bytes) | add')
	talked=$(cat /run/talk-*.out | jq -s length)
	detail="$talked connections, $((moved / 1048576)) MiB in $took s"
	[ $talked = $((${#doms[@]} * (${#doms[@]} - 1))) ]
}

channels_up() {
	local dom
	for dom in "${doms[@]}"; do
		[ "$(on $dom 'schannelctl -j channels' | jq '[.[] | select(.state == "up")] | length')" \
			-ge $((${#doms[@]} - 1)) ] || return
	done
}

step "all domUs boot" boot
[ ${#doms[@]} -ge 2 ] || fail "fewer than two domUs"
schannel_load "${doms[@]}" || fail "the modules do not load"
step "the broker pairs each with each" paired
step "servers start" start_servers
step "each domain sends to each other one" talk || fail "there is no rate to report"
step "each domain has a channel to each other one" channels_up
rate=$(awk -v moved=$moved -v took=$took 'BEGIN { print moved / 1048576 / took }')
record mesh $talked $rate MiB/s
each=$((4096 * $(shared_pages) / (${#doms[@]} * (${#doms[@]} - 1) / 2)))
record mesh-memory $talked $each B
echo "# the two domains of a channel share $each bytes"
summary
