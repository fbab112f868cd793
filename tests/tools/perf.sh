#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# schannel-perf over TCP on this machine, which needs nothing but the program:
# everything but the other family's addresses is the same code.
#
#	perf.sh SCHANNEL-PERF
set -uo pipefail
# shellcheck source=tests/tap/tap.sh
. "$(dirname "$0")/../tap/tap.sh"

perf=$(realpath "$1")
scratch=$(mktemp -d)
trap 'kill $server 2>/dev/null; rm -rf "$scratch"' EXIT
server=

# A server with a port of its own; its first line says when and where.
serve() {	# COMMAND...
	local line
	exec 3< <(exec timeout 60 "$perf" "$@" --family tcp --port 0 2>"$scratch/errors")
	server=$!
	read -r line <&3
	port=${line##*:}
}

client() {
	timeout 60 "$perf" client 127.0.0.1 --family tcp --port "$port" --time 0.2 --verify "$@"
}

# One line on standard error, and a failure.
fails() {	# TEXT COMMAND...
	local text=$1 said status=0
	shift
	said=$(timeout 60 "$@" 2>&1 >/dev/null) || status=$?
	[ $status != 0 ] && [ "$(wc -l <<<"$said")" = 1 ] && grep -q -- "$text" <<<"$said"
	point $? "fails with '$text': ${*:2}" "status $status, $said"
}

serve server
for size in 1 1K 64K 128K 3M; do
	said=$(client --size $size --json 2>&1) && jq -e '.mib_per_s > 0 and
		.bytes == .client.bytes and .bytes == .server.bytes' <<<"$said" >/dev/null
	point $? "stream, $size" "$said"
done
said=$(client --reverse --flows 20 --json 2>&1) && jq -e '.flows == 20 and
	.client.recv_calls > 0 and .server.send_calls > 0' <<<"$said" >/dev/null
point $? 'stream, 20 flows from the server' "$said"
for size in 1 300K; do
	said=$(client --test rtt --size $size --json 2>&1) && jq -e '.round_trips > 0 and (.rtt_us |
		.min <= .median and .median <= .p99 and .p99 <= .max)' <<<"$said" >/dev/null
	point $? "round trips, $size" "$said"
done
client | grep -q 'received .* MiB/s'
point $? 'text'
head -c 1000 "$perf" >"$scratch/file"
fails 'does not support this test' "$perf" send "$scratch/file" 127.0.0.1 --family tcp --port "$port"
head -c 200 /dev/zero | timeout 10 bash -c "cat >/dev/tcp/127.0.0.1/$port"
client >/dev/null
point $? 'a server survives a client that sends an invalid request'
client --time 5 2>"$scratch/client" & client=$!
# The test runs once the server has a second thread.
until [ "$(pgrep -P "$server" | xargs -I{} ls /proc/{}/task 2>/dev/null | wc -l)" -gt 1 ]; do
	kill -0 $client || break
done
kill "$server"
wait $client
[ $? = 1 ] && [ "$(wc -l <"$scratch/client")" = 1 ]
point $? 'a client whose server is killed' "$(cat "$scratch/client")"

serve server --once
client --flows 5 >/dev/null
wait $server
point $? 'one test with --once' "$(cat "$scratch/errors")"

head -c 3000001 /dev/urandom >"$scratch/file"
sum=$(sha256sum <"$scratch/file")
serve receive "$scratch/copy" --once
said=$(timeout 60 "$perf" send "$scratch/file" 127.0.0.1 --family tcp --port "$port" 2>&1)
[ "$said" = "sent 3000001 bytes, SHA-256 ${sum%% *}" ]
point $? 'send says what it sent' "$said"
read -r said <&3
[ "$said" = "received 3000001 bytes, SHA-256 ${sum%% *}" ] && cmp "$scratch/file" "$scratch/copy"
point $? 'receive says what it received' "$said"
wait $server
point $? 'one file with --once' "$(cat "$scratch/errors")"

# A listener that never answers.
exec 4< <(exec timeout 60 python3 -c 'if True:
	import socket
	s = socket.create_server(("127.0.0.1", 0))
	print(s.getsockname()[1], flush=True)
	c = s.accept()[0]
	while c.recv(4096): pass
	c.close()')
read -r port <&4
fails 'no progress for 1 s' "$perf" client 127.0.0.1 --family tcp --port "$port" --timeout 1
cat <&4	# until the listener has exited
fails 'Connection refused' "$perf" client 127.0.0.1 --family tcp --port "$port"
fails 'expected a domain id' "$perf" client xyzzy
fails 'not for server' "$perf" server --json
fails 'size' "$perf" client 1 --size 0
fails "unknown command 'sever'; did you mean 'server'?" "$perf" sever
fails 'unrecognized option' "$perf" client 1 --xyzzy
fails 'no command' "$perf"
fails 'not a regular file' "$perf" send / 1

# First contact: answers on standard output, and nothing on standard error.
answers() {	# PATTERN ARGUMENTS...
	local pattern=$1 said status=0
	shift
	said=$("$perf" "$@" 2>"$scratch/errors") || status=$?
	[ $status = 0 ] && [ ! -s "$scratch/errors" ] && grep -qxE -- "$pattern" <<<"$said"
	point $? "answers '$pattern': $*" "status $status, $said, $(cat "$scratch/errors")"
}
for argument in --help -h help; do
	answers 'Usage: schannel-perf COMMAND .*' $argument
	answers 'Usage: schannel-perf client ADDR .*' $argument client
done
answers 'Usage: schannel-perf client ADDR .*' client --help
for arguments in --version -V 'client --version'; do
	# shellcheck disable=SC2086
	answers "schannel-perf $(cat "$(dirname "$0")/../../VERSION")" $arguments
done

summary
