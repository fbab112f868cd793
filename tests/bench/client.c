// SPDX-License-Identifier: GPL-2.0-only
/* The client: opens the flows, starts their threads at the same time, and prints the result. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block.h"
#include "busy.h"
#include "client.h"
#include "clock.h"
#include "histogram.h"
#include "result.h"

struct flow {
	const struct order *order;
	struct link link;
	pthread_t thread;
	uint64_t sent;
	uint64_t connections;
	struct histogram took;	/* ns for each round trip or connection */
};

static pthread_barrier_t start_barrier;

static uint64_t deadline(const struct flow *flow)
{
	return clock_coarse() + flow->order->request.ms * (NS_PER_S / 1000);
}

static void send_stream(struct flow *flow)
{
	size_t bytes = flow->order->request.bytes;
	void *block = block_new(bytes);
	uint64_t end = deadline(flow);

	do {
		if (!block_write(flow->link.out, block, bytes))
			err(1, "%s: cannot write", peer_name(flow->order->peer));
		flow->sent += bytes;
	} while (clock_coarse() < end);
	free(block);
}

static void ping(struct flow *flow)
{
	size_t bytes = flow->order->request.bytes;
	void *block = block_new(bytes);
	uint64_t end = deadline(flow);
	uint64_t now = clock_now();

	do {
		uint64_t start = now;

		if (!block_write(flow->link.out, block, bytes) ||
		    !block_read(flow->link.in, block, bytes))
			err(1, "%s: round trip failed", peer_name(flow->order->peer));
		/* One clock reading ends this round trip and begins the next. */
		now = clock_now();
		histogram_add(&flow->took, now - start);
		flow->sent += bytes;
	} while (clock_coarse() < end);
	free(block);
}

/* The end of file proves that the server accepted the connection before it closed it. */
static void connect_one(const struct order *order)
{
	struct link link = peer_link(order->peer, &order->server, 0);
	char byte;

	if (read(link.in, &byte, 1) > 0)
		errx(1, "%s: the server sent data where it only closes", peer_name(order->peer));
	link_close(&link);
}

static void connect_many(struct flow *flow)
{
	uint64_t end = deadline(flow);
	uint64_t now = clock_now();

	do {
		uint64_t start = now;

		connect_one(flow->order);
		now = clock_now();
		histogram_add(&flow->took, now - start);
		flow->connections++;
	} while (clock_coarse() < end);
}

static void *run(void *arg)
{
	static void (*const test[])(struct flow *flow) = {
		[TEST_STREAM] = send_stream,
		[TEST_RTT] = ping,
		[TEST_CONNECT] = connect_many,
	};
	struct flow *flow = arg;

	pthread_barrier_wait(&start_barrier);
	test[flow->order->request.test](flow);
	return NULL;
}

static void expect_signal(int control, const char *what)
{
	if (!control_wait(control))
		errx(1, "the server ended before it was %s", what);
}

static void make_links(const struct order *order, struct flow *flow, int control)
{
	unsigned int i;

	if (order->request.test == TEST_CONNECT)
		return;
	for (i = 0; i < order->request.flows; i++)
		flow[i].link = peer_link(order->peer, &order->server, i);
	expect_signal(control, "connected");
}

static void run_flows(const struct order *order, struct flow *flow)
{
	unsigned int flows = order->request.flows;
	unsigned int i;

	pthread_barrier_init(&start_barrier, NULL, flows);
	for (i = 0; i < flows; i++) {
		flow[i].order = order;
		if (pthread_create(&flow[i].thread, NULL, run, &flow[i]))
			errx(1, "cannot create %u threads", flows);
	}
	for (i = 0; i < flows; i++)
		pthread_join(flow[i].thread, NULL);
}

static void sum_flows(const struct order *order, struct flow *flow, struct result *result)
{
	unsigned int i;

	for (i = 0; i < order->request.flows; i++) {
		result->sent += flow[i].sent;
		result->connections += flow[i].connections;
		histogram_merge(&result->took, &flow[i].took);
		if (order->request.test != TEST_CONNECT)
			link_close(&flow[i].link);
	}
}

void client_run(const struct order *order)
{
	struct flow *flow = calloc(order->request.flows, sizeof(*flow));
	struct result *result = calloc(1, sizeof(*result));
	int control = control_connect(order->server.ip);
	uint64_t began;
	struct busy busy;

	if (!flow || !result)
		err(1, NULL);
	control_send(control, &order->request, sizeof(order->request));
	expect_signal(control, "ready");
	make_links(order, flow, control);

	busy_begin(&busy);
	began = clock_now();
	run_flows(order, flow);
	result->took_ns = clock_now() - began;
	sum_flows(order, flow, result);
	control_signal(control);
	if (!control_receive(control, &result->outcome, sizeof(result->outcome)))
		errx(1, "the server ended before it sent its outcome");
	result->cpu_s = busy_end(&busy);

	result_print(order, result);
	close(control);
	free(result);
	free(flow);
}
