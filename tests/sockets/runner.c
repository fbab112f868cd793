// SPDX-License-Identifier: GPL-2.0-only
#include "runner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "family.h"
#include "side.h"
#include "tap.h"

#define DEFAULT_SECONDS		30

static int64_t case_deadline(const struct test_case *test,
			     const struct runner_options *options)
{
	unsigned int seconds = test->seconds ?: DEFAULT_SECONDS;

	if (options->seconds)
		seconds = options->seconds;
	return now_ms() + (int64_t)seconds * 1000 * test_env.slow;
}

/* One point of TAP, from the verdicts of the one or two sides. */
static void report(const struct walk *walk, const struct verdict *verdicts, unsigned int n)
{
	const struct test_case *test = walk->test;
	const char *reason = NULL;
	bool failed = false;

	for (unsigned int i = 0; i < n; i++) {
		if (verdicts[i].how == CASE_SKIPPED)
			reason = verdicts[i].text;
		else if (verdicts[i].how == CASE_FAILED)
			failed = true;
	}
	/* A side that was left without a failure or a skip of the other one has failed. */
	for (unsigned int i = 0; i < n && !reason; i++)
		failed |= verdicts[i].how == CASE_ORPHANED;

	if (!failed && reason) {
		tap_skip(reason, "%s.%s", walk->group->name, test->name);
		return;
	}
	tap_point(!failed, "%s.%s%s%s%s", walk->group->name, test->name,
		  failed ? " (" : "", failed ? test->about : "", failed ? ")" : "");
	for (unsigned int i = 0; failed && i < n; i++) {
		if (verdicts[i].how != CASE_PASSED)
			tap_note("%s", verdicts[i].text);
	}
}

void runner_list(void)
{
	struct walk walk = { 0 };

	while (walk_next(&walk))
		printf("%s.%s: %s\n", walk.group->name, walk.test->name,
		       walk.test->about);
}

/* Prints the plan; false if no case is selected. */
static bool plan(const struct runner_options *options)
{
	struct walk walk = { 0 };
	unsigned int n = 0;

	if (!selection_is_valid(&options->selection))
		return false;
	while (walk_next(&walk))
		n += selection_has(&options->selection, &walk);
	if (!n) {
		tap_bail_out("no case is selected");
		return false;
	}
	tap_plan(n);
	tap_note("family %s (%d), seed %llu, slow %u", family->name, family->number,
		 (unsigned long long)test_env.seed, test_env.slow);
	return true;
}

static const char *reason_to_skip(const struct walk *walk)
{
	const struct test_group *group = walk->group;
	const struct test_case *test = walk->test;

	if (family_is_schannel())
		return NULL;
	if (group->schannel_only || test->schannel_only)
		return group->schannel_only ?: test->schannel_only;
	if (family_is_unix())
		return group->not_unix ?: test->not_unix;
	return group->not_inet ?: test->not_inet;
}

/* The next case to run; reports those that are skipped. */
static bool next_to_run(const struct runner_options *options, struct walk *walk)
{
	while (walk_next(walk)) {
		const char *reason = reason_to_skip(walk);

		if (!selection_has(&options->selection, walk))
			continue;
		if (!reason)
			return true;
		tap_skip(reason, "%s.%s", walk->group->name, walk->test->name);
	}
	return false;
}

static void block_child_signal(void)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
}

int runner_loopback(const struct runner_options *options)
{
	struct side sides[2] = { side_new(true), side_new(false) };
	struct walk walk = { 0 };

	block_child_signal();
	if (!plan(options))
		return 2;
	while (next_to_run(options, &walk)) {
		const struct test_case *test = walk.test;
		struct verdict verdicts[2];
		unsigned int n = 0;
		struct side run[2];
		int control[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, control)) {
			perror("socketpair");
			return 2;
		}
		for (unsigned int i = 0; i < 2; i++) {
			if (!side_exists(&sides[i], test))
				continue;
			side_start(&sides[i], test, control[i]);
			run[n++] = sides[i];
		}
		close(control[0]);
		close(control[1]);
		sides_wait(run, n, test, case_deadline(test, options), verdicts);
		report(&walk, verdicts, n);
	}
	return tap_end();
}

/* Runs one side of a case; the other one runs in another domain. */
static void run_here(const struct test_case *test,
		     const struct runner_options *options, struct side *side,
		     int control, struct verdict *verdict)
{
	if (!side_exists(side, test)) {
		verdict->how = CASE_PASSED;
		verdict->text[0] = '\0';
		close(control);
		return;
	}
	side_start(side, test, control);
	/* The connection must end when the side does. */
	close(control);
	sides_wait(side, 1, test, case_deadline(test, options), verdict);
}

static int lost(const char *what)
{
	return tap_bail_out("the other runner is gone: %s", what);
}

int runner_client(const struct runner_options *options)
{
	struct side side = side_new(true);
	struct walk walk = { 0 };
	int session;

	block_child_signal();
	if (!plan(options))
		return 2;
	session = session_connect(&options->session);
	while (next_to_run(options, &walk)) {
		const struct test_case *test = walk.test;
		struct verdict verdicts[2];
		char line[CONTROL_LINE_MAX];
		int64_t patience;
		int control;

		snprintf(line, sizeof(line), "%s.%s %llu", walk.group->name,
			 test->name, (unsigned long long)test_env.seed);
		if (!line_write(session, line))
			return lost(line);
		control = session_connect(&options->session);
		patience = case_deadline(test, options);
		run_here(test, options, &side, control, &verdicts[0]);
		patience = patience - now_ms() + SESSION_ANSWER_MS * test_env.slow;
		if (!session_tell(session, &verdicts[0]) ||
		    !session_read(session, &verdicts[1], (int)patience))
			return lost(line);
		report(&walk, verdicts, 2);
	}
	line_write(session, "done");
	return tap_end();
}

/* Finds the case that the client's runner names, and sets its seed. */
static bool find_case(const char *asked, struct walk *walk)
{
	size_t length = strcspn(asked, " ");
	char full[128];

	test_env.seed = strtoull(asked + length, NULL, 10);
	while (walk_next(walk)) {
		snprintf(full, sizeof(full), "%s.%s", walk->group->name,
			 walk->test->name);
		if (strlen(full) == length && !strncmp(asked, full, length))
			return true;
	}
	return false;
}

int runner_server(const struct runner_options *options)
{
	struct side side = side_new(false);
	int listener = session_listen(&options->session);
	char asked[CONTROL_LINE_MAX];
	int session;

	block_child_signal();
	tap_note("family %s (%d), control port %u", family->name, family->number,
		 options->session.port);
	session = accept(listener, NULL, NULL);
	while (line_read(session, asked, sizeof(asked), -1)) {
		struct walk walk = { 0 };
		struct verdict verdicts[2];
		int64_t patience;
		int control;

		if (!strcmp(asked, "done"))
			return tap_end();
		control = accept(listener, NULL, NULL);
		if (!find_case(asked, &walk) || control < 0)
			return lost(asked);
		patience = case_deadline(walk.test, options);
		run_here(walk.test, options, &side, control, &verdicts[1]);
		patience = patience - now_ms() + SESSION_ANSWER_MS * test_env.slow;
		if (!session_read(session, &verdicts[0], (int)patience) ||
		    !session_tell(session, &verdicts[1]))
			return lost(asked);
		report(&walk, verdicts, 2);
	}
	return lost("before it was done");
}
