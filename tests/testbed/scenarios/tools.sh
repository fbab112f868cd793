# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	tools.sh [quick]
#
# The tools between two domains: the library with its examples, socat, which does not know
# AF_SCHANNEL, and schannelctl's reports and commands in both domains. First u2 (whose end of
# the channel is the frontend) is the client and u1 (the backend) the server; then, unless
# "quick", the other way around, except for the parts that do not depend on the direction.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/answers
. /testbed/lib/spawn
. /testbed/lib/flows

LIMIT=$FLOW_LIMIT
BYTES=3000000	# more than any ring
BOX=/run/netns/box
in_box="nsenter -n$BOX"

# prints DOM TEXT COMMAND: the command succeeds and prints exactly TEXT.
prints() {
	local said
	said=$(on "$1" "$3" 2>&1) && [ "$said" = "$2" ] && return
	echo "it printed '$said'"
	return 1
}

# lists DOM PATTERN COMMAND: a line of the output matches.
lists() {
	step "$1 lists '$2': $3" has_line "$@"
}

has_line() {
	local said
	said=$(on "$1" "$3") && grep -Eq "$2" <<<"$said" && return
	echo "$said"
	return 1
}

# comes_back DOM BYTES COMMAND: the command prints its input unchanged.
comes_back() {
	local sums
	sums=$(on "$1" "head -c $2 /dev/urandom >/tmp/sent; sha256sum </tmp/sent
		timeout $LIMIT $3 </tmp/sent | sha256sum")
	detail="$2 bytes, SHA-256 ${sums:0:16}..."
	[ "$(wc -l <<<"$sums")" = 2 ] && [ "$(uniq <<<"$sums" | wc -l)" = 1 ] && return
	echo "$sums"
	return 1
}

# ---- The library's examples ------------------------------------------------

# example NAME DOM COMMAND: start a server of the examples; returns when it listens.
example() {
	spawn "$@"
	await $LIMIT "$1" '^listening on any:[0-9]*$'
}

examples() {	# CLIENT SERVER
	local host
	step "$2: stream listens" example stream "$2" 'stream listen any:7000'
	step "$2: seqpacket listens" example seqpacket "$2" 'seqpacket listen any:7001'
	step "$2: dgram listens" example dgram "$2" 'dgram listen any:7002'
	for host in "$2" "${uuid[$2]}" "${id[$2]}" "$(address "$2")"; do
		step "$1: a stream to $host" prints "$1" "hello, $host" \
			"echo 'hello, $host' | stream connect $host:7000"
		step "$1: records to $host" prints "$1" $'one\nand two\n3' \
			"seqpacket connect $host:7001 one 'and two' 3"
		step "$1: datagrams to $host" prints "$1" $'one\nand two\n3' \
			"dgram connect $host:7002 one 'and two' 3"
	done
	step "$2: stream prints $1's name" await $LIMIT stream "^connection from $1:[0-9]*\$" 4
	step "$1: a long stream comes back" comes_back "$1" $BYTES "stream connect $2:7000"
	stop stream seqpacket dgram
	says "$1" "^stream: $2:7009: Connection refused\$" "stream connect $2:7009"
	says "$1" "^seqpacket: $2:7009: Connection refused\$" "seqpacket connect $2:7009 x"
	says "$1" '^dgram: receive: Connection refused$' "dgram connect $2:7009 x"
	# The domUs are not paired with dom0.
	says "$1" '^stream: 0:7000: No route to host$' 'stream connect 0:7000'
	says "$1" '^stream: u9:7000: No such file or directory$' 'stream connect u9:7000'
}

# ---- socat -----------------------------------------------------------------

# socat_serves DOM PORT ADDRESS: start a server instead of the last one; schannelctl shows when
# it listens.
socat_serves() {
	stop socat
	spawn socat "$1" "socat -t $LIMIT $3 EXEC:cat"
	until_true $LIMIT has "$1" 'length == 1' "schannelctl -j sockets sport $2"
}

# socat_echoes CLIENT SERVER WHAT PORT BYTES LISTENING CONNECTING: addresses as in
# af_schannel(7); domain id, port and options are appended.
socat_echoes() {
	step "$2: socat serves $3" socat_serves "$2" "$4" "$6"
	step "$1: socat: $3" comes_back "$1" "$5" "socat -t $LIMIT - $7"
}

socats() {	# CLIENT SERVER
	local any=S0I4294967295I to=S0I${id[$2]}I
	socat_echoes "$1" "$2" 'a stream' 7010 $BYTES \
		"SOCKET-LISTEN:18:0:${any}7010I0,fork" "SOCKET-CONNECT:18:0:${to}7010I0"
	spawn tcp "$1" "socat -t $LIMIT TCP-LISTEN:8080,fork SOCKET-CONNECT:18:0:${to}7010I0"
	step "$1: socat: a TCP port that is forwarded to $2" comes_back "$1" $BYTES \
		"socat -t $LIMIT - TCP:127.0.0.1:8080,retry=100,interval=0.1"
	stop tcp
	socat_echoes "$1" "$2" seqpackets 7011 $BYTES \
		"SOCKET-LISTEN:18:0:${any}7011I0,type=5,fork" \
		"SOCKET-CONNECT:18:0:${to}7011I0,type=5"
	# Datagrams have no end of file: the receiver must know their number of bytes.
	socat_echoes "$1" "$2" 'a datagram' 7012 6000 \
		"SOCKET-RECVFROM:18:2:0:${any}7012I0,fork" \
		"SOCKET-DATAGRAM:18:2:0:${to}7012I0,readbytes=6000"
	socat_echoes "$1" "$2" 'a datagram, with sendto' 7013 6000 \
		"SOCKET-RECVFROM:18:2:0:${any}7013I0,fork" \
		"SOCKET-SENDTO:18:2:0:${to}7013I0,readbytes=6000"
	stop socat
}

# ---- What schannelctl shows ------------------------------------------------

# knows DOM OTHER HOST [PREFIX]: DOM lists OTHER, found by HOST, as they were paired.
knows() {
	sees "$1" "length == 1 and (.[0] | .name == \"$2\" and .domid == ${id[$2]} and
	.uuid == \"${uuid[$2]}\" and .addresses == [\"$(address "$2")\", \"$(address6 "$2")\"] and
	.transport == \"xen\" and .channel == \"up\")" "${4:-}schannelctl -j peers $3"
}

# both_say CLIENT SERVER COMMAND COMMAND EXPRESSION: each command prints a list with one
# element, $here in CLIENT and $there in SERVER, for which the expression holds.
both_say() {
	local here there
	here=$(on "$1" "$3") && there=$(on "$2" "$4") &&
		jq -en --argjson here "$here" --argjson there "$there" \
			"[\$here, \$there] | all(length == 1) and
			(\$here[0] as \$here | \$there[0] as \$there | $5)" >/dev/null && return
	printf '%s: %s\n%s: %s\n' "$1" "$here" "$2" "$there"
	return 1
}

# Both ends of a connection whose reader does not read, so that no number changes.
same_flow='all($here, $there; .state == "open" and .type == "stream") and
	$here.opened and ($there.opened | not) and
	$here.local_port == $there.peer_port and $here.peer_port == $there.local_port and
	$here.id == $there.peer_id and $here.peer_id == $there.id and
	$here.tx_ring == $there.rx_ring and $here.rx_ring == $there.tx_ring and
	$here.tx_queued == $there.rx_queued and $here.tx_queued > 0 and
	$here.stats.tx_bytes == $there.stats.rx_bytes + $there.rx_queued and
	$here.stats.tx_waits > 0'
same_channel='all($here, $there; .state == "up" and .flows > 0) and
	$here.pool_size == $there.peer_pool and $here.peer_pool == $there.pool_size and
	$here.opened == $there.accepted and $here.accepted == $there.opened and
	$here.dgram_sent == $there.dgram_received + $there.dgram_no_port and
	$there.dgram_sent == $here.dgram_received + $here.dgram_no_port and
	$here.errors + $there.errors == 0'

# numbers DOM PEER: statistics of its namespace, and of its channel to PEER.
numbers() {
	on "$1" "schannelctl -j stats; schannelctl -j stats $2" | jq -s .
}

# A connection and a mebibyte more appear in the statistics of both.
counted() {	# CLIENT SERVER
	local here there
	here=$(numbers "$1" "$2")
	there=$(numbers "$2" "$1")
	connects "$1" "$2" || return
	jq -s "(.[2][0].connected - .[0][0].connected == 1) and
		(.[3][0].accepted - .[1][0].accepted == 1) and
		(.[2][1].opened - .[0][1].opened == 1) and
		(.[3][1].accepted - .[1][1].accepted == 1) and
		(.[2][1].tx_bytes - .[0][1].tx_bytes >= 1048576) and
		(.[3][1].rx_bytes > .[1][1].rx_bytes) and
		(.[3][1].notify_received > .[1][1].notify_received)" -e \
		<<<"$here $there $(numbers "$1" "$2") $(numbers "$2" "$1")" >/dev/null
}

queries() {	# CLIENT SERVER
	local me=${id[$1]}
	step "$2 serves connections" serve "$2"
	step "$1 has a blocked connection" flow held "$1" "$2" send --stall
	knows "$1" "$2" "${uuid[$2]}"
	knows "$2" "$1" "$(address "$1")"
	# an idle ring shrinks, which the two ends see at different times
	step 'both report the same of the connection' until_true 10 both_say "$1" "$2" \
		"schannelctl -j flows dport $FLOW_PORT" "schannelctl -j flows sport $FLOW_PORT" \
		"$same_flow"
	step 'both report the same of the channel' both_say "$1" "$2" \
		"schannelctl -j channels $2" "schannelctl -j channels $1" "$same_channel"
	sees "$1" "length == 1 and (.[0] | .peer == \"$2:$FLOW_PORT\" and
	(.local | startswith(\"$me:\")) and .peer_domid == ${id[$2]})" \
		"schannelctl -j flows peer $2 type stream state open"
	sees "$2" "length == 1 and (.[0].peer | startswith(\"$1:\"))" \
		"schannelctl -j flows peer $me type stream state open"
	sees "$1" "length == 1 and (.[0] | .peer == \"$2:$FLOW_PORT\" and .wqueue > 0 and
	.stats.tx_bytes > 4096)" "schannelctl -j sockets state established"
	sees "$2" "length == 1 and (.[0] | .local_port == $FLOW_PORT and .type == \"stream\")" \
		'schannelctl -j sockets state listen'
	sees "$1" ".channels[0].peer == \"$2\" and (.peers | length == 2)" 'schannelctl -j'
	step 'a connection changes the statistics of both' counted "$1" "$2"

	lists "$1" "^$2 +${id[$2]} +xen +up +$(address "$2") $(address6 "$2")\$" 'schannelctl peers'
	lists "$2" "^$1 +up +" 'schannelctl channels'
	lists "$1" "^open +stream .* $me:[0-9]+ +$2:$FLOW_PORT +0 +schannel-test\(pid=[0-9]+,fd=[0-9]+\)\$" \
		'schannelctl flows -p'
	lists "$2" "^open +stream .* ${id[$2]}:$FLOW_PORT +$1:[0-9]+ +0\$" 'schannelctl flows'
	lists "$1" "^established +stream .* $2:$FLOW_PORT +0\$" 'schannelctl sockets'
	lists "$2" "^listen +stream .*:$FLOW_PORT " 'schannelctl sockets'
	lists "$1" '^connected +[1-9][0-9]*$' 'schannelctl stats'
	lists "$2" '^rx_bytes +[1-9][0-9]*$' "schannelctl stats $1"
	# Its server blocks for ever.
	stop held "serve-$2"
}

# ---- schannelctl monitor and kill ------------------------------------------------

# heard DOM EXPRESSION: the monitor in DOM reported such an event. Its last line may be
# incomplete.
_heard() {
	jq -se "any($2)" "/run/monitor-$1.out" >/dev/null 2>&1
}

heard() {
	until_true $LIMIT _heard "$@" && return
	tail -n 5 "/run/monitor-$1.out"
	return 1
}

# A monitor does not say when it begins to listen: connect until it reports a connection.
monitored() {	# CLIENT SERVER
	connects "$1" "$2" && _heard "$1" '.event == "flow-opened"' &&
		_heard "$2" '.event == "flow-opened"' &&
		[ "$(said monitor-text "flow-opened  *stream .* -> $2:$FLOW_PORT\$")" -gt 0 ]
}

# sees_reset DOM BEFORE: its server saw more than BEFORE resets.
sees_reset() {
	await $LIMIT "serve-$1" '^ended errno=ECONNRESET' $(($2 + 1))
}

# kills DOM FILTER...: exactly one socket matches and is killed.
kills() {
	local dom=$1
	shift
	has "$dom" 'length == 1' "schannelctl -j sockets kill $* state established"
}

monitors() {	# CLIENT SERVER
	local before
	step "$2 serves connections" serve "$2"
	spawn "monitor-$1" "$1" 'schannelctl -j monitor'
	spawn "monitor-$2" "$2" 'schannelctl -j monitor'
	spawn monitor-text "$1" 'schannelctl monitor'
	step 'monitors in both report connections' until_true $LIMIT monitored "$1" "$2"
	step "$1's monitor reports the destination" heard "$1" \
		".flow | .opened and .peer == \"$2:$FLOW_PORT\" and .type == \"stream\""
	step "$2's monitor reports the source" heard "$2" \
		".flow | (.opened | not) and .local_port == $FLOW_PORT and .peer_domid == ${id[$1]}"
	step "$2's monitor reports the end" heard "$2" '.event == "flow-ended"'

	step "$1 has a busy connection" flow talker "$1" "$2" send
	spawn rates "$1" "schannelctl -j -i 0.1 stats $2"
	step 'schannelctl -i reports its rate repeatedly' \
		await $LIMIT rates '"rates":{.*"tx_bytes":[1-9]' 2
	stop rates
	before=$(said "serve-$2" ECONNRESET)
	step "$1 kills it" kills "$1" peer "$2" dport $FLOW_PORT
	step "the program in $1 gets ECONNABORTED" await $LIMIT talker '^ended errno=ECONNABORTED'
	step "the program in $2 gets ECONNRESET" sees_reset "$2" "$before"
	step "$2's monitor reports the reset" heard "$2" \
		'.event == "flow-ended" and .flow.error == "ECONNRESET"'
	stop talker
	step "$1 has another busy connection" flow talker "$1" "$2" send
	step "$2 kills it" kills "$2" peer "$1" sport $FLOW_PORT
	step "the program in $2 gets ECONNABORTED" await $LIMIT "serve-$2" '^ended errno=ECONNABORTED'
	step "the program in $1 gets ECONNRESET" reset talker
	step "$1's monitor reports the reset" heard "$1" \
		'.event == "flow-ended" and .flow.error == "ECONNRESET"'
	stop talker
}

# ---- Namespaces ------------------------------------------------------------

# While the monitors listen.
moves() {	# CLIENT SERVER
	local before to=${id[$2]}
	before=$(said "serve-$2" ECONNRESET)
	step "$2 has a server" example stream "$2" 'stream listen any:7000'
	step "$1 has a busy connection" flow talker "$1" "$2" send
	step "$1 has a network namespace" on "$1" \
		"mkdir -p ${BOX%/*} && touch $BOX && unshare --net=$BOX true"
	step "peer $2 is moved to the namespace" on "$1" "schannelctl peers move $2 netns ${BOX##*/}"
	step "the connection is reset at $1" reset talker
	step "the connection is reset at $2" sees_reset "$2" "$before"
	stop talker
	step "$1's monitor reports that the peer is gone" heard "$1" \
		".event == \"peer-gone\" and .peer.name == \"$2\""
	step "$2's monitor reports that the channel is down" heard "$2" '.event == "channel-down"'
	sees "$1" 'map(.transport) == ["loopback"]' 'schannelctl -j peers'
	says "$1" "no peer '$2'" "schannelctl channels $2"
	says "$1" '^stream: .*: No route to host$' "stream connect $to:7000"
	step "$2 is reached from the namespace" prints "$1" hello \
		"echo hello | $in_box stream connect $2:7000"
	knows "$1" "$2" "$2" "$in_box "
	step "$2's monitor reports that the channel is up" heard "$2" '.event == "channel-up"'
	step "a server in the namespace" example new "$1" "$in_box stream listen any:7020"
	step "a server in the initial namespace" example old "$1" 'stream listen any:7021'
	step "$2 reaches the server in the namespace" prints "$2" hello "echo hello | stream connect $1:7020"
	says "$2" 'Connection refused$' "stream connect $1:7021"
	stop stream old new
	step "the namespace is deleted" on "$1" "umount $BOX && rm $BOX"
	sees "$1" "map(select(.name == \"$2\")) | length == 1" 'schannelctl -j peers'
	step "$1's monitor reports the peer" heard "$1" \
		".event == \"peer\" and .peer.name == \"$2\""
	step "$1 connects to $2 again" connects "$1" "$2"
	step "$1's monitor reports that the channel is up" heard "$1" '.event == "channel-up"'
	stop "monitor-$1" "monitor-$2" monitor-text "serve-$2"
}

contained() {	# CLIENT SERVER
	local to=${id[$2]}
	step "$2 has a server" example stream "$2" 'stream listen any:7000'
	step "$1 reaches it" prints "$1" hello "echo hello | stream connect $2:7000"
	says "$1" 'No route to host$' "unshare -n stream connect $to:7000"
	says "$1" 'No route to host$' "unshare -n seqpacket connect $to:7000 x"
	says "$1" 'No route to host$' "unshare -n dgram connect $to:7000 x"
	says "$1" 'No such file or directory$' "unshare -n stream connect $2:7000"
	sees "$1" 'map(.transport) == ["loopback"]' 'unshare -n schannelctl -j peers'
	sees "$1" '. == []' 'unshare -n schannelctl -j flows'
	stop stream
	step "$1 has a server in another namespace" example stream "$1" 'unshare -n stream listen any:7022'
	says "$2" 'Connection refused$' "stream connect $1:7022"
	stop stream
}

between() {	# CLIENT SERVER PART...
	local client=$1 server=$2 part start
	shift 2
	echo "# from $client to $server"
	for part in "$@"; do
		start=$EPOCHREALTIME
		$part "$client" "$server"
		progress "$part: took $(since "$start") s"
	done
}

trap stop_all EXIT
schannel_load u1 u2 || fail "the modules do not load"
schannel_pair u1 u2 || fail "u1 and u2 cannot be paired"
declare -A id uuid
for dom in u1 u2; do
	id[$dom]=$(domid $dom)
	uuid[$dom]=$(xenstore-read "/local/domain/${id[$dom]}/vm")
	uuid[$dom]=${uuid[$dom]#/vm/}
done
between u2 u1 examples socats queries monitors moves contained
[ "${1:-}" = quick ] || between u1 u2 examples queries monitors moves
summary
