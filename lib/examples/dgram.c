// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Datagrams: a server that sends each datagram back to its sender, and a client that
 * sends each of its arguments as a datagram and prints the replies.
 *
 *	dgram listen any:7002
 *	dgram connect web:7002 one 'and two'
 *
 * A datagram may be dropped if the receiver is slow, so the client waits with a
 * timeout.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schannel.h"

#define TIMEOUT_MS	5000

static int complain(const char *what)
{
	fprintf(stderr, "dgram: %s: %s\n", what, strerror(errno));
	return 1;
}

static int serve(const char *address)
{
	static char datagram[SC_DGRAM_MAX];
	char text[SCHANNEL_TEXT_MAX];
	struct sockaddr_sc from;
	socklen_t len;
	ssize_t got;
	int fd;

	fd = schannel_listen(address, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return complain(address);
	printf("listening on %s\n", address);
	fflush(stdout);
	for (;;) {
		len = sizeof(from);
		got = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &len);
		if (got < 0)
			return complain("receive");
		if (sendto(fd, datagram, got, 0, (struct sockaddr *)&from, len) < 0 &&
		    !schannel_format(&from, text, sizeof(text), 0))
			complain(text);
	}
}

static int talk(const char *address, char **datagrams)
{
	static char datagram[SC_DGRAM_MAX];
	struct pollfd polled = { .events = POLLIN };
	ssize_t got;
	int fd;

	/* On a connected socket, a datagram to an unused port causes ECONNREFUSED. */
	fd = schannel_connect(address, SOCK_DGRAM | SOCK_CLOEXEC, -1);
	if (fd < 0)
		return complain(address);
	polled.fd = fd;
	for (; *datagrams; datagrams++) {
		if (send(fd, *datagrams, strlen(*datagrams), 0) < 0)
			return complain("send");
		switch (poll(&polled, 1, TIMEOUT_MS)) {
		case -1:
			return complain("poll");
		case 0:
			errno = ETIMEDOUT;
			return complain("receive");
		}
		got = recv(fd, datagram, sizeof(datagram), 0);
		if (got < 0)
			return complain("receive");
		printf("%.*s\n", (int)got, datagram);
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "listen"))
		return serve(argv[2]);
	if (argc > 3 && !strcmp(argv[1], "connect"))
		return talk(argv[2], argv + 3);
	fprintf(stderr, "usage: dgram listen HOST:PORT\n"
			"       dgram connect HOST:PORT DATAGRAM...\n");
	return 2;
}
