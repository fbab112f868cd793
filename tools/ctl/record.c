// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/schannel.h>

#include "command.h"
#include "record.h"

static struct json_object *need(struct json_object *object)
{
	if (!object)
		errx(EXIT_FAILED, "out of memory");
	return object;
}

struct json_object *record_new(void)
{
	return need(json_object_new_object());
}

struct json_object *list_new(void)
{
	return need(json_object_new_array());
}

void list_add(struct json_object *list, struct json_object *record)
{
	if (json_object_array_add(list, record))
		need(NULL);
}

void record_add(struct json_object *record, const char *key, struct json_object *value)
{
	if (json_object_object_add(record, key, value))
		need(NULL);
}

void record_text(struct json_object *record, const char *key, const char *text)
{
	record_add(record, key, text ? need(json_object_new_string(text)) : NULL);
}

void record_number(struct json_object *record, const char *key, uint64_t number)
{
	record_add(record, key, need(json_object_new_uint64(number)));
}

void record_real(struct json_object *record, const char *key, double number)
{
	struct json_object *value = need(json_object_new_double(number));

	json_object_set_serializer(value, json_object_double_to_json_string, "%.3f", NULL);
	record_add(record, key, value);
}

void record_flag(struct json_object *record, const char *key, bool flag)
{
	record_add(record, key, need(json_object_new_boolean(flag)));
}

void record_fields(struct json_object *record, const struct field *fields, const void *from)
{
	uint32_t small;
	uint64_t large;

	for (; fields->key; fields++) {
		if (fields->size == sizeof(small)) {
			memcpy(&small, (const char *)from + fields->offset, sizeof(small));
			large = small;
		} else {
			memcpy(&large, (const char *)from + fields->offset, sizeof(large));
		}
		record_number(record, fields->key, large);
	}
}

static const struct field stats_fields[] = {
	FIELD(struct sc_flow_stats, tx_bytes),
	FIELD(struct sc_flow_stats, rx_bytes),
	FIELD(struct sc_flow_stats, tx_records),
	FIELD(struct sc_flow_stats, rx_records),
	FIELD(struct sc_flow_stats, tx_waits),
	FIELD(struct sc_flow_stats, rx_waits),
	FIELD(struct sc_flow_stats, tx_events),
	FIELD(struct sc_flow_stats, rx_events),
	FIELD(struct sc_flow_stats, drops),
	{ }
};

void record_stats(struct json_object *record, const struct sc_flow_stats *stats)
{
	struct json_object *object = stats ? record_new() : NULL;

	if (stats)
		record_fields(object, stats_fields, stats);
	record_add(record, "stats", object);
}

const char *type_text(int type)
{
	switch (type) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_SEQPACKET:
		return "seqpacket";
	case SOCK_DGRAM:
		return "dgram";
	case TYPE_TCP:
		return "tcp";
	default:
		return "unknown";
	}
}

void record_print(struct json_object *record, bool pretty)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	flags |= pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED :
			  JSON_C_TO_STRING_PLAIN;
	puts(json_object_to_json_string_ext(record, flags));
}
