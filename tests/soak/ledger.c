// SPDX-License-Identifier: GPL-2.0-only
#include "ledger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "case.h"
#include "tap.h"

/* Failures that are described; the rest are counted. */
#define FAILURES_SHOWN	40
#define FAILURES_MAX	200

struct ledger *ledger;
enum side ledger_side;

void ledger_create(enum side side)
{
	size_t size = sizeof(*ledger) + LEDGER_FLOWS * sizeof(struct entry);

	/* pages that no flow writes to cost nothing */
	ledger = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ledger == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	ledger_side = side;
}

uint32_t ledger_new_flow(void)
{
	uint32_t id = atomic_load(&ledger->last);

	do {
		if (id + 1 >= LEDGER_FLOWS)
			return 0;
	} while (!atomic_compare_exchange_weak(&ledger->last, &id, id + 1));
	return id + 1;
}

void failed(const struct plan *plan, const char *format, ...)
{
	char text[400];
	va_list args;

	if (plan)
		ledger->flow[plan->id].failed = true;
	else
		atomic_fetch_add(&ledger->others, 1);
	if (atomic_fetch_add(&ledger->failures, 1) >= FAILURES_SHOWN)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_note("%s, at the %s: %s", plan ? plan_name(plan) : "a socket of many flows",
		 side_name(ledger_side), text);
}

bool ledger_hopeless(void)
{
	return atomic_load(&ledger->failures) > FAILURES_MAX;
}
