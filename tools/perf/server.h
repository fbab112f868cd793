/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Servers: those who are connected to. They serve until they are killed, or
 * one test with --once; what goes wrong on one connection does not end them.
 */
#ifndef PERF_SERVER_H
#define PERF_SERVER_H

struct options;

/* Return the exit status. */
int server_test(const struct options *opt);
int server_receive(const struct options *opt, const char *path);

#endif
