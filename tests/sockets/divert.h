/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's counters of TCP connections in attached cgroups: how many ends of connections got
 * each verdict, and how many ends of flows carried connections.
 */
#ifndef DIVERT_H
#define DIVERT_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/schannel_netlink.h>

struct divert_counts {
	uint64_t verdicts[SCHANNEL_DIVERT_MAX + 1];	/* how often each was given */
	uint64_t flows;		/* ends of flows: again each time that a connection moves again */
};

/* Of this network namespace. Prints an error to stderr if it returns false. */
bool divert_read(struct divert_counts *counts);
/* The difference to earlier counts. */
struct divert_counts divert_since(const struct divert_counts *before,
				  const struct divert_counts *after);

const char *divert_name(enum schannel_divert verdict);

/* Inside a case: fails it when they cannot be read. */
struct divert_counts divert_now(void);
/* Waits for this many verdicts, whichever they are; returns the difference. */
struct divert_counts divert_await(const struct divert_counts *before, uint64_t verdicts);

/* Skips the case where no connections are diverted: schannel_inet.ko is not loaded. */
void divert_need(void);
bool divert_is_there(void);

#endif
