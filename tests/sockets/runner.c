// SPDX-License-Identifier: GPL-2.0-only
#include "runner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "divert.h"
#include "family.h"

#define DEFAULT_SECONDS		30
/* What is left to one side once the other one has failed. */
#define GRACE_MS		3000
/* Between runners: on top of what the slowest case may take. */
#define ANSWER_MS		20000

/* One side of a case that runs here. */
struct side {
	bool is_client;
	pid_t pid;
	bool ended;
	bool stopped;		/* by us, because of the other side */
	struct case_report *report;
};

/* How a side ended; what the other runner is told as "CODE TEXT". */
struct verdict {
	enum case_exit how;
	char text[CONTROL_LINE_MAX];
};

static struct {
	unsigned int passed, failed, skipped;
	unsigned long long diverted;
} count;

static const char *side_name(bool is_client)
{
	return is_client ? "client" : "server";
}

/* One per side, shared with its processes. */
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

static _Noreturn void run_side(const struct test_case *test, struct side *side,
			       int control)
{
	void (*run)(void) = side->is_client ? test->client : test->server;
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Nothing of the runner's may keep a connection open, control included. */
	close_range(3, control - 1, 0);
	close_range(control + 1, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	case_report = side->report;
	test_env.control = control;
	test_env.is_client = side->is_client;
	run();
	_exit(CASE_PASSED);
}

static void start_side(const struct test_case *test, struct side *side,
		       int control)
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
		run_side(test, side, control);
	/* both do it, so that it is done before either goes on */
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

/* Where a process hangs, for whoever has to find out why. */
static void print_hang(const struct test_case *test, const struct side *side)
{
	printf("# %s: %s %d has not ended in time, it is at\n", test->name,
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

/*
 * Waits for all sides. A side that outlives the deadline is killed, and one
 * that even so does not end (the kernel does not let it) is left behind.
 */
static void wait_sides(const struct test_case *test, struct side *sides,
		       unsigned int n, int64_t deadline, struct verdict *verdicts)
{
	unsigned int left = n;
	bool killed = false;

	while (left) {
		bool failed = false;

		for (unsigned int i = 0; i < n; i++) {
			int status;

			if (sides[i].ended || !waitpid(sides[i].pid, &status, WNOHANG))
				continue;
			/* what it has started itself goes with it */
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

static int64_t case_deadline(const struct test_case *test,
			     const struct runner_options *options)
{
	unsigned int seconds = test->seconds ?: DEFAULT_SECONDS;

	if (options->seconds)
		seconds = options->seconds;
	return now_ms() + (int64_t)seconds * 1000 * test_env.slow;
}

static void count_diverted(struct divert_counts *counts)
{
	if (test_env.diverted && !divert_read(counts))
		exit(2);
}

/*
 * Whether the connections that were opened here meanwhile were diverted. One to
 * nobody cannot be, and fails; nor one too many for a backlog. TCP has to say what comes
 * of them.
 */
static void judge_diverted(const struct test_case *test,
			   const struct divert_counts *before,
			   struct verdict *verdict)
{
	struct divert_counts after, since;
	uint64_t declined;
	int length;

	if (!test_env.diverted)
		return;
	count_diverted(&after);
	since = divert_since(before, &after);
	count.diverted += since.verdicts[SCHANNEL_DIVERT_OK];
	if (test->declines || verdict->how != CASE_PASSED)
		return;
	declined = divert_declined(&since);
	length = snprintf(verdict->text, sizeof(verdict->text),
			  "%llu connections diverted, %llu opened by TCP:",
			  (unsigned long long)since.verdicts[SCHANNEL_DIVERT_OK],
			  (unsigned long long)since.tcp);
	if (since.tcp > declined ||
	    since.verdicts[SCHANNEL_DIVERT_NO_LISTENER] > since.failed)
		verdict->how = CASE_FAILED;
	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++) {
		if (!since.verdicts[i] || i == SCHANNEL_DIVERT_OK)
			continue;
		if (i != SCHANNEL_DIVERT_NO_LISTENER && i != SCHANNEL_DIVERT_BACKLOG)
			verdict->how = CASE_FAILED;
		length += snprintf(verdict->text + length,
				   sizeof(verdict->text) - length, " %s %llu",
				   divert_name(i),
				   (unsigned long long)since.verdicts[i]);
	}
}

/* One line of TAP, and why, from what the one or two sides said. */
static void report(const struct test_group *group, const struct test_case *test,
		   const struct verdict *verdicts, unsigned int n)
{
	unsigned int number = count.passed + count.failed + count.skipped + 1;
	const char *why = NULL;
	bool failed = false;

	for (unsigned int i = 0; i < n; i++) {
		if (verdicts[i].how == CASE_SKIPPED)
			why = verdicts[i].text;
		else if (verdicts[i].how == CASE_FAILED)
			failed = true;
	}
	/* orphaned by neither a failure nor a skip: then that is the failure */
	for (unsigned int i = 0; i < n && !why; i++)
		failed |= verdicts[i].how == CASE_ORPHANED;

	printf("%sok %u - %s.%s", failed ? "not " : "", number, group->name,
	       test->name);
	if (failed) {
		count.failed++;
		printf(" (%s)\n", test->about);
		for (unsigned int i = 0; i < n; i++) {
			if (verdicts[i].how != CASE_PASSED)
				printf("# %s\n", verdicts[i].text);
		}
	} else if (why) {
		count.skipped++;
		printf(" # SKIP %s\n", why);
	} else {
		count.passed++;
		printf("\n");
	}
	fflush(stdout);
}

static void report_skip(const struct test_group *group,
			const struct test_case *test, const char *why)
{
	struct verdict verdict = { .how = CASE_SKIPPED };

	snprintf(verdict.text, sizeof(verdict.text), "%s", why);
	report(group, test, &verdict, 1);
}

static int summary(void)
{
	if (test_env.diverted)
		printf("# %llu connections were diverted\n", count.diverted);
	printf("%u passed, %u failed, %u skipped\n", count.passed, count.failed,
	       count.skipped);
	fflush(stdout);
	return count.failed ? 1 : 0;
}

/* Whether @pattern names the case: as GROUP.NAME, or all of them as GROUP. */
static bool matches(const char *pattern, const struct test_group *group,
		    const struct test_case *test)
{
	char full[128];

	snprintf(full, sizeof(full), "%s.%s", group->name, test->name);
	return !fnmatch(pattern, full, 0) || !fnmatch(pattern, group->name, 0);
}

/* Takes the next name off a list of them; false at its end. */
static bool next_pattern(const char **list, char *pattern, size_t size)
{
	size_t length;

	if (!*list || !**list)
		return false;
	length = strcspn(*list, ",");
	snprintf(pattern, size, "%.*s", (int)length, *list);
	*list += length + ((*list)[length] == ',');
	return true;
}

static bool listed(const char *list, const struct test_group *group,
		   const struct test_case *test)
{
	char pattern[128];

	while (next_pattern(&list, pattern, sizeof(pattern))) {
		if (matches(pattern, group, test))
			return true;
	}
	return false;
}

/* A walk over all cases; starts as { 0 }. */
struct walk {
	const struct test_group *group;
	const struct test_case *test;
};

static bool next_case(struct walk *walk)
{
	if (!walk->group) {
		walk->group = test_groups;
		walk->test = walk->group->cases;
	} else {
		walk->test++;
	}
	while (!walk->test->name) {
		walk->group++;
		if (!walk->group->name)
			return false;
		walk->test = walk->group->cases;
	}
	test_env.type = walk->group->type ?: SOCK_STREAM;
	return true;
}

/* A name that is nobody's is a mistake of who typed it. */
static bool all_known(const char *list)
{
	char pattern[128];

	while (next_pattern(&list, pattern, sizeof(pattern))) {
		struct walk walk = { 0 };
		bool known = false;

		while (!known && next_case(&walk))
			known = matches(pattern, walk.group, walk.test);
		if (!known) {
			fprintf(stderr, "no case is called %s (--list names them)\n",
				pattern);
			return false;
		}
	}
	return true;
}

static bool wanted(const struct runner_options *options, const struct walk *walk)
{
	const struct test_group *group = walk->group;
	const struct test_case *test = walk->test;

	if (group->inet_alone && !family_is_inet())
		return false;
	if (test_env.diverted && test_env.type != SOCK_STREAM)
		return false;
	if (options->group && !listed(options->group, group, test))
		return false;
	if (options->pick && !listed(options->pick, group, test))
		return false;
	return !listed(options->skip, group, test);
}

void runner_list(void)
{
	struct walk walk = { 0 };

	while (next_case(&walk))
		printf("%s.%s: %s\n", walk.group->name, walk.test->name,
		       walk.test->about);
}

/* Prints the plan; false when there is nothing to run. */
static bool plan(const struct runner_options *options)
{
	struct walk walk = { 0 };
	unsigned int n = 0;

	if (!all_known(options->pick) || !all_known(options->skip) ||
	    !all_known(options->group))
		return false;
	while (next_case(&walk))
		n += wanted(options, &walk);
	printf("TAP version 13\n1..%u\n# family %s (%d), seed %llu, slow %u\n",
	       n, family->name, family->number,
	       (unsigned long long)test_env.seed, test_env.slow);
	if (!n)
		printf("Bail out! no such case\n");
	return n;
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
	if (group->not_inet || test->not_inet)
		return group->not_inet ?: test->not_inet;
	return test_env.diverted ? test->not_diverted : test->diverted_only;
}

static void prepare(void)
{
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
}

int runner_loopback(const struct runner_options *options)
{
	struct side sides[2] = {
		{ .is_client = true, .report = new_report() },
		{ .is_client = false, .report = new_report() },
	};
	struct walk walk = { 0 };

	prepare();
	if (!plan(options))
		return 2;
	while (next_case(&walk)) {
		const struct test_case *test = walk.test;
		struct divert_counts counts;
		struct verdict verdicts[2];
		unsigned int n = 0;
		struct side run[2];
		int control[2];

		if (!wanted(options, &walk))
			continue;
		if (reason_to_skip(&walk)) {
			report_skip(walk.group, test, reason_to_skip(&walk));
			continue;
		}
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, control)) {
			perror("socketpair");
			return 2;
		}
		count_diverted(&counts);
		for (unsigned int i = 0; i < 2; i++) {
			if (!(i ? test->server : test->client))
				continue;
			start_side(test, &sides[i], control[i]);
			run[n++] = sides[i];
		}
		close(control[0]);
		close(control[1]);
		wait_sides(test, run, n, case_deadline(test, options), verdicts);
		judge_diverted(test, &counts, &verdicts[0]);
		report(walk.group, test, verdicts, n);
	}
	return summary();
}

/*
 * Two domains. The client's runner leads: over a session connection it names
 * one case after the other, as "GROUP.NAME SEED"; each case gets a control
 * connection of its own, and afterwards both runners tell each other what
 * their side said.
 */
static int control_socket(const struct runner_options *options,
			  struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_port = htons(options->port);
	if (fd < 0) {
		perror("control: socket");
		exit(2);
	}
	return fd;
}

static int control_connect(const struct runner_options *options)
{
	static const struct timespec pause = { .tv_nsec = 100 * 1000000 };
	int64_t end = now_ms() + ANSWER_MS * test_env.slow;
	struct sockaddr_in address;

	for (;;) {
		int fd = control_socket(options, &address);

		if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) {
			fprintf(stderr, "--control-host %s: not an IPv4 address\n",
				options->host);
			exit(2);
		}
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		if (now_ms() > end) {
			fprintf(stderr, "control: no server at %s port %u: %s\n",
				options->host, options->port, errno_name(errno));
			exit(2);
		}
		/* the other side may still be starting */
		close(fd);
		nanosleep(&pause, NULL);
	}
}

static int control_listen(const struct runner_options *options)
{
	struct sockaddr_in address;
	int fd = control_socket(options, &address);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8)) {
		fprintf(stderr, "control: port %u: %s\n", options->port,
			errno_name(errno));
		exit(2);
	}
	return fd;
}

/* Runs one side, which gets @control; returns what it said. */
static void run_here(const struct test_case *test,
		     const struct runner_options *options, struct side *side,
		     int control, struct verdict *verdict)
{
	struct divert_counts counts;

	if (!(side->is_client ? test->client : test->server)) {
		verdict->how = CASE_PASSED;
		verdict->text[0] = '\0';
		close(control);
		return;
	}
	count_diverted(&counts);
	start_side(test, side, control);
	/* so that its end is the end of the connection, for the other side */
	close(control);
	wait_sides(test, side, 1, case_deadline(test, options), verdict);
	judge_diverted(test, &counts, verdict);
}

static bool tell_verdict(int session, const struct verdict *verdict)
{
	char line[CONTROL_LINE_MAX];

	snprintf(line, sizeof(line), "%d %.500s", verdict->how, verdict->text);
	return line_write(session, line);
}

static bool read_verdict(int session, struct verdict *verdict, int timeout_ms)
{
	char line[CONTROL_LINE_MAX];
	char *text;

	if (!line_read(session, line, sizeof(line), timeout_ms))
		return false;
	verdict->how = strtol(line, &text, 10);
	snprintf(verdict->text, sizeof(verdict->text), "%s", text + (*text == ' '));
	return true;
}

static int lost(const char *what)
{
	printf("Bail out! the other side is gone: %s\n", what);
	summary();
	return 2;
}

int runner_client(const struct runner_options *options)
{
	struct side side = { .is_client = true, .report = new_report() };
	struct walk walk = { 0 };
	int session;

	prepare();
	if (!plan(options))
		return 2;
	session = control_connect(options);
	while (next_case(&walk)) {
		const struct test_case *test = walk.test;
		struct verdict verdicts[2];
		char line[CONTROL_LINE_MAX];
		int64_t patience;
		int control;

		if (!wanted(options, &walk))
			continue;
		if (reason_to_skip(&walk)) {
			report_skip(walk.group, test, reason_to_skip(&walk));
			continue;
		}
		snprintf(line, sizeof(line), "%s.%s %llu", walk.group->name,
			 test->name, (unsigned long long)test_env.seed);
		if (!line_write(session, line))
			return lost(line);
		control = control_connect(options);
		patience = case_deadline(test, options);
		run_here(test, options, &side, control, &verdicts[0]);
		patience = patience - now_ms() + ANSWER_MS * test_env.slow;
		if (!tell_verdict(session, &verdicts[0]) ||
		    !read_verdict(session, &verdicts[1], (int)patience))
			return lost(line);
		report(walk.group, test, verdicts, 2);
	}
	line_write(session, "done");
	return summary();
}

/* What the client's runner asks for; sets the seed that goes with it. */
static bool find_case(const char *asked, struct walk *walk)
{
	size_t length = strcspn(asked, " ");
	char full[128];

	test_env.seed = strtoull(asked + length, NULL, 10);
	while (next_case(walk)) {
		snprintf(full, sizeof(full), "%s.%s", walk->group->name,
			 walk->test->name);
		if (strlen(full) == length && !strncmp(asked, full, length))
			return true;
	}
	return false;
}

int runner_server(const struct runner_options *options)
{
	struct side side = { .is_client = false, .report = new_report() };
	int listener = control_listen(options);
	char asked[CONTROL_LINE_MAX];
	int session;

	prepare();
	printf("TAP version 13\n# family %s (%d), control port %u\n",
	       family->name, family->number, options->port);
	fflush(stdout);
	session = accept(listener, NULL, NULL);
	while (line_read(session, asked, sizeof(asked), -1)) {
		struct walk walk = { 0 };
		struct verdict verdicts[2];
		int64_t patience;
		int control;

		if (!strcmp(asked, "done"))
			return summary();
		control = accept(listener, NULL, NULL);
		if (!find_case(asked, &walk) || control < 0)
			return lost(asked);
		patience = case_deadline(walk.test, options);
		run_here(walk.test, options, &side, control, &verdicts[1]);
		patience = patience - now_ms() + ANSWER_MS * test_env.slow;
		if (!read_verdict(session, &verdicts[0], (int)patience) ||
		    !tell_verdict(session, &verdicts[1]))
			return lost(asked);
		report(walk.group, walk.test, verdicts, 2);
	}
	return lost("before it was done");
}
