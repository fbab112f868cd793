// SPDX-License-Identifier: GPL-2.0-only
#include "divert.h"

#include <linux/schannel_netlink.h>

static const struct {
	const char *name;
	const char *text;
} verdicts[] = {
	[SCHANNEL_DIVERT_OK] = { "ok", "nothing prevents it" },
	[SCHANNEL_DIVERT_NO_PEER] = {
		"no_peer", "it is not the address of a peer in this network namespace" },
	[SCHANNEL_DIVERT_LOCAL] = {
		"local", "it is a local address (net.schannel.divert_local is 0)" },
	[SCHANNEL_DIVERT_SOCKET] = {
		"socket", "the socket uses a TCP feature (ULP, MPTCP, sockmap, fast open)" },
	[SCHANNEL_DIVERT_REWRITTEN] = {
		"rewritten", "another BPF program changed the destination" },
	[SCHANNEL_DIVERT_SOURCE] = {
		"source", "the socket is bound to an address not published for this domain" },
	[SCHANNEL_DIVERT_RECENT] = {
		"recent", "a recent attempt failed" },
	[SCHANNEL_DIVERT_NO_CHANNEL] = {
		"no_channel", "no channel to the peer could be established" },
	[SCHANNEL_DIVERT_TIMEOUT] = {
		"timeout", "the peer did not answer within net.schannel.divert_timeout_ms" },
	[SCHANNEL_DIVERT_UNSUPPORTED] = {
		"unsupported", "the peer does not divert (is schannel_inet loaded there?)" },
	[SCHANNEL_DIVERT_NO_LISTENER] = {
		"no_listener", "no socket listens there" },
	[SCHANNEL_DIVERT_NOT_ATTACHED] = {
		"not_attached", "the listener is not in an attached cgroup" },
	[SCHANNEL_DIVERT_BACKLOG] = {
		"backlog", "the backlog of the listener is full" },
	[SCHANNEL_DIVERT_NO_MEMORY] = {
		"no_memory", "one of the domains has no memory for a ring" },
	[SCHANNEL_DIVERT_REFUSED_SOURCE] = {
		"refused_source", "the peer does not accept the source address as this domain's" },
	[SCHANNEL_DIVERT_DENIED] = {
		"denied", "a security module of the peer refused it" },
};

static int known(int verdict)
{
	return verdict >= 0 && verdict <= SCHANNEL_DIVERT_MAX;
}

const char *divert_name(int verdict)
{
	return known(verdict) ? verdicts[verdict].name : "other";
}

const char *divert_text(int verdict)
{
	return known(verdict) ? verdicts[verdict].text :
				"of a reason that this version of schannelctl does not know";
}
