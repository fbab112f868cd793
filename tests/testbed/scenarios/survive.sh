# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2016,SC2034,SC2086,SC2154
#
#	survive.sh
#
# Connections of unmodified programs that outlive their domain's save and restore: iperf3, redis,
# PostgreSQL under pgbench, an ssh session and a download from nginx, between two domUs with a
# Debian root ("testbed xen --root"). Their bytes are in rings; each domain is saved and restored,
# under another id; its pair is made again; and the programs never notice. None connects a second
# time, and each checks what it receives.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/detached
. /testbed/lib/transparent
. /testbed/lib/programs

export AGENT_SILENCE=300

LIMIT=180		# seconds until an expected event must have happened
group=survive		# the cgroup of all programs, which is attached
clients='iperf3 redis pgbench ssh nginx'
FILE_MIB=16		# of the download, which is repeated
in_rings=6		# connections: iperf3 has two, pgbench two; nginx's come and go

# ---- The programs ------------------------------------------------------------------------------

# In place of the one of lib/programs: they survive, too.
server() {	# NAME PORT COMMAND
	begin u1 "$1" "exec debian $group \"exec ${3//\"/\\\"}\""
	_ports[$1]=$2
}

# keep PROGRAM HOST, in u2's Debian root: until /tmp/PROGRAM/stop exists. Then "right" or why not is in
# /tmp/PROGRAM/verdict. Each line of /tmp/PROGRAM/steps is some progress.
client_program() {
	cat >/run/keep <<-END
	#!/bin/bash
	program=\$1 host=\$2
	pgbench=$POSTGRES/pgbench
	END
	cat >>/run/keep <<-'END'
	mkdir "/tmp/$program" && cd "/tmp/$program" || exit
	going() { [ ! -e stop ]; }

	# until_stopped SIGNAL COMMAND...: run it, and end it with that signal. Returns what it returns.
	until_stopped() {
		local signal=$1 pid
		shift
		"$@" &
		pid=$!
		while going && kill -0 $pid 2>/dev/null; do sleep 1; done
		kill "-$signal" $pid
		wait $pid
	}

	keep_iperf3() {		# goes on, and ends when it is told to
		until_stopped INT iperf3 -c "$host" -t 80000 --forceflush >steps
		grep -q 'receiver$' steps
	}

	keep_redis() {		# each reply is one more than the last
		local count=0 reply
		coproc stdbuf -oL redis-cli -h "$host"
		while going; do
			echo 'incr counter' >&"${COPROC[1]}" && read -r reply <&"${COPROC[0]}" &&
				[ "$reply" = $((++count)) ] && echo "$reply" >>steps || return
		done
	}

	keep_pgbench() {	# ends as if its time were up, with all transactions
		until_stopped ALRM $pgbench -h "$host" -U postgres -n -c 2 -T 100000 -P 1 bench \
			>summary 2>steps &&
			grep -q 'failed transactions: 0 ' summary
	}

	keep_ssh() {		# what is sent comes back
		mkfifo copy
		md5sum <copy >sent &
		while going; do
			head -c 100000 /dev/urandom
			echo >>steps
		done | tee copy | ssh -o BatchMode=yes "root@$host" cat | md5sum >got
		wait
		cmp sent got
	}

	keep_nginx() {		# file after file
		while going; do
			curl -fsS --limit-rate 8M "http://$host/file" | sha256sum >>steps || return
		done
		[ "$(sort -u steps | wc -l)" = 1 ]
	}

	if "keep_$program"; then echo right; else echo wrong; fi >verdict
	END
	push u2 /run/keep /debian/usr/local/bin/keep && on u2 'chmod +x /debian/usr/local/bin/keep'
}

start_servers() {
	local name
	for name in iperf3 redis nginx postgres sshd; do
		"${name}_server" || return
	done
	servers_answer && postgres_prepare
}

start_clients() {
	local name
	for name in $clients; do
		begin u2 $name "exec debian $group \"exec keep $name $(address u1)\""
	done
}

# Lines that say that something was done. With "tps 0.0" or "0.00 bits/sec" nothing was.
progress_of() {		# NAME
	local lines
	lines=$(on u2 "grep -vcE ' 0\.0 tps| 0\.00 .?bits' /debian/tmp/$1/steps" 2>/dev/null)
	echo ${lines:-0}
}

_further() {
	[ "$(progress_of $1)" -gt $2 ]
}

_verdict() {
	on u2 "cat /debian/tmp/$1/verdict" 2>/dev/null | grep -q .
}

what_it_said() {	# NAME
	on u2 "cd /debian/tmp/$1 && tail -n 3 steps verdict; tail -n 5 /tmp/$1.out" 2>&1
}

# All programs do more than they had done.
go_on() {
	local name
	for name in $clients; do
		until_true $LIMIT _further $name $(($(progress_of $name) + 1)) &&
			! _verdict $name && continue
		echo "$name:"
		what_it_said $name
		return 1
	done
}

connections() {	# how often redis was connected to; the question is one more
	in_u1 'redis-cli -h 127.0.0.1 info stats' | sed -n 's/total_connections_received:\([0-9]*\).*/\1/p'
}

file_is_right() {
	[ "$(in_u1 'sha256sum </srv/file')" = "$(on u2 'head -n 1 /debian/tmp/nginx/steps')" ]
}

_transactions_right() {
	local told count
	told=$(on u2 "sed -n 's/^number of transactions actually processed: //p' /debian/tmp/pgbench/summary")
	count=$(in_database "select count(*) from pgbench_history h having sum(delta) =
		(select sum(abalance) from pgbench_accounts) and sum(delta) =
		(select sum(bbalance) from pgbench_branches)" bench)
	detail="$told transactions"
	[ "$told" ] && [ "$told" = "$count" ]
}

finish() {	# NAME
	on u2 "touch /debian/tmp/$1/stop"
	until_true $LIMIT _verdict $1 && [ "$(on u2 "cat /debian/tmp/$1/verdict")" = right ] &&
		detail="$(progress_of $1) steps" && return
	what_it_said $1
	return 1
}

# ---- Where the bytes go -------------------------------------------------------------------------

flows() {	# DOM
	on $1 'schannelctl -j flows state open' | jq length
}

_on_rings() {
	[ "$(flows $1)" -ge $in_rings ]
}

on_rings() {	# DOM
	local start=$EPOCHREALTIME name
	until_true $LIMIT _on_rings $1 && detail="$(flows $1) connections, after $(since $start) s" && return
	on $1 'schannelctl peers; schannelctl channels; schannelctl flows'
	for name in $clients; do
		! _verdict $name || what_it_said $name
	done
	return 1
}

_on_tcp() {
	[ "$(flows $1)" = 0 ]
}

saved() {	# DOM OTHER
	local dom=$1 other=$2 old start=$EPOCHREALTIME
	old=$(domid $dom)
	step "$dom is saved" xl save $dom /run/$dom.save
	step "$dom is restored" xl restore /run/$dom.save
	rm -f /run/$dom.save
	echo "# $(since $start) s"
	schannelctl unpair $old $other
	step 'all connections are on TCP' until_true $LIMIT _on_tcp $other
	step 'the programs go on' go_on
	schannel_pair $dom $other
	step "paired again: in rings at u1" on_rings u1
	step 'and at u2' on_rings u2
	step 'the programs go on' go_on
}

schannel_load u1 u2 && divert_load u1 u2 && schannel_pair u1 u2 && attach $group u1 u2 &&
	client_program || fail 'u1 and u2 cannot be prepared'
step 'servers start in u1' start_servers
before=$(connections)
start_clients
step 'programs in u2 have connections' go_on
step 'in rings at u1' on_rings u1 || fail 'the rest depends on it'
step 'and at u2' on_rings u2
saved u2 u1
saved u1 u2
for name in $clients; do
	step "$name has received what is right" finish $name
done
step 'PostgreSQL has all transactions' _transactions_right
step 'the file is what the server has' file_is_right
step 'redis was connected to once' [ "$(connections)" = $((before + 2)) ]
summary
