/* SPDX-License-Identifier: GPL-2.0-only */
/* Files: a given number of bytes, followed by a digest. */
#ifndef PERF_FILE_H
#define PERF_FILE_H

#include <stdint.h>

#define FILE_DIGEST_TEXT	65	/* SHA-256 in hexadecimal */

struct conn;

/*
 * Both return -1 with conn->error set after an error, or if the digests of the two sides
 * differ.
 */
int file_send(struct conn *conn, int fd, uint64_t length, char digest[FILE_DIGEST_TEXT]);
int file_receive(struct conn *conn, int fd, uint64_t length, char digest[FILE_DIGEST_TEXT]);

#endif
