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
	[SCHANNEL_DIVERT_FILTERED] = {
		"filtered", "a socket filter, a BPF program or IPsec looks at its packets" },
	[SCHANNEL_DIVERT_NOT_OFFERED] = {
		"not_offered", "the accepting end offered no flow while it lasted" },
	[SCHANNEL_DIVERT_BRIEF] = {
		"brief", "it was over within net.schannel.divert_delay_ms" },
	[SCHANNEL_DIVERT_NO_CHANNEL] = {
		"no_channel", "no channel to the peer came up while it lasted" },
	[SCHANNEL_DIVERT_UNSUPPORTED] = {
		"unsupported", "schannel_inet is not loaded in the peer" },
	[SCHANNEL_DIVERT_NOT_ATTACHED] = {
		"not_attached", "the other end is not in an attached cgroup, or stays with TCP" },
	[SCHANNEL_DIVERT_REFUSED_SOURCE] = {
		"refused_source", "one of the domains does not know the other's address" },
	[SCHANNEL_DIVERT_NO_MEMORY] = {
		"no_memory", "one of the domains had no memory for a ring" },
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
				"the kernel has a reason that this schannelctl does not know";
}
