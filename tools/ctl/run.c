// SPDX-License-Identifier: GPL-2.0-only
/* Runs a command in a new cgroup whose TCP connections are diverted. */
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

/* The exit statuses that env(1) and shells use. */
enum {
	EXIT_NOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

/*
 * Signals that are forwarded to the command. Those that stop and continue a process reach both
 * processes anyway.
 */
static const int forwarded[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH };

static _Noreturn void run(const char *cgroup, char **command)
{
	if (cgroup_enter(cgroup))
		err(EXIT_NOT_RUN, "cannot enter the cgroup %s", cgroup);
	execvp(command[0], command);
	err(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, "%s", command[0]);
}

/* Wait for the child, and forward signals. Returns its wait status. */
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
			/* Signals of the terminal (SI_KERNEL) reach the child directly. */
			kill(child, info.si_signo);
		}
	}
}

/* End with the same exit status, or by the same signal, as the command. */
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
	/* Reached only if the default action of the signal is not to end the process. */
	exit(128 + WTERMSIG(status));
}

/* Remove the cgroup and its attachment. */
static void clean_up(const char *cgroup)
{
	struct attachment *list, *a;

	if (cgroup_remove(cgroup)) {
		if (errno == EBUSY)
			warnx("processes remain in %s, which stays attached", cgroup);
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
		err(EXIT_FAILED, "cannot create a cgroup in %s", own ? own : "the current cgroup");
	if (!attachment_put(cgroup, &scope)) {
		cgroup_remove(cgroup);
		exit(EXIT_FAILED);
	}

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	for (i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaddset(&awaited, forwarded[i]);
	sigprocmask(SIG_BLOCK, &awaited, &before);
	/* If the parent process ignored SIGCHLD, waitpid() would return no status. */
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
