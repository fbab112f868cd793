/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Servers: the listening side. A server runs until it is killed, or with --once, for one test.
 * An error on one connection does not end it.
 */
#ifndef PERF_SERVER_H
#define PERF_SERVER_H

struct options;

/* Return the exit status. */
int server_test(const struct options *opt);
int server_receive(const struct options *opt, const char *path);

#endif
