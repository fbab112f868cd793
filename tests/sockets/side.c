// SPDX-License-Identifier: GPL-2.0-only
#include "side.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The time that one side has after the other one has failed. */
#define GRACE_MS		3000

static const char *side_name(bool is_client)
{
	return is_client ? "client" : "server";
}

/* Shared memory, which the side's process writes to. */
static struct case_report *new_report(void)
{
	struct case_report *report;

	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return report;
}

struct side side_new(bool is_client)
{
	return (struct side){ .is_client = is_client, .report = new_report() };
}

static void (*entry(const struct side *side, const struct test_case *test))(void)
{
	return side->is_client ? test->client : test->server;
}

bool side_exists(const struct side *side, const struct test_case *test)
{
	return entry(side, test);
}

static _Noreturn void run_side(struct side *side, const struct test_case *test,
			       int control)
{
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The runner's descriptors would keep connections open. */
	close_range(3, control - 1, 0);
	close_range(control + 1, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	case_report = side->report;
	test_env.control = control;
	test_env.is_client = side->is_client;
	entry(side, test)();
	_exit(CASE_PASSED);
}

void side_start(struct side *side, const struct test_case *test, int control)
{
	fflush(NULL);
	memset(side->report, 0, sizeof(*side->report));
	side->ended = false;
	side->stopped = false;
	side->pid = fork();
	if (side->pid < 0) {
		perror("fork");
		exit(2);
	}
	if (!side->pid)
		run_side(side, test, control);
	/* parent and child both do it, so that it is done before either continues */
	setpgid(side->pid, side->pid);
}

static void print_file(pid_t pid, const char *name)
{
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		printf("#   %s: %s%s", name, line, strchr(line, '\n') ? "" : "\n");
	fclose(file);
}

/* Where a process hangs. */
static void print_hang(const struct test_case *test, const struct side *side)
{
	printf("# %s: %s %d has not ended in time; it is at\n", test->name,
	       side_name(side->is_client), side->pid);
	print_file(side->pid, "syscall");
	print_file(side->pid, "wchan");
	print_file(side->pid, "stack");
}

static void describe(const struct side *side, enum case_exit how,
		     const char *what, struct verdict *verdict)
{
	const struct case_report *report = side->report;
	const char *slash = report->file ? strrchr(report->file, '/') : NULL;

	verdict->how = how;
	snprintf(verdict->text, sizeof(verdict->text), "%s: %s:%d: %s%s%s",
		 side_name(side->is_client),
		 slash ? slash + 1 : report->file ?: "start", report->line,
		 what, *what && *report->text ? ": " : "", report->text);
}

static void judge(const struct side *side, int status, struct verdict *verdict)
{
	char what[64] = "";

	if (WIFEXITED(status) && WEXITSTATUS(status) == CASE_PASSED) {
		verdict->how = CASE_PASSED;
		verdict->text[0] = '\0';
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == CASE_SKIPPED) {
		verdict->how = CASE_SKIPPED;
		snprintf(verdict->text, sizeof(verdict->text), "%s",
			 side->report->text);
	} else if (side->stopped) {
		describe(side, CASE_ORPHANED, "stopped, the other side failed",
			 verdict);
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == CASE_ORPHANED) {
		describe(side, CASE_ORPHANED, "", verdict);
	} else if (WIFEXITED(status)) {
		if (WEXITSTATUS(status) != CASE_FAILED)
			snprintf(what, sizeof(what), "exit status %d",
				 WEXITSTATUS(status));
		describe(side, CASE_FAILED, what, verdict);
	} else {
		snprintf(what, sizeof(what), "killed by SIG%s",
			 sigabbrev_np(WTERMSIG(status)));
		describe(side, CASE_FAILED, what, verdict);
	}
}

/* Returns false when @deadline passed before any child changed. */
static bool wait_for_child(int64_t deadline)
{
	int64_t left = deadline - now_ms();
	struct timespec time = {
		.tv_sec = left / 1000,
		.tv_nsec = left % 1000 * 1000000,
	};
	sigset_t chld;

	if (left <= 0)
		return false;
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigtimedwait(&chld, NULL, &time);
	return true;
}

void sides_wait(struct side *sides, unsigned int n, const struct test_case *test,
		int64_t deadline, struct verdict *verdicts)
{
	unsigned int left = n;
	bool killed = false;

	while (left) {
		bool failed = false;

		for (unsigned int i = 0; i < n; i++) {
			int status;

			if (sides[i].ended || !waitpid(sides[i].pid, &status, WNOHANG))
				continue;
			/* ends the processes that the side has started */
			kill(-sides[i].pid, SIGKILL);
			sides[i].ended = true;
			left--;
			if (killed && !sides[i].stopped)
				describe(&sides[i], CASE_FAILED, "hangs",
					 &verdicts[i]);
			else
				judge(&sides[i], status, &verdicts[i]);
			failed |= verdicts[i].how != CASE_PASSED;
		}
		if (failed && !killed && left) {
			int64_t grace = now_ms() + GRACE_MS * test_env.slow;

			if (grace < deadline)
				deadline = grace;
			for (unsigned int i = 0; i < n; i++)
				sides[i].stopped = !sides[i].ended;
		}
		if (!left || wait_for_child(deadline))
			continue;
		for (unsigned int i = 0; i < n; i++) {
			if (sides[i].ended)
				continue;
			if (!sides[i].stopped || killed)
				print_hang(test, &sides[i]);
			if (killed) {
				describe(&sides[i], CASE_FAILED,
					 "cannot be killed", &verdicts[i]);
				sides[i].ended = true;
				left--;
			}
			kill(-sides[i].pid, SIGKILL);
		}
		killed = true;
		deadline = now_ms() + GRACE_MS * test_env.slow;
	}
}
