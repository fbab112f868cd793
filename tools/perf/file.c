// SPDX-License-Identifier: GPL-2.0-only
/* Files: each side computes the digest of what it read or wrote; then both compare. */
#include <assert.h>
#include <errno.h>
#include <sha2.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "file.h"

#define CHUNK	(128 * 1024)

static_assert(FILE_DIGEST_TEXT == SHA256_DIGEST_STRING_LENGTH, "a digest fits");

static int compare(struct conn *conn, const char *local, const char *remote)
{
	if (memcmp(local, remote, FILE_DIGEST_TEXT))
		return conn_fail(conn, "data differs: SHA-256 is %.64s here, %.64s at the peer",
				 local, remote);
	return 0;
}

static int write_all(int fd, const unsigned char *buf, size_t len)
{
	ssize_t n;

	while (len) {
		n = write(fd, buf, len);
		if (n < 0)
			return -1;
		buf += n;
		len -= n;
	}
	return 0;
}

int file_send(struct conn *conn, int fd, uint64_t length, char digest[FILE_DIGEST_TEXT])
{
	static unsigned char buf[CHUNK];
	char remote[FILE_DIGEST_TEXT];
	SHA2_CTX sha;
	ssize_t n;

	SHA256Init(&sha);
	while (length) {
		n = read(fd, buf, length < CHUNK ? length : CHUNK);
		if (n < 0)
			return conn_fail(conn, "cannot read the file: %s", strerror(errno));
		if (!n)
			return conn_fail(conn, "the file became shorter");
		SHA256Update(&sha, buf, n);
		if (conn_send(conn, buf, n))
			return -1;
		length -= n;
	}
	SHA256End(&sha, digest);

	if (conn_recv(conn, remote, sizeof(remote)) ||
	    conn_send(conn, digest, FILE_DIGEST_TEXT))
		return -1;
	return compare(conn, digest, remote);
}

int file_receive(struct conn *conn, int fd, uint64_t length, char digest[FILE_DIGEST_TEXT])
{
	static unsigned char buf[CHUNK];
	char remote[FILE_DIGEST_TEXT];
	SHA2_CTX sha;
	ssize_t n;

	SHA256Init(&sha);
	while (length) {
		n = conn_recv_some(conn, buf, length < CHUNK ? length : CHUNK);
		if (n < 0)
			return -1;
		if (write_all(fd, buf, n))
			return conn_fail(conn, "cannot write the file: %s", strerror(errno));
		SHA256Update(&sha, buf, n);
		length -= n;
	}
	SHA256End(&sha, digest);

	if (conn_send(conn, digest, FILE_DIGEST_TEXT) ||
	    conn_recv(conn, remote, sizeof(remote)))
		return -1;
	return compare(conn, digest, remote);
}
