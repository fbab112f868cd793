// SPDX-License-Identifier: LGPL-2.1-or-later
/* Channels, and the counters of the network namespace. */
#include <errno.h>
#include <stdlib.h>
#include <linux/genetlink.h>
#include <linux/schannel_netlink.h>

#include "object.h"

#define CHANNEL(attr, field)	\
	SCL_FIELD(SCHANNEL_A_CHANNEL_##attr, struct schannel_channel, field)

static const struct scl_field fields[] = {
	CHANNEL(DOMID, domid),
	CHANNEL(AGE_MS, age_ms),
	CHANNEL(QUEUES, queues),
	CHANNEL(FLOWS, flows),
	CHANNEL(POOL_SIZE, pool_size),
	CHANNEL(POOL_USED, pool_used),
	CHANNEL(POOL_LIMIT, pool_limit),
	CHANNEL(PEER_POOL, peer_pool),
	CHANNEL(FLOW_TABLE, flow_table),
	CHANNEL(TX_BYTES, tx_bytes),
	CHANNEL(RX_BYTES, rx_bytes),
	CHANNEL(OPENED, opened),
	CHANNEL(ACCEPTED, accepted),
	CHANNEL(REFUSED, refused),
	CHANNEL(RESET, reset),
	CHANNEL(NOTIFY_SENT, notify_sent),
	CHANNEL(NOTIFY_RECEIVED, notify_received),
	CHANNEL(NOTIFY_SPURIOUS, notify_spurious),
	CHANNEL(OVERFLOWS, overflows),
	CHANNEL(ERRORS, errors),
	CHANNEL(DGRAM_SENT, dgram_sent),
	CHANNEL(DGRAM_RECEIVED, dgram_received),
	CHANNEL(DGRAM_DROPPED, dgram_dropped),
	CHANNEL(DGRAM_NO_PORT, dgram_no_port),
	CHANNEL(DGRAM_COPIED, dgram_copied),
	CHANNEL(ORPHANS, orphans),
	CHANNEL(ORPHAN_MEMORY, orphan_memory),
	CHANNEL(GRANTS, grants),
	CHANNEL(GRANTS_REFUSED, grants_refused),
	CHANNEL(GRANTS_ALL, grants_all),
	CHANNEL(GRANTS_LIMIT, grants_limit),
	CHANNEL(OVER_SHARE, over_share),
	CHANNEL(DGRAM_NO_MEMORY, dgram_no_memory),
};

#define STATS(attr, field)	\
	SCL_FIELD(SCHANNEL_A_STATS_##attr, struct schannel_stats, field)

static const struct scl_field stats_fields[] = {
	STATS(SOCKETS, sockets),
	STATS(CONNECTS, connects),
	STATS(CONNECTED, connected),
	STATS(REFUSED, refused),
	STATS(UNREACHABLE, unreachable),
	STATS(TIMEOUTS, timeouts),
	STATS(NO_MEMORY, no_memory),
	STATS(ACCEPTED, accepted),
	STATS(BACKLOG_FULL, backlog_full),
	STATS(NO_LISTENER, no_listener),
	STATS(RESETS, resets),
	STATS(CHANNELS_UP, channels_up),
	STATS(CHANNELS_FAILED, channels_failed),
	STATS(ORPHANS, orphans),
	STATS(ORPHAN_MEMORY, orphan_memory),
	STATS(ORPHANS_TIMED_OUT, orphans_timed_out),
	STATS(ORPHANS_OVER_LIMIT, orphans_over_limit),
	STATS(TCP_PROMOTED, tcp_promoted),
	STATS(TCP_MOVED, tcp_moved),
	STATS(TCP_BACK_CHANNEL, tcp_back_channel),
	STATS(TCP_BACK_PEER, tcp_back_peer),
	STATS(TCP_BACK_ADMIN, tcp_back_admin),
	STATS(TCP_BACK_PROGRAM, tcp_back_program),
	STATS(TCP_BACK_FILTER, tcp_back_filter),
	STATS(TCP_BACK_UNREAD, tcp_back_unread),
	STATS(TCP_BACK_END, tcp_back_end),
	STATS(TCP_BACK_BROKEN, tcp_back_broken),
	STATS(TCP_BACK_BYTES, tcp_back_bytes),
};

static int set_state(struct schannel_channel *channel, const struct nlattr *attr)
{
	if (mnl_attr_get_type(attr) != SCHANNEL_A_CHANNEL_STATE)
		return 0;
	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0) {
		errno = EPROTO;
		return -1;
	}
	channel->up = mnl_attr_get_u32(attr) == SCHANNEL_CHANNEL_STATE_UP;
	return 0;
}

struct schannel_channel *scl_channel_of(const struct nlmsghdr *nlh)
{
	struct schannel_channel *channel = calloc(1, sizeof(*channel));
	const struct nlattr *attr;

	if (!channel)
		return NULL;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (scl_field_set(fields, SCL_COUNT(fields), attr, channel) ||
		    set_state(channel, attr)) {
			schannel_channels_free(channel);
			return NULL;
		}
	}
	return channel;
}

int scl_channels_of(const struct scl_reply *reply, struct schannel_channel **list)
{
	struct schannel_channel *head = NULL, **tail = &head;
	const struct nlmsghdr *nlh;
	int left;

	scl_for_each(nlh, left, reply) {
		*tail = scl_channel_of(nlh);
		if (!*tail) {
			schannel_channels_free(head);
			return -1;
		}
		tail = &(*tail)->next;
	}
	*list = head;
	return 0;
}

int schannel_channels(struct schannel_channel **list)
{
	struct scl_reply reply;
	int ret;

	if (scl_genl_ask(SCHANNEL_CMD_CHANNEL_GET, NLM_F_DUMP, NULL, 0, &reply))
		return -1;
	ret = scl_channels_of(&reply, list);
	free(reply.data);
	return ret;
}

void schannel_channels_free(struct schannel_channel *list)
{
	while (list) {
		struct schannel_channel *next = list->next;

		free(list);
		list = next;
	}
}

struct schannel_stats *scl_stats_of(const struct nlmsghdr *nlh)
{
	struct schannel_stats *stats = calloc(1, sizeof(*stats));
	const struct nlattr *attr;

	if (!stats)
		return NULL;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (scl_field_set(stats_fields, SCL_COUNT(stats_fields), attr, stats)) {
			free(stats);
			return NULL;
		}
	}
	return stats;
}

int schannel_stats(struct schannel_stats **stats)
{
	struct schannel_stats *found = NULL;
	const struct nlmsghdr *nlh;
	struct scl_reply reply;
	int left;

	if (scl_genl_ask(SCHANNEL_CMD_STATS_GET, 0, NULL, 0, &reply))
		return -1;
	errno = EPROTO;
	scl_for_each(nlh, left, &reply) {
		found = scl_stats_of(nlh);
		break;
	}
	free(reply.data);
	if (!found)
		return -1;
	*stats = found;
	return 0;
}

void schannel_stats_free(struct schannel_stats *stats)
{
	free(stats);
}
