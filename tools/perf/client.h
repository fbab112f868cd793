/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients: the connecting side. An error ends the program with one line. */
#ifndef PERF_CLIENT_H
#define PERF_CLIENT_H

struct options;

void client_test(const struct options *opt, const char *host);
void client_send(const struct options *opt, const char *path, const char *host);

#endif
