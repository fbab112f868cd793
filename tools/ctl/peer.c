// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "choice.h"
#include "command.h"
#include "options.h"
#include "peer.h"
#include "table.h"

/* A cache of the names of domains. */
struct cached {
	struct cached *next;
	uint32_t domid;
	char host[SCHANNEL_TEXT_MAX];
};

static struct cached *cache;

void peer_forget(void)
{
	struct cached *c;

	while ((c = cache)) {
		cache = c->next;
		free(c);
	}
}

const char *peer_host(uint32_t domid)
{
	struct sockaddr_sc address = { .sc_domid = domid };
	struct cached *c;
	int family;

	for (c = cache; c; c = c->next)
		if (c->domid == domid)
			return c->host;

	c = calloc(1, sizeof(*c));
	if (!c)
		errx(EXIT_FAILED, "out of memory");
	family = schannel_family();
	address.sc_family = family < 0 ? AF_SCHANNEL_DEFAULT : family;
	if (schannel_format(&address, c->host, sizeof(c->host),
			    options.numeric ? 0 : SCHANNEL_NAMES))
		snprintf(c->host, sizeof(c->host), "%" PRIu32 ":", domid);
	*strrchr(c->host, ':') = 0;
	c->domid = domid;
	c->next = cache;
	cache = c;
	return c->host;
}

void peer_text(uint32_t domid, uint32_t port, char text[PEER_TEXT_SIZE])
{
	snprintf(text, PEER_TEXT_SIZE, "%s:%" PRIu32, peer_host(domid), port);
}

static struct schannel_peer *peer_find(const char *host)
{
	struct schannel_peer *peer;

	if (!schannel_peer_find(host, &peer))
		return peer;
	if (errno == EINVAL)
		errx(EXIT_FAILED, "invalid peer '%s'; expected a name, id, UUID or IP address",
		     host);
	if (errno == ENOENT)
		errx(EXIT_FAILED, "no peer '%s' in this network namespace", host);
	if (errno == ENOTUNIQ)
		errx(EXIT_FAILED, "several peers are named '%s'; use the id", host);
	query_failed("peers");
}

uint32_t peer_domid(const char *host)
{
	struct schannel_peer *peer = peer_find(host);
	uint32_t domid = peer->domid;

	schannel_peers_free(peer);
	return domid;
}

struct json_object *peer_record(const struct schannel_peer *peer)
{
	struct json_object *record = record_new(), *addresses = list_new();
	const char *const *address;
	uint32_t own;

	record_text(record, "peer", peer_host(peer->domid));
	record_number(record, "domid", peer->domid);
	if (peer->domid != SC_DOMID_SELF)
		record_add(record, "own_domid", NULL);
	else if (!schannel_domid(&own))
		record_number(record, "own_domid", own);
	else
		record_add(record, "own_domid", NULL);
	record_text(record, "name", peer->name);
	record_text(record, "uuid", peer->uuid);
	for (address = peer->addresses; address && *address; address++)
		list_add(addresses, json_object_new_string(*address));
	record_add(record, "addresses", addresses);
	record_text(record, "transport", peer->transport);
	record_text(record, "channel", peer->channel_up ? "up" : "down");
	return record;
}

struct json_object *peer_list(const char *only)
{
	struct json_object *list = list_new();
	struct schannel_peer *peers, *peer;

	if (only)
		peers = peer_find(only);
	else if (schannel_peers(&peers))
		query_failed("peers");
	for (peer = peers; peer; peer = peer->next)
		list_add(list, peer_record(peer));
	schannel_peers_free(peers);
	return list;
}

void peer_list_print(struct json_object *list)
{
	static const struct column columns[] = {
		{ "PEER", "peer", COLUMN_TEXT },
		{ "DOMID", "domid", COLUMN_NUMBER },
		{ "TRANSPORT", "transport", COLUMN_TEXT },
		{ "CHANNEL", "channel", COLUMN_TEXT },
		{ "ADDRESSES", "addresses", COLUMN_TEXT },
		{ }
	};
	static const char * const more[] = { "name", "uuid", "own_domid", NULL };

	list_print(list, columns, more);
}

/* As in ip(8): the id of a process, or a name in /run/netns. */
static int netns_open(const char *text)
{
	char path[PATH_MAX];
	int fd;

	if (text[strspn(text, "0123456789")])
		snprintf(path, sizeof(path), "%s%s", strchr(text, '/') ? "" : "/run/netns/", text);
	else
		snprintf(path, sizeof(path), "/proc/%s/ns/net", text);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(EXIT_FAILED, "no network namespace '%s': %s", text, path);
	return fd;
}

static void move_peer(char **arg)
{
	static const struct choice words[] = { { "netns", 1 }, { } };
	uint32_t domid;
	int netns;

	if (!arg[0] || !arg[1] || choice_find(words, arg[1]) < 0 || !arg[2] || arg[3])
		usage_error();
	netns = netns_open(arg[2]);
	domid = peer_domid(arg[0]);
	if (schannel_peer_move(domid, netns)) {
		if (errno == EPERM)
			errx(EXIT_FAILED,
			     "not permitted: CAP_NET_ADMIN is required in both namespaces");
		if (errno == EINVAL)
			errx(EXIT_FAILED, "'%s' cannot leave this network namespace", arg[0]);
		if (errno == ENOENT)
			errx(EXIT_FAILED, "no peer '%s' in this network namespace", arg[0]);
		err(EXIT_FAILED, "cannot move the peer '%s'", arg[0]);
	}
	close(netns);
}

void peers_command(char **arg)
{
	static const struct choice verbs[] = { { "move", 1 }, { } };
	struct json_object *list;

	if (arg[0] && arg[1]) {
		choice_get(verbs, "command of peers", arg[0]);
		move_peer(arg + 1);
		return;
	}
	list = peer_list(arg[0]);
	peer_list_print(list);
	json_object_put(list);
}
