// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A stream: a server that sends all data back, to one client after the other, and a
 * client that sends its standard input and prints the replies.
 *
 *	stream listen any:7000
 *	echo hello | stream connect web:7000
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "schannel.h"

static int complain(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	return 1;
}

/* send() may send a part only. MSG_NOSIGNAL: a closed connection raises no SIGPIPE. */
static bool send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		data += sent;
		len -= sent;
	}
	return true;
}

static void echo(int fd)
{
	char data[4096];
	ssize_t got;

	while ((got = recv(fd, data, sizeof(data), 0)) > 0) {
		if (!send_all(fd, data, got))
			break;
	}
	if (got)
		complain("connection");
}

static int serve(const char *address)
{
	char client[SCHANNEL_TEXT_MAX];
	struct sockaddr_sc peer;
	int listener, fd;

	listener = schannel_listen(address, SOCK_STREAM | SOCK_CLOEXEC, 16);
	if (listener < 0)
		return complain(address);
	printf("listening on %s\n", address);
	fflush(stdout);
	while ((fd = schannel_accept(listener, &peer, SOCK_CLOEXEC, -1)) >= 0) {
		if (!schannel_format(&peer, client, sizeof(client), SCHANNEL_NAMES))
			printf("connection from %s\n", client);
		fflush(stdout);
		echo(fd);
		close(fd);
	}
	return complain("accept");
}

/*
 * Sends and receives at the same time. If the client sent all of its input first, the
 * server could block because the client does not receive, and then the client as well.
 */
static int talk(const char *address)
{
	struct pollfd polled[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };
	char data[4096];
	ssize_t got;
	int fd;

	fd = schannel_connect(address, SOCK_STREAM | SOCK_CLOEXEC, 5000);
	if (fd < 0)
		return complain(address);
	polled[1].fd = fd;
	for (;;) {
		if (poll(polled, 2, -1) < 0)
			return complain("poll");
		if (polled[0].revents) {
			got = read(STDIN_FILENO, data, sizeof(data));
			if (got < 0)
				return complain("standard input");
			if (!send_all(fd, data, got))
				return complain("send");
			if (!got) {
				/* The end of the input; the rest of the replies follows. */
				shutdown(fd, SHUT_WR);
				polled[0].fd = -1;
			}
		}
		if (polled[1].revents) {
			got = recv(fd, data, sizeof(data), 0);
			if (got < 0)
				return complain("receive");
			if (!got)
				break;
			fwrite(data, 1, got, stdout);
		}
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "listen"))
		return serve(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "connect"))
		return talk(argv[2]);
	fprintf(stderr, "usage: stream listen|connect HOST:PORT\n");
	return 2;
}
