// SPDX-License-Identifier: GPL-2.0-only
#include "starve.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "case.h"

#define MOST_CPUS	64
/* Less than the second after which the kernel throttles real-time threads. */
#define MOST_MS		500

enum { SPINNER = 1, CALLER };	/* real-time priorities */

static pthread_t spinners[MOST_CPUS];
static atomic_int spinning;
static atomic_bool over;
static int cpus;

static int set_priority(int policy, int priority)
{
	return sched_setscheduler(0, policy,
				  &(struct sched_param){ priority });
}

/* Takes a processor from all threads of ordinary priority. */
static void *spin(void *arg)
{
	int64_t end;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)arg, &one);
	call(sched_setaffinity(0, sizeof(one), &one));
	call(set_priority(SCHED_FIFO, SPINNER));
	spinning++;
	end = now_ms() + MOST_MS;
	while (!over && now_ms() < end)
		;
	return NULL;
}

void starve_begin(void)
{
	cpu_set_t all;

	if (set_priority(SCHED_FIFO, CALLER))
		skip("real-time priorities: %s", errno_name(errno));
	call(sched_getaffinity(0, sizeof(all), &all));
	over = false;
	spinning = 0;
	cpus = 0;
	for (size_t i = 0; i < MOST_CPUS; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		check_equal(pthread_create(&spinners[cpus++], NULL, spin,
					   (void *)i), 0);
	}
	while (spinning < cpus)
		usleep(100);
}

void starve_stop(void)
{
	over = true;
}

void starve_end(void)
{
	starve_stop();
	for (int i = 0; i < cpus; i++)
		pthread_join(spinners[i], NULL);
	call(set_priority(SCHED_OTHER, 0));
}
