// SPDX-License-Identifier: GPL-2.0-only
/* What the library makes of the kernel's messages. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/schannel_diag.h>
#include <linux/schannel_netlink.h>
#include <linux/sock_diag.h>

#include "monitor.h"
#include "object.h"
#include "tap.h"

/* Messages, one behind the other. */
static char buffer[8192] __attribute__((aligned(8)));
static struct scl_reply reply = { .data = buffer };
static struct nlmsghdr *last;

static void begin(void)
{
	memset(buffer, 0, sizeof(buffer));
	reply.len = 0;
}

static void message(const void *header, size_t size)
{
	last = mnl_nlmsg_put_header(buffer + reply.len);
	last->nlmsg_type = NLMSG_MIN_TYPE + 9;
	memcpy(mnl_nlmsg_put_extra_header(last, size), header, size);
}

static void command(uint8_t cmd)
{
	const struct genlmsghdr genl = { .cmd = cmd, .version = 1 };

	message(&genl, sizeof(genl));
}

static void end(void)
{
	reply.len += MNL_ALIGN(last->nlmsg_len);
}

static void u32(uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(last, type, value);
}

static void u64(uint16_t type, uint64_t value)
{
	mnl_attr_put_u64(last, type, value);
}

static void peers(void)
{
	static const uint8_t uuid[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, [15] = 0xff };
	static const uint8_t ip4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 3 };
	static const uint8_t ip6[16] = { 0xfd, [15] = 3 };
	struct schannel_peer *list = NULL;

	begin();
	command(SCHANNEL_CMD_PEER_GET);
	u32(SCHANNEL_A_PEER_DOMID, 3);
	mnl_attr_put_strz(last, SCHANNEL_A_PEER_NAME, "web");
	mnl_attr_put(last, SCHANNEL_A_PEER_UUID, sizeof(uuid), uuid);
	mnl_attr_put(last, SCHANNEL_A_PEER_ADDRESS, sizeof(ip4), ip4);
	mnl_attr_put_strz(last, SCHANNEL_A_PEER_TRANSPORT, "xen");
	mnl_attr_put(last, SCHANNEL_A_PEER_ADDRESS, sizeof(ip6), ip6);
	u32(SCHANNEL_A_PEER_CHANNEL_STATE, SCHANNEL_CHANNEL_STATE_UP);
	u64(SCHANNEL_A_PEER_MAX + 7, 1);
	end();
	command(SCHANNEL_CMD_PEER_GET);
	u32(SCHANNEL_A_PEER_DOMID, SC_DOMID_SELF);
	end();

	if (!CHECK(!scl_peers_of(&reply, &list)) || !CHECK(list && list->next))
		return;
	CHECK_EQ(list->domid, 3);
	CHECK(list->channel_up);
	CHECK(!strcmp(list->name, "web"));
	CHECK(!strcmp(list->transport, "xen"));
	CHECK(!strcmp(list->uuid, "01234567-89ab-0000-0000-0000000000ff"));
	CHECK(!strcmp(list->addresses[0], "10.0.0.3"));
	CHECK(!strcmp(list->addresses[1], "fd00::3"));
	CHECK(!list->addresses[2]);
	CHECK_EQ(list->next->domid, SC_DOMID_SELF);
	CHECK(!list->next->name && !list->next->uuid && !list->next->transport);
	CHECK(list->next->addresses && !list->next->addresses[0]);
	CHECK(!list->next->channel_up && !list->next->next);
	schannel_peers_free(list);
}

static void channels(void)
{
	struct schannel_channel *list = NULL;

	begin();
	command(SCHANNEL_CMD_CHANNEL_GET);
	u32(SCHANNEL_A_CHANNEL_DOMID, 3);
	u32(SCHANNEL_A_CHANNEL_STATE, SCHANNEL_CHANNEL_STATE_UP);
	u64(SCHANNEL_A_CHANNEL_AGE_MS, 1ULL << 40);
	u32(SCHANNEL_A_CHANNEL_FLOWS, 17);
	u64(SCHANNEL_A_CHANNEL_DGRAM_COPIED, 18);
	u64(SCHANNEL_A_CHANNEL_ORPHANS, 19);
	u64(SCHANNEL_A_CHANNEL_ORPHAN_MEMORY, 1ULL << 33);
	u64(SCHANNEL_A_CHANNEL_GRANTS, 19);
	u64(SCHANNEL_A_CHANNEL_GRANTS_LIMIT, 22);
	end();
	if (!CHECK(!scl_channels_of(&reply, &list)) || !CHECK(list))
		return;
	CHECK_EQ(list->domid, 3);
	CHECK(list->up);
	CHECK_EQ(list->age_ms, 1LL << 40);
	CHECK_EQ(list->flows, 17);
	CHECK_EQ(list->dgram_copied, 18);
	CHECK_EQ(list->orphans, 19);
	CHECK_EQ(list->orphan_memory, 1LL << 33);
	CHECK_EQ(list->grants, 19);
	CHECK_EQ(list->grants_refused, 0);
	CHECK_EQ(list->grants_limit, 22);
	CHECK_EQ(list->tx_bytes, 0);
	schannel_channels_free(list);
}

static void flows(void)
{
	const struct sc_flow_stats stats = { .tx_bytes = 5, .drops = 7 };
	struct schannel_flow *list = NULL, *older;

	begin();
	command(SCHANNEL_CMD_FLOW_GET);
	u32(SCHANNEL_A_FLOW_DOMID, 3);
	u32(SCHANNEL_A_FLOW_TYPE, SOCK_SEQPACKET);
	u32(SCHANNEL_A_FLOW_LOCAL_PORT, 4294967295);
	u32(SCHANNEL_A_FLOW_PEER_ID, 0);
	mnl_attr_put(last, SCHANNEL_A_FLOW_OPENED, 0, NULL);
	u64(SCHANNEL_A_FLOW_COOKIE, 1ULL << 60);
	mnl_attr_put(last, SCHANNEL_A_FLOW_STATS, sizeof(stats), &stats);
	end();
	command(SCHANNEL_CMD_FLOW_GET);
	/* as an older kernel would */
	mnl_attr_put(last, SCHANNEL_A_FLOW_STATS, offsetof(struct sc_flow_stats, drops), &stats);
	end();
	command(SCHANNEL_CMD_FLOW_GET);
	end();

	if (!CHECK(!scl_flows_of(&reply, &list)) || !CHECK(list && list->next))
		return;
	CHECK_EQ(list->domid, 3);
	CHECK_EQ(list->type, SOCK_SEQPACKET);
	CHECK_EQ(list->local_port, 4294967295);
	CHECK(list->answered && list->opened && !list->closed);
	CHECK_EQ(list->cookie, 1LL << 60);
	CHECK(list->stats && list->stats->tx_bytes == 5 && list->stats->drops == 7);
	older = list->next;
	CHECK(older->stats && older->stats->tx_bytes == 5 && !older->stats->drops);
	CHECK(!older->answered);
	CHECK(older->next && !older->next->stats);
	schannel_flows_free(list);
}

/* Of TCP connections only, and each end has its own. */
static void flow_addresses(void)
{
	static const uint8_t ip4[16] = { [10] = 0xff, 0xff, 10, 0, 0, 3 };
	static const uint8_t ip6[16] = { 0xfd, [15] = 3 };
	struct schannel_flow *list = NULL;

	begin();
	command(SCHANNEL_CMD_FLOW_GET);
	u32(SCHANNEL_A_FLOW_LOCAL_PORT, 40000);
	mnl_attr_put(last, SCHANNEL_A_FLOW_LOCAL_ADDRESS, sizeof(ip4), ip4);
	mnl_attr_put(last, SCHANNEL_A_FLOW_PEER_ADDRESS, sizeof(ip6), ip6);
	end();
	command(SCHANNEL_CMD_FLOW_GET);
	end();
	if (!CHECK(!scl_flows_of(&reply, &list)) || !CHECK(list && list->next))
		return;
	CHECK_EQ(list->local_port, 40000);
	CHECK(list->local_address && !strcmp(list->local_address, "10.0.0.3"));
	CHECK(list->peer_address && !strcmp(list->peer_address, "fd00::3"));
	CHECK(!list->next->local_address && !list->next->peer_address);
	schannel_flows_free(list);
}

static void diversions(void)
{
	struct schannel_divert_count *list = NULL;
	struct schannel_diversion *diversion;

	begin();
	command(SCHANNEL_CMD_DIVERT_GET);
	u32(SCHANNEL_A_DIVERT_VERDICT, SCHANNEL_DIVERT_OK);
	u32(SCHANNEL_A_DIVERT_LAST, SCHANNEL_DIVERT_NOT_OFFERED);
	u32(SCHANNEL_A_DIVERT_AGE_MS, 4999);
	u32(SCHANNEL_A_DIVERT_DOMID, 0);
	end();
	diversion = scl_diversion_of((struct nlmsghdr *)buffer);
	if (CHECK(diversion)) {
		CHECK_EQ(diversion->verdict, SCHANNEL_DIVERT_OK);
		CHECK_EQ(diversion->last, SCHANNEL_DIVERT_NOT_OFFERED);
		CHECK_EQ(diversion->age_ms, 4999);
		CHECK_EQ(diversion->domid, 0);
	}
	schannel_divert_free(diversion);

	begin();
	command(SCHANNEL_CMD_DIVERT_GET);
	u32(SCHANNEL_A_DIVERT_VERDICT, SCHANNEL_DIVERT_NO_PEER);
	end();
	diversion = scl_diversion_of((struct nlmsghdr *)buffer);
	if (CHECK(diversion)) {
		CHECK_EQ(diversion->verdict, SCHANNEL_DIVERT_NO_PEER);
		CHECK_EQ(diversion->last, SCHANNEL_DIVERT_OK);
		CHECK_EQ(diversion->domid, SC_DOMID_ANY);
	}
	schannel_divert_free(diversion);

	begin();
	command(SCHANNEL_CMD_DIVERT_GET);
	u32(SCHANNEL_A_DIVERT_VERDICT, SCHANNEL_DIVERT_OK);
	u64(SCHANNEL_A_DIVERT_COUNT, 1ULL << 40);
	end();
	command(SCHANNEL_CMD_DIVERT_GET);
	u32(SCHANNEL_A_DIVERT_VERDICT, SCHANNEL_DIVERT_MAX + 1);
	end();
	if (!CHECK(!scl_divert_counts_of(&reply, &list)) || !CHECK(list && list->next))
		return;
	CHECK_EQ(list->verdict, SCHANNEL_DIVERT_OK);
	CHECK_EQ(list->count, 1LL << 40);
	CHECK_EQ(list->next->verdict, SCHANNEL_DIVERT_MAX + 1);
	CHECK_EQ(list->next->count, 0);
	CHECK(!list->next->next);
	schannel_divert_counts_free(list);
}

static void sockets(void)
{
	const uint32_t meminfo[2] = { 11, 12 };
	const struct sc_diag_msg msg = {
		.sdiag_family = 18, .type = SOCK_STREAM, .state = 10, .shutdown = 2,
		.local_domid = SC_DOMID_ANY, .local_port = 7000,
		.peer_domid = 3, .peer_port = 65536,
		.rqueue = 1, .wqueue = 2, .uid = 1000, .inode = 77, .cookie = { 1, 2 },
	};
	struct schannel_socket *list = NULL;

	begin();
	message(&msg, sizeof(msg));
	mnl_attr_put(last, SC_DIAG_MEMINFO, sizeof(meminfo), meminfo);
	end();
	if (!CHECK(!scl_sockets_of(&reply, &list)) || !CHECK(list))
		return;
	CHECK_EQ(list->local.sc_family, 18);
	CHECK_EQ(list->local.sc_domid, SC_DOMID_ANY);
	CHECK_EQ(list->local.sc_port, 7000);
	CHECK_EQ(list->peer.sc_domid, 3);
	CHECK_EQ(list->peer.sc_port, 65536);
	CHECK_EQ(list->type, SOCK_STREAM);
	CHECK_EQ(list->state, 10);
	CHECK(!list->shutdown_rd && list->shutdown_wr);
	CHECK_EQ(list->rqueue, 1);
	CHECK_EQ(list->wqueue, 2);
	CHECK_EQ(list->uid, 1000);
	CHECK_EQ(list->inode, 77);
	CHECK_EQ(list->cookie, 1 + (2LL << 32));
	CHECK(list->meminfo && list->meminfo[1] == 12 && !list->meminfo[SK_MEMINFO_VARS - 1]);
	CHECK(!list->stats);
	schannel_sockets_free(list);
}

static void statistics(void)
{
	struct schannel_stats *stats;

	begin();
	command(SCHANNEL_CMD_STATS_GET);
	u64(SCHANNEL_A_STATS_SOCKETS, 3);
	u64(SCHANNEL_A_STATS_CHANNELS_FAILED, 4);
	u64(SCHANNEL_A_STATS_ORPHANS, 5);
	u64(SCHANNEL_A_STATS_ORPHAN_MEMORY, 6);
	u64(SCHANNEL_A_STATS_ORPHANS_TIMED_OUT, 7);
	u64(SCHANNEL_A_STATS_ORPHANS_OVER_LIMIT, 8);
	u64(SCHANNEL_A_STATS_TCP_PROMOTED, 9);
	u64(SCHANNEL_A_STATS_TCP_BACK_BYTES, 10);
	end();
	stats = scl_stats_of((struct nlmsghdr *)buffer);
	if (!CHECK(stats))
		return;
	CHECK_EQ(stats->sockets, 3);
	CHECK_EQ(stats->channels_failed, 4);
	CHECK_EQ(stats->orphans, 5);
	CHECK_EQ(stats->orphan_memory, 6);
	CHECK_EQ(stats->orphans_timed_out, 7);
	CHECK_EQ(stats->orphans_over_limit, 8);
	CHECK_EQ(stats->tcp_promoted, 9);
	CHECK_EQ(stats->tcp_back_bytes, 10);
	CHECK_EQ(stats->connects, 0);
	schannel_stats_free(stats);
}

static void events(void)
{
	static const struct {
		uint8_t cmd;
		uint16_t flag, number;
		enum schannel_event_type type;
	} table[] = {
		{ SCHANNEL_CMD_PEER_NTF, 0, 0, SCHANNEL_EVENT_PEER },
		{ SCHANNEL_CMD_PEER_NTF, SCHANNEL_A_PEER_GONE, 0, SCHANNEL_EVENT_PEER_GONE },
		{ SCHANNEL_CMD_CHANNEL_NTF, 0, SCHANNEL_A_CHANNEL_STATE,
		  SCHANNEL_EVENT_CHANNEL_UP },
		{ SCHANNEL_CMD_CHANNEL_NTF, 0, 0, SCHANNEL_EVENT_CHANNEL_DOWN },
		{ SCHANNEL_CMD_FLOW_NTF, 0, 0, SCHANNEL_EVENT_FLOW_OPENED },
		{ SCHANNEL_CMD_FLOW_NTF, 0, SCHANNEL_A_FLOW_ERROR, SCHANNEL_EVENT_FLOW_ENDED },
		{ SCHANNEL_CMD_PEER_GET, 0, 0, 0 },
		{ SCHANNEL_CMD_MAX + 1, 0, 0, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct schannel_event event = { 0 };

		begin();
		command(table[i].cmd);
		if (table[i].flag)
			mnl_attr_put(last, table[i].flag, 0, NULL);
		if (table[i].number)
			u32(table[i].number, 1);
		end();
		CHECK_EQ(scl_event_of(last, &event), table[i].type ? 1 : 0);
		CHECK_EQ(event.type, table[i].type);
		CHECK_EQ(!!event.peer + !!event.channel + !!event.flow, !!table[i].type);
		scl_event_clear(&event);
	}
}

/* A number of another size than we know is not taken for one. */
static void wrong_sizes(void)
{
	struct schannel_channel *channel_list = NULL;
	struct schannel_flow *flow_list = NULL;
	struct schannel_peer *peer_list = NULL;
	struct schannel_socket *socket_list = NULL;
	struct schannel_divert_count *count_list = NULL;
	static const char half[20];

	begin();
	command(SCHANNEL_CMD_PEER_GET);
	mnl_attr_put(last, SCHANNEL_A_PEER_UUID, 15, half);
	end();
	errno = 0;
	CHECK_EQ(scl_peers_of(&reply, &peer_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	command(SCHANNEL_CMD_PEER_GET);
	mnl_attr_put(last, SCHANNEL_A_PEER_ADDRESS, 17, half);
	end();
	errno = 0;
	CHECK_EQ(scl_peers_of(&reply, &peer_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	command(SCHANNEL_CMD_FLOW_GET);
	end();
	command(SCHANNEL_CMD_FLOW_GET);
	u64(SCHANNEL_A_FLOW_LOCAL_PORT, 1);
	end();
	errno = 0;
	CHECK_EQ(scl_flows_of(&reply, &flow_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	command(SCHANNEL_CMD_CHANNEL_GET);
	u64(SCHANNEL_A_CHANNEL_STATE, 1);
	end();
	errno = 0;
	CHECK_EQ(scl_channels_of(&reply, &channel_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	message(half, sizeof(half));
	end();
	errno = 0;
	CHECK_EQ(scl_sockets_of(&reply, &socket_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	command(SCHANNEL_CMD_FLOW_GET);
	mnl_attr_put(last, SCHANNEL_A_FLOW_PEER_ADDRESS, 4, half);
	end();
	errno = 0;
	CHECK_EQ(scl_flows_of(&reply, &flow_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	command(SCHANNEL_CMD_DIVERT_GET);
	u32(SCHANNEL_A_DIVERT_COUNT, 1);
	end();
	errno = 0;
	CHECK_EQ(scl_divert_counts_of(&reply, &count_list), -1);
	CHECK_EQ(errno, EPROTO);

	begin();
	command(SCHANNEL_CMD_DIVERT_GET);
	u64(SCHANNEL_A_DIVERT_VERDICT, 1);
	end();
	errno = 0;
	CHECK(!scl_diversion_of((struct nlmsghdr *)buffer));
	CHECK_EQ(errno, EPROTO);
	CHECK(!peer_list && !flow_list && !channel_list && !socket_list && !count_list);
}

static const struct tap_case cases[] = {
	{ "reply: peers", peers },
	{ "reply: channels", channels },
	{ "reply: flows", flows },
	{ "reply: addresses of flows", flow_addresses },
	{ "reply: diversions", diversions },
	{ "reply: sockets", sockets },
	{ "reply: statistics", statistics },
	{ "reply: events", events },
	{ "reply: fields of a wrong size", wrong_sizes },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
