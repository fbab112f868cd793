/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's counters of TCP connections that were diverted, and of those that stayed on TCP.
 */
#ifndef DIVERT_H
#define DIVERT_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/schannel_netlink.h>

struct divert_counts {
	uint64_t verdicts[SCHANNEL_DIVERT_MAX + 1];	/* how often each was given */
	uint64_t tcp;			/* connections that TCP began to open */
	uint64_t failed;		/* those that failed */
};

/* Of this network namespace. Prints an error to stderr if it returns false. */
bool divert_read(struct divert_counts *counts);
/* The difference to earlier counts. */
struct divert_counts divert_since(const struct divert_counts *before,
				  const struct divert_counts *after);
/* All but SCHANNEL_DIVERT_OK. */
uint64_t divert_declined(const struct divert_counts *counts);

const char *divert_name(enum schannel_divert verdict);

/* Inside a case: fails it when they cannot be read. */
struct divert_counts divert_now(void);
uint64_t divert_count(enum schannel_divert verdict);
/* Waits for this many verdicts, and for TCP to open the rest; returns the difference. */
struct divert_counts divert_await(const struct divert_counts *before,
				  uint64_t verdicts);

#endif
