// SPDX-License-Identifier: GPL-2.0-only
#include "divert.h"

#include <linux/schannel_netlink.h>

static const struct {
	const char *name;
	const char *words;
} verdicts[] = {
	[SCHANNEL_DIVERT_OK] = { "ok", "nothing is in the way" },
	[SCHANNEL_DIVERT_NO_PEER] = {
		"no_peer", "it is not the address of a peer in this network namespace" },
	[SCHANNEL_DIVERT_LOCAL] = {
		"local", "it is this machine's own address (net.schannel.divert_local is 0)" },
	[SCHANNEL_DIVERT_SOCKET] = {
		"socket", "the socket uses what only TCP has (ULP, MPTCP, sockmap, fast open)" },
	[SCHANNEL_DIVERT_REWRITTEN] = {
		"rewritten", "another BPF program changed the destination" },
	[SCHANNEL_DIVERT_SOURCE] = {
		"source", "the socket is bound to an address that is not published as ours" },
	[SCHANNEL_DIVERT_RECENT] = {
		"recent", "it could not be done a short while ago" },
	[SCHANNEL_DIVERT_NO_CHANNEL] = {
		"no_channel", "no channel to the peer came up" },
	[SCHANNEL_DIVERT_TIMEOUT] = {
		"timeout", "the peer did not answer within net.schannel.divert_timeout_ms" },
	[SCHANNEL_DIVERT_UNSUPPORTED] = {
		"unsupported", "the peer does not divert (is schannel_inet loaded there?)" },
	[SCHANNEL_DIVERT_NO_LISTENER] = {
		"no_listener", "nobody listens there" },
	[SCHANNEL_DIVERT_NOT_ATTACHED] = {
		"not_attached", "who listens there is not in an attached cgroup" },
	[SCHANNEL_DIVERT_BACKLOG] = {
		"backlog", "the backlog of who listens there is full" },
	[SCHANNEL_DIVERT_NO_MEMORY] = {
		"no_memory", "there is no memory for a ring, here or there" },
	[SCHANNEL_DIVERT_REFUSED_SOURCE] = {
		"refused_source", "the peer does not know our address as ours" },
	[SCHANNEL_DIVERT_DENIED] = {
		"denied", "a security module of the peer says no" },
};

static int known(int verdict)
{
	return verdict >= 0 && verdict <= SCHANNEL_DIVERT_MAX;
}

const char *divert_name(int verdict)
{
	return known(verdict) ? verdicts[verdict].name : "other";
}

const char *divert_words(int verdict)
{
	return known(verdict) ? verdicts[verdict].words :
				"of a reason that this version of schannelctl does not know";
}
