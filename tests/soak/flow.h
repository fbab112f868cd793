/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One end of a flow of any kind: driven by a worker from its beginning to
 * its end.
 */
#ifndef FLOW_H
#define FLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ledger.h"
#include "pattern.h"
#include "plan.h"
#include "worker.h"

struct flow {
	struct source source;
	struct worker *worker;
	struct plan plan;
	struct entry *entry;	/* NULL: the server does not know yet which it is */
	int64_t moved_ms;	/* when something last happened */
	uint32_t watched;	/* events */
	bool edge;		/* edge-triggered */
	bool mortal;		/* this end, or the other one, may be killed */

	struct pattern out;
	struct pattern in;
	uint32_t out_record;
	uint32_t in_record;

	/* connections: see conn.c */
	bool connecting;
	bool greeted;		/* the first bytes have crossed */
	bool out_over;		/* nothing more will be sent */
	bool in_over;		/* read to the end */
	bool reset;		/* the peer reset the flow */
	bool cut;		/* the end came early */

	/* echoes: see dgram.c */
	bool awaiting;
	int64_t asked_ms;

	LIST_ENTRY(flow) link;	/* of the worker's */
};

/* A flow that starts to use @fd; NULL after a failure. */
struct flow *flow_new(struct worker *worker, int fd,
		      void (*ready)(struct worker *worker, struct source *source,
				    uint32_t events));
/* Says in the ledger which flow it is: flow->plan. */
void flow_identify(struct flow *flow);
void flow_watch(struct flow *flow, uint32_t events);
void flow_moved(struct flow *flow);
/* Closes the socket; the flow is no more. */
void flow_end(struct flow *flow, enum end end);

#define flow_failed(flow, ...) ({					\
	failed(&(flow)->plan, __VA_ARGS__);				\
	flow_end(flow, END_SELF);					\
})

/* Called now and then: fails flows that wait for too long. */
void flow_tick(struct flow *flow, int64_t now);

/* The client: begin flow @id. */
void conn_begin(struct worker *worker, const struct plan *plan);
void dgram_begin(struct worker *worker, const struct plan *plan);
/* The server: a connection that was accepted. */
void conn_accepted(struct worker *worker, int fd, enum kind kind);

#endif
