// SPDX-License-Identifier: GPL-2.0-only
/* Compares the ledgers of both sides. */
#include "case.h"
#include "net.h"
#include "roles.h"
#include "tap.h"

/*
 * Connections that the server counts as silent, or never saw: a process may be killed
 * after it took a flow's number and before it opened the connection.
 */
static bool may_be_unseen(const struct plan *plan, const struct entry *client)
{
	return plan->fate == FATE_AT_ONCE || client->mortal ||
	       client->state == UNSEEN;
}

/* The data in one direction, as the sender and the receiver recorded it. */
static bool direction(const struct plan *plan, enum side from,
		      const struct entry *sender, const struct entry *receiver)
{
	bool to_the_end = receiver->state == ENDED && receiver->end != END_SELF &&
			  (receiver->end == END_READ || net_keeps_all());

	if (receiver->received > sender->attempted) {
		failed(plan, "got %llu bytes of %llu that the %s sent",
		       (unsigned long long)receiver->received,
		       (unsigned long long)sender->attempted, side_name(from));
		return false;
	}
	if (to_the_end && receiver->received < sender->sent) {
		failed(plan, "the %s sent %llu bytes, %llu of them were lost",
		       side_name(from), (unsigned long long)sender->sent,
		       (unsigned long long)(sender->sent - receiver->received));
		return false;
	}
	return true;
}

static bool connection(const struct plan *plan, const struct entry *client,
		       const struct entry *server)
{
	if (client->failed || server->failed)
		return false;
	if (client->state == OPEN && !client->mortal) {
		failed(plan, "never ended at the client");
		return false;
	}
	if (server->state == UNSEEN) {
		if (may_be_unseen(plan, client))
			return true;
		failed(plan, "the server never saw it");
		return false;
	}
	if (server->state != ENDED && !plan->server_dies) {
		failed(plan, "never ended at the server");
		return false;
	}
	return direction(plan, CLIENT, client, server) &&
	       direction(plan, SERVER, server, client);
}

struct sums {
	uint64_t bad[KINDS];		/* flows that failed */
	uint64_t fates[FATES];
	uint64_t kinds[KINDS];
	uint64_t killed;
	uint64_t unseen;
	uint64_t sent[INBOXES];
	uint64_t attempted[INBOXES];
};

static void one_flow(uint32_t id, const struct entry *server, struct sums *sums)
{
	const struct entry *client = &ledger->flow[id];
	struct plan plan;
	bool good;

	plan_make(&plan, id);
	sums->kinds[plan.kind]++;
	if (client->state == ENDED)
		sums->fates[plan.fate]++;
	else
		sums->killed++;
	if (plan.kind == KIND_DGRAM) {
		enum inbox to = plan.fate == FATE_ECHO ? INBOX_ECHO : INBOX_BLAST;

		sums->sent[to] += client->sent;
		sums->attempted[to] += client->state == ENDED ? client->sent :
								 client->attempted;
		good = !client->failed && !server->failed;
	} else {
		sums->unseen += server->state == UNSEEN;
		good = connection(&plan, client, server);
	}
	sums->bad[plan.kind] += !good;
}

static void report_flows(const struct sums *sums)
{
	for (enum kind kind = 0; kind < KINDS; kind++) {
		if (plan_choice.kinds & 1U << kind)
			tap_point(!sums->bad[kind], "%llu flows of kind %s, %llu failed",
				  (unsigned long long)sums->kinds[kind], kind_name(kind),
				  (unsigned long long)sums->bad[kind]);
		else
			tap_skip("there are no such sockets", "flows of kind %s",
				 kind_name(kind));
	}
}

static void report_inboxes(const struct server_account *account, const struct sums *sums)
{
	static const char *const names[INBOXES] = { "datagrams", "echo requests" };

	for (enum inbox i = 0; i < INBOXES; i++) {
		unsigned long long there = account->inbox[i] + account->drops[i];

		tap_point(there >= sums->sent[i] && there <= sums->attempted[i],
			  "%llu to %llu %s sent, %llu arrived, %llu dropped",
			  (unsigned long long)sums->sent[i],
			  (unsigned long long)sums->attempted[i], names[i],
			  account->inbox[i], account->drops[i]);
	}
}

static void note_sums(const struct server_account *account, const struct sums *sums)
{
	for (enum fate fate = 0; fate < FATES; fate++)
		tap_note("%s: %llu flows", fate_name(fate),
			 (unsigned long long)sums->fates[fate]);
	tap_note("killed: %llu of %u flows", (unsigned long long)sums->killed,
		 ledger->last);
	tap_note("both ways: %llu MiB, %llu records; %u and %u processes killed",
		 (ledger->bytes + account->bytes) >> 20,
		 (unsigned long long)ledger->records + account->records,
		 ledger->deaths, account->deaths);
	tap_note("echoes: %llu requests repeated, %llu replies delayed",
		 (unsigned long long)ledger->repeated, account->replies_held);
}

void verdict(const struct soak_options *options, const struct server_account *account,
	     const struct entry *server)
{
	struct sums sums = { 0 };
	unsigned long long silent = atomic_load(&ledger->silent);

	for (uint32_t id = 1; id <= ledger->last; id++)
		one_flow(id, &server[id], &sums);
	report_flows(&sums);
	if (plan_choice.kinds & 1U << KIND_DGRAM)
		report_inboxes(account, &sums);
	tap_point(account->silent >= silent && account->silent <= sums.unseen,
		  "%llu connections without data arrived, %llu to %llu were expected",
		  account->silent, silent, (unsigned long long)sums.unseen);
	tap_point(!ledger->others && !account->others,
		  "%u failures of no single flow at the client, %u at the server",
		  ledger->others, account->others);
	note_sums(account, &sums);
	tap_note("seed %llu", (unsigned long long)options->seed);
}
