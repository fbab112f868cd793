// SPDX-License-Identifier: GPL-2.0-only
/* socket(): what kinds there are, and the flags that come with them. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

static void protocol(void)
{
	call(socket(family->number, SOCK_STREAM, 0));
	call_fails(socket(family->number, SOCK_STREAM, 99), EPROTONOSUPPORT);
}

static void type(void)
{
	call_fails(socket(family->number, SOCK_RDM, 0), ESOCKTNOSUPPORT);
}

/* Even as root: there is no raw access to a channel. */
static void raw(void)
{
	call_fails(socket(family->number, SOCK_RAW, 0), ESOCKTNOSUPPORT);
}

static void flags(void)
{
	int plain = sock_open(0);
	int both = sock_open(SOCK_NONBLOCK | SOCK_CLOEXEC);

	check(!(fcntl(plain, F_GETFL) & O_NONBLOCK));
	check(!(fcntl(plain, F_GETFD) & FD_CLOEXEC));
	check(fcntl(both, F_GETFL) & O_NONBLOCK);
	check(fcntl(both, F_GETFD) & FD_CLOEXEC);
}

static void pair(void)
{
	int fds[2];

	call_fails(socketpair(family->number, SOCK_STREAM, 0, fds), EOPNOTSUPP);
}

/* Both ways to make a connected socket nonblocking, and back. */
static void nonblocking_client(void)
{
	int fd = sock_reach();
	int on = 1, off = 0;
	char c;

	sock_set_nonblocking(fd, true);
	call_fails(recv(fd, &c, 1, 0), EAGAIN);
	sock_set_nonblocking(fd, false);
	call(ioctl(fd, FIONBIO, &on));
	check(fcntl(fd, F_GETFL) & O_NONBLOCK);
	call_fails(read(fd, &c, 1), EAGAIN);
	call(ioctl(fd, FIONBIO, &off));
	control_write("SEND");
	call_gives(recv(fd, &c, 1, 0), 1);
}

static void nonblocking_server(void)
{
	int fd = sock_serve();

	control_expect("SEND");
	call_gives(send(fd, "x", 1, 0), 1);
}

/* Thousands that were never used: only a leak could make this fail. */
static void unused(void)
{
	for (int i = 0; i < 5000; i++)
		close(sock_open(0));
}

static const struct test_case cases[] = {
	{ "protocol", "0 is the only protocol", protocol },
	{ "type", "unknown types are refused", type },
	{ "raw", "raw sockets are refused", raw,
	  .schannel_only = "IP has them" },
	{ "flags", "SOCK_NONBLOCK and SOCK_CLOEXEC are honoured", flags },
	{ "pair", "socketpair() is not supported", pair },
	{ "nonblocking", "O_NONBLOCK by fcntl and FIONBIO", nonblocking_client,
	  nonblocking_server },
	{ "unused", "many sockets opened and closed", unused },
	{ }
};

TEST_GROUP(socket, cases, STREAMS);
