// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libschannel that made everything up, so that what schannelctl makes of it
 * can be looked at on any machine. In the environment, MADE_UP is the errno that
 * questions are answered with, INODE that of the first flow's socket, and NO_INET that
 * schannel_inet is not loaded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <linux/schannel_netlink.h>
#include <linux/sock_diag.h>

#include <schannel.h>

static const char * const web_addresses[] = { "10.0.0.3", "fd00::3", NULL };

static struct schannel_peer peers[] = {
	{ .next = &peers[1], .domid = SC_DOMID_SELF, .transport = "loopback", .channel_up = true },
	{ .next = &peers[2], .domid = 3, .name = "web", .transport = "xen", .channel_up = true,
	  .uuid = "6f2b9d3c-0a51-4c1e-9f7e-1d2c3b4a5968", .addresses = web_addresses },
	{ .domid = 12, .name = "\"b\\a\td\"\x1b[1m", .transport = "xen" },
};

static struct schannel_channel channels[] = {
	{ .next = &channels[1], .domid = SC_DOMID_SELF, .up = true, .age_ms = 59900 },
	{ .next = &channels[2], .domid = 3, .up = true, .age_ms = 90061000, .queues = 2, .flows = 3,
	  .pool_size = 1536 << 10, .pool_used = 1 << 20, .pool_limit = 32 << 20, .peer_pool = 1000,
	  .flow_table = 4096, .tx_bytes = UINT64_MAX, .rx_bytes = 10239,
	  .opened = 1, .accepted = 2 },
	{ .domid = 12 },
};

static const struct sc_flow_stats did = {
	.tx_bytes = 1, .rx_bytes = 2, .tx_records = 3, .rx_records = 4, .tx_waits = 5,
	.rx_waits = 6, .tx_events = 7, .rx_events = 8, .drops = 9,
};

static struct schannel_flow flows[] = {
	{ .next = &flows[1], .domid = 3, .id = 1, .peer_id = 7, .answered = true, .opened = true,
	  .type = SOCK_STREAM, .local_port = 70000, .peer_port = 80, .tx_ring = 65536,
	  .rx_ring = 4096, .tx_queued = 100, .rx_queued = 4096, .uid = 1000, .inode = 1234,
	  .cookie = 1ULL << 40, .stats = &did },
	{ .next = &flows[2], .domid = 3, .id = 2, .opened = true, .type = SOCK_SEQPACKET,
	  .local_port = 70001, .peer_port = 81 },
	{ .next = &flows[3], .domid = SC_DOMID_SELF, .id = 1, .answered = true, .closed = true,
	  .type = SOCK_STREAM, .local_port = 80, .peer_port = 70002 },
	{ .next = &flows[4], .domid = 12, .id = 1, .answered = true, .type = SOCK_DGRAM },
	{ .next = &flows[5], .domid = 3, .id = 3, .answered = true, .opened = true,
	  .type = SOCK_STREAM, .local_port = 40000, .peer_port = 5201,
	  .local_address = "10.0.0.5", .peer_address = "10.0.0.3" },
	{ .domid = 3, .id = 4, .answered = true, .type = SOCK_STREAM, .local_port = 5202,
	  .peer_port = 40001, .local_address = "fd00::5", .peer_address = "fd00::3" },
};

static const uint32_t memory[SK_MEMINFO_VARS] = { [SK_MEMINFO_DROPS] = 11 };

static struct schannel_socket sockets[] = {
	{ .next = &sockets[1], .type = SOCK_STREAM, .state = TCP_LISTEN, .rqueue = 1, .wqueue = 128,
	  .local = { .sc_domid = SC_DOMID_ANY, .sc_port = 80 },
	  .peer = { .sc_domid = SC_DOMID_ANY },
	  .inode = 1233, .cookie = 1, .meminfo = memory },
	{ .next = &sockets[2], .type = SOCK_STREAM, .state = TCP_ESTABLISHED, .rqueue = 4096,
	  .local = { .sc_domid = 5, .sc_port = 70000 }, .peer = { .sc_domid = 3, .sc_port = 80 },
	  .uid = 1000, .inode = 1234, .cookie = 1ULL << 40, .shutdown_rd = true, .stats = &did },
	{ .next = &sockets[3], .type = SOCK_DGRAM, .state = TCP_CLOSE,
	  .local = { .sc_domid = SC_DOMID_ANY }, .peer = { .sc_domid = SC_DOMID_ANY },
	  .cookie = 2 },
	{ .type = SOCK_STREAM, .state = TCP_ESTABLISHED, .cookie = 3,
	  .local = { .sc_domid = 5, .sc_port = 70003 }, .peer = { .sc_domid = 0, .sc_port = 90 } },
};

static struct schannel_stats stats = { .sockets = 4, .connects = 3, .connected = 2 };

static const struct schannel_event events[] = {
	{ .type = SCHANNEL_EVENT_PEER, .peer = &peers[1] },
	{ .type = SCHANNEL_EVENT_CHANNEL_UP, .channel = &channels[1] },
	{ .type = SCHANNEL_EVENT_FLOW_OPENED, .flow = &flows[0] },
	{ .type = SCHANNEL_EVENT_FLOW_ENDED, .flow = &flows[0] },
	{ .type = SCHANNEL_EVENT_FLOW_ENDED, .flow = &flows[3] },
	{ .type = 1000 },
	{ .type = SCHANNEL_EVENT_CHANNEL_DOWN, .channel = &channels[2] },
	{ .type = SCHANNEL_EVENT_PEER_GONE, .peer = &peers[1] },
};

static int answer(void)
{
	const char *fails = getenv("MADE_UP");

	errno = fails ? atoi(fails) : 0;
	return errno ? -1 : 0;
}

int schannel_family(void)
{
	return answer() ? -1 : AF_SCHANNEL_DEFAULT;
}

int schannel_domid(uint32_t *domid)
{
	*domid = 5;
	return 0;
}

int schannel_format(const struct sockaddr_sc *address, char *text, size_t size, unsigned int flags)
{
	unsigned int i;

	for (i = 0; i < 3 && flags & SCHANNEL_NAMES; i++) {
		if (peers[i].name && peers[i].domid == address->sc_domid) {
			snprintf(text, size, "%s:%u", peers[i].name, address->sc_port);
			return 0;
		}
	}
	if (address->sc_domid == SC_DOMID_SELF || address->sc_domid == SC_DOMID_ANY)
		snprintf(text, size, "%s:%u", address->sc_domid == SC_DOMID_SELF ? "self" : "any",
			 address->sc_port);
	else
		snprintf(text, size, "%u:%u", address->sc_domid, address->sc_port);
	return 0;
}

int schannel_peers(struct schannel_peer **list)
{
	*list = peers;
	return answer();
}

int schannel_peer_find(const char *host, struct schannel_peer **peer)
{
	static struct schannel_peer found;

	*peer = &found;
	if (answer())
		return -1;
	errno = !strcmp(host, "twins") ? ENOTUNIQ : ENOENT;
	if (!strcmp(host, "web") || !strcmp(host, "3"))
		found = peers[1];
	else if (!strcmp(host, "0"))
		found = (struct schannel_peer){ .transport = "xen" };
	else
		return -1;
	found.next = NULL;
	return 0;
}

int schannel_peer_move(uint32_t domid, int netns)
{
	(void)domid;
	(void)netns;
	errno = EPERM;
	return -1;
}

int schannel_channels(struct schannel_channel **list)
{
	*list = channels;
	return answer();
}

int schannel_flows(uint32_t domid, struct schannel_flow **list)
{
	const char *inode = getenv("INODE");

	/* All flows, whatever @domid is: the caller has to filter. */
	(void)domid;
	if (inode)
		flows[0].inode = strtoul(inode, NULL, 10);
	*list = flows;
	return answer();
}

int schannel_sockets(uint32_t types, uint32_t states, struct schannel_socket **list)
{
	(void)types;
	(void)states;
	*list = sockets;
	return answer();
}

int schannel_stats(struct schannel_stats **list)
{
	stats.connects += 100;
	*list = &stats;
	return answer();
}

int schannel_divert_get(const char *address, uint16_t port, struct schannel_diversion **diversion)
{
	static const struct {
		const char *address;
		struct schannel_diversion answer;
	} answers[] = {
		{ "fd00::3", { .verdict = SCHANNEL_DIVERT_OK, .domid = 3 } },
		{ "10.0.0.3", { .verdict = SCHANNEL_DIVERT_OK, .domid = 3 } },
		{ "127.0.0.1", { .verdict = SCHANNEL_DIVERT_LOCAL, .domid = SC_DOMID_SELF } },
		{ "fd00::4", { .verdict = SCHANNEL_DIVERT_OK, .domid = 3,
			       .last = SCHANNEL_DIVERT_NOT_OFFERED, .age_ms = 3249 } },
		{ "fd00::5", { .verdict = 1000, .domid = 3 } },
		{ "fd00::6", { .verdict = SCHANNEL_DIVERT_NO_PEER, .domid = SC_DOMID_ANY,
			       .last = 1000, .age_ms = 60 } },
	};
	static struct schannel_diversion found;
	size_t i;

	(void)port;
	*diversion = &found;
	found = (struct schannel_diversion){
		.verdict = SCHANNEL_DIVERT_NO_PEER, .domid = SC_DOMID_ANY,
	};
	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (!strcmp(answers[i].address, address))
			found = answers[i].answer;
	if (answer())
		return -1;
	errno = EOPNOTSUPP;
	return getenv("NO_INET") ? -1 : 0;
}

int schannel_divert_counts(struct schannel_divert_count **list)
{
	static struct schannel_divert_count counts[] = {
		{ .next = &counts[1], .verdict = SCHANNEL_DIVERT_OK, .count = 17 },
		{ .next = &counts[2], .verdict = SCHANNEL_DIVERT_NOT_ATTACHED, .count = 18 },
		{ .verdict = 1000, .count = 19 },
	};

	*list = counts;
	if (answer())
		return -1;
	errno = EOPNOTSUPP;
	return getenv("NO_INET") ? -1 : 0;
}

/* One is still on its way when it is asked for the first time. */
int schannel_divert_detach(uint64_t *left)
{
	static unsigned int calls;

	if (answer())
		return -1;
	*left = !calls++;
	errno = EOPNOTSUPP;
	return getenv("NO_INET") ? -1 : 0;
}

void schannel_divert_free(struct schannel_diversion *diversion)
{
	(void)diversion;
}

void schannel_divert_counts_free(struct schannel_divert_count *list)
{
	(void)list;
}

void schannel_peers_free(struct schannel_peer *list)
{
	(void)list;
}

void schannel_channels_free(struct schannel_channel *list)
{
	(void)list;
}

void schannel_flows_free(struct schannel_flow *list)
{
	(void)list;
}

void schannel_sockets_free(struct schannel_socket *list)
{
	(void)list;
}

void schannel_stats_free(struct schannel_stats *list)
{
	(void)list;
}

int schannel_monitor_open(unsigned int what, struct schannel_monitor **monitor)
{
	*monitor = NULL;
	return what & SCHANNEL_MONITOR_FLOWS ? answer() : 0;
}

/* The third time, something was lost; and after the last, the module is unloaded. */
int schannel_monitor_next(struct schannel_monitor *monitor, const struct schannel_event **event,
			  int timeout_ms)
{
	static unsigned int calls, next;

	(void)monitor;
	(void)timeout_ms;
	errno = ++calls == 3 ? ENOBUFS : EAFNOSUPPORT;
	if (calls == 3 || next == sizeof(events) / sizeof(*events))
		return -1;
	*event = &events[next++];
	return 0;
}

/* One has ended before, another belongs to another user. */
int schannel_flow_destroy(const struct schannel_flow *flow)
{
	if (flow->peer_port == 81) {
		errno = EPERM;
		return -1;
	}
	errno = ENOENT;
	return flow->answered ? 0 : -1;
}

/* The first carries no TCP connection. */
int schannel_flow_demote(const struct schannel_flow *flow)
{
	errno = flow->peer_port == 81 ? EPERM : EOPNOTSUPP;
	return flow->local_address ? 0 : -1;
}

/* One has ended before, the listener belongs to another user. */
int schannel_socket_destroy(uint64_t cookie)
{
	errno = cookie == 1 ? EPERM : ENOENT;
	return cookie == 1 || cookie == 3 ? -1 : 0;
}
