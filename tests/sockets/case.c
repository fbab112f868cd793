// SPDX-License-Identifier: GPL-2.0-only
#include "case.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct test_env test_env;
struct case_report *case_report;

void case_end(enum case_exit how, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(case_report->text, sizeof(case_report->text), format, args);
	va_end(args);
	_exit(how);
}

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);

	return name ? name : "an unknown errno";
}

int patience_ms(void)
{
	return 5000 * (int)test_env.slow;
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* splitmix64: any state is valid, including a small seed. */
uint32_t random_below(uint64_t *state, uint32_t limit)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return (uint32_t)((x ^ (x >> 31)) >> 32) % limit;
}
