/* SPDX-License-Identifier: GPL-2.0-only */
/* The cases of lib-test, a table of each file. */
#ifndef CASES_H
#define CASES_H

#include <stdint.h>

#include "tap.h"

struct table {
	const struct tap_case *cases;
	size_t nr;
};

extern const struct table address_cases, connection_cases, query_cases, monitor_cases;
/* Of a kernel without the module. */
extern const struct table absent_cases;

#define TABLE(name)	\
	const struct table name##_cases = { cases, ARRAY_SIZE(cases) }

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
