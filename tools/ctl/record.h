/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record is a JSON object that describes, for example, a peer or a flow. Lists of records
 * are printed as JSON, or as a table that has some of their members as columns.
 */
#ifndef CTL_RECORD_H
#define CTL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

/* These functions exit if there is no memory. */
struct json_object *record_new(void);
struct json_object *list_new(void);
void list_add(struct json_object *list, struct json_object *record);

/* Add a member. A text or value that is NULL becomes null in JSON. */
void record_text(struct json_object *record, const char *key, const char *text);
void record_number(struct json_object *record, const char *key, uint64_t number);
void record_real(struct json_object *record, const char *key, double number);
void record_flag(struct json_object *record, const char *key, bool flag);
void record_add(struct json_object *record, const char *key, struct json_object *value);

/* A number that has the same name in a record and in a struct. */
struct field {
	const char *key;
	size_t offset;
	size_t size;
};

#define FIELD(type, member) { \
	.key = #member, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member) }

/* Add the numbers of a struct. The table of fields ends with an empty entry. */
void record_fields(struct json_object *record, const struct field *fields, const void *from);

/* Add the statistics of a socket or flow; null if they are not known. */
struct sc_flow_stats;
void record_stats(struct json_object *record, const struct sc_flow_stats *stats);

/* Beside SOCK_STREAM and so on: what carries the bytes of a TCP connection. */
#define TYPE_TCP	0x100

/* "stream", "seqpacket", "dgram", "tcp" */
const char *type_text(int type);

/* Print as JSON: on several lines if pretty, otherwise on one line. */
void record_print(struct json_object *record, bool pretty);

#endif
