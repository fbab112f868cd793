// SPDX-License-Identifier: GPL-2.0-only
#include "interrupt.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "case.h"
#include "control.h"

static volatile sig_atomic_t count;

/* A case interrupts one thread at a time. */
static struct {
	pid_t thread;
	long number;
	const char *line;
} target;

static void handler(int number)
{
	(void)number;
	count++;
}

void interrupt_catch(int flags)
{
	struct sigaction action = {
		.sa_handler = handler,
		.sa_flags = flags,
	};

	count = 0;
	call(sigaction(SIGUSR1, &action, NULL));
}

int interrupt_count(void)
{
	return count;
}

static void interrupt(void *arg)
{
	int before = count;

	(void)arg;
	tgkill(getpid(), target.thread, SIGUSR1);
	if (!target.line)
		return;
	/* past its first sleep, so that the next one is another */
	while (count == before)
		sched_yield();
	wait_blocked(target.thread, target.number);
	control_write("%s", target.line);
}

struct blocked *interrupt_then_tell(long number, const char *line)
{
	target.thread = gettid();
	target.number = number;
	target.line = line;
	return when_blocked(number, interrupt, NULL);
}

struct blocked *interrupt_when_blocked(long number)
{
	return interrupt_then_tell(number, NULL);
}
