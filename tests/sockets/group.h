/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups of cases, and the choice of those to run.
 *
 * A file of cases registers its table with TEST_GROUP(), once for each type of socket that the
 * cases apply to. Groups run in the order of their names, the cases of a group in the order
 * of the table.
 */
#ifndef GROUP_H
#define GROUP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "case.h"

struct test_group {
	const char *name;
	const struct test_case *cases;	/* ends in a case without a name */
	int type;			/* of the sockets; 0 is SOCK_STREAM */
	const char *schannel_only;	/* as in a case, for all of them */
	const char *not_inet;
	const char *not_unix;
	bool inet_alone;		/* about TCP: not run for other families */
	struct test_group *next;
};

/* TEST_GROUP(NAME, TABLE, FIELDS...): the fields of struct test_group after the table. */
#define TEST_GROUP(group, table, ...)					\
static void __attribute__((constructor)) add_group_##group(void)	\
{									\
	static struct test_group added = {				\
		.name = #group, .cases = (table), __VA_ARGS__		\
	};								\
									\
	group_add(&added);						\
}									\
struct test_group

void group_add(struct test_group *group);

/* What most groups say after the table. */
#define STREAMS							\
	.type = SOCK_STREAM, .not_unix = "the reference for streams is TCP"
#define SEQPACKETS							\
	.type = SOCK_SEQPACKET, .not_inet = "IP has no seqpackets"
#define SEQPACKETS_LIKE_STREAMS						\
	.type = SOCK_SEQPACKET,						\
	.schannel_only = "seqpackets behave as streams do"
#define DGRAMS	.type = SOCK_DGRAM
#define TCP	.type = SOCK_STREAM, .inet_alone = true

/* An iteration over all cases; starts as { 0 }. */
struct walk {
	const struct test_group *group;
	const struct test_case *test;
};

/* Sets test_env.type, too; returns false after the last case. */
bool walk_next(struct walk *walk);

/* Comma separated patterns that GROUP.NAME or GROUP must match; NULL matches all. */
struct selection {
	const char *pick;
	const char *skip;
	const char *group;
};

/* Prints the first pattern that matches no case, and returns false. */
bool selection_is_valid(const struct selection *selection);
bool selection_has(const struct selection *selection, const struct walk *walk);

#endif
