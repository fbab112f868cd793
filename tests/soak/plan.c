// SPDX-License-Identifier: GPL-2.0-only
#include "plan.h"

#include <stdio.h>

#include "case.h"

struct plan_choice plan_choice;

/* A random state of its own for each choice. */
enum purpose { PLAN, PATTERN, RECORD };

static uint64_t state_of(uint32_t id, enum purpose purpose, enum side from,
			 uint32_t number)
{
	uint64_t state = plan_choice.seed ^ (uint64_t)id << 32 ^
			 (uint64_t)purpose << 60 ^ (uint64_t)from << 59 ^ number;

	/* one step on, neighbours have nothing in common any more */
	return (uint64_t)random_below(&state, 0xffffffff) << 32 ^ state;
}

/* Mostly little, sometimes much: all sizes of traffic at the same time. */
static uint64_t size_of(uint64_t *state)
{
	switch (random_below(state, 8)) {
	case 0:
		return 0;
	case 1 ... 4:
		return random_below(state, 2 << 10);
	case 5 ... 6:
		return random_below(state, 32 << 10);
	default:
		return random_below(state, 256 << 10);
	}
}

size_t plan_record(uint32_t id, enum side from, uint32_t number)
{
	uint64_t state = state_of(id, RECORD, from, number);
	size_t limit = random_below(&state, 4) ? RECORD_MAX : 64;

	return RECORD_MIN + random_below(&state, limit - RECORD_MIN + 1);
}

size_t plan_datagram(uint32_t id, enum fate fate, uint32_t number)
{
	uint64_t state = state_of(id, RECORD, CLIENT, number);

	if (fate == FATE_ECHO)
		return random_below(&state, 1000);
	if (!random_below(&state, 32))
		return random_below(&state, DATAGRAM_MAX + 1);
	return random_below(&state, 4000);
}

uint64_t plan_pattern(uint32_t id, enum side from)
{
	return state_of(id, PATTERN, from, 0);
}

static void plan_connection(struct plan *plan, uint64_t *state)
{
	enum side other;

	plan->fate = random_below(state, FATE_AT_ONCE + 1);
	plan->acts = plan->fate == FATE_AT_ONCE ? CLIENT : random_below(state, 2);
	plan->server_dies = plan_choice.deaths && !random_below(state, 16);
	other = !plan->acts;

	for (enum side from = CLIENT; from <= SERVER; from++) {
		uint64_t size = size_of(state);

		/* the unread bytes were sent */
		if (plan->fate == FATE_UNREAD && from == other)
			size++;
		plan->total[from] = size;
		if (plan->kind != KIND_SEQPACKET)
			continue;
		plan->records[from] = (size + 999) / 1000;
		plan->total[from] = 0;
		for (uint32_t i = 0; i < plan->records[from]; i++)
			plan->total[from] += plan_record(plan->id, from, i);
	}
	if (plan->fate == FATE_LINGER) {
		plan->stop = random_below(state, plan->total[plan->acts] + 1);
	} else if (plan->fate == FATE_UNREAD) {
		/* the last record, or byte, is never read */
		uint64_t last = plan->kind == KIND_STREAM ? 1 :
			plan_record(plan->id, other, plan->records[other] - 1);

		plan->stop = random_below(state, plan->total[other] - last + 1);
	}
}

static void plan_datagrams(struct plan *plan, uint64_t *state)
{
	plan->fate = random_below(state, 2) ? FATE_BLAST : FATE_ECHO;
	plan->acts = CLIENT;
	plan->records[CLIENT] = 1 + random_below(state, 100);
}

void plan_make(struct plan *plan, uint32_t id)
{
	static const enum kind mix[] = {
		KIND_STREAM, KIND_SEQPACKET, KIND_STREAM, KIND_SEQPACKET, KIND_STREAM,
		KIND_SEQPACKET, KIND_STREAM, KIND_DGRAM,
	};
	uint64_t state = state_of(id, PLAN, CLIENT, 0);

	*plan = (struct plan){ .id = id };
	do
		plan->kind = mix[random_below(&state, sizeof(mix) / sizeof(mix[0]))];
	while (!(plan_choice.kinds & 1U << plan->kind));
	if (plan->kind == KIND_DGRAM)
		plan_datagrams(plan, &state);
	else
		plan_connection(plan, &state);
}

const char *kind_name(enum kind kind)
{
	static const char *const names[KINDS] = { "stream", "seqpacket", "dgram" };

	return names[kind];
}

const char *fate_name(enum fate fate)
{
	static const char *const names[FATES] = {
		"close", "shutdown", "half-close", "both half-close", "linger 0",
		"close with unread", "close at once", "blast", "echo",
	};

	return names[fate];
}

const char *side_name(enum side side)
{
	return side == CLIENT ? "client" : "server";
}

const char *plan_name(const struct plan *plan)
{
	static _Thread_local char name[96];

	snprintf(name, sizeof(name), "flow %u (%s, %s, the %s acts%s)", plan->id,
		 kind_name(plan->kind), fate_name(plan->fate),
		 side_name(plan->acts), plan->server_dies ? ", the server may die" : "");
	return name;
}
