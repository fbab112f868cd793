/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

/* Serve until killed. */
_Noreturn void server_run(void);

#endif
