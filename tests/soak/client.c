// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "case.h"
#include "control.h"
#include "flow.h"
#include "net.h"
#include "nursery.h"
#include "roles.h"
#include "tap.h"
#include "worker.h"

#define THREADS_MAX	16
/* Flows that are begun before those there are get their turn. */
#define BATCH		32

static unsigned int mortal_slots;

static void begin(struct worker *worker)
{
	uint32_t id = ledger_new_flow();
	struct plan plan;

	if (!id) {
		/* as good an end as any */
		atomic_store(&ledger->stop, true);
		return;
	}
	plan_make(&plan, id);
	if (plan.kind == KIND_DGRAM)
		dgram_begin(worker, &plan);
	else
		conn_begin(worker, &plan);
}

static bool keep_full(struct worker *worker)
{
	for (int i = 0; i < BATCH && worker->open < worker->slots; i++) {
		if (atomic_load(&ledger->stop))
			return false;
		begin(worker);
	}
	return !atomic_load(&ledger->stop);
}

static void prepare_mortal(struct worker *worker)
{
	worker->refill = keep_full;
	worker->slots = mortal_slots;
}

static void say_progress(int64_t start)
{
	uint64_t done = 0;

	for (enum fate fate = 0; fate < FATES; fate++)
		done += atomic_load(&ledger->fates[fate]);
	printf("# %3lld s: %u flows begun, %llu ended; got ",
	       (long long)(now_ms() - start) / 1000, ledger->last,
	       (unsigned long long)done);
	printf("%llu MiB, %llu records, %llu datagrams; %u deaths, %u failures\n",
	       (unsigned long long)ledger->bytes >> 20,
	       (unsigned long long)ledger->records,
	       (unsigned long long)ledger->datagrams, ledger->deaths, ledger->failures);
	fflush(stdout);
}

/* False when the server left. */
static bool pass_time(const struct soak_options *options, int control)
{
	int64_t start = now_ms(), end = start + options->seconds * 1000LL;
	int64_t next = start;

	while (!ledger_hopeless() && !atomic_load(&ledger->stop)) {
		struct pollfd word = { .fd = control, .events = POLLIN };

		next += options->every * 1000LL;
		if (next > end)
			next = end;
		if (now_ms() < next && poll(&word, 1, next - now_ms()) > 0)
			return false;
		say_progress(start);
		if (now_ms() >= end)
			break;
	}
	return true;
}

static bool meet_server(const struct soak_options *options, int control)
{
	unsigned int kinds = net_kinds();
	char line[CONTROL_LINE_MAX];

	if (!line_read(control, line, sizeof(line), patience_ms() * 6) ||
	    sscanf(line, "PORTS %u %u %u %u %u %u", &net_ports.listener[0],
		   &net_ports.listener[1], &net_ports.mortal[0], &net_ports.mortal[1],
		   &net_ports.inbox[0], &net_ports.inbox[1]) != 6)
		return false;
	if (!net_ports.listener[KIND_STREAM])
		kinds &= ~(1U << KIND_STREAM);
	if (!net_ports.listener[KIND_SEQPACKET])
		kinds &= ~(1U << KIND_SEQPACKET);
	if (!net_ports.inbox[INBOX_BLAST])
		kinds &= ~(1U << KIND_DGRAM);
	plan_choice.seed = options->seed;
	plan_choice.kinds = kinds;
	plan_choice.deaths = options->deaths;
	snprintf(line, sizeof(line), "RUN %llu %u %u", (unsigned long long)options->seed,
		 kinds, options->deaths);
	return line_write(control, line);
}

static bool whole_read(int fd, void *data, size_t size)
{
	char *to = data;

	while (size) {
		ssize_t n = read(fd, to, size);

		if (n <= 0)
			return false;
		to += n;
		size -= n;
	}
	return true;
}

/* Datagrams that were certainly sent; a killed process may have sent one more. */
static void count_sent(unsigned long long sent[INBOXES])
{
	for (uint32_t id = 1; id <= ledger->last; id++) {
		struct plan plan;

		plan_make(&plan, id);
		if (plan.kind == KIND_DGRAM)
			sent[plan.fate == FATE_ECHO] += ledger->flow[id].sent;
	}
}

static struct entry *servers_account(int control, struct server_account *account)
{
	unsigned long long sent[INBOXES] = { 0 };
	char line[CONTROL_LINE_MAX];
	struct entry *entries;
	size_t size;

	count_sent(sent);
	snprintf(line, sizeof(line), "STOP %u %llu %llu", ledger->last, sent[0], sent[1]);
	if (!line_write(control, line) || !line_read(control, line, sizeof(line), -1) ||
	    sscanf(line, "DONE %u %u %u %llu %llu %llu %llu %llu %llu %llu %llu",
		   &account->flows, &account->others, &account->deaths,
		   &account->inbox[0], &account->inbox[1], &account->drops[0],
		   &account->drops[1], &account->silent,
		   &account->bytes, &account->records, &account->replies_held) != 11)
		return NULL;
	size = (account->flows + 1) * sizeof(*entries);
	entries = malloc(size);
	if (entries && whole_read(control, entries, size))
		return entries;
	free(entries);
	return NULL;
}

int run_client(const struct soak_options *options, int control)
{
	static struct worker workers[THREADS_MAX];
	struct server_account account;
	struct entry *server;
	unsigned int left;
	pid_t nursery;

	ledger_create(CLIENT);
	if (!meet_server(options, control))
		return tap_bail_out("the server does not answer");
	/* an eighth of all, if there are many */
	mortal_slots = options->deaths ? options->flows / 8 / options->deaths : 0;
	left = options->flows - mortal_slots * options->deaths;
	nursery = nursery_start(options->deaths, prepare_mortal);
	for (unsigned int i = 0; i < options->threads; i++) {
		worker_init(&workers[i], options->seed + i);
		workers[i].refill = keep_full;
		workers[i].slots = left / (options->threads - i);
		left -= workers[i].slots;
		worker_start(&workers[i]);
	}
	if (!pass_time(options, control))
		return tap_bail_out("the server is gone");
	atomic_store(&ledger->stop, true);
	nursery_end(nursery);
	for (unsigned int i = 0; i < options->threads; i++)
		worker_join(&workers[i]);
	server = servers_account(control, &account);
	if (!server)
		return tap_bail_out("the server is gone");
	verdict(options, &account, server);
	free(server);
	return 0;
}
