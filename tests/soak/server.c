// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"
#include "control.h"
#include "dgram.h"
#include "flow.h"
#include "net.h"
#include "nursery.h"
#include "roles.h"

#define THREADS_MAX	16
/* Of one listener's connections, before others get their turn. */
#define ACCEPTS		64

struct listener {
	struct source source;
	enum kind kind;
};

static struct listener listeners[KINDS];
static struct listener mortal[KINDS];
static struct inbox_source inboxes[INBOXES];

static void accept_some(struct worker *worker, struct listener *listener, int most)
{
	while (most--) {
		int fd = accept4(listener->source.fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			conn_accepted(worker, fd, listener->kind);
			continue;
		}
		/* TCP reports a reset before accept() */
		if (errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN)
			failed(NULL, "accept (%s): %s", kind_name(listener->kind),
			       errno_name(errno));
		return;
	}
}

static void listener_ready(struct worker *worker, struct source *source, uint32_t events)
{
	(void)events;
	accept_some(worker, (struct listener *)source, ACCEPTS);
}

static void listeners_open(struct listener *all, uint32_t *ports)
{
	unsigned int kinds = net_kinds();

	for (enum kind kind = 0; kind < KIND_DGRAM; kind++) {
		struct listener *listener = &all[kind];

		listener->kind = kind;
		listener->source.ready = listener_ready;
		listener->source.fd = -1;
		if (!(kinds & 1U << kind))
			continue;
		listener->source.fd = net_listen(kind);
		if (listener->source.fd < 0) {
			perror("listen");
			exit(2);
		}
		ports[kind] = net_port(listener->source.fd);
	}
}

static void listeners_watch(struct listener *all, struct worker *worker)
{
	for (enum kind kind = 0; kind < KIND_DGRAM; kind++) {
		if (all[kind].source.fd >= 0)
			worker_watch(worker, &all[kind].source, EPOLLIN);
	}
}

/* Until the end, it is the client that begins flows. */
static bool until_stop(struct worker *worker)
{
	if (!atomic_load(&ledger->stop))
		return true;
	for (enum kind kind = 0; kind < KIND_DGRAM; kind++) {
		if (listeners[kind].source.fd >= 0)
			accept_some(worker, &listeners[kind], INT32_MAX);
	}
	return false;
}

static bool until_killed(struct worker *worker)
{
	(void)worker;
	return true;
}

static void prepare_mortal(struct worker *worker)
{
	worker->refill = until_killed;
	listeners_watch(mortal, worker);
}

/* All that was sent has arrived, or is counted as dropped. */
static bool settled(const unsigned long long sent[INBOXES])
{
	for (enum inbox i = 0; i < INBOXES; i++) {
		if (net_ports.inbox[i] && sent[i] >
		    atomic_load(&ledger->inbox[i]) + inbox_drops(&inboxes[i]))
			return false;
	}
	return true;
}

static void settle(const unsigned long long sent[INBOXES])
{
	int64_t end = now_ms() + patience_ms();

	while (!settled(sent) && now_ms() < end)
		usleep(10000);
}

static bool whole_write(int fd, const void *data, size_t size)
{
	const char *from = data;

	while (size) {
		ssize_t n = write(fd, from, size);

		if (n <= 0)
			return false;
		from += n;
		size -= n;
	}
	return true;
}

static int account_for(int control, unsigned int flows)
{
	char line[CONTROL_LINE_MAX];
	uint64_t drops[INBOXES] = { 0 };

	for (enum inbox i = 0; i < INBOXES; i++) {
		if (net_ports.inbox[i])
			drops[i] = inbox_drops(&inboxes[i]);
	}
	snprintf(line, sizeof(line), "DONE %u %u %u %llu %llu %llu %llu %llu %llu %llu %llu",
		 flows, ledger->others, ledger->deaths,
		 (unsigned long long)ledger->inbox[INBOX_BLAST],
		 (unsigned long long)ledger->inbox[INBOX_ECHO],
		 (unsigned long long)drops[INBOX_BLAST],
		 (unsigned long long)drops[INBOX_ECHO],
		 (unsigned long long)ledger->silent, (unsigned long long)ledger->bytes,
		 (unsigned long long)ledger->records,
		 (unsigned long long)ledger->replies_held);
	return line_write(control, line) &&
	       whole_write(control, ledger->flow, (flows + 1) * sizeof(struct entry)) ? 0 : 2;
}

int run_server(const struct soak_options *options, int control)
{
	static struct worker workers[THREADS_MAX];
	unsigned long long sent[INBOXES];
	char line[CONTROL_LINE_MAX];
	unsigned long long seed;
	unsigned int flows;
	pid_t nursery;
	int deaths;

	ledger_create(SERVER);
	listeners_open(listeners, net_ports.listener);
	listeners_open(mortal, net_ports.mortal);
	if (net_kinds() & 1U << KIND_DGRAM) {
		for (enum inbox i = 0; i < INBOXES; i++)
			net_ports.inbox[i] = inbox_open(&inboxes[i], i);
	}
	snprintf(line, sizeof(line), "PORTS %u %u %u %u %u %u", net_ports.listener[0],
		 net_ports.listener[1], net_ports.mortal[0], net_ports.mortal[1],
		 net_ports.inbox[0], net_ports.inbox[1]);
	if (!line_write(control, line) || !line_read(control, line, sizeof(line), -1) ||
	    sscanf(line, "RUN %llu %u %d", &seed, &plan_choice.kinds, &deaths) != 3) {
		fprintf(stderr, "the client left\n");
		return 2;
	}
	plan_choice.seed = seed;
	plan_choice.deaths = deaths;

	nursery = nursery_start(deaths, prepare_mortal);
	for (unsigned int i = 0; i < options->threads; i++) {
		worker_init(&workers[i], seed + 1000 + i);
		workers[i].refill = until_stop;
		listeners_watch(listeners, &workers[i]);
		/* its datagrams are in order as long as one thread takes them */
		if (net_ports.inbox[i % INBOXES] && i < INBOXES)
			inbox_watch(&inboxes[i], &workers[i]);
	}
	if (options->threads < INBOXES && net_ports.inbox[INBOX_ECHO])
		inbox_watch(&inboxes[INBOX_ECHO], &workers[0]);
	for (unsigned int i = 0; i < options->threads; i++)
		worker_start(&workers[i]);

	if (!line_read(control, line, sizeof(line), -1) ||
	    sscanf(line, "STOP %u %llu %llu", &flows, &sent[0], &sent[1]) != 3) {
		fprintf(stderr, "the client left without a word\n");
		return 2;
	}
	settle(sent);
	atomic_store(&ledger->stop, true);
	for (unsigned int i = 0; i < options->threads; i++)
		worker_join(&workers[i]);
	nursery_end(nursery);
	return account_for(control, flows);
}
