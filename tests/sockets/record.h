/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of seqpacket and datagram sockets: one send() must arrive in one recv().
 */
#ifndef RECORD_H
#define RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "family.h"

/*
 * The head of a record; the bytes after it are derived from it, so that a reader detects a
 * record that is truncated, mixed with another or changed.
 */
struct record {
	uint32_t sender;
	uint32_t number;
	uint32_t length;	/* of all of it, at least RECORD_LEAST */
};

#define RECORD_LEAST	sizeof(struct record)

void record_fill(void *buffer, const struct record *record);
/* Fails the case unless @buffer holds one whole record. */
struct record record_check(const void *buffer, size_t length);

/* Blocking. The buffer is @record->length bytes that the call may use. */
void record_send(int fd, void *buffer, const struct record *record);

/* Short records of text. The next record must be the one that record_hear() expects. */
void record_say(int fd, const char *text);
void record_hear(int fd, const char *text);

/* Datagrams, with the other side's address; record_hear_from() gives the port. */
void record_say_to(int fd, const char *text, union address to);
uint32_t record_hear_from(int fd, const char *text);

/* recvmsg() into one buffer; what it said of the record is in *@flags. */
ssize_t record_recv(int fd, void *buffer, size_t length, int *flags);

/* The largest record that this socket sends. */
size_t record_max(int fd);

#endif
