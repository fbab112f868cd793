// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <string.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include <schannel.h>

#include "choice.h"
#include "command.h"
#include "filter.h"
#include "options.h"
#include "peer.h"
#include "process.h"
#include "table.h"

static const char * const states[] = { "listen", "connecting", "established", "closed", NULL };

static const struct column columns[] = {
	{ "STATE", "state", COLUMN_TEXT },
	{ "TYPE", "type", COLUMN_TEXT },
	{ "RX-Q", "rqueue", COLUMN_SIZE },
	{ "TX-Q", "wqueue", COLUMN_SIZE },
	{ "LOCAL", "local", COLUMN_TEXT },
	{ "PEER", "peer", COLUMN_TEXT },
	{ "UID", "uid", COLUMN_NUMBER },
	{ "PROCESSES", "processes", COLUMN_PROCESSES },
	{ }
};

static const char * const more[] = {
	"inode", "cookie", "shutdown_rd", "shutdown_wr", "stats", "memory", NULL
};

static const struct field fields[] = {
	FIELD(struct schannel_socket, rqueue),
	FIELD(struct schannel_socket, wqueue),
	FIELD(struct schannel_socket, uid),
	FIELD(struct schannel_socket, inode),
	FIELD(struct schannel_socket, cookie),
	{ }
};

static const char *state_text(int state)
{
	switch (state) {
	case TCP_LISTEN:
		return states[0];
	case TCP_SYN_SENT:
		return states[1];
	case TCP_ESTABLISHED:
		return states[2];
	default:
		return states[3];
	}
}

static void add_memory(struct json_object *record, const uint32_t *meminfo)
{
	static const char * const keys[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = "rmem_alloc",
		[SK_MEMINFO_RCVBUF] = "rcvbuf",
		[SK_MEMINFO_WMEM_ALLOC] = "wmem_alloc",
		[SK_MEMINFO_SNDBUF] = "sndbuf",
		[SK_MEMINFO_FWD_ALLOC] = "fwd_alloc",
		[SK_MEMINFO_WMEM_QUEUED] = "wmem_queued",
		[SK_MEMINFO_OPTMEM] = "optmem",
		[SK_MEMINFO_BACKLOG] = "backlog",
		[SK_MEMINFO_DROPS] = "sock_drops",
	};
	struct json_object *memory = meminfo ? record_new() : NULL;
	size_t i;

	for (i = 0; meminfo && i < SK_MEMINFO_VARS; i++)
		record_number(memory, keys[i], meminfo[i]);
	record_add(record, "memory", memory);
}

/* An end that is not bound, or not connected, is null: 0 would look like an address. */
static void add_end(struct json_object *record, const char *text_key, const char *domid_key,
		    const char *port_key, const struct sockaddr_sc *end)
{
	char text[PEER_TEXT_SIZE];

	peer_text(end->sc_domid, end->sc_port, text);
	record_text(record, text_key, end->sc_port ? text : NULL);
	if (end->sc_port) {
		record_number(record, domid_key, end->sc_domid);
		record_number(record, port_key, end->sc_port);
	} else {
		record_add(record, domid_key, NULL);
		record_add(record, port_key, NULL);
	}
}

static struct json_object *socket_record(const struct schannel_socket *socket)
{
	struct json_object *record = record_new();

	record_text(record, "state", state_text(socket->state));
	record_text(record, "type", type_text(socket->type));
	add_end(record, "local", "local_domid", "local_port", &socket->local);
	add_end(record, "peer", "peer_domid", "peer_port", &socket->peer);
	record_fields(record, fields, socket);
	record_flag(record, "shutdown_rd", socket->shutdown_rd);
	record_flag(record, "shutdown_wr", socket->shutdown_wr);
	record_stats(record, socket->stats);
	add_memory(record, socket->meminfo);
	if (options.processes)
		record_add(record, "processes", process_list(socket->inode));
	return record;
}

/* Returns false if the socket was closed meanwhile. */
static bool socket_kill(const struct schannel_socket *socket)
{
	if (!schannel_socket_destroy(socket->cookie))
		return true;
	if (errno == ENOENT)
		return false;
	if (errno == EPERM)
		errx(EXIT_FAILED, "not permitted: closing sockets requires CAP_NET_ADMIN");
	err(EXIT_FAILED, "cannot close a socket");
}

void sockets_command(char **arg)
{
	static const struct choice verbs[] = { { "kill", 1 }, { } };
	struct json_object *list = list_new(), *record;
	struct schannel_socket *sockets, *socket;
	struct filter filter;

	if (arg[0] && choice_find(verbs, arg[0]) > 0) {
		options.kill = true;
		arg++;
	}
	/* Without a filter, a mistake would close all sockets. */
	if (options.kill && !arg[0])
		usage_error();
	filter_parse(&filter, arg, states);
	if (schannel_sockets(0, 0, &sockets))
		query_failed("sockets");
	for (socket = sockets; socket; socket = socket->next) {
		record = socket_record(socket);
		if (filter_matches(&filter, record) && (!options.kill || socket_kill(socket)))
			list_add(list, record);
		else
			json_object_put(record);
	}
	schannel_sockets_free(sockets);
	list_print(list, columns, more);
	json_object_put(list);
}
