# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	lifecycle.sh [quick]
#
# Channels and domains come and go while connections are open: modules are loaded and
# unloaded, pairs made and removed, domains destroyed, and peers offer invalid channels.
# Unrelated connections go on meanwhile, everything works afterwards, and at the end the
# domains hold no more grants, event channels and memory than before. "quick" runs a part of it.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows
. /testbed/lib/cases
. /testbed/lib/holdings
. /testbed/lib/forgery

quick=${1:-}
rounds=10
nowhere=99	# no domain has this id
late='ETIMEDOUT|EHOSTUNREACH'
unusable='did not come up \(cannot use'

# unload DOM...: unload the modules, as soon as the stopped programs are gone.
unload() {
	local dom
	for dom in "$@"; do
		wait_for "$dom" $FLOW_LIMIT 'rmmod schannel_xen 2>/dev/null; rmmod schannel' || return
	done
}

# ---- The first connect ---------------------------------------------------

# pair DOM DOM, unpair DOM DOM: a domain that no longer exists is given by its id.
pair() {
	schannelctl pair "$(number "$1")" "$(number "$2")"
}

unpair() {
	schannelctl unpair "$(number "$1")" "$(number "$2")"
}

number() {
	domid "$1" || echo "$1"
}

repair() {
	unpair u1 u2 && pair u1 u2
}

logs_up() {	# DOM PEER
	[ "$(log_lines "$1" "channel to domain $(domid "$2") up")" -gt 0 ]
}

first_connect() {
	schannel_load u1 && pair u1 u2 || fail "u1 and u2 cannot be paired"
	if [ ! "$quick" ]; then
		step "a connect to a domain that has no module fails at once (backend)" \
			cannot_connect u1 "$(domid u2)" 8 EHOSTUNREACH
		ends
		step "a connect to a peer that claims a driver and does not answer fails in time" \
			eval 'pretend "$front" && cannot_connect u1 "$(domid u2)" 20 "$late"'
		unload u1
		schannel_load u2
		step "a connect to a domain whose module was unloaded fails at once" \
			cannot_connect u2 "$(domid u1)" 5 EHOSTUNREACH
		repair
		step "a connect to a domain that has no module fails at once (frontend)" \
			cannot_connect u2 "$(domid u1)" 8 EHOSTUNREACH
		ends
		step "a connect to a peer that does not answer fails in time (frontend)" \
			eval 'pretend "$back" && cannot_connect u2 "$(domid u1)" 20 "$late"'
		schannel_load u1
	else
		schannel_load u2
	fi
	step "the domains know of each other" schannel_meet u1 u2
	step "connect to a domain that does not exist: EHOSTUNREACH" \
		cannot_connect u1 $nowhere 5 EHOSTUNREACH
	step "connect to a domain it is not paired with: EHOSTUNREACH" \
		cannot_connect u1 0 5 EHOSTUNREACH
	step "connect to a port without listener: ECONNREFUSED" \
		cannot_connect u1 "$(domid u2)" 20 ECONNREFUSED
	serve u1 u2 || fail "the domains cannot listen"
	step "connect from u2 to u1" connects u2 u1
	step "connect from u1 to u2" connects u1 u2
	step "u1 logs that the channel is up" logs_up u1 u2
	step "u2 logs that the channel is up" logs_up u2 u1
}

# ---- Pairs come and go -----------------------------------------------------

flows_both_ways() {
	flow u1-sends u1 u2 send && flow u1-receives u1 u2 recv &&
		flow u2-sends u2 u1 send && flow u2-receives u2 u1 recv
}

reset_both_ways() {
	reset u1-sends u1-receives u2-sends u2-receives &&
		await $FLOW_LIMIT serve-u1 'errno=ECONNRESET' 2 &&
		await $FLOW_LIMIT serve-u2 'errno=ECONNRESET' 2 || return
	stop u1-sends u1-receives u2-sends u2-receives
}

renew_servers() {
	stop serve-u1 serve-u2
	serve u1 u2
}

unpaired() {
	renew_servers || fail "the domains cannot listen"
	step "four connections carry data" flows_both_ways
	unpair u1 u2
	step "the pair is removed: both ends of each get ECONNRESET" reset_both_ways
	step "u1 cannot connect any more" cannot_connect u1 "$(domid u2)" 5 EHOSTUNREACH
	step "u2 cannot connect any more" cannot_connect u2 "$(domid u1)" 5 EHOSTUNREACH
	pair u1 u2 && schannel_meet u1 u2
	step "paired again, u2 connects to u1" connects u2 u1
	step "paired again, u1 connects to u2" connects u1 u2
}

# ---- Modules come and go ---------------------------------------------------

# Connect to the other domain repeatedly, each time until a reset.
traffic() {	# DOM PEER
	spawn "traffic-$1" "$1" "while :; do schannel-test hold --port $FLOW_PORT \
		--peer $(domid "$2") --direction send; sleep 0.2; done"
}

# schannel cannot be unloaded while it has sockets.
busy() {	# DOM
	local said
	if said=$(on "$1" 'rmmod schannel_xen && rmmod schannel' 2>&1); then
		echo "schannel was unloaded while it was in use"
		return 1
	fi
	grep -qi 'in use\|busy\|temporarily unavailable' <<<"$said" && return
	echo "$said"
	return 1
}

reload_once() {	# DOM PEER
	local dom=$1 peer=$2 ours theirs ended
	ours=$(said "traffic-$dom" '^flowing')
	theirs=$(said "traffic-$peer" '^flowing')
	ended=$(said "traffic-$peer" '^ended errno=ECONNRESET')
	busy "$dom" || return
	stop "serve-$dom"
	unload "$dom" || return
	await $FLOW_LIMIT "traffic-$peer" '^ended errno=ECONNRESET' $((ended + 1)) || return
	schannel_load "$dom" && serve "$dom" || return
	await $FLOW_LIMIT "traffic-$dom" '^flowing' $((ours + 1)) &&
		await $FLOW_LIMIT "traffic-$peer" '^flowing' $((theirs + 1))
}

reload() {
	local round dom peer start=$EPOCHREALTIME
	for round in $(seq $rounds); do
		dom=u$((round % 2 + 1))
		peer=u$(((round + 1) % 2 + 1))
		reload_once $dom $peer || {
			echo "in round $round, $dom unloading"
			return 1
		}
	done
	detail="$rounds times in $(since "$start") s"
}

no_wrong_byte() {
	! grep -H 'wrong byte' /run/*.out
}

reloaded() {
	renew_servers || fail "the domains cannot listen"
	traffic u1 u2
	traffic u2 u1
	step "traffic is flowing from u1 to u2" await $FLOW_LIMIT traffic-u1 '^flowing'
	step "traffic is flowing from u2 to u1" await $FLOW_LIMIT traffic-u2 '^flowing'
	step "modules unloaded and loaded alternately: resets, then traffic resumes" reload ||
		fail "the rest depends on it"
	step "no byte was wrong" no_wrong_byte
	stop traffic-u1 traffic-u2
	renew_servers
	echo "# afterwards, 200 connections at once"
	cases u2 u1 --pick load.many
}

# ---- Invalid peers ------------------------------------------------

overwritten() {	# PATH STATE [REMEDY...]
	local path=$1 state=$2
	shift 2
	flow victim u2 u1 send || return
	xenstore-write "$path/state" "$state" || return
	reset victim
	stop victim
	"$@"
	until_true $FLOW_LIMIT connects u2 u1
}

invalid_peers() {
	ends
	step "the frontend's state is overwritten: reset, then connects again" overwritten "$front" 1
	step "the backend's state is overwritten with an unknown one: the same" overwritten "$back" 42
	# xenbus does not write a state where it cannot read one, so the pair must be made again.
	step "the frontend's state is overwritten with text: the same, once paired again" \
		overwritten "$front" text repair

	stop serve-u2
	unload u2
	pretend "$front"
	step "an offer without keys is refused" refuses_keys 'has no valid port-0'
	step "an offer with text for numbers is refused" refuses_keys 'has no valid port-0' some thing
	step "an offer with too large numbers is refused" refuses_keys 'has no valid port-0' 1 4294967296
	step "an offer of an unknown event channel is refused" refuses_keys "$unusable" 1 4000
	step "an offer of a directory that is not granted is refused" refuses_offer "$unusable" dir-ref=4000000
	step "a directory with a wrong magic number is refused" \
		refuses_offer 'invalid magic number in directory, channel refused' magic=7
	step "a directory of another ABI version is refused: the log has both versions" \
		refuses_offer 'supports ABI versions 2 to 2, this kernel 1 to 1, channel refused' abi=2 abi-oldest=2
	step "a directory that requires unknown features is refused" \
		refuses_offer 'requires features 0x80000000' required=0x80000000
	step "a directory with too many queues is refused" \
		refuses_offer 'invalid directory: 9 event queues' queues=9
	step "a directory with a too large control ring is refused" \
		refuses_offer 'control ring of order 99' order=99
	step "a directory whose pages are not granted is refused" refuses_offer "$unusable"
	schannel_load u2 && serve u2 && schannel_meet u1 u2
	step "with a valid driver in u2 again, u2 connects to u1" connects u2 u1

	stop serve-u1
	unload u1
	step "the frontend refuses an answer with text for a number" \
		refuses_answer 'has no valid dir-ref' thing
	step "the frontend refuses an answer with a directory that is not granted" refuses_answer "$unusable" 4000000
	schannel_load u1 && serve u1 && schannel_meet u1 u2
	step "with a valid driver in u1 again, u1 connects to u2" connects u1 u2
}

# ---- dom0 ----------------------------------------------------------------------

with_dom0() {
	schannel_load dom0 || fail "the modules do not load in dom0"
	schannel_pair dom0 u1
	schannel_pair dom0 u2
	step "dom0 sends a file to u1" carries dom0 u1
	step "u1 sends a file to dom0" carries u1 dom0
}

# ---- Resources --------------------------------------------------------------

gone_from_kernels() {
	local dom
	for dom in dom0 u1 u2; do
		! on $dom 'grep ^schannel /proc/modules' || return
	done
}

# All resources are released.
let_go() {
	stop_all
	step "the modules are unloaded" unload dom0 u1 u2
	unpair u1 u2
	unpair dom0 u1
	unpair dom0 u2
	step "no kernel lists the modules any more" gone_from_kernels
	step "grants and event channels are as at the beginning" back_to /run/before dom0 u1 u2
	step "dom0 has its memory back" as_much_memory dom0 "$memory_dom0"
	step "u1 has its memory back" as_much_memory u1 "$memory_u1"
}

# ---- Domains come and go -------------------------------------------------------

prepare_destruction() {	# SURVIVOR VICTIM
	local survivor=$1 victim=$2
	serve "$survivor" "$victim" &&
		flow sends "$survivor" "$victim" send &&
		flow receives "$survivor" "$victim" recv &&
		flow send-blocks "$survivor" "$victim" send --stall &&
		flow recv-blocks "$survivor" "$victim" recv --stall &&
		flow victim-sends "$victim" "$survivor" send &&
		flow victim-receives "$victim" "$survivor" recv &&
		flow bystander dom0 "$survivor" send
}

# How long the connection stood still before the reset.
reset_soon() {	# NAME
	reset "$1" && detail=$(sed -n 's/^ended.*bytes, \(.* ms after the last\)/\1 byte/p' "/run/$1.out")
}

accepted_reset() {	# SURVIVOR
	await $FLOW_LIMIT "serve-$1" 'errno=ECONNRESET' 2
}

destroyed() {	# SURVIVOR VICTIM
	local survivor=$1 victim=$2 id
	id=$(domid "$victim")
	step "$victim and $survivor are connected in every way" \
		prepare_destruction "$survivor" "$victim" || fail "the rest depends on it"
	domu_destroy "$victim"
	step "$victim is destroyed: $survivor's send gets ECONNRESET" reset_soon sends
	step "$survivor's recv gets ECONNRESET" reset_soon receives
	step "$survivor's blocked send gets ECONNRESET" reset send-blocks
	step "$survivor's blocked recv gets ECONNRESET" reset recv-blocks
	step "connections that $survivor had accepted get ECONNRESET" accepted_reset "$survivor"
	step "a transfer from dom0 to $survivor goes on" flows bystander
	step "the listener that $victim was connected to still works" connects dom0 "$survivor"
	step "connect to the destroyed domain: EHOSTUNREACH" cannot_connect "$survivor" "$id" 5 EHOSTUNREACH
	step "no reference keeps $victim: the domain is gone" until_true $HOLDINGS_LIMIT dead "$id"
	stop sends receives send-blocks recv-blocks victim-sends victim-receives \
		"serve-$victim" "serve-$survivor" bystander
	unpair "$survivor" "$id"
	unpair dom0 "$id"
	domu_create "$victim" && schannel_load "$victim" || fail "$victim cannot be created again"
	schannel_pair "$victim" "$survivor"
	schannel_pair dom0 "$victim"
	serve "$survivor" "$victim" || fail "the domains cannot listen"
	step "created and paired again, $victim connects to $survivor" connects "$victim" "$survivor"
	step "created and paired again, $survivor connects to $victim" connects "$survivor" "$victim"
	stop "serve-$survivor" "serve-$victim"
}

# --------------------------------------------------------------------------------

trap 'cp /run/*.out /run/*.end /result' EXIT
holdings dom0 u1 u2 >/run/before
memory_dom0=$(memory dom0)
memory_u1=$(memory u1)
first_connect
unpaired
if [ ! "$quick" ]; then
	reloaded
	invalid_peers
fi
with_dom0
let_go
schannel_load dom0 u1 u2 || fail "the modules do not load again"
schannel_pair u1 u2
schannel_pair dom0 u1
schannel_pair dom0 u2
destroyed u1 u2
[ "$quick" ] || destroyed u2 u1
let_go
summary
