/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test case, and its checks.
 *
 * A case has two sides, a client and a server; one of them may be missing.
 * Each side runs in a process of its own, so it need not clean up, and ends in
 * one of three ways: it returns (passed), it calls fail() or it calls skip().
 * The check macros record the position in the case, which the report of a hang shows.
 */
#ifndef CASE_H
#define CASE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

struct test_case {
	const char *name;
	const char *about;
	void (*client)(void);
	void (*server)(void);
	/* Why this case expects what only AF_SCHANNEL does, else NULL. */
	const char *schannel_only;
	/* Why TCP and UDP, or AF_UNIX, do something else here, else NULL. */
	const char *not_inet;
	const char *not_unix;
	/* Seconds it may take on an idle machine; 0 is the default. */
	unsigned int seconds;
};

/* The environment of each side of a case. */
struct test_env {
	int control;		/* stream to the other side */
	bool is_client;
	bool two_domains;	/* the sides run in different domains */
	int type;		/* of the sockets that this case is about */
	unsigned int slow;	/* all time limits are multiplied by this */
	uint64_t seed;
};

extern struct test_env test_env;

/* How a side's process ends; CASE_ORPHANED: the other side ended first. */
enum case_exit {
	CASE_PASSED = 0,
	CASE_FAILED = 1,
	CASE_SKIPPED = 77,
	CASE_ORPHANED = 78,
};

/* A side's result, in memory shared with the runner. */
struct case_report {
	const char *file;
	int line;
	char text[512];
};

extern struct case_report *case_report;

_Noreturn void __attribute__((format(printf, 2, 3)))
case_end(enum case_exit how, const char *format, ...);

/* The position in the case, which the report of a hang shows. */
#define at() ({ case_report->file = __FILE__; case_report->line = __LINE__; })

#define fail(...) ({ at(); case_end(CASE_FAILED, __VA_ARGS__); })
#define skip(...) case_end(CASE_SKIPPED, __VA_ARGS__)

const char *errno_name(int error);

/* The value of a call that must succeed. */
#define call(expr) ({							\
	at();								\
	long call_result = (long)(expr);				\
	if (call_result < 0)						\
		fail("%s: %s", #expr, errno_name(errno));		\
	call_result;							\
})

/* A call that must give exactly this value. */
#define call_gives(expr, value) ({					\
	at();								\
	long call_result = (long)(expr);				\
	int call_errno = errno;						\
	long call_wanted = (long)(value);				\
	if (call_result != call_wanted)					\
		fail("%s: %ld%s%s%s, expected %ld", #expr, call_result,	\
		     call_result < 0 ? " (" : "",			\
		     call_result < 0 ? errno_name(call_errno) : "",	\
		     call_result < 0 ? ")" : "", call_wanted);		\
})

/* A call that must fail with this error. */
#define call_fails(expr, error) ({					\
	at();								\
	long call_result = (long)(expr);				\
	int call_errno = errno;						\
	int call_wanted = (error);					\
	if (call_result >= 0)						\
		fail("%s: %ld, expected %s", #expr, call_result,	\
		     errno_name(call_wanted));				\
	if (call_errno != call_wanted)					\
		fail("%s: %s, expected %s", #expr,			\
		     errno_name(call_errno), errno_name(call_wanted));	\
})

/* A condition that must hold. */
#define check(condition) ({						\
	at();								\
	if (!(condition))						\
		fail("not so: %s", #condition);				\
})

/* Two numbers that must be equal. */
#define check_equal(left, right) ({					\
	at();								\
	long long check_left = (long long)(left);			\
	long long check_right = (long long)(right);			\
	if (check_left != check_right)					\
		fail("%s is %lld, expected %s = %lld", #left,		\
		     check_left, #right, check_right);			\
})

/* How long something that must happen may take, in milliseconds. */
int patience_ms(void);

/* Milliseconds on a clock that only goes forward. */
int64_t now_ms(void);

/* Random numbers that are the same for the same --seed on both sides. */
uint32_t random_below(uint64_t *state, uint32_t limit);

#endif
