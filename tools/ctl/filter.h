/* SPDX-License-Identifier: GPL-2.0-only */
/* Which flows or sockets a user wants to see. */
#ifndef CTL_FILTER_H
#define CTL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

/* What is not asked for is 0, NULL or SC_DOMID_ANY. */
struct filter {
	uint32_t domid;
	int type;
	const char *state;
	uint32_t port;
	uint32_t sport;
	uint32_t dport;
};

/*
 * Of arguments: "peer PEER", "type TYPE", "state STATE", "port PORT" (of either end),
 * "sport PORT" and "dport PORT". States, up to a NULL, are those there are. Exits if it
 * makes no sense.
 */
void filter_parse(struct filter *filter, char **arg, const char *const *states);

/* Of a record: peer_domid, type, state, local_port and peer_port count. */
bool filter_matches(const struct filter *filter, struct json_object *record);

#endif
