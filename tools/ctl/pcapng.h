/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes files in the format pcapng, with one interface whose packets begin with an IP header. */
#ifndef CTL_PCAPNG_H
#define CTL_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/**
 * struct pcapng_packet - a packet
 * @at:		when it was seen, since 1970
 * @outgoing:	sent, otherwise received
 * @bytes:	its bytes
 * @len:	their number
 * @full_len:	how many it had, if it was cut
 */
struct pcapng_packet {
	struct timespec at;
	bool outgoing;
	const void *bytes;
	size_t len;
	size_t full_len;
};

/**
 * struct pcapng_counts - what became of all packets
 * @seen:	that the socket was offered, and its filter let through
 * @written:	of these, those that were written
 * @missed:	of these, those that its buffer had no space for
 * @dropped:	those that the interface had no memory for
 */
struct pcapng_counts {
	uint64_t seen;
	uint64_t written;
	uint64_t missed;
	uint64_t dropped;
};

/* What went wrong shows in ferror(). filter: NULL if there is none. */
void pcapng_begin(FILE *out, const char *program, const char *interface, const char *filter);
void pcapng_packet(FILE *out, const struct pcapng_packet *packet);
void pcapng_end(FILE *out, const struct pcapng_counts *counts);

#endif
