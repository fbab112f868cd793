# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC1091,SC2015,SC2034,SC2086,SC2154
#
#	family.sh [quick]
#
# AF_SCHANNEL sockets of all types between domains: every case of schannel-test from u2 (whose
# end of the channel is the frontend) to u1 (the backend), then the cases that depend on the
# direction the other way around, and a few with dom0 on either side. "quick" runs a few
# of them.
set -uo pipefail
. /testbed/lib/tap
. /testbed/lib/spawn
. /testbed/lib/cases

# The cases that depend on the direction: which side opens, answers and closes.
turned="accept,connect,transfer,shutdown,half_close,close,race,load"
turned+=",seqpacket_accept,seqpacket_connect,seqpacket_record,seqpacket_half_close"
turned+=",seqpacket_race,seqpacket_load,dgram,dgram_full,dgram_port,dgram_load"
few="connect,transfer,shutdown,storm,load.many"
few+=",seqpacket,seqpacket_record,dgram,dgram_port"

between() {	# CLIENT SERVER [OPTIONS...]
	local start=$EPOCHREALTIME
	echo "# from $1 to $2"
	cases "$@"
	progress "from $1 to $2: took $(since "$start") s"
}

schannel_load u1 u2 || fail "the modules do not load"
schannel_pair u1 u2 || fail "u1 and u2 cannot be paired"
if [ "${1:-}" = quick ]; then
	between u2 u1 --group $few
	between u1 u2 --group $few
	summary
	exit
fi

between u2 u1
between u1 u2 --group $turned
schannel_load dom0 || fail "the modules do not load in dom0"
schannel_pair dom0 u1 || fail "dom0 and u1 cannot be paired"
between dom0 u1 --group $few
between u1 dom0 --group $few
summary
