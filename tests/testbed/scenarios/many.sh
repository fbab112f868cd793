# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	many.sh
#
# More peers than xenstored lets a domain have. u1 is paired with domains that do not exist
# (nobody but dom0 needs to know), as many as use up its watches. Those beyond the limit are
# shown with the reason by "schannelctl list" and in u1's log, and are served once there is
# a watch. The same when u1 may create no more nodes.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows

LIMIT=240	# seconds until an expected event must have happened
first=1000	# domain ids of the domains that do not exist
pairs=130	# xenstored allows 128 watches
NODES=1000	# it allows as many
LEAST=110	# pairs that these must suffice for

# invent: let u1 be paired with domains that do not exist, as "schannelctl pair" would: u1 has
# the backends. The frontends are all in one place.
invent() {
	local number back fronts=/local/domain/$first/device/schannel keys=() states=()
	for number in $(seq $first $((first + pairs - 1))); do
		back=$backs/$number/0
		keys+=("$back/frontend" "$fronts/$number" "$back/frontend-id" $number)
		keys+=("$back/error" "" "$fronts/$number/state" 1)
		states+=("$back/state" 1)
	done
	xenstore-write "${keys[@]}" &&
		xenstore-chmod -r "$backs" n0 "r$D1" && xenstore-chmod "$home/backend" n0 "r$D1" &&
		xenstore-chmod -r "/local/domain/$first" n0 "r$D1" || return
	for number in $(seq $first $((first + pairs - 1))); do
		xenstore-chmod -r "$backs/$number/0" "n$D1" || return
	done
	xenstore-write "${states[@]}"
}

# forget NUMBER: remove so many pairs.
forget() {
	local number ends=()
	for number in $(seq $first $((first + $1 - 1))); do
		ends+=("$backs/$number")
	done
	first=$((first + $1)) pairs=$((pairs - $1))
	xenstore-rm "${ends[@]}"
}

# ends STATE: how many ends of u1 are in this state.
ends() {
	schannelctl -j list | jq --arg state "$1" --argjson id "$D1" '
		[.[] | .frontend, .backend | select(.domid == $id and .state == $state)] | length'
}

limited() {
	local waits
	until_true $LIMIT settled || return
	waits=$(ends watch-limit)
	detail="$(ends initialising) pairs are served, $waits wait for a watch"
	[ $waits -gt 0 ] && [ "$(ends initialising)" -ge $LEAST ]
}

settled() {
	[ $(($(ends initialising) + $(ends watch-limit))) = $pairs ]
}

logged() {	# TEXT
	detail=$(on u1 dmesg | grep -c "xenstored allows no more $1")
	[ "$detail" -gt 0 ]
}

waiting() {	# STATE NUMBER
	[ "$(ends $1)" = $2 ]
}

# Five pairs are removed: five of those that wait are served, at once.
passed_on() {
	local waits
	waits=$(ends watch-limit)
	forget 5 || return
	until_true $LIMIT waiting watch-limit $((waits - 5)) || return
	detail="$(ends initialising) pairs are served, $(ends watch-limit) wait for a watch"
}

all_served() {
	forget 25 || return
	until_true $LIMIT waiting watch-limit 0 &&
		until_true $LIMIT waiting initialising $pairs || return
	detail="$(ends initialising) pairs are served"
}

reload() {
	schannel_unload u1 && waiting watch-limit 0 && waiting initialising 0 &&
		schannel_load u1 && until_true $LIMIT limited
}

# Nodes that u1 owns count, whoever has created them.
fill() {
	local number nodes=()
	for number in $(seq $NODES); do
		nodes+=("$home/data/fill/$number" "")
	done
	xenstore-write "$home/data/fill" "" && xenstore-chmod "$home/data/fill" "n$D1" &&
		xenstore-write "${nodes[@]}"
}

# u1 has no nodes left when its driver is to announce itself.
no_nodes() {
	schannel_unload u1 && fill && schannel_load u1 &&
		until_true $LIMIT waiting node-limit $pairs && logged nodes &&
		detail="$(ends node-limit) pairs wait for a node"
}

nodes_again() {
	xenstore-rm "$home/data/fill" &&
		until_true $LIMIT waiting node-limit 0 &&
		until_true $LIMIT waiting initialising $pairs
}

real_peer() {
	schannel_pair u1 u2 && serve u1 && connects u2 u1
}

schannel_load u1 u2 || fail 'the modules cannot be loaded'
D1=$(domid u1)
home=/local/domain/$D1
backs=$home/backend/schannel
step "$pairs pairs: more than $LEAST are served, the rest is shown with the reason" \
	eval 'invent && limited'
step 'the log says why' logged watches
step 'removed pairs leave their watches to others' passed_on
step 'the module is loaded again while there are too many pairs' reload
step 'fewer pairs than the limit: all are served' all_served
step 'u1 has no nodes left: pairs are shown with the reason' no_nodes
step 'u1 has nodes again: all pairs are served' nodes_again
step 'a domain that exists is served beside them' real_peer
stop_all
summary
