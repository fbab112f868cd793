// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/schannel_netlink.h>

#include "cases.h"
#include "schannel.h"

#define RING	16384

static void peers(void)
{
	struct schannel_peer *list = NULL, *each, *found = NULL;
	unsigned int selves = 0;

	if (!CHECK(!schannel_peers(&list)))
		return;
	for (each = list; each; each = each->next) {
		if (each->domid != SC_DOMID_SELF)
			continue;
		selves++;
		CHECK(each->transport && !strcmp(each->transport, "loopback"));
	}
	CHECK_EQ(selves, 1);
	schannel_peers_free(list);

	CHECK(!schannel_peer_find("self", &found));
	CHECK(found && found->domid == SC_DOMID_SELF && !found->next);
	schannel_peers_free(found);
	CHECK_EQ(schannel_peer_find("32000", &found), -1);
	CHECK_EQ(errno, ENOENT);
}

/* The test machine is no Xen domain. */
static void domid(void)
{
	uint32_t number;

	CHECK_EQ(schannel_domid(&number), -1);
	CHECK_EQ(errno, ENODATA);
}

static struct schannel_flow *flow_find(struct schannel_flow *list, uint32_t local, uint32_t peer)
{
	while (list && (list->local_port != local || list->peer_port != peer))
		list = list->next;
	return list;
}

static struct schannel_socket *socket_find(struct schannel_socket *list, uint32_t local,
					   uint32_t peer)
{
	while (list && (list->local.sc_port != local || list->peer.sc_port != peer))
		list = list->next;
	return list;
}

/* As connection_begin(), with rings of a size of our own. */
static bool connect_with_rings(struct connection *conn)
{
	struct sockaddr_sc to = {
		.sc_family = schannel_family(),
		.sc_domid = SC_DOMID_SELF,
	};
	int size = RING;

	*conn = (struct connection){ -1, -1, -1, 0, 0 };
	conn->listener = schannel_listen("any:0", SOCK_STREAM, 4);
	conn->client = socket(to.sc_family, SOCK_STREAM, 0);
	if (!CHECK(conn->listener >= 0 && conn->client >= 0))
		return false;
	conn->port = port_of(conn->listener);
	to.sc_port = conn->port;
	CHECK(!setsockopt(conn->client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	if (!CHECK(!connect(conn->client, (struct sockaddr *)&to, sizeof(to))))
		return false;
	conn->client_port = port_of(conn->client);
	conn->server = schannel_accept(conn->listener, NULL, 0, 5000);
	return CHECK(conn->server >= 0);
}

static void flows(void)
{
	struct schannel_flow *list = NULL, *mine, *its;
	struct connection conn;
	char data[1000] = "";

	if (!connect_with_rings(&conn))
		goto out;
	CHECK_EQ(send(conn.client, data, sizeof(data), 0), sizeof(data));
	CHECK_EQ(recv(conn.server, data, 300, 0), 300);
	if (!CHECK(!schannel_flows(SC_DOMID_SELF, &list)))
		goto out;
	mine = flow_find(list, conn.client_port, conn.port);
	its = flow_find(list, conn.port, conn.client_port);
	if (CHECK(mine && its)) {
		CHECK_EQ(mine->type, SOCK_STREAM);
		CHECK_EQ(mine->domid, SC_DOMID_SELF);
		CHECK(mine->opened && !its->opened);
		CHECK(mine->answered && its->answered);
		CHECK(!mine->closed && !its->closed);
		CHECK_EQ(mine->peer_id, its->id);
		CHECK_EQ(its->peer_id, mine->id);
		CHECK_EQ(mine->tx_ring, RING);
		CHECK_EQ(its->rx_ring, RING);
		CHECK_EQ(mine->rx_ring, its->tx_ring);
		CHECK_EQ(mine->tx_queued, 700);
		CHECK_EQ(its->rx_queued, 700);
		CHECK(mine->inode && its->inode && mine->cookie != its->cookie);
		CHECK(!mine->local_address && !its->peer_address);
		CHECK(mine->stats && mine->stats->tx_bytes == sizeof(data));
		CHECK(its->stats && its->stats->rx_bytes == 300);
	}
	schannel_flows_free(list);
	list = NULL;
	CHECK(!schannel_flows(SC_DOMID_ANY, &list));
	CHECK(flow_find(list, conn.client_port, conn.port));
	schannel_flows_free(list);
out:
	connection_end(&conn);
}

static void flow_of_unknown_peer(void)
{
	struct schannel_flow *list = NULL;

	CHECK_EQ(schannel_flows(32000, &list), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK(!list);
}

static void sockets(void)
{
	struct schannel_socket *list = NULL, *listener, *client, *server;
	struct connection conn;

	if (!connection_begin(&conn, SOCK_STREAM))
		goto out;
	CHECK_EQ(send(conn.client, "hello", 5, 0), 5);
	CHECK(!shutdown(conn.server, SHUT_WR));
	if (!CHECK(!schannel_sockets(0, 0, &list)))
		goto out;
	listener = socket_find(list, conn.port, 0);
	client = socket_find(list, conn.client_port, conn.port);
	server = socket_find(list, conn.port, conn.client_port);
	if (CHECK(listener && client && server)) {
		CHECK_EQ(listener->state, TCP_LISTEN);
		CHECK_EQ(listener->local.sc_domid, SC_DOMID_ANY);
		CHECK_EQ(listener->local.sc_family, schannel_family());
		CHECK_EQ(listener->rqueue, 0);
		CHECK_EQ(listener->wqueue, 4);
		CHECK_EQ(client->state, TCP_ESTABLISHED);
		CHECK_EQ(client->type, SOCK_STREAM);
		CHECK_EQ(client->peer.sc_domid, SC_DOMID_SELF);
		CHECK_EQ(client->wqueue, 5);
		CHECK_EQ(server->rqueue, 5);
		CHECK(server->shutdown_wr && !server->shutdown_rd);
		CHECK_EQ(client->uid, getuid());
		CHECK(client->inode && client->inode != server->inode);
		CHECK(client->meminfo && client->stats);
		CHECK(client->stats && client->stats->tx_bytes == 5);
	}
	schannel_sockets_free(list);
out:
	connection_end(&conn);
}

static void sockets_chosen(void)
{
	struct schannel_socket *list = NULL;
	struct connection conn;

	if (!connection_begin(&conn, SOCK_STREAM))
		goto out;
	CHECK(!schannel_sockets(1U << SOCK_STREAM, 1U << TCP_LISTEN, &list));
	CHECK(socket_find(list, conn.port, 0));
	CHECK(!socket_find(list, conn.client_port, conn.port));
	schannel_sockets_free(list);
	list = NULL;
	CHECK(!schannel_sockets(1U << SOCK_DGRAM, 0, &list));
	CHECK(!socket_find(list, conn.port, 0));
	CHECK(!socket_find(list, conn.client_port, conn.port));
	schannel_sockets_free(list);
out:
	connection_end(&conn);
}

/* Ended with SOCK_DESTROY: both ends get an error. */
static void socket_destroyed(void)
{
	struct schannel_socket *list = NULL, *client;
	struct connection conn;
	uint64_t cookie;
	char byte;

	if (!connection_begin(&conn, SOCK_STREAM))
		goto out;
	CHECK(!schannel_sockets(0, 0, &list));
	client = socket_find(list, conn.client_port, conn.port);
	if (CHECK(client)) {
		cookie = client->cookie;
		CHECK(!schannel_socket_destroy(cookie));
		CHECK_EQ(recv(conn.client, &byte, 1, 0), -1);
		CHECK_EQ(errno, ECONNABORTED);
		CHECK_EQ(recv(conn.server, &byte, 1, 0), -1);
		CHECK_EQ(errno, ECONNRESET);
	}
	schannel_sockets_free(list);
	CHECK_EQ(schannel_socket_destroy(~0ULL), -1);
	CHECK_EQ(errno, ENOENT);
out:
	connection_end(&conn);
}

/* As socket_destroyed(), by the flow. */
static void flow_destroyed(void)
{
	struct schannel_flow *list = NULL, *client;
	struct connection conn;
	char byte;

	if (!connection_begin(&conn, SOCK_STREAM))
		goto out;
	CHECK(!schannel_flows(SC_DOMID_ANY, &list));
	client = flow_find(list, conn.client_port, conn.port);
	if (CHECK(client)) {
		client->peer_port++;
		CHECK_EQ(schannel_flow_destroy(client), -1);
		CHECK_EQ(errno, ENOENT);
		client->peer_port--;
		CHECK(!schannel_flow_destroy(client));
		CHECK_EQ(recv(conn.client, &byte, 1, 0), -1);
		CHECK_EQ(errno, ECONNABORTED);
		CHECK_EQ(recv(conn.server, &byte, 1, 0), -1);
		CHECK_EQ(errno, ECONNRESET);
	}
	schannel_flows_free(list);
out:
	connection_end(&conn);
}

/* A flow whose socket was closed before the peer has read has no other handle. */
static void orphan_destroyed(void)
{
	struct schannel_flow *list = NULL, *client;
	struct schannel_stats *stats = NULL;
	struct connection conn;
	struct pollfd reset;
	char byte;

	if (!connection_begin(&conn, SOCK_STREAM))
		goto out;
	CHECK_EQ(send(conn.client, "x", 1, 0), 1);
	close(conn.client);
	conn.client = -1;
	CHECK(!schannel_stats(&stats));
	CHECK(stats && stats->orphans >= 1 && stats->orphan_memory >= 4096);
	schannel_stats_free(stats);
	CHECK(!schannel_flows(SC_DOMID_ANY, &list));
	client = flow_find(list, conn.client_port, conn.port);
	if (CHECK(client)) {
		CHECK(client->closed);
		CHECK(!schannel_flow_destroy(client));
		reset = (struct pollfd){ .fd = conn.server };
		do
			CHECK(poll(&reset, 1, 100) >= 0);
		while (!(reset.revents & POLLERR));
		CHECK_EQ(recv(conn.server, &byte, 1, 0), -1);
		CHECK_EQ(errno, ECONNRESET);
	}
	schannel_flows_free(list);
out:
	connection_end(&conn);
}

static void channels(void)
{
	struct schannel_channel *list = NULL, *each;
	struct connection conn;
	bool seen = false;

	if (!connection_begin(&conn, SOCK_STREAM))
		goto out;
	CHECK(!schannel_channels(&list));
	for (each = list; each; each = each->next) {
		if (each->domid != SC_DOMID_SELF)
			continue;
		seen = true;
		CHECK(each->up);
		CHECK(each->queues >= 1);
		CHECK(each->flows >= 2);
		CHECK(each->pool_used > 0 && each->pool_used <= each->pool_size);
		CHECK(each->pool_size <= each->pool_limit);
		CHECK(each->opened >= 1 && each->accepted >= 1);
	}
	CHECK(seen);
	schannel_channels_free(list);
out:
	connection_end(&conn);
}

static void statistics(void)
{
	struct schannel_stats *before, *after;
	struct connection conn;

	if (!CHECK(!schannel_stats(&before)))
		return;
	if (connection_begin(&conn, SOCK_STREAM)) {
		CHECK_EQ(schannel_connect("self:9", SOCK_STREAM, 5000), -1);
		if (CHECK(!schannel_stats(&after))) {
			CHECK_EQ(after->connects - before->connects, 2);
			CHECK_EQ(after->connected - before->connected, 1);
			CHECK_EQ(after->refused - before->refused, 1);
			CHECK_EQ(after->no_listener - before->no_listener, 1);
			CHECK_EQ(after->accepted - before->accepted, 1);
			/* those of cases before may still be going */
			CHECK(after->sockets >= 3);
			schannel_stats_free(after);
		}
	}
	connection_end(&conn);
	schannel_stats_free(before);
}

static bool diverts(void)
{
	return !access("/sys/module/schannel_inet", F_OK);
}

/* With schannel_inet there are answers, and without it that is said. */
static void diversions(void)
{
	struct schannel_divert_count *counts = NULL, *each;
	struct schannel_diversion *diversion = NULL;
	static const char * const bad[] = { "", "10.0.0", "[::1]", "::1:2:3:4:5:6:7:8:9", "web" };
	uint64_t left = 1;
	int next = 0;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		errno = 0;
		CHECK_EQ(schannel_divert_get(bad[i], 80, &diversion), -1);
		CHECK_EQ(errno, EINVAL);
	}
	if (!diverts()) {
		CHECK_EQ(schannel_divert_get("127.0.0.1", 80, &diversion), -1);
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK_EQ(schannel_divert_counts(&counts), -1);
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK_EQ(schannel_divert_detach(&left), -1);
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK(!diversion && !counts);
		return;
	}
	if (CHECK(!schannel_divert_get("127.0.0.1", 80, &diversion))) {
		CHECK_EQ(diversion->verdict, SCHANNEL_DIVERT_LOCAL);
		CHECK_EQ(diversion->domid, SC_DOMID_SELF);
		/* nothing is attached, so no connection has a verdict */
		CHECK_EQ(diversion->last, SCHANNEL_DIVERT_OK);
		schannel_divert_free(diversion);
	}
	if (CHECK(!schannel_divert_get("::1", 0, &diversion))) {
		CHECK_EQ(diversion->verdict, SCHANNEL_DIVERT_LOCAL);
		schannel_divert_free(diversion);
	}
	if (CHECK(!schannel_divert_get("192.0.2.1", 80, &diversion))) {
		CHECK_EQ(diversion->verdict, SCHANNEL_DIVERT_NO_PEER);
		CHECK_EQ(diversion->domid, SC_DOMID_ANY);
		schannel_divert_free(diversion);
	}
	if (CHECK(!schannel_divert_detach(&left)))
		CHECK_EQ(left, 0);
	if (!CHECK(!schannel_divert_counts(&counts)))
		return;
	for (each = counts; each; each = each->next)
		CHECK_EQ(each->verdict, next++);
	CHECK_EQ(next, SCHANNEL_DIVERT_MAX + 1);
	schannel_divert_counts_free(counts);
}

static struct connection shown;

static void count_shown(bool expected)
{
	struct schannel_socket *socket_list = NULL;
	struct schannel_flow *flow_list = NULL;

	CHECK(!schannel_flows(SC_DOMID_ANY, &flow_list));
	CHECK_EQ(!!flow_find(flow_list, shown.client_port, shown.port), expected);
	schannel_flows_free(flow_list);
	CHECK(!schannel_sockets(0, 0, &socket_list));
	CHECK_EQ(!!socket_find(socket_list, shown.client_port, shown.port), expected);
	schannel_sockets_free(socket_list);
}

static void count_not_shown(void)
{
	count_shown(false);
}

static void try_to_move(void)
{
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	CHECK_EQ(schannel_peer_move(SC_DOMID_SELF, netns), -1);
	CHECK_EQ(errno, EPERM);
	close(netns);
}

static void others(void)
{
	if (connection_begin(&shown, SOCK_STREAM)) {
		count_shown(true);
		elsewhere(count_not_shown, true);
		elsewhere(count_not_shown, false);
	}
	connection_end(&shown);
}

/* ---- Statistics while connections are closed ------------------------------------------- */

#define MANY	1000
#define CLOSED	100	/* without and with ASKERS */
#define ASKERS	4
#define SENT	1000

static uint64_t loopback_bytes(void)
{
	struct schannel_channel *list = NULL;
	uint64_t bytes = 0;

	CHECK(!schannel_channels(&list));
	if (CHECK(list))
		bytes = list->tx_bytes;
	schannel_channels_free(list);
	return bytes;
}

/* A sum that loses a flow, even for a moment, goes back. */
static void ask_all_the_time(void)
{
	struct timespec until, now;
	uint64_t before = 0, bytes;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 60;	/* if the parent is gone */
	do {
		bytes = loopback_bytes();
		if (!CHECK(bytes >= before))
			break;
		before = bytes;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < until.tv_sec && getppid() != 1);
}

static long milliseconds_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000;
}

/* Close some of the connections; returns how long that took, in milliseconds. */
static long close_some(struct connection *conn, int nr)
{
	struct timespec begun;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	while (nr--)
		connection_end(conn++);
	return milliseconds_since(&begun);
}

/* Any user can ask for statistics all the time: the sums stay right while flows are closed. */
static void asked_while_closing(void)
{
	static struct connection conn[MANY];
	const struct rlimit files = { 4 * MANY, 4 * MANY };
	uint64_t before = loopback_bytes();
	char data[SENT] = "", back[SENT];
	long quiet, busy;
	pid_t pid[ASKERS];
	int closed[2], i;

	CHECK(!setrlimit(RLIMIT_NOFILE, &files));
	for (i = 0; i < MANY; i++) {
		if (!connection_begin(&conn[i], SOCK_STREAM))
			return;
		CHECK_EQ(send(conn[i].client, data, SENT, 0), SENT);
		CHECK_EQ(recv(conn[i].server, back, SENT, MSG_WAITALL), SENT);
	}
	quiet = close_some(conn, CLOSED);
	CHECK(!pipe(closed));
	for (i = 0; i < ASKERS; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			/* the connections are the parent's to close */
			CHECK(!close_range(3, ~0U, 0));
			CHECK(!setresuid(65534, 65534, 65534));
			ask_all_the_time();
			_exit(tap_failed() ? 1 : 0);
		}
	}
	/* they have closed what they inherited, and ask */
	close(closed[1]);
	CHECK_EQ(read(closed[0], back, 1), 0);
	close(closed[0]);
	usleep(200000);
	busy = close_some(conn + CLOSED, CLOSED);
	for (i = 0; i < ASKERS; i++) {
		int status;

		/* a failed one has ended by itself */
		CHECK_EQ(waitpid(pid[i], &status, WNOHANG), 0);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
	}
	CHECK_EQ(loopback_bytes() - before, MANY * SENT);
	close_some(conn + 2 * CLOSED, MANY - 2 * CLOSED);
	tap_note("%d connections closed in %ld ms, in %ld ms while %d ask", CLOSED, quiet, busy,
		 ASKERS);
}

static void moves(void)
{
	int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	CHECK_EQ(schannel_peer_move(32000, netns), -1);
	CHECK_EQ(errno, ENOENT);
	/* Each namespace has a loopback of its own. */
	CHECK_EQ(schannel_peer_move(SC_DOMID_SELF, netns), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_EQ(schannel_peer_move(SC_DOMID_SELF, -1), -1);
	CHECK_EQ(errno, EBADF);
	close(netns);
	elsewhere(try_to_move, true);
}

static const struct tap_case cases[] = {
	{ "query: peers", peers },
	{ "query: this domain's id", domid },
	{ "query: flows", flows },
	{ "query: flows of an unknown peer", flow_of_unknown_peer },
	{ "query: sockets", sockets },
	{ "query: sockets of a type or state", sockets_chosen },
	{ "query: ending a socket", socket_destroyed },
	{ "query: ending a flow", flow_destroyed },
	{ "query: ending a flow whose socket was closed", orphan_destroyed },
	{ "query: channels", channels },
	{ "query: statistics", statistics },
	{ "query: diversions", diversions },
	{ "query: flows of other users are hidden", others },
	{ "query: statistics while connections are closed", asked_while_closing },
	{ "query: peers that cannot be moved", moves },
};

TABLE(query);
