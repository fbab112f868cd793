/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the runners in two domains work together. The client's runner leads: over a session
 * connection it names one case after the other, as "GROUP.NAME SEED". Each case gets
 * a control connection of its own, and after it the runners exchange the verdicts of
 * their sides.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "side.h"

/* Time for the other runner to answer, beyond that for the slowest case. */
#define SESSION_ANSWER_MS	20000

struct session_address {
	const char *host;	/* IPv4 */
	uint16_t port;		/* TCP */
};

/* Each exits if it fails. */
int session_connect(const struct session_address *where);
int session_listen(const struct session_address *where);

/* Each returns false if the other runner is gone. */
bool session_tell(int session, const struct verdict *verdict);
bool session_read(int session, struct verdict *verdict, int timeout_ms);

#endif
