/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Connections that last until something ends them: for watching what happens
 * to a program whose peer's domain is destroyed or whose module goes away.
 */
#ifndef HOLD_H
#define HOLD_H

#include <stdbool.h>
#include <stdint.h>

struct hold_options {
	uint32_t port;
	const char *direction;	/* of the bytes, as the client sees it */
	bool stall;		/* the server neither sends nor reads */
};

/*
 * One connection. Prints, a line each: "flowing" after 1 MiB; "blocked" once
 * it sleeps in send or recv on a stalled connection; "ended errno=NAME after N
 * bytes, T ms after the last", with errno=0 at an orderly end. Exit status: 0
 * when it ended, 1 when a byte was wrong, 2 when it could not be set up.
 */
int hold(const struct hold_options *options);

/* The other end, for any number of such clients; ends when it is killed. */
int serve_hold(const struct hold_options *options);

#endif
