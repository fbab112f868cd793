# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	broker.sh [quick] [mixed]
#
# schanneld pairs three domains by its policy: u1 and u2 may reach each other, u3 may reach no
# domain. Then the policy changes, the broker is killed, and domains are renamed, saved and
# restored with open sockets, migrated, rebooted and destroyed. "quick" runs a part of it.
# With "mixed", on a machine that supports both, u2 is a PVH guest and the others are PV
# guests. Only PVH guests are migrated live, which needs memory for a fourth domain.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows

quick=
mixed=
for word in "$@"; do
	case $word in
	quick) quick=yes ;;
	mixed) mixed=yes ;;
	*) fail "unknown argument '$word'" ;;
	esac
done
POLICY=/etc/schannel/policy

# ---- The broker ------------------------------------------------------------

policy() {	# replaces the file atomically
	cat >$POLICY.new && mv $POLICY.new $POLICY
}

policy_of_two() {
	policy <<-END
	group web
		domain u1
		reach  db
	group db
		domain u2*
		memory 16
	group lone
		domain u*
	END
}

policy_of_three() {
	policy <<-END
	group all
		domain u*
		reach  self
	END
}

broker_said() {	# PATTERN
	grep -q -- "$1" /run/broker.log
}

broker_start() {
	schanneld -v -s 10 2>>/run/broker.log &
	broker=$!
	until_true $FLOW_LIMIT schannelctl reload
}

broker_kill() {
	kill -KILL "$broker"
	wait "$broker" 2>/dev/null
	[ ! -e "/proc/$broker" ]
}

# Stop and start, as an upgrade does.
broker_replace() {
	kill "$broker"
	wait "$broker" && broker_start
}

cpu_of() {	# PID: CPU seconds used, as dom0 accounts them
	awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat"
}

# The time includes waiting for the host's processors, so only the ratio of broker and xenstored
# is meaningful.
broker_used() {
	progress "$* (CPU so far: broker $(cpu_of $broker) s, xenstored $(cpu_of "$(pidof xenstored)") s)"
}

refused_policy() {
	echo "grup u1" | policy
	local said
	! said=$(schannelctl reload 2>&1) || return
	echo "$said"
	grep -q "$POLICY:1: unknown keyword 'grup'" <<<"$said" || return
	kill -HUP "$broker"
	until_true $FLOW_LIMIT broker_said "stays in force"
}

# ---- The domains' view ----------------------------------------------------

boot() {	# DOM...
	local type=$GUEST
	[ ! "$mixed" ] || type=$([ "$1" = u2 ] && echo pvh || echo pv)
	ON_REBOOT=restart GUEST=$type domu_create "$@"
}

has_pair() {	# DOM DOM
	schannelctl -j list | jq -e --argjson a "$(domid $1)" --argjson b "$(domid $2)" \
		'any(.[]; [.frontend.domid, .backend.domid] | sort == ([$a, $b] | sort))' >/dev/null
}

# Boot DOM until PEER connects to it, and report the time of each step.
appears() {	# DOM PEER
	local start=$EPOCHREALTIME booted loaded
	boot $1 || return
	booted=$(since $start)
	schannel_load $1 && serve $1 || return
	loaded=$(since $start)
	until_true $FLOW_LIMIT connects $2 $1 || return
	detail="$(since $start) s from xl create to a connection: booted after $booted s, listening after $loaded s"
}

peers() {	# DOM: the ids of its peers without itself, as JSON
	on $1 'schannelctl -j peers' | jq -c '[.[].domid | select(. < 32752)] | sort'
}

sees() {	# DOM PEER...
	local dom=$1 wanted
	shift
	wanted=$(for peer in "$@"; do domid $peer; done | jq -sc sort)
	[ "$(peers $dom)" = "$wanted" ] && return
	echo "$dom sees $(peers $dom), not $wanted"
	return 1
}

knows() {	# DOM PEER: DOM lists PEER with name, UUID and address
	local said uuid
	uuid=$(xl domid $2 >/dev/null && xenstore-read "/local/domain/$(domid $2)/vm")
	said=$(on $1 'schannelctl -j peers')
	echo "$said"
	jq -se --arg name $2 --arg uuid "${uuid#/vm/}" --arg address "$(address $2)" \
		'any(.[][]; .name == $name and .uuid == $uuid and (.addresses | index($address)))' \
		<<<"$said" >/dev/null
}

cannot_reach() {	# DOM PEER
	cannot_connect $1 "$(domid $2)" 8 EHOSTUNREACH
}

# A command of spawn ends with the agent's connection, which a save closes. A command of
# "detach DOM NAME COMMAND" goes on; "has_said DOM NAME PATTERN" searches its output.
detach() {
	on $1 "setsid sh -c 'echo \$\$ >/tmp/$2.pid; exec $3' </dev/null >/tmp/$2.out 2>&1 &"
}

has_said() {
	on $1 "grep '$3' /tmp/$2.out" && return
	on $1 "cat /tmp/$2.out"
	return 1
}

detach_listener() {	# DOM
	detach $1 listener "schannel-test serve-hold --port $FLOW_PORT"
	until_true $FLOW_LIMIT has_said $1 listener '^listening'
}

detach_flow() {	# FROM TO
	detach $1 own "schannel-test hold --port $FLOW_PORT --peer $(domid $2) --direction send"
	until_true $FLOW_LIMIT has_said $1 own '^flowing'
}

end_detached() {	# DOM NAME...
	local dom=$1 name
	shift
	for name in "$@"; do
		on $dom "kill \$(cat /tmp/$name.pid)" 2>/dev/null
	done
}

nothing_of() {	# DOMID: no domain's part of xenstore mentions it
	! xenstore-ls -f /local/domain | grep -E "schannel/$1(/| =)|/$1/(device|backend)/schannel"
}

listens_and_connects() {	# DOM PEER: a listener, two connections from PEER, one to PEER
	detach_listener $1 && until_true $FLOW_LIMIT flow sends $2 $1 send &&
		flow receives $2 $1 recv && detach_flow $1 $2
}

# Checks after u2 has come back with its sockets, under another domain id (OLD).
came_back() {
	local since=$EPOCHREALTIME
	step "u1's connections got ECONNRESET" reset sends receives
	stop sends receives
	step "xenstore has no entries of the old u2" until_true $FLOW_LIMIT nothing_of "$1"
	step "u2's own connection got ECONNRESET" \
		until_true $FLOW_LIMIT has_said u2 own '^ended errno=ECONNRESET'
	step "u1 connects to u2's listener from before" until_true $FLOW_LIMIT connects u1 u2
	echo "# $(since $since) s after u2 was back"
	step "u2 connects to u1" until_true $FLOW_LIMIT connects u2 u1
	step "u2 sees only u1" until_true $FLOW_LIMIT sees u2 u1
	step "u1 sees only u2" until_true $FLOW_LIMIT sees u1 u2
}

# ---- Scenario ------------------------------------------------------------------

first() {
	step "the broker starts" broker_start || fail "no broker"
	step "u1 and u3 boot" boot u1 u3 || fail "no u1 or u3"
	schannel_load u1 u3 && serve u1 || fail "the modules do not load"
	step "u2 boots, and u1 connects to it" appears u2 u1 || fail "no u2"
	step "u2 connects to u1" connects u2 u1
	step "u1 knows u2 by name, UUID and address" knows u1 u2
	step "u2 knows u1 by name, UUID and address" knows u2 u1
	step "u1 sees only u2" sees u1 u2
	step "u2 sees only u1" sees u2 u1
	step "u3 sees no domain" sees u3
	step "u3 cannot reach u1" cannot_reach u3 u1
	step "u1 cannot reach u3" cannot_reach u1 u3
}

broker_dies() {
	broker_used "the broker comes and goes"
	step "data flow both ways" eval 'flow sends u1 u2 send && flow receives u1 u2 recv'
	step "the broker is killed: data still flow" eval 'broker_kill && flows sends receives'
	step "the broker starts again: data still flow" eval 'broker_start && flows sends receives'
	step "the broker is replaced: data flow on" eval 'broker_replace && flows sends receives'
	step "an invalid policy is refused" refused_policy
	step "data still flow" flows sends receives
}

policy_changes() {
	broker_used "the policy changes"
	policy_of_three
	step "policy: u3 may reach all, and does" \
		eval 'schannelctl reload && serve u3 && until_true $FLOW_LIMIT flow third u3 u1 send'
	step "u2 reaches u3" until_true $FLOW_LIMIT connects u2 u3
	policy_of_two
	step "policy: u3 may reach no domain: ECONNRESET" eval 'schannelctl reload && reset third'
	step "u3 cannot connect" cannot_reach u3 u1
	step "connections that were always allowed go on" flows sends receives
	stop serve-u3 third
}

module_unloaded() {
	broker_used "a module is unloaded"
	step "u3 has no module: it is paired, but u1 does not list it" \
		eval 'policy_of_three && schannel_unload u3 && schannelctl reload &&
			until_true $FLOW_LIMIT has_pair u1 u3 && sees u1 u2'
	step "u1's connect to u3 fails at once" cannot_reach u1 u3
	step "u3 loads the module: u1 sees u3" eval 'schannel_load u3 && until_true $FLOW_LIMIT sees u1 u2 u3'
	step "u3 unloads it: u1 does not see u3 any more" \
		eval 'schannel_unload u3 && until_true $FLOW_LIMIT sees u1 u2'
	step "data of u1 and u2 still flow" flows sends receives
	policy_of_two
	schannelctl reload
}

renamed() {
	broker_used "u2 has another name"
	step "u2 is renamed to one that may reach no domain: ECONNRESET" eval 'xl rename u2 u9 && reset sends receives'
	step "u1 cannot reach it" cannot_reach u1 u9
	xl rename u9 u2
	step "it has its name again: u1 connects" until_true $FLOW_LIMIT connects u1 u2
	stop sends receives
}

# u3 writes all it may into xenstore while the broker works.
noise() {
	broker_used "a domain floods its part of xenstore"
	push u3 "$(readlink -f "$(command -v xenstore-write)")" /bin/xenstore-write
	on u3 'chmod +x /bin/xenstore-write'
	spawn noise u3 'while :; do xenstore-write data/schannel/addresses 10.99.0.1 data/schannel/name u1 \
		data/schannel/$RANDOM "$(head -c 1000 /dev/urandom | tr "\0" x)"; done'
	renamed
	stop noise
}

saved() {
	local old
	broker_used "save and restore"
	stop serve-u1 serve-u2
	step "u2 listens and is connected both ways" \
		eval 'until_true $FLOW_LIMIT detach_listener u1 && listens_and_connects u2 u1' ||
		fail "no use to go on"
	old=$(domid u2)
	step "u2 is saved" xl save u2 /run/u2.save
	step "u2 is restored" xl restore /run/u2.save
	rm -f /run/u2.save
	came_back "$old"
	end_detached u2 own
}

saved_other() {
	local old
	old=$(domid u1)
	step "u1 is saved and restored" eval 'xl save u1 /run/u1.save && xl restore /run/u1.save'
	rm -f /run/u1.save
	step "u2 connects to u1's listener from before" until_true $FLOW_LIMIT connects u2 u1
	step "u1 connects to u2" until_true $FLOW_LIMIT connects u1 u2
	step "u1 sees only u2" until_true $FLOW_LIMIT sees u1 u2
	step "xenstore has no entries of the old u1" nothing_of "$old"
}

# To the same host: a shell, instead of ssh, starts the receiving xl.
migrated() {
	local old
	if [ ! "$mixed" ]; then
		skip "u2 is migrated, live" "Xen must be built with shadow paging to migrate PV guests"
		return
	fi
	broker_used "live migration"
	step "u2 is connected both ways" eval 'until_true $FLOW_LIMIT flow sends u1 u2 send &&
		flow receives u1 u2 recv && detach_flow u2 u1' || fail "the rest depends on it"
	old=$(domid u2)
	step "u2 is migrated, live" xl migrate -s '' u2 'xl migrate-receive'
	came_back "$old"
	end_detached u2 own listener
}

rebooted_to() {	# DOM OLD
	local id
	id=$(domid $1) && [ "$id" != "$2" ]
}

rebooted() {
	local old
	broker_used "a reboot"
	old=$(domid u1)
	step "u1 reboots: it has another domain id" eval 'xl reboot u1 &&
		until_true $BOOT_LIMIT rebooted_to u1 $old && wait_for u1 $BOOT_LIMIT true' ||
		fail "no u1"
	step "xenstore has no entries of the old u1" until_true $FLOW_LIMIT nothing_of "$old"
	schannel_load u1 && serve u1 || fail "u1 cannot listen"
	step "u2 connects to u1" until_true $FLOW_LIMIT connects u2 u1
	step "u1 knows u2 by name, UUID and address" until_true $FLOW_LIMIT knows u1 u2
}

destroyed() {
	local old
	broker_used "a domain is destroyed"
	old=$(domid u1)
	domu_destroy u1
	step "u1 is destroyed: u2 sees no domain" until_true $FLOW_LIMIT sees u2
	step "xenstore has no entries of u1" until_true $FLOW_LIMIT nothing_of "$old"
}

trap 'cp /run/*.out /run/*.end /run/broker.log /result; kill $broker' EXIT
mkdir -p /etc/schannel
policy_of_two
first
broker_dies
policy_changes
module_unloaded
if [ "$quick" ]; then
	renamed
	saved
else
	noise
	saved
	saved_other
	rebooted
fi
[ "$quick" ] && [ ! "$mixed" ] || migrated
destroyed
broker_used "the end"
echo "# the broker uses $(awk '/^Rss/ { print $2 }' "/proc/$broker/smaps_rollup") KiB in memory"
stop_all
summary
