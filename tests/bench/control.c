// SPDX-License-Identifier: GPL-2.0-only
/* Control: whole messages over a TCP connection. */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"

#define PORT	7399
#define SIGNAL	'!'	/* "ready", "connected" and "done" */

static int open_socket(void)
{
	static const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		err(1, "control: cannot open a socket");
	return fd;
}

int control_listen(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = open_socket();

	if (bind(fd, (const void *)&any, sizeof(any)) || listen(fd, 1))
		err(1, "control: cannot listen on port %d", PORT);
	return fd;
}

int control_accept(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		err(1, "control: cannot accept");
	return fd;
}

int control_connect(const char *ip)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd = open_socket();

	if (inet_pton(AF_INET, ip, &to.sin_addr) != 1)
		errx(2, "'%s' is not an IPv4 address", ip);
	if (connect(fd, (const void *)&to, sizeof(to)))
		err(1, "control: cannot connect to %s", ip);
	return fd;
}

void control_send(int fd, const void *message, size_t length)
{
	if (send(fd, message, length, MSG_NOSIGNAL) != (ssize_t)length)
		err(1, "control: cannot send");
}

bool control_receive(int fd, void *message, size_t length)
{
	return recv(fd, message, length, MSG_WAITALL) == (ssize_t)length;
}

void control_signal(int fd)
{
	const char signal = SIGNAL;

	control_send(fd, &signal, sizeof(signal));
}

bool control_wait(int fd)
{
	char signal;

	return control_receive(fd, &signal, sizeof(signal)) && signal == SIGNAL;
}
