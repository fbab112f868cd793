/* SPDX-License-Identifier: GPL-2.0-only */
/* The cases of lib-test, a table in each file. */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>

#include "tap.h"

struct table {
	const char *name;
	const struct tap_case *cases;
	size_t nr;
	struct table *next;
};

void table_add(struct table *table);

/* At the end of a file: registers its cases. Tables run in the order of their names. */
#define TABLE(group)							\
static void __attribute__((constructor)) add_table_##group(void)	\
{									\
	static struct table table = {					\
		.name = #group, .cases = cases, .nr = ARRAY_SIZE(cases)	\
	};								\
									\
	table_add(&table);						\
}									\
struct table

/* A connection over loopback, both ends, and the listener it came from. */
struct connection {
	int listener, client, server;
	uint32_t port, client_port;
};

/* Returns whether all of it is there; connection_end() is due in any case. */
bool connection_begin(struct connection *self, int type);
void connection_end(struct connection *self);

uint32_t port_of(int fd);

/*
 * Run in a child as a user without rights (true) or in a network namespace of its own
 * (false); its failed checks are the case's.
 */
void elsewhere(void (*run)(void), bool unprivileged);

#endif
