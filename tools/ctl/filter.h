/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters for flows and sockets. */
#ifndef CTL_FILTER_H
#define CTL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "record.h"

/* A criterion that was not given is 0, NULL or SC_DOMID_ANY. */
struct filter {
	uint32_t domid;
	int type;
	const char *state;
	uint32_t port;
	uint32_t sport;
	uint32_t dport;
};

/*
 * Parse a filter: "peer PEER", "type TYPE", "state STATE", "port PORT" (of either end),
 * "sport PORT" and "dport PORT". states are the valid states, up to a NULL. Exits if the
 * filter is invalid.
 */
void filter_parse(struct filter *filter, char **arg, const char *const *states);

/* Compares the members peer_domid, type, state, local_port and peer_port of a record. */
bool filter_matches(const struct filter *filter, struct json_object *record);

#endif
