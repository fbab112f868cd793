// SPDX-License-Identifier: GPL-2.0-only
/* One command in a cgroup of its own, whose TCP connections are diverted. */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attachment.h"
#include "cgroup.h"
#include "command.h"

/* As env(1) and the shells have them. */
enum {
	EXIT_NOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

/* What is for the command as much as for us. Those that stop and continue do it to both. */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

static _Noreturn void run(const char *cgroup, char **command)
{
	if (cgroup_enter(cgroup))
		err(EXIT_NOT_RUN, "cannot enter the cgroup %s", cgroup);
	execvp(command[0], command);
	err(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, "%s", command[0]);
}

/* Returns the status of the child; passes on what it has not got itself. */
static int await(pid_t child, const sigset_t *awaited)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(awaited, &info) < 0)
			continue;
		if (info.si_signo == SIGCHLD) {
			if (waitpid(child, &status, WNOHANG) == child)
				return status;
		} else if (info.si_code != SI_KERNEL) {
			/* A terminal tells all of its foreground group. */
			kill(child, info.si_signo);
		}
	}
}

/* Whoever waits for us sees what became of the command. */
static _Noreturn void end_like(int status)
{
	const struct rlimit no_core = { 0 };
	sigset_t signals;

	if (!WIFSIGNALED(status))
		exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &no_core);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	sigfillset(&signals);
	sigprocmask(SIG_UNBLOCK, &signals, NULL);
	/* Not reached, but for a signal that does not end anything. */
	exit(128 + WTERMSIG(status));
}

/* What is pinned for it, too: it is gone then. */
static void clean_up(const char *cgroup)
{
	struct attachment *list, *a;

	if (cgroup_remove(cgroup)) {
		if (errno == EBUSY)
			warnx("processes remain in %s: it stays, and stays attached", cgroup);
		else
			warn("cannot remove the cgroup %s", cgroup);
		return;
	}
	list = attachment_list();
	for (a = list; a; a = a->next)
		if (!strcmp(a->cgroup, cgroup))
			attachment_remove(a);
	attachment_list_free(list);
}

void run_command(char **arg)
{
	char *own, *cgroup, **command;
	sigset_t awaited, before;
	struct scope scope;
	unsigned int i;
	int status;
	pid_t child;

	command = scope_parse(&scope, arg, false);
	if (*command && !strcmp(*command, "--"))
		command++;
	if (!*command)
		usage_error();
	own = cgroup_own();
	cgroup = own ? cgroup_create(own) : NULL;
	if (!cgroup)
		err(EXIT_FAILED, "cannot make a cgroup in %s", own ? own : "none of our own");
	if (!attachment_put(cgroup, &scope)) {
		cgroup_remove(cgroup);
		exit(EXIT_FAILED);
	}

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	for (i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaddset(&awaited, forwarded[i]);
	sigprocmask(SIG_BLOCK, &awaited, &before);
	/* Else there would be no status, if whoever started us ignores it. */
	signal(SIGCHLD, SIG_DFL);
	child = fork();
	if (!child) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		run(cgroup, command);
	}
	if (child < 0)
		warn("cannot start a process");
	status = child < 0 ? W_EXITCODE(EXIT_FAILED, 0) : await(child, &awaited);
	clean_up(cgroup);
	scope_free(&scope);
	free(cgroup);
	free(own);
	end_like(status);
}
