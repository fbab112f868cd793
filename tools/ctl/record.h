/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record is one thing that is shown: a JSON object. Lists of records are
 * printed as they are, or as a table that has some of their members as columns.
 */
#ifndef CTL_RECORD_H
#define CTL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <json-c/json.h>

/* Without memory none of these returns. */
struct json_object *record_new(void);
struct json_object *list_new(void);
void list_add(struct json_object *list, struct json_object *record);

/* Add a member. Text may be NULL, which is JSON's null. */
void record_text(struct json_object *record, const char *key, const char *text);
void record_number(struct json_object *record, const char *key, uint64_t number);
void record_real(struct json_object *record, const char *key, double number);
void record_flag(struct json_object *record, const char *key, bool flag);
void record_add(struct json_object *record, const char *key, struct json_object *value);

/* Numbers that a record has under the names they have in a struct. */
struct field {
	const char *key;
	size_t offset;
	size_t size;
};

#define FIELD(type, member) { \
	.key = #member, .offset = offsetof(type, member), .size = sizeof(((type *)0)->member) }

/* Up to the field without a key. */
void record_fields(struct json_object *record, const struct field *fields, const void *from);

/* What a socket or a flow did: an object, or null where it is not known. */
struct sc_flow_stats;
void record_stats(struct json_object *record, const struct sc_flow_stats *stats);

/* "stream", "seqpacket", "dgram" */
const char *type_text(int type);

/* Print, and nothing else on its line when it is not to be pretty. */
void record_print(struct json_object *record, bool pretty);

#endif
