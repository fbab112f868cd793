#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# schannelctl: its command line, and its output for simulated peers, channels and flows, which
# needs neither Xen nor a kernel module. The man page and the completion
# are held against what it can.
#
#	ctl.sh SCHANNELCTL SCHANNELCTL-MADE-UP
set -uo pipefail
# shellcheck source=tests/tap/tap.sh
. "$(dirname "$0")/../tap/tap.sh"

ctl=$(realpath "$1")
made_up=$(realpath "$2")
tools=$(dirname "$0")/../../tools
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

# Fails with one line on standard error and nothing else.
fails() {	# STATUS TEXT ARGUMENTS...
	local wanted=$1 text=$2 said status=0
	shift 2
	said=$(timeout 10 "$made_up" "$@" 2>&1 >/dev/null) || status=$?
	[ $status = "$wanted" ] && [ -z "$(timeout 10 "$made_up" "$@" 2>/dev/null)" ] &&
		[ "$(wc -l <<<"$said")" = 1 ] && grep -qi -- "$text" <<<"$said"
	point $? "${MADE_UP:+errno $MADE_UP, }fails with '$text': $*" "status $status, $said"
}

# Prints a line like this, trailing space and all.
prints() {	# PATTERN ARGUMENTS...
	local pattern=$1 said
	shift
	said=$(timeout 10 "$made_up" "$@" 2>&1)
	grep -qxE -- "$pattern" <<<"$said"
	point $? "prints '$pattern': $*" "$said"
}

# Prints exactly this many lines.
counts() {	# LINES ARGUMENTS...
	local lines=$1 said
	shift
	said=$(timeout 10 "$made_up" "$@" 2>&1)
	[ "$(wc -l <<<"$said")" = "$lines" ]
	point $? "prints $lines lines: $*" "$said"
}

# Prints JSON for which this holds.
json() {	# EXPRESSION ARGUMENTS...
	local expression=$1 said
	shift
	said=$(timeout 10 "$made_up" -j "$@") && python3 -m json.tool <<<"$said" >/dev/null &&
		jq -e "$expression" <<<"$said" >/dev/null
	point $? "JSON has $expression: $*" "$said"
}

# The command line.
fails 2 "unknown command 'xyzzy'; see schannelctl --help" xyzzy
fails 2 'unknown command' ''
fails 2 "'flos'; did you mean 'flows'?" flos
fails 2 "'flwos'; did you mean 'flows'?" flwos
fails 2 "did you mean 'attach'?" help atach
fails 2 'peers or pair' p
fails 2 'show or sockets' s
fails 2 'invalid option' -Z
fails 2 'unrecognized option' flows --xyzzy
fails 2 'requires an argument' stats -i
fails 2 'number of seconds' stats -i 0
fails 2 'number of seconds' stats -i 1x
fails 2 'list takes no -K' -K list
fails 2 'flows takes no -i (--interval)' --interval 1 flows
fails 2 'a number of packets' capture -c 0
fails 2 'a number of packets' capture -c 1x
fails 2 "invalid filter 'port x y'" capture -w /dev/null port x y
fails 2 'usage' pair a
fails 2 'usage' unpair a b c
fails 2 'usage' channels web web
fails 2 'usage' stats web web
fails 2 'expected: peer, type, state, port, sport, dport' flows colour red
fails 2 "did you mean 'dport'?" flows dprot 80
fails 2 "did you mean 'flows'?" monitor folws
fails 2 "did you mean 'move'?" peers mvoe web netns x
fails 2 "did you mean 'check'?" policy chek
fails 2 "did you mean 'cgroup'?" why web group x
fails 2 'invalid port' flows port x
fails 2 'invalid port' flows port 0
fails 2 'invalid port' flows sport 4294967296
fails 2 "unknown type 'raw'; expected: stream, seqpacket, dgram, tcp" flows type raw
fails 2 "did you mean 'stream'?" flows type steam
fails 2 'stream or seqpacket' flows type s
fails 2 "unknown state 'listen'" flows state listen
fails 2 "did you mean 'listen'?" sockets state listn
fails 1 "no peer 'db'" peers db
fails 1 "no peer 'db'" flows peer db
fails 1 'use the id' channels twins
fails 1 'no network namespace' peers move web netns there-is-none
fails 1 'not permitted' peers move web netns $$
fails 1 'not permitted' sockets kill state listen
fails 1 'not permitted' flows kill dport 81
fails 1 'not permitted' flows demote dport 81
fails 2 'usage' attach
fails 2 "unknown scope keyword 'all'" attach web all
fails 2 "did you mean 'port'?" attach web prot 80
fails 2 "did you mean 'not'?" attach web nto port 80
fails 2 'usage' attach web port
fails 2 'usage' attach web not
fails 2 "unknown scope keyword '80'" attach web not 80
fails 2 'usage' attach web to ''
fails 2 'invalid port or range' attach web port 0
fails 2 'invalid port or range' attach web port 65536
fails 2 'invalid port or range' attach web port 80,http
fails 2 'invalid port or range' attach web port 80-
fails 2 'invalid port or range' attach web port 81-80
fails 2 'invalid port or range' attach web port 4294967376
fails 2 'excludes all ports' attach web port 80 not port 1-1000
fails 2 'invalid address or prefix' attach web to web
fails 2 'invalid address or prefix' attach web to 10.0.0.1/33
fails 2 'invalid address or prefix' attach web to fd00::/129
fails 2 'invalid address or prefix' attach web to fd00::/
fails 2 'bits set beyond' attach web to 10.0.0.1/8
fails 2 'both included and excluded' attach web to fd00::1 not to fd00:0::1/128
fails 2 'attach takes no -j' attach web -j
fails 2 'usage' attached web
fails 2 'usage' detach
fails 1 'not attached' detach web
fails 2 'ambiguous: /b/twins or /c/twins' detach twins
fails 2 'usage' run
fails 2 'usage' run port 80
fails 2 'usage' run port 80 --
fails 2 'run takes no -j' -j run true
MADE_UP=97 fails 1 'not loaded' peers
MADE_UP=97 fails 1 'not loaded' -j show
MADE_UP=95 fails 1 'does not support flows' flows
MADE_UP=1 fails 1 'not permitted' monitor flows
MADE_UP=12 fails 1 'cannot allocate memory' stats
"$made_up" help >/dev/full 2>/dev/null
[ $? = 1 ]
point $? 'output that cannot be written is an error'
for arguments in 'sockets kill' 'flows kill' 'flows demote' 'sockets demote' '-K flows demote port 1' detach 'detach --all web' -K 'peers move web netns' 'peers web move'; do
	# shellcheck disable=SC2086
	timeout 10 "$made_up" ${arguments/#-K/sockets -K} >/dev/null 2>&1
	[ $? = 2 ]
	point $? "is used otherwise: $arguments"
done

# First contact: answers on standard output, and nothing on standard error.
answers() {	# PATTERN ARGUMENTS...
	local pattern=$1 said status=0
	shift
	said=$(timeout 10 "$made_up" "$@" 2>"$errors") || status=$?
	[ $status = 0 ] && [ ! -s "$errors" ] && grep -qxE -- "$pattern" <<<"$said"
	point $? "answers '$pattern': $*" "status $status, $said, $(cat "$errors")"
}
for arguments in --help -h help '-j --help'; do
	# shellcheck disable=SC2086
	answers 'Usage: schannelctl \[OPTIONS\] \[COMMAND.*' $arguments
done
for arguments in 'flows --help' 'flows -h' 'help fl' '--help flows' 'flows peer --help -j'; do
	# shellcheck disable=SC2086
	answers 'Usage: schannelctl .*flows \[FILTER\]' $arguments
done
answers '       schannelctl .*peers move PEER netns .*' peers --help
answers '  -i, --interval=SECONDS .*' stats --help
answers 'Usage: schannelctl .*run .*COMMAND.*' run --help
answers '--help' run printf '%s\n' --help
answers "schannelctl $(cat "$tools/../VERSION")" --version
answers "schannelctl $(cat "$tools/../VERSION")" flows -V
answers '.*"peer": "web".*' peers --json

# Tables.
prints 'PEER +DOMID  TRANSPORT  CHANNEL  ADDRESSES' peers
prints 'web +3  xen        up       10\.0\.0\.3 fd00::3' peer
prints '3 +3  xen        up       10\.0\.0\.3 fd00::3' pe -n
prints '"b\\a\?d"\?\[1m +12  xen        down     -' peers
prints ' +name:web uuid:6f2b9d3c-0a51-4c1e-9f7e-1d2c3b4a5968' peers -e web
prints 'web +up +1d01h +3 +1572864 +1048576 +33554432 +1000 +18446744073709551615 +10239' ch
prints 'web +up +1d01h +3 +1\.5M +1M +32M +1000 +16E +10K' ch -H
prints 'self +up +59\.9s .*' channels
prints 'open +stream +4096 +100 +4096 +65536  5:70000 +web:80 +1000' flows
prints 'opening +seqpacket .*  5:70001 +web:81 +0' flows
prints 'closing +stream .*  self:80 +self:70002 +0' flows
prints ' +id:1 peer_id:7 opened inode:1234 cookie:1099511627776 tx_bytes:1 rx_bytes:2 .* drops:9' \
	flows -e
prints 'STATE .*  UID  PROCESSES' flows -p
prints 'listen +stream +1 +128  any:80 +- +0' sockets
prints 'closed +dgram +0 +0  - +- +0' sockets
prints ' +inode:1234 .* shutdown_rd tx_bytes:1 .*' sockets -e
prints 'connects +103' stats
prints 'tx_bytes +18446744073709551615' stats web
prints '[0-9:.]+ flow-opened  stream 5:70000 -> web:80' monitor
prints '[0-9:.]+ flow-ended   dgram 5:0 <- .*' monitor
prints '[0-9:.]+ lost *' monitor
counts 7 flows
counts 13 flows -e
counts 5 flows peer web
counts 2 flows peer web type stream
counts 2 flows state closing
counts 3 flows port 80
counts 2 flows sport 80
counts 1 flows sport 81
counts 2 flows dport 81
counts 1 flows port 80 sport 81
counts 5 sockets
counts 2 sockets peer web
counts 2 sockets state listen
counts 2 sockets peer 0
counts 2 sockets -K state established
counts 2 sockets k type dgram
counts 3 flows -K type stream
counts 3 flows k type stream
[ -z "$("$made_up" show | sed -n '/ $/p')" ]
point $? 'no line of a table ends in a space'

# TCP connections: theirs are the addresses, and why they are or are not diverted.
prints 'open +tcp .*  10\.0\.0\.5:40000 +10\.0\.0\.3:5201 +0' flows
prints 'open +tcp .*  \[fd00::5\]:5202 +\[fd00::3\]:40001 +0' flows
counts 2 flows dport 5201
prints 'divert_ok +17' stats
prints 'divert_not_attached +18' stats
NO_INET=1 counts 28 stats
fails 2 'usage' why
fails 2 'expected: cgroup' why web port 80
fails 2 'usage' why web cgroup
fails 2 'invalid TCP port' why web:
fails 2 'invalid TCP port' why web:0
fails 2 'invalid TCP port' why '[fd00::3]:65536'
fails 2 'invalid destination' why '[fd00::3'
fails 2 'invalid destination' why '[fd00::3]80'
fails 2 'invalid destination' why ':80'
fails 1 "no peer 'db'" why db:80
fails 1 'no address is published' why 0
MADE_UP=97 fails 1 'not loaded' why 10.0.0.3
whys() {	# STATUS PATTERN ARGUMENTS...
	local wanted=$1 pattern=$2 said status=0
	shift 2
	said=$(timeout 10 "$made_up" why "$@" 2>&1) || status=$?
	[ $status = "$wanted" ] && grep -qxE -- "$pattern" <<<"$said"
	point $? "why $*: $wanted, '$pattern'" "status $status, $said"
}
whys 0 '\[fd00::3\]:80: would be diverted, to web' '[fd00::3]:80'
whys 0 'fd00::3: would be diverted, to web' fd00::3
whys 0 '\[fd00::3\]:80: would be diverted, to 3' -n '[fd00::3]:80'
whys 1 '\[fd00::3\]:81: would be plain TCP, because the scope .* excludes it' '[fd00::3]:81'
whys 1 '10.0.0.3:80: would be plain TCP, because the scope of .* cgroup / .*' 10.0.0.3:80
whys 1 '.*, because the cgroup /other is not attached .*' '[fd00::3]:80' cgroup other
whys 1 '.*, because .* cgroup /hidden cannot be read: Operation not permitted' fd00::3 c hidden
whys 1 '.*, because it is not the address of a peer .*, and because the scope .*' 10.0.0.9:80
whys 1 '.*, because it is a local address .*, and because the scope .*' 127.0.0.1:81
whys 0 '.* would be diverted, to web; the last .* stayed with TCP, 3\.2 s ago: the accepting end offered .*' '[fd00::4]:80'
whys 1 '.*, because the scope .*; the last .* stayed with TCP, 3\.2 s ago: .*' '[fd00::4]:81'
whys 1 '.*, because the kernel has a reason that .*' '[fd00::5]:80'
whys 1 '.*, because it is not .*; the last .*, 0\.1 s ago: the kernel has a reason that .*' '[fd00::6]:80'
whys 1 '10.0.0.3:443: would be plain TCP, .*' web:443
whys 1 '\[fd00::3\]:443: would be diverted, to web' web:443
NO_INET=1 whys 1 '.*, because schannel_inet is not loaded .*' '[fd00::3]:80'
"$made_up" why '[fd00::3]:80' >/dev/full 2>/dev/null
[ $? = 1 ]
point $? 'why: output that cannot be written is an error'

# Attaching, and what the words become.
attaches() {	# SCOPE WORDS...
	local scope=$1
	shift
	prints "attach /web: $scope" attach web "$@"
}
attaches all
attaches all port 1-65535
attaches 'port 80' p 80
attaches 'port 80-83,443' port 443,80,81-83 port 80
attaches 'not port 22,8000-8099' not port 8000-8099 n p 22
attaches 'port 80,82' port 80-82 not port 81
attaches 'to 10\.0\.0\.0/8' to 10.0.0.0/8,10.0.0.0/8
attaches 'to 10\.0\.0\.3,fd00::/8 not to fd00::1' not to fd00::1 to fd00::/8 to ::ffff:10.0.0.3
attaches 'port 80 not to 10\.0\.0\.0/8' not to 10.0.0.0/8 port 80
attaches 'to 0\.0\.0\.0/0' to 0.0.0.0/0
attaches 'to ::/0' not to 0.0.0.0/0 to ::/0
attaches 'not to ::/0' not to ::/0
attaches 'to ::/0,0\.0\.0\.0/0' to 0.0.0.0/0,::/0
# Valid scopes are accepted.
for scope in 'not port 22 to 10.0.0.0/8,fd00::/8 not to 10.1.0.0/16' \
	     'to ::/0,0.0.0.0/0,10.0.0.0/8 not to 11.0.0.0/8'; do
	# shellcheck disable=SC2086
	prints "attach /web: $scope" attach web $scope
done
probes() {	# ANSWER ADDRESS PORT WORDS...
	local answer=$1 probe="$2 $3"
	shift 3
	PROBE=$probe prints "$answer" attach web "$@"
}
probes included ::ffff:10.0.0.1 80
probes 'left out' ::ffff:10.0.0.1 80 not port 80
probes included ::ffff:10.0.0.1 0 not port 80
probes 'left out' ::ffff:10.0.0.1 81 port 80
probes included fd00::1 65535 port 65535
probes 'left out' ::ffff:10.0.0.1 80 to fd00::/8
probes included ::ffff:10.0.0.1 80 not to ::/0
probes 'left out' fd00::1 80 not to ::/0
probes 'left out' ::ffff:10.1.0.1 80 to 10.0.0.0/8 not to 10.1.0.0/16
probes 'included ahead' ::ffff:10.1.2.3 80 to 10.1.2.3,10.0.0.0/8 not to 10.1.0.0/16
probes 'left out' ::ffff:10.1.2.2 80 to 10.1.2.3,10.0.0.0/8 not to 10.1.0.0/16
probes included ::ffff:12.0.0.1 80 not to 10.0.0.0/7
probes 'left out' ::ffff:11.0.0.1 80 not to 10.0.0.0/7,11.0.0.0/8
probes 'included ahead' fdff::1 80 to fd80::/9
probes 'included ahead' fdff::1 80 to ::/0,0.0.0.0/0
probes 'left out' fd7f::1 80 to fd80::/9
prints 'detach /a/web.service 7' detach web.service
prints 'detach /a/web.service 8' detach web.service
prints 'detach /b/twins 9' detach /b/twins web.service
counts 3 detach /b/twins web.service
counts 5 detach --all
NO_INET=1 fails 1 'not loaded' detach --now
prints '/a/web.service +port 80,443 not to 10\.0\.0\.0/8  gone' attached
prints '/c/twins +all' attached
counts 6 attached

# Running a command; each time it says what happened to the cgroup.
prints 'attach /schannel-run-0: port 80 to fd00::/8' run port 80 to fd00::/8 echo
prints '-e -j port' run printf '%s %s %s\n' -e -j port
prints 'x' run -- printf 'x\n'
prints 'port is run' run -- sh -c 'echo $0 is run' port
prints 'detach /schannel-run-0 1' run true
CGROUP_BUSY=1 prints '.*: processes remain in /schannel-run-0, .*' run true
status() {	# STATUS COMMAND...
	local wanted=$1 status=0
	shift
	timeout 10 "$@" >/dev/null 2>&1 || status=$?
	[ $status = "$wanted" ]
	point $? "ends with $wanted: ${*:2}" "$status"
}
status 0 "$made_up" detach --now
status 0 "$made_up" run true
status 7 "$made_up" run sh -c 'exit 7'
status 126 "$made_up" run /
status 127 "$made_up" run there-is-none
status 143 bash -c "\"$made_up\" run sh -c 'kill \$\$'; exit \$?"
# What it gets itself is the command's.
status 5 bash -c "exec \"$made_up\" run bash -c 'trap \"exit 5\" USR1; kill -USR1 \$PPID; while :; do :; done'"
status 0 bash -c 'trap "" CHLD; exec "$0" run true' "$made_up"
said=$(timeout 10 "$made_up" run sh -c 'grep SigBlk /proc/self/status')
grep -q 'SigBlk:.0*$' <<<"$said"
point $? 'run blocks no signals for the command' "$said"

# JSON.
json 'length == 5 and .[0].gone and .[0].id == 7 and .[0].ports == ["80","443"]' attached
json '.[0] | .to == ["::/0","0.0.0.0/0"] and .not_to == ["10.0.0.0/8"]' attached
json '.[2] | .scope == "all" and .ports == ["1-65535"] and (.gone | not)' attached
json 'length == 3 and .[1].name == "web" and .[1].addresses[1] == "fd00::3"' peers
json '.[0].own_domid == 5 and .[0].name == null and .[1].own_domid == null' peers
json '.[2].name == "\"b\\a\td\"\u001b[1m" and .[2].channel == "down"' peers
json 'length == 1 and .[0].domid == 3' peers web
json '.[1].pool_limit == 33554432 and .[2].state == "down"' channels -H
json 'length == 6 and .[0].stats.tx_records == 3 and .[1].stats == null' flows
json '.[0] | .peer == "web:80" and .peer_domid == 3 and .peer_port == 80 and .local_port == 70000' flows
json '.[0].peer == "3:80"' flows -n
json '.[1].peer_id == null and .[1].state == "opening" and (.[3].opened | not)' flows
json '[] == .' flows port 1
json '.[0].processes == []' flows -p
json '.[0].memory.sock_drops == 11 and .[0].peer == null and .[0].peer_domid == null' sockets
json '.[1].shutdown_rd and (.[1].shutdown_wr | not)' sockets
json '.connects == 103' stats
json '.[4] | .local_address == "10.0.0.5" and .peer_address == "10.0.0.3" and .peer == "10.0.0.3:5201"' flows
json '.[0].local_address == null' flows
json '.divert_ok == 17 and .divert_no_peer == 0' stats
NO_INET=1 json 'has("divert_ok") and .divert_ok == null' stats
why_json() {	# EXPRESSION ARGUMENTS...
	local expression=$1 said
	shift
	said=$(timeout 10 "$made_up" -j why "$@" || :)
	jq -e "$expression" <<<"$said" >/dev/null
	point $? "JSON has $expression: why $*" "$said"
}
why_json 'length == 1 and (.[0] | .diverted and .reasons == [] and .peer_domid == 3 and .cgroup == "/")' '[fd00::3]:80'
why_json 'length == 2 and (.[0] | .address == "10.0.0.3" and .port == 443 and (.diverted | not))' web:443
why_json '.[0] | .port == null and .peer == null and (.reasons | map(.reason)) == ["no_peer","cgroup_excluded"]' 10.0.0.9
why_json '.[0] | .last == null' fd00::3
why_json '.[0] | .diverted and .reasons == [] and (.last | .reason == "not_offered" and .age_ms == 3249 and .text)' fd00::4
why_json '.[0] | .reasons[0].reason == "no_peer" and .last.reason == "other"' fd00::6
json '.peer == "web" and .opened == 1' stats web
json '(.peers | length) == 3 and (.channels | length) == 3' show
[ "$("$made_up" -j)" = "$("$made_up" show -j)" ] && [ "$("$made_up")" = "$("$made_up" show)" ]
point $? 'no command shows'
said=$("$made_up" -j monitor 2>/dev/null | jq -sc 'map(.event)')
[ "$said" = '["peer","channel-up","lost","flow-opened","flow-ended","flow-ended","channel-down","peer-gone"]' ]
point $? 'monitor: an object a line' "$said"
said=$("$made_up" -j monitor 2>/dev/null)
jq -es '.[0].peer.name == "web" and .[0].time > 1e9 and .[5].flow.type == "dgram"' <<<"$said" >/dev/null
point $? 'monitor: what it happened to' "$said"
# Each answer has 100 connects more than the one before, and is not asked for sooner.
said=$(timeout 10 "$made_up" -j -i 0.02 stats | head -n 2 | jq -s 'map(.rates.connects)')
jq -e 'all(. > 200 and . <= 5001) and length == 2' <<<"$said" >/dev/null
point $? 'stats -i: rates' "$said"
said=$(timeout 10 python3 -c 'if True:
	import json, os, socket, subprocess, sys
	s = socket.socket()
	flows = json.loads(subprocess.check_output([sys.argv[1], "-jp", "flows"],
		env={**os.environ, "INODE": str(os.fstat(s.fileno()).st_ino)}))
	assert flows[0]["processes"] == [{"name": "python3", "pid": os.getpid(), "fd": s.fileno()}]
	' "$made_up" 2>&1)
point $? 'flows -p: the processes that have the socket' "$said"

# The program itself, where there is no module, and that it needs no libxenstore.
[ -e /sys/module/schannel ] || {
	said=$("$ctl" flows 2>&1)
	[ $? = 1 ] && grep -q 'not loaded' <<<"$said"
	point $? 'without the module' "$said"
}
! ldd "$ctl" | grep -q libxen
point $? 'it is not linked with libraries of Xen'

# Its documents.
commands=$("$ctl" help | sed -n 's/^  \([a-z]\+\) .*/\1/p' | sort -u)
letters=$("$ctl" help | grep -o '^  -.' | cut -c4)
for command in $commands; do
	grep -q "^\.\(B\|BI\) \"\?$command\b" "$tools/schannelctl.8"
	point $? "the manual has $command"
done
for letter in $letters; do
	grep -q '^\.\(B\|BI\|BR\) "\?\\-'"$letter" "$tools/schannelctl.8"
	point $? "the manual has -$letter"
done
keys() {	# ARGUMENTS...
	"$made_up" -j "$@" 2>/dev/null | jq -r '.. | objects | keys[]'
}
said=$(for command in peers channels 'flows -p' 'sockets -p' stats show monitor attached 'why fd00::4'; do
	# shellcheck disable=SC2086
	keys $command
done | sort -u | while read -r key; do
	grep -q "\\b$key\\b" "$tools/schannelctl.8" || echo "$key"
done)
[ -z "$said" ]
point $? 'the manual has every member of JSON' "$said"
if command -v man >/dev/null; then
	said=$(LC_ALL=C MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l "$tools/schannelctl.8" 2>&1 >/dev/null)
	point "${#said}" 'the manual is well-formed' "$said"
fi

# complete WORDS...: what the last of them may become.
complete_last() {
	# shellcheck disable=SC1091,SC2034
	bash -c '. "$0/completion/schannelctl"
		schannelctl() { "'"$made_up"'" "$@"; }
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_schannelctl
		printf "%s\n" "${COMPREPLY[@]}"' "$tools" schannelctl "$@" | sort | xargs
}
completes() {	# WANTED WORDS...
	local wanted=$1 said
	shift
	said=$(complete_last "$@")
	[ "$said" = "$wanted" ]
	point $? "completes to '$wanted': $*" "$said"
}
completes "$(xargs <<<"$commands")" ''
completes 'peers' pe
completes 'show sockets stats' -j s
completes 'self web' channels ''
completes 'move self web' peers ''
completes 'netns' peers move web ''
completes 'demote dport kill peer port sport state type' flows ''
completes 'kill' sockets k
completes 'listen' sockets -e state l
completes 'closing' flows state c
completes 'seqpacket stream' flows type s
completes 'web' sockets kill peer w
completes 'flows' monitor f
completes 'outbound' capture o
completes '--count --help --version --write -V -c -h -w' capture -
completes '--extended --help --human --json --kill --numeric --processes --version -H -K -V -e -h -j -n -p' flows -
completes '--interval' stats --i
completes 'pair' help pai
completes 'attach attached' att
completes 'not port to' attach web p 80 ''
completes 'self web' why ''
completes 'cgroup' why web ''
completes 'port to' attach web not ''
completes '' attach web port ''
completes 'not port to' run ''
completes 'mktemp' run port 80 mktem
completes '/a/web.service /b/twins /c/twins /schannel-run-0' detach ''

summary
