# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	broker.sh [quick] [mixed]
#
# schanneld: three domains that nobody pairs by hand. u1 and u2 may reach each other,
# u3 nobody; then the policy changes, the broker dies, domains are renamed, saved
# and restored with sockets open, migrated, rebooted, destroyed. "quick" is a choice
# of it. With "mixed", on a machine that can do both, u2 is a PVH guest and the
# others are PV ones; only then is there a live migration, which needs memory for
# a fourth domain.
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
	*) fail "what is '$word'?" ;;
	esac
done
POLICY=/etc/schannel/policy

# ---- The broker ------------------------------------------------------------

policy() {	# the file is replaced as a whole
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

# As an upgrade does it.
broker_replace() {
	kill "$broker"
	wait "$broker" && broker_start
}

cpu_of() {	# PID: what dom0's kernel says it has used, in seconds
	awk '{ print ($14 + $15) / 100 }' "/proc/$1/stat"
}

# What an emulated machine waits for the real one's processors counts, too: the
# broker's share means something only in relation to xenstored's.
broker_used() {
	progress "$* (CPU so far: broker $(cpu_of $broker) s, xenstored $(cpu_of "$(pidof xenstored)") s)"
}

refused_policy() {
	echo "grup u1" | policy
	local said
	! said=$(schannelctl reload 2>&1) || return
	echo "$said"
	grep -q "$POLICY:1: 'grup' is not a keyword" <<<"$said" || return
	kill -HUP "$broker"
	until_true $FLOW_LIMIT broker_said "stays in force"
}

# ---- What the domains see ----------------------------------------------------

boot() {	# DOM...
	local type=$GUEST
	[ ! "$mixed" ] || type=$([ "$1" = u2 ] && echo pvh || echo pv)
	ON_REBOOT=restart GUEST=$type domu_create "$@"
}

has_pair() {	# DOM DOM
	schannelctl -j list | jq -e --argjson a "$(domid $1)" --argjson b "$(domid $2)" \
		'any(.[]; [.frontend.domid, .backend.domid] | sort == ([$a, $b] | sort))' >/dev/null
}

# From the beginning of xl create to a connection, and where the time went.
appears() {	# DOM PEER
	local start=$EPOCHREALTIME booted loaded
	boot $1 || return
	booted=$(since $start)
	schannel_load $1 && serve $1 || return
	loaded=$(since $start)
	until_true $FLOW_LIMIT connects $2 $1 || return
	detail="$(since $start) s from xl create to a connection: booted after $booted s, listening after $loaded s"
}

peers() {	# DOM: the ids of its peers, but for itself, as JSON
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

knows() {	# DOM PEER: name, UUID and address of it
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

# What spawn starts ends with the connection to the domain, which a save cuts. This
# goes on: detach DOM NAME COMMAND, then "has_said DOM NAME PATTERN".
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

nothing_of() {	# DOMID: is left in anybody's part of xenstore
	! xenstore-ls -f /local/domain | grep -E "schannel/$1(/| =)|/$1/(device|backend)/schannel"
}

listens_and_connects() {	# DOM PEER: it, and two connections of the peer's to it
	detach_listener $1 && until_true $FLOW_LIMIT flow sends $2 $1 send &&
		flow receives $2 $1 recv && detach_flow $1 $2
}

# What must hold when u2 has come back with the sockets it had, under another number.
came_back() {
	local since=$EPOCHREALTIME
	step "u1's connections got ECONNRESET" reset sends receives
	stop sends receives
	step "nothing is left of what u2 was" until_true $FLOW_LIMIT nothing_of "$1"
	step "its own connection got ECONNRESET" \
		until_true $FLOW_LIMIT has_said u2 own '^ended errno=ECONNRESET'
	step "u1 connects to the listener that it had before" until_true $FLOW_LIMIT connects u1 u2
	echo "# that was $(since $since) s after it was back"
	step "and it connects to u1" until_true $FLOW_LIMIT connects u2 u1
	step "u2 sees u1 and nobody else" until_true $FLOW_LIMIT sees u2 u1
	step "u1 sees u2 and nobody else" until_true $FLOW_LIMIT sees u1 u2
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
	step "u1 sees u2 and nobody else" sees u1 u2
	step "u2 sees u1 and nobody else" sees u2 u1
	step "u3 sees nobody" sees u3
	step "u3 cannot reach u1" cannot_reach u3 u1
	step "nor can u1 reach u3" cannot_reach u1 u3
}

broker_dies() {
	broker_used "the broker comes and goes"
	step "data flow both ways" eval 'flow sends u1 u2 send && flow receives u1 u2 recv'
	step "the broker is killed: data flow on" eval 'broker_kill && flows sends receives'
	step "it starts again: data flow on" eval 'broker_start && flows sends receives'
	step "another takes its place: data flow on" eval 'broker_replace && flows sends receives'
	step "a policy that makes no sense is refused" refused_policy
	step "and data flow on" flows sends receives
}

policy_changes() {
	broker_used "the policy changes"
	policy_of_three
	step "u3 may reach all" \
		eval 'schannelctl reload && serve u3 && until_true $FLOW_LIMIT flow third u3 u1 send'
	step "and be reached by u2" until_true $FLOW_LIMIT connects u2 u3
	policy_of_two
	step "it may not any more: ECONNRESET" eval 'schannelctl reload && reset third'
	step "and cannot connect" cannot_reach u3 u1
	step "what was allowed all the time flows on" flows sends receives
	stop serve-u3 third
}

module_unloaded() {
	broker_used "a module is unloaded"
	step "u3 has no module: nobody is told that it is there" \
		eval 'policy_of_three && schannel_unload u3 && schannelctl reload &&
			until_true $FLOW_LIMIT has_pair u1 u3 && sees u1 u2'
	step "u1 fails to connect to it, at once" cannot_reach u1 u3
	step "u3 loads it: u1 sees it" eval 'schannel_load u3 && until_true $FLOW_LIMIT sees u1 u2 u3'
	step "u3 unloads it: u1 sees it no more" \
		eval 'schannel_unload u3 && until_true $FLOW_LIMIT sees u1 u2'
	step "the others' data flow on" flows sends receives
	policy_of_two
	schannelctl reload
}

renamed() {
	broker_used "u2 has another name"
	step "u2 is renamed, and may reach nobody: ECONNRESET" eval 'xl rename u2 u9 && reset sends receives'
	step "it cannot be reached" cannot_reach u1 u9
	xl rename u9 u2
	step "it has its name again: u1 connects" until_true $FLOW_LIMIT connects u1 u2
	stop sends receives
}

# u3 fills what it may write, while the broker has work to do.
noise() {
	broker_used "a domain writes what it likes"
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
	step "and restored" xl restore /run/u2.save
	rm -f /run/u2.save
	came_back "$old"
	end_detached u2 own
}

saved_other() {
	local old
	old=$(domid u1)
	step "u1 is saved and restored" eval 'xl save u1 /run/u1.save && xl restore /run/u1.save'
	rm -f /run/u1.save
	step "u2 connects to the listener that it had before" until_true $FLOW_LIMIT connects u2 u1
	step "and it connects to u2" until_true $FLOW_LIMIT connects u1 u2
	step "u1 sees u2 and nobody else" until_true $FLOW_LIMIT sees u1 u2
	step "nothing is left of what it was" nothing_of "$old"
}

# To this same host: the receiving xl is started by a shell, instead of by ssh.
migrated() {
	local old
	if [ ! "$mixed" ]; then
		skip "u2 is migrated, live" "of PV guests Xen must be built with shadow paging"
		return
	fi
	broker_used "live migration"
	step "u2 is connected both ways" eval 'until_true $FLOW_LIMIT flow sends u1 u2 send &&
		flow receives u1 u2 recv && detach_flow u2 u1' || fail "no use to go on"
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
	step "u1 reboots: it has another number" eval 'xl reboot u1 &&
		until_true $BOOT_LIMIT rebooted_to u1 $old && wait_for u1 $BOOT_LIMIT true' ||
		fail "no u1"
	step "nothing of it is left" until_true $FLOW_LIMIT nothing_of "$old"
	schannel_load u1 && serve u1 || fail "nobody can listen"
	step "u2 connects to it" until_true $FLOW_LIMIT connects u2 u1
	step "u1 knows u2 by name, UUID and address" until_true $FLOW_LIMIT knows u1 u2
}

destroyed() {
	local old
	broker_used "an end"
	old=$(domid u1)
	domu_destroy u1
	step "u1 is destroyed: u2 sees nobody" until_true $FLOW_LIMIT sees u2
	step "nothing of it is left" until_true $FLOW_LIMIT nothing_of "$old"
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
echo "# the broker has $(awk '/^Rss/ { print $2 }' "/proc/$broker/smaps_rollup") KiB in memory"
stop_all
summary
