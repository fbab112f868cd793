# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
#	netfront.sh [SECONDS]
#
# Measures netfront between two domUs with iperf3, in both directions, without this project's
# code: a baseline of the testbed. Leaves netfront.json.
set -euo pipefail

seconds=${1:-3}

throughput() {	# FROM TO
	on "$1" "iperf3 -J -t $seconds -c $(address "$2")" |
		jq '.end.sum_received.bits_per_second / 8 / 1048576 * 10 | round / 10'
}

for dom in u1 u2; do
	on $dom 'iperf3 -s -D >/dev/null 2>&1'
done
# The first run waits for entropy.
throughput u1 u2 >/dev/null
for pair in "u1 u2" "u2 u1"; do
	# shellcheck disable=SC2086
	rate=$(throughput $pair)
	progress "netfront, ${pair/ / to }: $rate MiB/s"
	jq -n --arg path "$pair" --argjson rate "$rate" '{path: $path, mib_per_s: $rate}' \
		>>/result/netfront.json
done
