/* SPDX-License-Identifier: GPL-2.0-only */
/* The server: it accepts the flows, and receives or echoes. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

/* Serve one measurement after the other until the process is killed. */
_Noreturn void server_run(void);

#endif
