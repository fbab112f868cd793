// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes for an answer of the kernel. The first one chooses to what question. */
#include <stdlib.h>
#include <string.h>

#include "monitor.h"
#include "object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void all_events(const struct scl_reply *reply)
{
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply) {
		struct schannel_event event = { 0 };

		if (scl_event_of(nlh, &event) > 0)
			scl_event_clear(&event);
	}
}

static void all_stats(const struct scl_reply *reply)
{
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply)
		schannel_stats_free(scl_stats_of(nlh));
}

static void all_diversions(const struct scl_reply *reply)
{
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply)
		schannel_divert_free(scl_diversion_of(nlh));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schannel_channel *channels = NULL;
	struct schannel_socket *sockets = NULL;
	struct schannel_peer *peers = NULL;
	struct schannel_divert_count *counts = NULL;
	struct schannel_flow *flows = NULL;
	struct scl_reply reply;

	if (!size)
		return 0;
	/* Replies are made of whole words. */
	reply.len = MNL_ALIGN(size - 1);
	reply.data = calloc(1, reply.len ? reply.len : 1);
	if (!reply.data)
		abort();
	memcpy(reply.data, data + 1, size - 1);
	switch (*data % 8) {
	case 0:
		scl_peers_of(&reply, &peers);
		schannel_peers_free(peers);
		break;
	case 1:
		scl_channels_of(&reply, &channels);
		schannel_channels_free(channels);
		break;
	case 2:
		scl_flows_of(&reply, &flows);
		schannel_flows_free(flows);
		break;
	case 3:
		scl_sockets_of(&reply, &sockets);
		schannel_sockets_free(sockets);
		break;
	case 4:
		all_events(&reply);
		break;
	case 5:
		all_stats(&reply);
		break;
	case 6:
		all_diversions(&reply);
		break;
	case 7:
		scl_divert_counts_of(&reply, &counts);
		schannel_divert_counts_free(counts);
		break;
	}
	free(reply.data);
	return 0;
}
