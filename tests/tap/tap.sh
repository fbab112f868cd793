# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
# Reports the results of a script in TAP, the Test Anything Protocol. The script ends with
# "summary", which prints the plan.

_passed=0
_failed=0
detail=

# _report NOT NAME: one point; NOT is "not " if it failed.
_report() {
	if [ "$1" ]; then
		_failed=$((_failed + 1))
	else
		_passed=$((_passed + 1))
	fi
	echo "${1}ok $((_passed + _failed)) - $2"
}

# point STATUS NAME [DIAGNOSTIC]: one point, which passes if STATUS is 0. The diagnostic is
# shown if it fails.
point() {
	if [ "$1" = 0 ]; then
		_report '' "$2"
	else
		_report 'not ' "$2"
		[ -z "${3-}" ] || sed 's/^/# /' <<<"$3"
	fi
}

# same NAME WANTED GOT: passes if the two texts are equal.
same() {
	local status=0
	[ "$2" = "$3" ] || status=1
	point $status "$1" "got '$3', not '$2'"
}

# step NAME COMMAND...: passes if the command succeeds. What the command leaves in
# "detail" goes into the line; its output is shown if it fails.
step() {
	local name=$1 status=0 _output
	shift
	detail=
	_output=$(mktemp)
	"$@" >"$_output" 2>&1 || status=$?
	if [ $status = 0 ]; then
		_report '' "$name${detail:+ ($detail)}"
	else
		_report 'not ' "$name${detail:+ ($detail)}"
		sed 's/^/# /' "$_output"
	fi
	rm -f "$_output"
	return $status
}

# skip NAME REASON: a point that cannot be tested here.
skip() {
	_report '' "$1 # SKIP $2"
}

# merge NAME COMMAND...: the points of a command that reports in TAP become points of the
# script. A wrong plan is a failure, and so is an exit status that no point explains.
# Returns the command's exit status.
merge() {
	local name=$1 line plan= status=0 before=$((_passed + _failed)) failed=$_failed ran
	local point='^(not )?ok( +[0-9]+)?( +(- )?(.*))?$'
	shift
	while IFS= read -r line; do
		if [[ $line =~ $point ]]; then
			_report "${BASH_REMATCH[1]}" "${BASH_REMATCH[5]}"
		elif [[ $line =~ ^1\.\.([0-9]+) ]]; then
			plan=${BASH_REMATCH[1]}
		else
			echo "$line"
		fi
	done < <("$@" 2>&1)
	wait $! || status=$?
	ran=$((_passed + _failed - before))
	[ "${plan:-$ran}" = $ran ] || _report 'not ' "$name: $plan points were planned, $ran reported"
	[ $status = 0 ] || [ $_failed -gt $failed ] || _report 'not ' "$name: exit status $status"
	return $status
}

# summary: the end of a script, and its exit status.
summary() {
	echo "1..$((_passed + _failed))"
	[ $_failed = 0 ]
}

# since TIME: seconds passed since TIME, an earlier $EPOCHREALTIME.
since() {
	awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

# until_true LIMIT COMMAND...: repeat the command until it succeeds, for LIMIT seconds at
# most.
until_true() {
	local limit=$1 deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		if [ $SECONDS -ge $deadline ]; then
			echo "not within $limit s: $*"
			return 1
		fi
		sleep 0.1
	done
}
