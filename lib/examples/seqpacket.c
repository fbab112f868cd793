// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records over a connection: a server that sends every record back, and a client that
 * sends each of its arguments as a record and prints the replies.
 *
 *	seqpacket listen any:7001
 *	seqpacket connect web:7001 one 'and two'
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "schannel.h"

static int complain(const char *what)
{
	fprintf(stderr, "seqpacket: %s: %s\n", what, strerror(errno));
	return 1;
}

/* A buffer for the largest record: recv() truncates a record that does not fit. */
static char *record_buffer(int fd, uint32_t *size)
{
	socklen_t len = sizeof(*size);

	if (getsockopt(fd, SOL_SCHANNEL, SO_SC_RECORD_MAX, size, &len))
		return NULL;
	return malloc(*size);
}

static int echo(int fd)
{
	uint32_t size;
	char *record = record_buffer(fd, &size);
	ssize_t got;

	if (!record)
		return complain("buffer");
	/* recv() returns 0 at the end and for an empty record; this server ends at both. */
	while ((got = recv(fd, record, size, 0)) > 0) {
		if (send(fd, record, got, MSG_NOSIGNAL) < 0)
			break;
	}
	free(record);
	return got ? complain("connection") : 0;
}

static int serve(const char *address)
{
	int listener, fd;

	listener = schannel_listen(address, SOCK_SEQPACKET | SOCK_CLOEXEC, 16);
	if (listener < 0)
		return complain(address);
	printf("listening on %s\n", address);
	fflush(stdout);
	while ((fd = schannel_accept(listener, NULL, SOCK_CLOEXEC, -1)) >= 0) {
		echo(fd);
		close(fd);
	}
	return complain("accept");
}

static int talk(const char *address, char **records)
{
	uint32_t size;
	char *record;
	ssize_t got;
	int fd;

	fd = schannel_connect(address, SOCK_SEQPACKET | SOCK_CLOEXEC, 5000);
	if (fd < 0)
		return complain(address);
	record = record_buffer(fd, &size);
	if (!record)
		return complain("buffer");
	for (; *records; records++) {
		if (send(fd, *records, strlen(*records), MSG_NOSIGNAL) < 0)
			return complain("send");
		got = recv(fd, record, size, 0);
		if (got < 0)
			return complain("receive");
		printf("%.*s\n", (int)got, record);
	}
	free(record);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "listen"))
		return serve(argv[2]);
	if (argc > 3 && !strcmp(argv[1], "connect"))
		return talk(argv[2], argv + 3);
	fprintf(stderr, "usage: seqpacket listen HOST:PORT\n"
			"       seqpacket connect HOST:PORT RECORD...\n");
	return 2;
}
