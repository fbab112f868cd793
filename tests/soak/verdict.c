// SPDX-License-Identifier: GPL-2.0-only
/* What both sides did, compared. */
#include <stdio.h>

#include "case.h"
#include "net.h"
#include "roles.h"

/*
 * Connections that the server knows only as silent, or not at all: who took the
 * number of a flow may have been killed before it began it.
 */
static bool may_be_unseen(const struct plan *plan, const struct entry *client)
{
	return plan->fate == FATE_AT_ONCE || client->mortal ||
	       client->state == UNSEEN;
}

/* What went one way: @sender's end of it, @receiver's end of it. */
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
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
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
	if (good)
		sums->passed++;
	else
		sums->failed++;
}

/* A check that is about all flows together. */
static void overall(bool good, struct sums *sums)
{
	if (good)
		sums->passed++;
	else
		sums->failed++;
}

static void inboxes(const struct server_account *account, struct sums *sums)
{
	static const char *const names[INBOXES] = { "blasts of datagrams", "echoes of datagrams" };

	for (enum inbox i = 0; i < INBOXES; i++) {
		unsigned long long there = account->inbox[i] + account->drops[i];
		bool good = there >= sums->sent[i] && there <= sums->attempted[i];

		printf("# %s: %llu sent, %llu arrived, %llu dropped\n", names[i],
		       (unsigned long long)sums->sent[i], account->inbox[i],
		       account->drops[i]);
		if (!good)
			failed(NULL, "%s: %llu to %llu sent, %llu arrived, %llu were dropped",
			       names[i], (unsigned long long)sums->sent[i],
			       (unsigned long long)sums->attempted[i],
			       account->inbox[i], account->drops[i]);
		overall(good, sums);
	}
}

static void print_sums(const struct server_account *account, const struct sums *sums)
{
	printf("#");
	for (enum kind kind = 0; kind < KINDS; kind++)
		printf(" %s %llu,", kind_name(kind), (unsigned long long)sums->kinds[kind]);
	printf(" flows in all %u\n#", ledger->last);
	for (enum fate fate = 0; fate < FATES; fate++)
		printf(" %s %llu,", fate_name(fate), (unsigned long long)sums->fates[fate]);
	printf(" killed %llu\n", (unsigned long long)sums->killed);
	printf("# both ways: %llu MiB, %llu records; %u and %u processes killed\n",
	       (ledger->bytes + account->bytes) >> 20,
	       (unsigned long long)ledger->records + account->records, ledger->deaths,
	       account->deaths);
	printf("# echoes: %llu asked again, %llu not answered at once\n",
	       (unsigned long long)ledger->repeated, account->replies_held);
}

int verdict(const struct soak_options *options, const struct server_account *account,
	    const struct entry *server)
{
	struct sums sums = { 0 };
	uint64_t silent = atomic_load(&ledger->silent);

	for (uint32_t id = 1; id <= ledger->last; id++)
		one_flow(id, &server[id], &sums);
	for (enum kind kind = 0; kind < KINDS; kind++)
		sums.skipped += !(plan_choice.kinds & 1U << kind);
	if (plan_choice.kinds & 1U << KIND_DGRAM)
		inboxes(account, &sums);
	/* those that said nothing: no more than there were, none lost */
	if (account->silent < silent || account->silent > sums.unseen)
		failed(NULL, "%llu connections came that said nothing, expected %llu to %llu",
		       account->silent, (unsigned long long)silent,
		       (unsigned long long)sums.unseen);
	overall(account->silent >= silent && account->silent <= sums.unseen, &sums);
	if (ledger->others || account->others)
		overall(false, &sums);
	print_sums(account, &sums);
	printf("# seed %llu\n", (unsigned long long)options->seed);
	printf("%u passed, %u failed, %u skipped\n", sums.passed, sums.failed, sums.skipped);
	return sums.failed ? 1 : 0;
}
