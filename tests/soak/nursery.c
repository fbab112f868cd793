// SPDX-License-Identifier: GPL-2.0-only
#include "nursery.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "ledger.h"
#include "worker.h"

#define CHILDREN_MAX	64
/* Between one death and the next. */
#define LIFE_MS		1200

static pid_t born(void (*prepare)(struct worker *worker), uint64_t random)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	struct worker worker;

	if (pid < 0) {
		failed(NULL, "fork: %s", errno_name(errno));
		exit(1);
	}
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	worker_init(&worker, random);
	worker.mortal = true;
	prepare(&worker);
	worker_run(&worker);
	/* with nothing left to do, it still has to be killed */
	for (;;)
		pause();
}

static void killed(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		failed(NULL, "a process ended by itself, status %#x", status);
	atomic_fetch_add(&ledger->deaths, 1);
}

static _Noreturn void run(unsigned int children, void (*prepare)(struct worker *worker))
{
	uint64_t random = plan_choice.seed + ledger_side;
	pid_t pids[CHILDREN_MAX];

	for (unsigned int i = 0; i < children; i++)
		pids[i] = born(prepare, random + i);
	while (!atomic_load(&ledger->hurry)) {
		/* not a synchronisation: the time until the next process dies */
		long ms = random_below(&random, LIFE_MS);
		struct timespec life = { ms / 1000, ms % 1000 * 1000000 };
		unsigned int i = random_below(&random, children);

		nanosleep(&life, NULL);
		killed(pids[i]);
		pids[i] = born(prepare, random);
	}
	for (unsigned int i = 0; i < children; i++)
		killed(pids[i]);
	_exit(0);
}

pid_t nursery_start(unsigned int children, void (*prepare)(struct worker *worker))
{
	pid_t pid;

	if (!children)
		return 0;
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(children < CHILDREN_MAX ? children : CHILDREN_MAX, prepare);
}

void nursery_end(pid_t nursery)
{
	int status;

	if (!nursery)
		return;
	atomic_store(&ledger->hurry, true);
	if (waitpid(nursery, &status, 0) != nursery || status)
		failed(NULL, "the nursery ended with status %#x", status);
}
