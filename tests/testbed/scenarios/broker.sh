# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	broker.sh [mixed]
#
# schanneld: three domains that nobody pairs by hand. u1 and u2 may reach each other,
# u3 nobody; then the policy changes, the broker dies, a domain is saved and
# restored with sockets open, reboots, goes. With "mixed", on a machine that can do
# both, u2 is a PVH guest and the others are PV ones.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/flows

mixed=${1:-}
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
		domain u2
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

broker_restart() {
	broker_kill && broker_start
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

create() {	# DOM...
	local dom type=$GUEST
	for dom in "$@"; do
		[ ! "$mixed" ] || type=$([ $dom = u2 ] && echo pvh || echo pv)
		GUEST=$type domu_create $dom && schannel_load $dom || return
	done
}

has_pair() {	# DOM DOM
	schannelctl -j list | jq -e --argjson a "$(domid $1)" --argjson b "$(domid $2)" \
		'any(.[]; [.frontend.domid, .backend.domid] | sort == ([$a, $b] | sort))' >/dev/null
}

created_and_paired() {	# DOM PEER
	local start=$EPOCHREALTIME
	create $1 || return
	local up=$EPOCHREALTIME
	until_true $FLOW_LIMIT has_pair $1 $2 &&
		detail="booted in $(since $start) s, and $(since $up) s later"
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
	cannot_connect $1 "$(domid $2)" 5 EHOSTUNREACH
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

# ---- Scenario ------------------------------------------------------------------

trap 'cp /run/*.out /run/*.end /run/broker.log /result; kill $broker' EXIT
mkdir -p /etc/schannel
policy_of_two
step "the broker starts" broker_start || fail "no broker"
step "u1 boots" create u1 || fail "no u1"
step "u2 boots and is paired with u1" created_and_paired u2 u1 || fail "no u2"
step "u3 boots" create u3 || fail "no u3"
serve u1 u2 || fail "nobody can listen"
step "u2 connects to u1" connects u2 u1
step "u1 connects to u2" connects u1 u2
step "u1 knows u2 by name, UUID and address" knows u1 u2
step "u2 knows u1 by name, UUID and address" knows u2 u1
step "u1 sees u2 and nobody else" sees u1 u2
step "u2 sees u1 and nobody else" sees u2 u1
step "u3 sees nobody" sees u3
step "u3 cannot reach u1" cannot_reach u3 u1
step "u3 cannot reach u2" cannot_reach u3 u2
step "nor can u1 reach u3" cannot_reach u1 u3

progress "the broker comes and goes"
step "data flows both ways" eval 'flow sends u1 u2 send && flow receives u1 u2 recv'
step "the broker is killed: data flow on" eval 'broker_kill && flows sends receives'
step "it starts again: data flow on" eval 'broker_start && flows sends receives'
step "a policy that makes no sense is refused" refused_policy
step "and data flow on" flows sends receives

progress "the policy changes"
policy_of_three
step "u3 may reach all" eval 'schannelctl reload && serve u3 && until_true $FLOW_LIMIT connects u3 u1'
step "and be reached by u2" connects u2 u3
step "u3 connects" flow third u3 u1 send
policy_of_two
step "it may not any more: ECONNRESET" eval 'schannelctl reload && reset third'
step "and cannot connect" cannot_reach u3 u1
step "what was allowed all the time flows on" flows sends receives
stop serve-u3 third

progress "a domain that writes what it likes"
push u3 "$(readlink -f "$(command -v xenstore-write)")" /bin/xenstore-write
on u3 'chmod +x /bin/xenstore-write'
spawn noise u3 'while :; do xenstore-write data/schannel/addresses 10.99.0.1 data/schannel/name u1 \
	data/schannel/$RANDOM "$(head -c 1000 /dev/urandom | tr "\0" x)"; done'
step "u3 makes noise; the broker goes on with its work" eval 'until_true $FLOW_LIMIT broker_restart &&
	xl rename u2 u9 && until_true $FLOW_LIMIT cannot_reach u1 u9 && xl rename u9 u2'
stop noise sends receives serve-u1 serve-u2
progress "save and restore"
step "both listen and connect" eval 'until_true $FLOW_LIMIT detach_listener u1 &&
	until_true $FLOW_LIMIT detach_listener u2 &&
	until_true $FLOW_LIMIT flow sends u1 u2 send && flow receives u1 u2 recv && detach_flow u2 u1'
old=$(domid u2)
step "u2 is saved" xl save u2 /run/u2.save
step "u1's connections get ECONNRESET" reset sends receives
step "nothing of it is left" until_true $FLOW_LIMIT nothing_of "$old"
step "u2 is restored" xl restore /run/u2.save
rm -f /run/u2.save
restored=$EPOCHREALTIME
step "it has its pair under its new number" until_true $FLOW_LIMIT has_pair u1 u2
step "its own connection got ECONNRESET" \
	until_true $FLOW_LIMIT has_said u2 own '^ended errno=ECONNRESET'
stop sends receives
step "u1 connects to the listener that it had before" until_true $FLOW_LIMIT connects u1 u2
echo "# that was $(since $restored) s after the restore"
step "and it connects to u1" until_true $FLOW_LIMIT connects u2 u1
step "u2 sees u1 and nobody else" until_true $FLOW_LIMIT sees u2 u1
step "u1 sees u2 and nobody else" until_true $FLOW_LIMIT sees u1 u2
step "once more" eval 'xl save u1 /run/u1.save && xl restore /run/u1.save &&
	rm /run/u1.save && until_true $FLOW_LIMIT connects u1 u2'
step "and back" until_true $FLOW_LIMIT connects u2 u1
step "u1 sees u2 and nobody else" until_true $FLOW_LIMIT sees u1 u2
end_detached u1 listener
end_detached u2 listener own

progress "a reboot, and an end"
old=$(domid u1)
domu_destroy u1
step "u1 goes: u2 sees nobody" until_true $FLOW_LIMIT sees u2
step "nothing of it is left" until_true $FLOW_LIMIT nothing_of "$old"
step "u1 comes back and is paired with u2" created_and_paired u1 u2
step "they connect" eval 'until_true $FLOW_LIMIT serve u1 u2 && until_true $FLOW_LIMIT connects u1 u2 &&
	until_true $FLOW_LIMIT connects u2 u1'
step "u1 knows u2 by name, UUID and address" knows u1 u2

echo "# the broker used $(awk '{ print ($14 + $15) / 100 }' "/proc/$broker/stat") s of CPU, and has" \
	"$(awk '/^Rss/ { print $2 }' "/proc/$broker/smaps_rollup") KiB in memory"
stop_all
summary
