# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	soak.sh SECONDS FLOWS
#
# Many flows of all kinds between u1 and u2, half of them opened by each, that transfer data,
# half-close and end at random. No byte may get lost, and afterwards each domain must use as
# many resources as before. A channel's pool grows with the first flows and stays, so this
# is compared after a first, short round, and again with the modules unloaded. SECONDS (40)
# is the length of the soak, FLOWS (1000) the number of flows at a time.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/holdings

seconds=${1:-40}
flows=${2:-1000}
first=10
slow=8		# factor on time limits: the machine is emulated and has many flows
pages_about=64	# pages that a channel may grant beside its pool, for tables

# start_server NAME DOM PEER PORT, start_client NAME DOM PEER PORT SECONDS
start_server() {
	spawn "$1" "$2" "schannel-soak --mode server --control-port $4 \
		--peer $(domid "$3") --slow $slow --flows $flows"
}

client_command() {	# DOM PEER PORT SECONDS
	echo "schannel-soak --mode client --control-host $(address "$2") --control-port $3 \
		--peer $(domid "$2") --slow $slow --flows $((flows / 2)) --seconds $4 \
		--seed $((seconds + $3)) --every 20"
}

# report FILE: what a client reported at its end; its exit status is the verdict.
report() {
	grep -v ' s: ' "$1" | sed 's/^#* */#   /' | head -n 100
}

# round SECONDS: both directions at once; one client's progress is printed as it comes.
round() {
	local limit=$(($1 + 300)) status=0 name
	start_server server-u1 u1 u2 7200
	start_server server-u2 u2 u1 7201
	spawn client-u1 u1 "$(client_command u1 u2 7201 "$1")"
	on u2 "timeout $limit $(client_command u2 u1 7200 "$1")" 2>&1 |
		tee /run/client-u2.out | grep ' s: '
	[ "${PIPESTATUS[0]}" = 0 ] || status=1
	until_true $limit ended client-u1 || status=1
	[ "$(cat /run/client-u1.end)" = 0 ] || status=1
	for name in client-u2 client-u1; do
		echo "# $name"
		report "/run/$name.out"
	done
	for name in server-u1 server-u2; do
		until_true 30 ended $name || status=1
		if [ -s /run/$name.out ]; then
			echo "# $name"
			sed 's/^#* */#   /' /run/$name.out | head -n 50
		fi
	done
	stop client-u1 server-u1 server-u2
	return $status
}

# step_round NAME SECONDS: a round as a step, whose output is always printed.
step_round() {
	local status=0
	round "$2" || status=1
	step "$1" [ $status = 0 ]
}

no_sockets() {
	local dom
	for dom in u1 u2; do
		[ "$(on $dom 'cd /sys/kernel/slab/SCHANNEL && echo 1 >shrink && cat objects' |
			sed 's/ .*//')" = 0 ] || return
	done
}

same_event_channels() {
	holdings u1 u2 | grep 'event channels' >/run/now
	grep 'event channels' /run/first | diff - /run/now
}

# granted FILE DOM: the number of granted pages in FILE, written by "holdings".
granted() {
	sed -n "s/^$2: \([0-9]*\) pages.*/\1/p" "$1"
}

# channel DOM FIELD: a field of its channel to the other domU.
channel() {
	on "$1" 'schannelctl -j channels' | tr ',{}' '\n' |
		sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"
}

# in_rings DOM...: number of flows, and memory in rings. One flow in each direction stays: it
# carries datagrams.
in_rings() {
	local dom
	for dom in "$@"; do
		echo "$dom: $(channel "$dom" flows) flows, $(channel "$dom" pool_used) bytes in rings"
	done
}

_same_rings() {
	in_rings u1 u2 >/run/now
	cmp -s /run/first-rings /run/now
}

same_rings() {
	until_true $HOLDINGS_LIMIT _same_rings || diff /run/first-rings /run/now
}

# The pool may have grown, and a few pages of tables with it.
grants_of_pools() {
	local dom pool more
	holdings u1 u2 >/run/now
	for dom in u1 u2; do
		pool=$(($(channel $dom pool_size) / 4096 - first_pool[$dom]))
		more=$(grown $dom)
		detail+="${detail:+, }$dom: $more more, of them $pool of its pool"
		[ "$pool" -ge 0 ] && [ "$more" -ge "$pool" ] &&
			[ "$more" -le $((pool + pages_about)) ] || return
	done
}

# grown DOM: pages granted since the first round.
grown() {
	echo $(($(granted /run/now "$1") - $(granted /run/first "$1")))
}

unload() {
	wait_for "$1" $HOLDINGS_LIMIT 'rmmod schannel_xen 2>/dev/null; rmmod schannel'
}

trap 'cp /run/*.out /run/*.end /run/before /run/first /result 2>/dev/null' EXIT
holdings u1 u2 >/run/before
free_u1=$(memory u1)
free_u2=$(memory u2)
schannel_load u1 u2 || fail "the modules do not load"
schannel_pair u1 u2 || fail "u1 and u2 cannot be paired"

step_round "a first round of $first s" $first
step "all sockets are gone" until_true $HOLDINGS_LIMIT no_sockets
holdings u1 u2 >/run/first
in_rings u1 u2 >/run/first-rings
declare -A first_pool
for dom in u1 u2; do
	first_pool[$dom]=$(($(channel $dom pool_size) / 4096))
done
first_u1=$(memory u1)
first_u2=$(memory u2)
sed 's/^/# /' /run/first /run/first-rings

step_round "a soak of $seconds s with $flows flows" "$seconds"
step "all sockets are gone" until_true $HOLDINGS_LIMIT no_sockets
step "flows and rings are as after the first round" same_rings
step "event channels are as after the first round" same_event_channels
step "grants are as after the first round, plus the pools' growth" grants_of_pools
step "u1 has as much memory as after the first round, less its pool's growth" \
	as_much_memory u1 $((first_u1 - 4 * $(grown u1)))
step "u2 has as much memory as after the first round, less its pool's growth" \
	as_much_memory u2 $((first_u2 - 4 * $(grown u2)))

step "the modules are unloaded in u1" unload u1
step "the modules are unloaded in u2" unload u2
schannelctl unpair u1 u2
step "grants and event channels are as before the modules were loaded" back_to /run/before u1 u2
step "u1 has its memory back" as_much_memory u1 "$free_u1"
step "u2 has its memory back" as_much_memory u2 "$free_u2"
summary
