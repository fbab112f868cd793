// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "choice.h"
#include "command.h"
#include "filter.h"
#include "flow.h"
#include "options.h"
#include "peer.h"
#include "process.h"
#include "table.h"

static const char * const states[] = { "opening", "open", "closing", NULL };

static const struct field fields[] = {
	FIELD(struct schannel_flow, local_port),
	FIELD(struct schannel_flow, peer_port),
	FIELD(struct schannel_flow, rx_queued),
	FIELD(struct schannel_flow, tx_queued),
	FIELD(struct schannel_flow, rx_ring),
	FIELD(struct schannel_flow, tx_ring),
	FIELD(struct schannel_flow, uid),
	FIELD(struct schannel_flow, inode),
	FIELD(struct schannel_flow, cookie),
	FIELD(struct schannel_flow, id),
	{ }
};

/* The id by which the peer knows this domain, if it is known. */
static uint32_t own_domid(const struct schannel_flow *flow)
{
	uint32_t own;

	if (flow->domid == SC_DOMID_SELF || schannel_domid(&own))
		return SC_DOMID_SELF;
	return own;
}

/* address is the IP address of a diverted TCP connection, otherwise NULL. */
static void add_end(struct json_object *record, const char *key, const char *address,
		    uint32_t domid, uint32_t port)
{
	char text[PEER_TEXT_SIZE];

	if (!address)
		peer_text(domid, port, text);
	else
		snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
			 port);
	record_text(record, key, text);
}

struct json_object *flow_record(const struct schannel_flow *flow)
{
	struct json_object *record = record_new();

	record_text(record, "state", flow->closed ? states[2] : states[flow->answered]);
	/* a flow with IP addresses carries a TCP connection */
	record_text(record, "type", type_text(flow->local_address ? TYPE_TCP : flow->type));
	add_end(record, "local", flow->local_address, own_domid(flow), flow->local_port);
	add_end(record, "peer", flow->peer_address, flow->domid, flow->peer_port);
	record_text(record, "local_address", flow->local_address);
	record_text(record, "peer_address", flow->peer_address);
	record_number(record, "peer_domid", flow->domid);
	record_fields(record, fields, flow);
	if (flow->answered)
		record_number(record, "peer_id", flow->peer_id);
	else
		record_add(record, "peer_id", NULL);
	record_flag(record, "opened", flow->opened);
	record_stats(record, flow->stats);
	if (options.processes)
		record_add(record, "processes", process_list(flow->inode));
	return record;
}

/* What is done to the flows that match. */
enum verb { SHOW, KILL, DEMOTE };

/* Returns false if the flow has ended meanwhile, or carries no connection that could go to TCP. */
static bool flow_do(const struct schannel_flow *flow, enum verb verb)
{
	int ret = 0;

	if (verb == KILL)
		ret = schannel_flow_destroy(flow);
	else if (verb == DEMOTE)
		ret = schannel_flow_demote(flow);
	if (!ret)
		return true;
	if (errno == ENOENT || errno == EOPNOTSUPP)
		return false;
	if (errno == EPERM)
		errx(EXIT_FAILED, "not permitted: this requires CAP_NET_ADMIN");
	err(EXIT_FAILED, "cannot %s a connection", verb == KILL ? "end" : "demote");
}

void flows_command(char **arg)
{
	static const struct choice verbs[] = { { "kill", KILL }, { "demote", DEMOTE }, { } };
	static const struct column columns[] = {
		{ "STATE", "state", COLUMN_TEXT },
		{ "TYPE", "type", COLUMN_TEXT },
		{ "RX-Q", "rx_queued", COLUMN_SIZE },
		{ "TX-Q", "tx_queued", COLUMN_SIZE },
		{ "RX-RING", "rx_ring", COLUMN_SIZE },
		{ "TX-RING", "tx_ring", COLUMN_SIZE },
		{ "LOCAL", "local", COLUMN_TEXT },
		{ "PEER", "peer", COLUMN_TEXT },
		{ "UID", "uid", COLUMN_NUMBER },
		{ "PROCESSES", "processes", COLUMN_PROCESSES },
		{ }
	};
	static const char * const more[] = {
		"id", "peer_id", "opened", "inode", "cookie", "stats", NULL
	};
	struct json_object *list = list_new(), *record;
	struct schannel_flow *flows, *flow;
	int verb = options.kill ? KILL : SHOW, word;
	struct filter filter;

	word = arg[0] ? choice_find(verbs, arg[0]) : SHOW;
	if (word > SHOW) {
		if (verb && verb != word)
			usage_error();
		verb = word;
		arg++;
	}
	/* Without a filter, a mistake would end all connections. */
	if (verb && !arg[0])
		usage_error();
	filter_parse(&filter, arg, states);
	if (schannel_flows(filter.domid, &flows))
		query_failed("flows");
	for (flow = flows; flow; flow = flow->next) {
		record = flow_record(flow);
		if (filter_matches(&filter, record) && flow_do(flow, verb))
			list_add(list, record);
		else
			json_object_put(record);
	}
	schannel_flows_free(flows);
	list_print(list, columns, more);
	json_object_put(list);
}
