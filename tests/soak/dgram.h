/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Datagrams: each client's socket sends to one of two of the server's, called
 * inboxes. What arrives must be whole, in order and never twice; what does
 * not must have been counted as dropped.
 */
#ifndef DGRAM_H
#define DGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "flow.h"
#include "ledger.h"
#include "worker.h"

struct inbox_source {
	struct source source;
	enum inbox which;
};

/* The server: opens it and has @worker empty it. Returns the port, or 0. */
uint32_t inbox_open(struct inbox_source *inbox, enum inbox which);
void inbox_watch(struct inbox_source *inbox, struct worker *worker);
/* How many datagrams for it were thrown away, as the kernel counts them. */
uint64_t inbox_drops(const struct inbox_source *inbox);

/* An echo that got no answer for long; true if the flow has ended. */
bool dgram_ask_again(struct flow *flow, int64_t now);

#endif
