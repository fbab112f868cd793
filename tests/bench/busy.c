// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU time is elapsed time less idle time. The CPU time of the processes would be wrong: it
 * excludes kernel threads and interrupts, where some peers do much of their work, and it is
 * counted in ticks. Idle time is exact.
 */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "busy.h"
#include "clock.h"

static double idle_seconds(void)
{
	unsigned long long idle, iowait;
	FILE *file = fopen("/proc/stat", "re");

	if (!file || fscanf(file, "cpu %*u %*u %*u %llu %llu", &idle, &iowait) != 2)
		err(1, "cannot read /proc/stat");
	fclose(file);
	return (double)(idle + iowait) / sysconf(_SC_CLK_TCK);
}

void busy_begin(struct busy *busy)
{
	busy->idle_s = idle_seconds();
	busy->began_ns = clock_now();
}

double busy_end(const struct busy *busy)
{
	double passed = (double)(clock_now() - busy->began_ns) / NS_PER_S;
	double seconds = passed * sysconf(_SC_NPROCESSORS_ONLN) - (idle_seconds() - busy->idle_s);

	return seconds < 0 ? 0 : seconds;
}
