// SPDX-License-Identifier: GPL-2.0-only
/*
 * switch - takes the flows of diverted connections from them, at random moments
 *
 *	switch SEED
 *
 * A connection that loses its flow goes on over TCP, and its accepting end opens another one.
 * Ends when it is killed.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <schannel.h>

/* Most moments lie within the life of a short connection. */
#define PAUSE_MS_MAX	40

static bool carries_tcp(const struct schannel_flow *flow)
{
	return flow->local_address && flow->answered && !flow->closed;
}

static void end_one(void)
{
	struct schannel_flow *flows, *flow, *chosen = NULL;
	int seen = 0;

	if (schannel_flows(SC_DOMID_ANY, &flows))
		err(1, "cannot list the flows");
	for (flow = flows; flow; flow = flow->next)
		if (carries_tcp(flow) && random() % ++seen == 0)
			chosen = flow;
	if (chosen && schannel_flow_destroy(chosen) && errno != ENOENT)
		err(1, "cannot end a flow");
	schannel_flows_free(flows);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: switch SEED");
	srandom(strtoul(argv[1], NULL, 0));
	for (;;) {
		end_one();
		poll(NULL, 0, random() % PAUSE_MS_MAX);
	}
}
