/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recorded exchanges: all that one side of a channel, A, wrote to its pages, in a text file.
 * Any implementation of the other side, B, must accept that, now and in every later version.
 *
 * A line of a record is one of
 *
 *	# TEXT			a comment
 *	directory REF		the page of A's directory; B attaches to it
 *	REF OFFSET: BYTES	A stores bytes, in hexadecimal, in a page
 *	notify QUEUE		A notifies B
 *	turn			B handles what it was notified of
 *
 * and, for what B's program does with the flow that was opened or accepted last,
 *
 *	listen PORT TYPE	open PORT TYPE
 *	accepted		opened			refused		gone
 *	send TEXT		receive TEXT		pattern NUMBER
 *	put TEXT		take TEXT		end		close
 *
 * B numbers its flows and its segments in the order in which it makes them, from 1 and from
 * 0, and uses a number again as soon as it may: A's messages name them.
 */
#ifndef VECTOR_H
#define VECTOR_H

#include <stdbool.h>

#include "side.h"

/* Reports a check that fails with tap.h. */
void vector_replay(const char *path, const struct side_ops *ops);

/* Writes a new record to standard output: of a side that opens flows, or accepts them. */
void vector_record(const struct side_ops *a_ops, const struct side_ops *b_ops, bool opens);

#endif
