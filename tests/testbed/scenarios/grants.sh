# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2154
#
#	grants.sh
#
# A domain with a small grant table: connections take entries until connect() says ENOBUFS.
# Then the rest of the system still finds some: a network interface can be added. Another
# channel comes up with the minimum that every channel is sure of, and what is closed is
# given back.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows

frames=16	# of 512 entries; the network interface of the domain takes 512 of these
least=384	# entries that each channel is sure of

# number MEMBER: a number that schannelctl in u1 shows of the channel to u2.
number() {
	on u1 'schannelctl -j channels' |
		jq ".[] | select(.domid == $(domid u2)) | .$1"
}

# Open connections with rings of 4 MiB until one fails.
exhaust() {
	local i=0
	on u1 'sysctl -q net.schannel.ring_min_kib=4096' || return
	while flow "large-$i" u1 u2 send --stall; do
		i=$((i + 1))
		[ $i -lt 30 ] || return
	done
	detail="$i connections, then $(tail -n 1 "/run/large-$i.out")"
	grep -qx 'connect: ENOBUFS' "/run/large-$i.out" && [ $i -gt 0 ]
}

shown() {
	local refused all limit
	refused=$(number grants_refused)
	all=$(number grants_all)
	limit=$(number grants_limit)
	detail="$all of $limit entries, refused $refused times"
	# connections took most of the entries, and left the reserve
	[ "$refused" -gt 0 ] && [ "$all" -le "$limit" ] && [ "$all" -gt $((limit / 2)) ] &&
		[ "$limit" -le $((frames * 512 / 2)) ]
}

other_channel() {
	on u1 'sysctl -q net.schannel.ring_min_kib=4' && connects u1 dom0
}

# The interface is connected: state 4.
connected() {
	xl network-list u1 | awk '$1 == 1 && $5 == 4 { found = 1 } END { exit !found }'
}

hot_plug() {
	xl network-attach u1 bridge=xbr0 mac=00:16:3e:00:01:01 script=/testbed/vif || return
	until_true 60 connected && return
	xl network-list u1
	on u1 'dmesg | tail -n 5'
	return 1
}

given_back() {
	[ "$(number grants)" -le $least ]
}

trap 'cp /run/*.out /run/*.end /result' EXIT
DOMU_MORE="max_grant_frames = $frames" domu_create u1 && domu_create u2 ||
	fail "the domains do not start"
schannel_load dom0 u1 u2 || fail "the modules do not load"
schannel_pair u1 u2 && schannel_pair dom0 u1 || fail "the domains cannot be paired"
serve u2 dom0 || fail "the domains cannot listen"
step "connections take grant entries, up to ENOBUFS" exhaust
step "schannelctl shows how many, the limit, and that none was left" shown
step "a network interface can still be added" hot_plug
step "another channel comes up" other_channel
stop_all
step "closed connections give the entries back" until_true 60 given_back
serve u2 || fail "u2 cannot listen again"
step "connect once more" connects u1 u2
stop_all
summary
