// SPDX-License-Identifier: GPL-2.0-only
/* The commands for schanneld and its policy. */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../schanneld/instance.h"
#include "../schanneld/policy.h"
#include "choice.h"
#include "command.h"

/* Returns only if the policy is valid. */
static void check(const char *path)
{
	struct policy_problem problem;
	struct policy *policy = policy_load(path, &problem);

	policy_free(policy);
	if (policy)
		return;
	if (problem.line)
		errx(EXIT_FAILED, "%s:%u: %s", path, problem.line, problem.reason);
	errx(EXIT_FAILED, "%s: %s", path, problem.reason);
}

void policy_command(char **arg)
{
	static const struct choice verbs[] = { { "check", 1 }, { } };

	if (!arg[0])
		usage_error();
	choice_get(verbs, "command of policy", arg[0]);
	if (arg[1] && arg[2])
		usage_error();
	check(arg[1] ? arg[1] : POLICY_FILE);
}

/* schanneld logs an invalid policy, but the caller of this command would not see that log. */
void reload_command(char **arg)
{
	const char *instance = arg[0] ? arg[0] : INSTANCE_FILE;
	char policy[PATH_MAX];
	pid_t pid;

	if (arg[0] && arg[1])
		usage_error();
	pid = instance_find(instance, policy, sizeof(policy));
	if (pid < 0)
		errx(EXIT_FAILED, "%s: %s", instance, strerror(-pid));
	if (!pid)
		errx(EXIT_FAILED, "schanneld does not run");
	check(policy);
	if (kill(pid, SIGHUP))
		err(EXIT_FAILED, "cannot send a signal to schanneld");
}
