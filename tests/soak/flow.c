// SPDX-License-Identifier: GPL-2.0-only
#include "flow.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "case.h"
#include "dgram.h"

/* Patiences that a flow may stand still, with a thousand others before it. */
#define STILL_PATIENCES	24

struct flow *flow_new(struct worker *worker, int fd,
		      void (*ready)(struct worker *worker, struct source *source,
				    uint32_t events))
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow) {
		failed(NULL, "no memory");
		close(fd);
		return NULL;
	}
	flow->source.fd = fd;
	flow->source.ready = ready;
	flow->worker = worker;
	flow->mortal = worker->mortal;
	LIST_INSERT_HEAD(&worker->flows, flow, link);
	worker->open++;
	flow_moved(flow);
	return flow;
}

void flow_identify(struct flow *flow)
{
	const struct plan *plan = &flow->plan;
	enum side other = !ledger_side;

	if (plan->server_dies)
		flow->mortal = true;
	flow->entry = &ledger->flow[plan->id];
	/* first: this process may be killed right here */
	flow->entry->mortal = flow->mortal;
	atomic_signal_fence(memory_order_seq_cst);
	flow->entry->state = OPEN;
	flow->out.seed = plan_pattern(plan->id, ledger_side);
	flow->in.seed = plan_pattern(plan->id, other);
	/* the two ends of a flow need not do it the same way */
	flow->edge = random_below(&flow->worker->random, 2);
	atomic_fetch_add(&ledger->open, 1);
}

void flow_watch(struct flow *flow, uint32_t events)
{
	if (flow->edge)
		events = EPOLLIN | EPOLLOUT | EPOLLET;
	if (events == flow->watched)
		return;
	flow->watched = events;
	worker_watch(flow->worker, &flow->source, events);
}

void flow_moved(struct flow *flow)
{
	flow->moved_ms = now_ms();
}

void flow_end(struct flow *flow, enum end end)
{
	/* a close that failed is still a close */
	if (close(flow->source.fd))
		failed(flow->entry ? &flow->plan : NULL, "close: %s", errno_name(errno));
	if (flow->entry) {
		flow->entry->end = end;
		flow->entry->state = ENDED;
		atomic_fetch_sub(&ledger->open, 1);
		atomic_fetch_add(&ledger->fates[flow->plan.fate], 1);
	}
	LIST_REMOVE(flow, link);
	flow->worker->open--;
	free(flow);
}

void flow_tick(struct flow *flow, int64_t now)
{
	if (flow->awaiting && dgram_ask_again(flow, now))
		return;
	if (now - flow->moved_ms < (int64_t)STILL_PATIENCES * patience_ms())
		return;
	if (!flow->entry) {
		failed(NULL, "a connection was accepted, and nothing came in %lld ms",
		       (long long)(now - flow->moved_ms));
		flow_end(flow, END_SELF);
		return;
	}
	flow_failed(flow, "stands still: sent %llu of %llu bytes%s, got %llu of %llu%s%s%s",
		    (unsigned long long)flow->out.position,
		    (unsigned long long)flow->plan.total[ledger_side],
		    flow->out_over ? " (over)" : "",
		    (unsigned long long)flow->in.position,
		    (unsigned long long)flow->plan.total[!ledger_side],
		    flow->in_over ? " (over)" : "",
		    flow->connecting ? ", connecting" : "",
		    flow->edge ? ", edge-triggered" : "");
}
