// SPDX-License-Identifier: GPL-2.0-only
#include "user.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

#define CGROUPS "/sys/fs/cgroup"

void user_allow_files(unsigned long least)
{
	struct rlimit limit = { 40000, 40000 };

	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		call(getrlimit(RLIMIT_NOFILE, &limit));
		limit.rlim_cur = limit.rlim_max;
		call(setrlimit(RLIMIT_NOFILE, &limit));
	}
	if (limit.rlim_cur < least)
		skip("only %lu open files", (unsigned long)limit.rlim_cur);
}

static void write_text(const char *path, const char *text)
{
	int fd = call(open(path, O_WRONLY | O_CLOEXEC));

	call(write(fd, text, strlen(text)));
	close(fd);
}

static void become(uid_t uid, const char *cgroup)
{
	char path[128];

	call(prctl(PR_SET_PDEATHSIG, SIGKILL));
	if (cgroup) {
		snprintf(path, sizeof(path), CGROUPS "/%s/cgroup.procs", cgroup);
		write_text(path, "0");
	}
	if (uid == USER_ROOT)
		return;
	if (geteuid())
		skip("not root");
	call(setgroups(0, NULL));
	call(setresgid(uid, uid, uid));
	call(setresuid(uid, uid, uid));
}

/* The process has ended before it said anything: as the case does. */
static _Noreturn void ended(pid_t pid)
{
	int status;

	call(waitpid(pid, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));	/* it has said why */
	fail("a user's process was killed by signal %d", WTERMSIG(status));
}

struct user user_start(uid_t uid, const char *cgroup, long (*work)(union address to),
		       union address to)
{
	struct user user;
	int said[2];

	call(pipe(said));
	user.pid = call(fork());
	if (!user.pid) {
		close(said[0]);
		become(uid, cgroup);
		user.said = work(to);
		call(write(said[1], &user.said, sizeof(user.said)));
		close(said[1]);
		for (;;)
			pause();
	}
	close(said[1]);
	if (call(read(said[0], &user.said, sizeof(user.said))) == 0)
		ended(user.pid);
	close(said[0]);
	return user;
}

void user_end(struct user *user)
{
	if (waitpid(user->pid, NULL, WNOHANG))
		fail("a user's process was killed");
	call(kill(user->pid, SIGKILL));
	call(waitpid(user->pid, NULL, 0));
}

void cgroup_make(const char *name, long max)
{
	char path[128], text[32];

	if (access(CGROUPS "/cgroup.controllers", F_OK))
		skip("no cgroup2 in " CGROUPS);
	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	write_text(CGROUPS "/cgroup.subtree_control", "+memory");
	/* that of a case that has failed is used again */
	if (mkdir(path, 0755) && errno != EEXIST)
		fail("%s: %s", path, errno_name(errno));
	snprintf(path, sizeof(path), CGROUPS "/%s/memory.max", name);
	snprintf(text, sizeof(text), "%ld", max);
	write_text(path, text);
}

void cgroup_remove(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), CGROUPS "/%s", name);
	/* a process that has ended leaves a little later */
	while (rmdir(path))
		usleep(1000);
}

long cgroup_read(const char *name, const char *file, const char *key)
{
	char path[128], text[4096] = "";
	char *at = text;
	int fd;

	snprintf(path, sizeof(path), CGROUPS "/%s/%s", name, file);
	fd = call(open(path, O_RDONLY | O_CLOEXEC));
	call(read(fd, text, sizeof(text) - 1));
	close(fd);
	while (key && at && !(!strncmp(at, key, strlen(key)) && at[strlen(key)] == ' ')) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		fail("%s: no %s", path, key);
	return atol(key ? at + strlen(key) : at);
}
