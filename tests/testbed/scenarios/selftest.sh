# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
#	selftest.sh
#
# Checks the functions that scenarios rely on, and leaves a complaint in u1's console that must
# fail the run. Run by tests/testbed/selftest, which checks that it does.
set -euo pipefail

expect() {	# STATUS COMMAND...
	local wanted=$1 status=0
	shift
	"$@" >/run/expect.log 2>&1 || status=$?
	[ $status = "$wanted" ] || fail "'$*' gave $status, not $wanted: $(cat /run/expect.log)"
}

expect 0 on u1 'true'
expect 3 on u1 'exit 3'
expect 137 on u1 'kill -9 $$'
[ "$(on u1 hostname) $(on u2 hostname)" = "u1 u2" ] || fail "commands run in the wrong domain"
[ "$(on u1 'echo lost >&2' 2>/dev/null)" = "" ] || fail "errors are mixed with output"
progress "exit statuses and streams are kept apart"

head -c 3000000 /dev/urandom >/run/sent
push u1 /run/sent /tmp/sent
pull u1 /tmp/sent /run/back
cmp /run/sent /run/back || fail "a file changed during the copy"
progress "three random megabytes went to u1 and back unchanged"

jobs=()
for number in 1 2 3 4; do
	on u$((number % 2 + 1)) "echo $number" >"/run/job$number" &
	jobs+=($!)
done
wait "${jobs[@]}"
[ "$(cat /run/job[1-4] | tr -d '\n')" = 1234 ] || fail "the output of concurrent commands is mixed up"
progress "commands run side by side"

old=$(domid u2)
on u2 'sleep 1000' &
job=$!
domu_destroy u2
expect 255 wait $job
expect 1 domid u2
domu_create u2
[ "$(domid u2)" != "$old" ] || fail "u2 has its old domain id"
expect 0 on u2 'true'
progress "u2 was destroyed, which was noticed, and created again"

echo '{"answer": 42}' >/result/answer.json
# The first line stands for a loaded module: a complaint before any is loaded counts as the
# emulator's fault, and the run is repeated.
on u1 'echo "schannel: put here by the self-check" >/dev/kmsg'
on u1 'echo "WARNING: put here by the self-check" >/dev/kmsg'
