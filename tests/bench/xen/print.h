/* SPDX-License-Identifier: GPL-2.0-only */
/* A measurement as a line of JSON; the scenario adds the remaining fields. */
#ifndef BENCH_PRINT_H
#define BENCH_PRINT_H

#include <stdint.h>

struct histogram;

void print_rate(uint64_t bytes, uint64_t ns);
void print_times(const struct histogram *times);

#endif
