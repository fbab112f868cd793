# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2016,SC2034
#
#	provision.sh
#
# "schannelctl pair": the entries it writes to xenstore, the permissions of the domains on
# them, and its messages to users without permission.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/answers

can() {		# DOM COMMAND
	step "$1 can: $2" on "$@"
}

# Only a refusal passes: a missing command must not.
is_refused() {	# DOM COMMAND
	! on "$@" && on "$1" 'xenstore-read name' >/dev/null
}

cannot() {	# DOM COMMAND
	step "$1 cannot: $2" is_refused "$@"
}

is_listed() {	# EXPRESSION
	local list
	list=$(schannelctl -j list)
	jq -e "$1" <<<"$list" >/dev/null && return
	echo "$list"
	return 1
}

# is_in DOM KEY WANTED: what a domain reads.
is_in() {
	local is
	is=$(on "$1" "xenstore-read $2") && [ "$is" = "$3" ] && return
	echo "it is '$is', not '$3'"
	return 1
}

reads() {	# DOM KEY WANTED
	step "$1 reads '$3' in $2" is_in "$@"
}

shows() {	# EXPRESSION
	step "list shows: $1" is_listed "$1"
}

# DomUs have no xenstore library: commands for dom0 say so.
says u1 'no libxenstore' 'schannelctl list'
says u1 'not loaded' 'schannelctl'
for dom in u1 u2; do
	for tool in read write rm chmod; do
		push $dom "$(readlink -f "$(command -v xenstore-$tool)")" /bin/xenstore-$tool
		on $dom "chmod +x /bin/xenstore-$tool"
	done
	for library in $(ldd "$(command -v xenstore-read)" | grep -o '/[^ ]*/libxen[^ ]*'); do
		on $dom "mkdir -p ${library%/*}"
		push $dom "$library"
	done
done

u1=$(domid u1)
u2=$(domid u2)
front=/local/domain/$u2/device/schannel/$u1
back=/local/domain/$u1/backend/schannel/$u2/0

shows '. == []'
# xl wrote u1's addresses from its configuration; u2 has more of them.
xenstore-write "/local/domain/0/backend/vif/$u2/0/ip" '10.99.0.2/24 FD00:0::2 127.0.0.1 x'
xenstore-write "/local/domain/0/backend/vif/$u2/7/ip" 10.7.0.2
can dom0 'schannelctl pair u1 u2'
shows "length == 1 and .[0].frontend.domid == $u2 and .[0].backend.name == \"u1\" and (.[0].stale | not)"
shows '.[0].frontend.state == "absent" and .[0].backend.state == "absent"'
says dom0 'already paired' "schannelctl pair $u2 u1"
says dom0 'the same domain' "schannelctl pair u1 $u1"
says dom0 "no running domain 'u9'" 'schannelctl pair u1 u9'

can u2 "xenstore-read $front/backend $front/backend-id $back/state"
can u1 "xenstore-read $back/frontend $back/frontend-id $back/online $front/state"
can u2 "xenstore-write $front/key 1"
can u1 "xenstore-read $front/key && xenstore-write $back/key 1"
for key in backend backend-id; do
	cannot u2 "xenstore-write $front/$key 0"
	cannot u2 "xenstore-rm $front/$key"
done
for key in frontend frontend-id online; do
	cannot u1 "xenstore-write $back/$key 0"
	cannot u1 "xenstore-rm $back/$key"
done
uuid_u1=$(xenstore-read "/local/domain/$u1/vm")
uuid_u2=$(xenstore-read "/local/domain/$u2/vm")
can u2 "xenstore-chmod $front/key r$u2"
reads u2 "$front/peer-name" u1
reads u2 "$front/peer-uuid" "${uuid_u1#/vm/}"
reads u2 "$front/peer-addresses" '10.99.0.1 fd99::1'
reads u1 "$back/peer-name" u2
reads u1 "$back/peer-uuid" "${uuid_u2#/vm/}"
reads u1 "$back/peer-addresses" '10.99.0.2 fd00::2 10.7.0.2'
for key in name uuid addresses; do
	cannot u2 "xenstore-write $front/peer-$key x"
	cannot u2 "xenstore-rm $front/peer-$key"
	cannot u2 "xenstore-chmod $front/peer-$key b$u2"
	cannot u2 "xenstore-write $back/peer-$key x"
	cannot u2 "xenstore-read $back/peer-$key"
	cannot u1 "xenstore-write $back/peer-$key x"
	cannot u1 "xenstore-rm $back/peer-$key"
	cannot u1 "xenstore-write $front/peer-$key x"
done
cannot u2 "xenstore-write $front/pool-mib 1024"
cannot u1 "xenstore-write $back/pool-mib 1024"
# Only the owner of an end announces its driver.
cannot u1 "xenstore-write $front/abi 1"
cannot u2 "xenstore-write $back/abi 1"
# Names, UUIDs and addresses come from keys that only dom0 can write.
for dom in u1 u2; do
	cannot $dom "xenstore-write name other"
	cannot $dom "xenstore-write vm /vm/$uuid_u1"
	cannot $dom "xenstore-write /local/domain/0/backend/vif/$(domid $dom)/0/ip 10.99.0.254"
done
cannot u1 "xenstore-write $front/state 6"
cannot u2 "xenstore-write $back/state 6"
cannot u2 "xenstore-write /local/domain/$u2/device/schannel/0/state 1"
cannot u1 "xenstore-write /local/domain/$u1/backend/schannel/0/0/state 1"

says u1 'not permitted' 'schannelctl list'
says u2 'not permitted' "schannelctl pair $u1 $u2"
says dom0 'not permitted' 'setpriv --reuid=65534 --clear-groups schannelctl'

# A domain can remove its own end, but not create it again.
can u2 "xenstore-rm $front"
cannot u2 "xenstore-write $front/backend /local/domain/0"
shows '.[0].stale and .[0].frontend.state == "missing"'
can dom0 'schannelctl pair u2 u1'
shows '.[0].stale | not'

# The domUs' kernels list the peer, to all users.
can dom0 'test ! -e /sys/module/schannel'
sees dom0 '(.pairs | length == 1) and (has("peers") | not)' 'schannelctl -j'
step 'the module is loaded in u1' schannel_load u1
step "its driver announces itself" until_true "$ANSWERS_LIMIT" is_in dom0 "$back/abi" 1
sees u1 'map(.transport) == ["loopback"]' 'schannelctl -j peers'
step 'the module is loaded in u2' schannel_load u2
sees u1 'map(select(.name == "u2")) | length == 1' 'schannelctl -j peers'
sees u1 ".[0] | .domid == $u2 and .uuid == \"${uuid_u2#/vm/}\" and .transport == \"xen\" and
	.addresses == [\"10.99.0.2\", \"fd00::2\", \"10.7.0.2\"] and .channel == \"down\"" \
	'schannelctl -j peers u2'
shows '.[0].frontend.state == "initialising" and .[0].backend.state == "initialising"'
sees u2 ".[0].domid == $u1" 'schannelctl -j peers 10.99.0.1'
sees u2 "map(select(.domid == 32752))[0].own_domid == $u2" 'schannelctl -j peers'
sees u1 '(has("pairs") | not) and (.peers | length == 2)' 'schannelctl -j'
says u1 "no peer 'u1'" 'schannelctl peers u1'
can dom0 'schannelctl unpair u1 u2'
sees u1 'map(.transport) == ["loopback"]' 'schannelctl -j peers'
can dom0 'schannelctl pair u1 u2'
sees u1 'length == 2' 'schannelctl -j peers'
step 'the module is unloaded in u2' schannel_unload u2
sees u1 'map(.transport) == ["loopback"]' 'schannelctl -j peers'
step 'the module is unloaded in u1' schannel_unload u1
can dom0 "! xenstore-exists $front/abi && ! xenstore-exists $back/abi"
can dom0 'schannelctl unpair u1 u2'
shows '. == []'
says dom0 'not paired' 'schannelctl unpair u1 u2'

can dom0 "schannelctl pair 0 ${uuid_u2#/vm/}"
reads u2 "/local/domain/$u2/device/schannel/0/peer-name" Domain-0
reads u2 "/local/domain/$u2/device/schannel/0/peer-addresses" ''
can dom0 'schannelctl pair u1 u2'
domu_destroy u2
shows 'length == 2 and all(.stale) and all(.frontend.name == null)'
says dom0 "no running domain 'u2'" 'schannelctl unpair u1 u2'
can dom0 "schannelctl unpair $u2 $u1 && schannelctl unpair 0 $u2"
shows '. == []'

summary
