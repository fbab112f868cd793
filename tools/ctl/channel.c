// SPDX-License-Identifier: GPL-2.0-only
#include "channel.h"
#include "command.h"
#include "peer.h"
#include "table.h"

static const struct field fields[] = {
	FIELD(struct schannel_channel, age_ms),
	FIELD(struct schannel_channel, queues),
	FIELD(struct schannel_channel, flows),
	FIELD(struct schannel_channel, pool_size),
	FIELD(struct schannel_channel, pool_used),
	FIELD(struct schannel_channel, pool_limit),
	FIELD(struct schannel_channel, peer_pool),
	FIELD(struct schannel_channel, flow_table),
	FIELD(struct schannel_channel, tx_bytes),
	FIELD(struct schannel_channel, rx_bytes),
	FIELD(struct schannel_channel, opened),
	FIELD(struct schannel_channel, accepted),
	FIELD(struct schannel_channel, refused),
	FIELD(struct schannel_channel, reset),
	FIELD(struct schannel_channel, notify_sent),
	FIELD(struct schannel_channel, notify_received),
	FIELD(struct schannel_channel, notify_spurious),
	FIELD(struct schannel_channel, overflows),
	FIELD(struct schannel_channel, errors),
	FIELD(struct schannel_channel, dgram_sent),
	FIELD(struct schannel_channel, dgram_received),
	FIELD(struct schannel_channel, dgram_dropped),
	FIELD(struct schannel_channel, dgram_no_port),
	FIELD(struct schannel_channel, dgram_copied),
	FIELD(struct schannel_channel, orphans),
	FIELD(struct schannel_channel, orphan_memory),
	FIELD(struct schannel_channel, grants),
	FIELD(struct schannel_channel, grants_refused),
	FIELD(struct schannel_channel, grants_all),
	FIELD(struct schannel_channel, grants_limit),
	FIELD(struct schannel_channel, over_share),
	FIELD(struct schannel_channel, dgram_no_memory),
	{ }
};

struct json_object *channel_record(const struct schannel_channel *channel)
{
	struct json_object *record = record_new();

	record_text(record, "peer", peer_host(channel->domid));
	record_number(record, "domid", channel->domid);
	record_text(record, "state", channel->up ? "up" : "down");
	record_fields(record, fields, channel);
	return record;
}

struct json_object *channel_list(const char *only)
{
	uint32_t domid = only ? peer_domid(only) : SC_DOMID_ANY;
	struct schannel_channel *channels, *channel;
	struct json_object *list = list_new();

	if (schannel_channels(&channels))
		query_failed("channels");
	for (channel = channels; channel; channel = channel->next)
		if (!only || channel->domid == domid)
			list_add(list, channel_record(channel));
	schannel_channels_free(channels);
	return list;
}

void channel_list_print(struct json_object *list)
{
	static const struct column columns[] = {
		{ "PEER", "peer", COLUMN_TEXT },
		{ "STATE", "state", COLUMN_TEXT },
		{ "AGE", "age_ms", COLUMN_AGE },
		{ "FLOWS", "flows", COLUMN_NUMBER },
		{ "POOL", "pool_size", COLUMN_SIZE },
		{ "USED", "pool_used", COLUMN_SIZE },
		{ "LIMIT", "pool_limit", COLUMN_SIZE },
		{ "PEER-POOL", "peer_pool", COLUMN_SIZE },
		{ "TX", "tx_bytes", COLUMN_SIZE },
		{ "RX", "rx_bytes", COLUMN_SIZE },
		{ }
	};
	static const char * const more[] = {
		"queues", "flow_table", "opened", "accepted", "refused", "reset", "notify_sent",
		"notify_received", "notify_spurious", "overflows", "errors", "dgram_sent",
		"dgram_received", "dgram_dropped", "dgram_no_port", "dgram_copied", "orphans",
		"orphan_memory", "grants", "grants_refused", "grants_all", "grants_limit",
		"over_share", "dgram_no_memory", NULL
	};

	list_print(list, columns, more);
}

void channels_command(char **arg)
{
	struct json_object *list;

	if (arg[0] && arg[1])
		usage_error();
	list = channel_list(arg[0]);
	channel_list_print(list);
	json_object_put(list);
}
