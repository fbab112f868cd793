/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One side of a case: a process, and process group, with a deadline. A side that hangs or
 * crashes fails its case, and the next case runs.
 */
#ifndef SIDE_H
#define SIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "case.h"
#include "control.h"

struct side {
	bool is_client;
	pid_t pid;
	bool ended;
	bool stopped;		/* killed because the other side failed */
	struct case_report *report;
};

/* How a side ended. */
struct verdict {
	enum case_exit how;
	char text[CONTROL_LINE_MAX];
};

struct side side_new(bool is_client);

/* Whether the case has this side. */
bool side_exists(const struct side *side, const struct test_case *test);

/* @control: the side's connection to the other side. */
void side_start(struct side *side, const struct test_case *test, int control);

/*
 * Waits for all sides. A side that runs past the deadline is killed; if the kernel does
 * not end it even then, it is abandoned.
 */
void sides_wait(struct side *sides, unsigned int n, const struct test_case *test,
		int64_t deadline, struct verdict *verdicts);

#endif
