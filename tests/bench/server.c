// SPDX-License-Identifier: GPL-2.0-only
/* The server: one measurement after the other, with one thread for each flow. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "block.h"
#include "clock.h"
#include "control.h"
#include "peer.h"
#include "server.h"

/*
 * The least size of a receive buffer. A receiver does not know the sender's block size, and one
 * read() may return many small blocks.
 */
#define RECEIVE_MIN	(64 * 1024)

struct session {
	struct request request;
	const struct peer *peer;
	struct service service;
	bool done;		/* the client has stopped sending */
};

struct flow {
	struct session *session;
	struct link link;
	pthread_t thread;
	struct outcome outcome;
};

/*
 * Returns the number of bytes read, 0 at the end. Datagrams have no end of file: there the end is a
 * timeout after the client has stopped.
 */
static ssize_t receive(struct flow *flow, void *block, size_t size)
{
	const struct session *session = flow->session;
	ssize_t n;

	do {
		n = read(flow->link.in, block, size);
	} while (n < 0 && errno == EAGAIN && !__atomic_load_n(&session->done, __ATOMIC_ACQUIRE));
	if (n < 0 && errno != EAGAIN)
		err(1, "%s: cannot read", peer_name(session->peer));
	return n < 0 ? 0 : n;
}

static void note_arrival(struct outcome *outcome, size_t bytes)
{
	outcome->last_ns = clock_now();
	if (!outcome->bytes)
		outcome->first_ns = outcome->last_ns;
	outcome->bytes += bytes;
}

static void *discard(void *arg)
{
	struct flow *flow = arg;
	size_t size = flow->session->request.bytes;
	void *block;
	ssize_t n;

	if (size < RECEIVE_MIN)
		size = RECEIVE_MIN;
	block = block_new(size);
	while ((n = receive(flow, block, size)) > 0)
		note_arrival(&flow->outcome, n);
	free(block);
	return NULL;
}

static void *echo(void *arg)
{
	struct flow *flow = arg;
	const struct session *session = flow->session;
	size_t bytes = session->request.bytes;
	void *block = block_new(bytes);
	ssize_t n;

	while ((n = receive(flow, block, bytes)) > 0) {
		if (!block_write(flow->link.out, block, n))
			err(1, "%s: cannot write", peer_name(session->peer));
		note_arrival(&flow->outcome, n);
	}
	free(block);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct session *session = arg;
	int fd;

	while (!__atomic_load_n(&session->done, __ATOMIC_ACQUIRE)) {
		fd = service_accept(&session->service);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	if (pthread_create(thread, NULL, run, arg))
		errx(1, "cannot create a thread");
}

static bool wait_done(struct session *session, int control)
{
	bool done = control_wait(control);

	__atomic_store_n(&session->done, true, __ATOMIC_RELEASE);
	return done;
}

static struct outcome total(const struct flow *flow, unsigned int flows)
{
	struct outcome sum = flow->outcome;
	unsigned int i;

	sum.fewest = sum.bytes;
	for (i = 1; i < flows; i++) {
		const struct outcome *one = &flow[i].outcome;

		sum.bytes += one->bytes;
		if (one->first_ns < sum.first_ns)
			sum.first_ns = one->first_ns;
		if (one->last_ns > sum.last_ns)
			sum.last_ns = one->last_ns;
		if (one->bytes < sum.fewest)
			sum.fewest = one->bytes;
	}
	return sum;
}

static void serve_flows(struct session *session, int control)
{
	const struct request *request = &session->request;
	struct outcome outcome;
	struct flow *flow;
	unsigned int i;
	bool done;

	flow = calloc(request->flows, sizeof(*flow));
	if (!flow)
		err(1, NULL);
	for (i = 0; i < request->flows; i++) {
		flow[i].session = session;
		flow[i].link = service_link(&session->service, i);
		start_thread(&flow[i].thread, request->test == TEST_RTT ? echo : discard, &flow[i]);
	}
	control_signal(control);

	done = wait_done(session, control);
	for (i = 0; i < request->flows; i++) {
		pthread_join(flow[i].thread, NULL);
		link_close(&flow[i].link);
	}
	outcome = total(flow, request->flows);
	if (done)
		control_send(control, &outcome, sizeof(outcome));
	free(flow);
}

static void serve_connects(struct session *session, int control)
{
	const struct outcome none = { };
	pthread_t thread;
	bool done;

	start_thread(&thread, accept_all, session);
	done = wait_done(session, control);
	pthread_join(thread, NULL);
	if (done)
		control_send(control, &none, sizeof(none));
}

static void serve(int control)
{
	struct session session = { };

	if (!control_receive(control, &session.request, sizeof(session.request)))
		return;
	session.peer = peer_find(session.request.peer);
	service_open(&session.service, session.peer, session.request.flows);
	control_signal(control);
	if (session.request.test == TEST_CONNECT)
		serve_connects(&session, control);
	else
		serve_flows(&session, control);
	service_close(&session.service);
}

void server_run(void)
{
	int listener = control_listen();

	puts("listening");
	fflush(stdout);
	for (;;) {
		int control = control_accept(listener);

		serve(control);
		close(control);
	}
}
