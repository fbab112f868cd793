// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "schannel.h"

/* An address of this domain, good until the next call. */
static const char *here(uint32_t port)
{
	static char text[SCHANNEL_TEXT_MAX];

	snprintf(text, sizeof(text), "self:%u", port);
	return text;
}

uint32_t port_of(int fd)
{
	struct sockaddr_sc address = { 0 };
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) ? 0 : address.sc_port;
}

bool connection_begin(struct connection *conn, int type)
{
	*conn = (struct connection){ -1, -1, -1, 0, 0 };
	conn->listener = schannel_listen("any:0", type | SOCK_CLOEXEC, 4);
	if (!CHECK(conn->listener >= 0))
		return false;
	conn->port = port_of(conn->listener);
	conn->client = schannel_connect(here(conn->port), type | SOCK_CLOEXEC, 5000);
	if (!CHECK(conn->client >= 0))
		return false;
	conn->client_port = port_of(conn->client);
	conn->server = schannel_accept(conn->listener, NULL, SOCK_CLOEXEC, 5000);
	return CHECK(conn->server >= 0);
}

void connection_end(struct connection *conn)
{
	if (conn->server >= 0)
		close(conn->server);
	if (conn->client >= 0)
		close(conn->client);
	if (conn->listener >= 0)
		close(conn->listener);
}

void elsewhere(void (*run)(void), bool unprivileged)
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (!CHECK(unprivileged ? !setgid(65534) && !setuid(65534) :
			   !unshare(CLONE_NEWNET)))
			_exit(1);
		run();
		_exit(tap_failed());
	}
	if (CHECK(child > 0) && CHECK(waitpid(child, &status, 0) == child))
		CHECK_EQ(status, 0);
}

static unsigned int open_files(void)
{
	unsigned int count = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void talks(int type)
{
	struct sockaddr_sc peer = { 0 };
	int listener, client, server;
	char data[16];

	listener = schannel_listen("any:0", type, 4);
	if (!CHECK(listener >= 0))
		return;
	client = schannel_connect(here(port_of(listener)), type, -1);
	server = schannel_accept(listener, &peer, 0, 5000);
	if (CHECK(client >= 0 && server >= 0)) {
		CHECK_EQ(peer.sc_family, schannel_family());
		CHECK_EQ(peer.sc_domid, SC_DOMID_SELF);
		CHECK_EQ(peer.sc_port, port_of(client));
		CHECK_EQ(send(client, "hello", 5, 0), 5);
		CHECK_EQ(recv(server, data, sizeof(data), 0), 5);
		CHECK(!memcmp(data, "hello", 5));
		CHECK_EQ(send(server, "there", 5, 0), 5);
		CHECK_EQ(recv(client, data, sizeof(data), 0), 5);
	}
	close(client);
	close(server);
	close(listener);
}

static void stream(void)
{
	talks(SOCK_STREAM);
}

static void seqpacket(void)
{
	talks(SOCK_SEQPACKET);
}

static void datagram(void)
{
	int server = schannel_listen("any:0", SOCK_DGRAM, 0), client;
	struct sockaddr_sc from = { 0 };
	socklen_t len = sizeof(from);
	char data[16];

	if (!CHECK(server >= 0))
		return;
	client = schannel_connect(here(port_of(server)), SOCK_DGRAM, -1);
	if (CHECK(client >= 0)) {
		CHECK_EQ(send(client, "hello", 5, 0), 5);
		CHECK_EQ(recvfrom(server, data, sizeof(data), 0, (struct sockaddr *)&from,
				  &len), 5);
		CHECK_EQ(from.sc_domid, SC_DOMID_SELF);
		CHECK_EQ(from.sc_port, port_of(client));
		close(client);
	}
	close(server);
}

static bool has_flags(int fd, bool cloexec, bool nonblock)
{
	return !!(fcntl(fd, F_GETFD) & FD_CLOEXEC) == cloexec &&
	       !!(fcntl(fd, F_GETFL) & O_NONBLOCK) == nonblock;
}

static void flags(void)
{
	int i;

	for (i = 0; i < 4; i++) {
		bool cloexec = i & 1, nonblock = i & 2;
		int flags = (cloexec ? SOCK_CLOEXEC : 0) | (nonblock ? SOCK_NONBLOCK : 0);
		int listener = schannel_listen("any:0", SOCK_STREAM | flags, 1);
		int client = schannel_connect(here(port_of(listener)), SOCK_STREAM | flags, 5000);
		int server = schannel_accept(listener, NULL, flags, 5000);

		CHECK(listener >= 0 && has_flags(listener, cloexec, nonblock));
		CHECK(client >= 0 && has_flags(client, cloexec, nonblock));
		CHECK(server >= 0 && has_flags(server, cloexec, nonblock));
		close(server);
		close(client);
		close(listener);
	}
}

/* Not waiting, the socket may be connecting still; it must become connected. */
static void without_waiting(void)
{
	int listener = schannel_listen("any:0", SOCK_STREAM, 1), client, server;

	client = schannel_connect(here(port_of(listener)), SOCK_STREAM | SOCK_NONBLOCK, 0);
	server = schannel_accept(listener, NULL, 0, 5000);
	CHECK(client >= 0 && server >= 0);
	close(server);
	close(client);
	close(listener);
}

static void errors(void)
{
	static const struct {
		const char *address;
		int type, error;
	} table[] = {
		{ "self:9", SOCK_STREAM, ECONNREFUSED },
		{ "self:9", SOCK_SEQPACKET, ECONNREFUSED },
		{ "32000:9", SOCK_STREAM, EHOSTUNREACH },
		{ "self", SOCK_STREAM, EINVAL },
		{ "nobody:9", SOCK_STREAM, ENOENT },
		{ "self:9", SOCK_RAW, ESOCKTNOSUPPORT },
	};
	unsigned int before = open_files();
	int first, again;
	char text[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		errno = 0;
		if (!CHECK_EQ(schannel_connect(table[i].address, table[i].type, 5000), -1) ||
		    !CHECK_EQ(errno, table[i].error))
			tap_note("%s", table[i].address);
	}
	CHECK_EQ(schannel_listen("32000:7000", SOCK_STREAM, 1), -1);
	CHECK_EQ(errno, EADDRNOTAVAIL);
	CHECK_EQ(schannel_listen("any", SOCK_STREAM, 1), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(schannel_accept(-1, NULL, 0, -1), -1);
	CHECK_EQ(errno, EBADF);
	first = socket(schannel_family(), SOCK_STREAM, 0);
	CHECK_EQ(schannel_accept(first, NULL, 0, -1), -1);
	CHECK_EQ(errno, EINVAL);
	close(first);
	first = schannel_listen("any:0", SOCK_STREAM, 1);
	snprintf(text, sizeof(text), "any:%u", port_of(first));
	again = schannel_listen(text, SOCK_STREAM, 1);
	CHECK_EQ(again, -1);
	CHECK_EQ(errno, EADDRINUSE);
	close(first);
	CHECK_EQ(open_files(), before);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void accept_timeout(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		int type = SOCK_STREAM | (i ? SOCK_NONBLOCK : 0);
		int listener = schannel_listen("any:0", type, 1);
		int64_t began;

		CHECK_EQ(schannel_accept(listener, NULL, 0, 0), -1);
		CHECK_EQ(errno, EAGAIN);
		began = now_ms();
		CHECK_EQ(schannel_accept(listener, NULL, 0, 100), -1);
		CHECK_EQ(errno, EAGAIN);
		CHECK(now_ms() - began >= 99);
		close(listener);
	}
}

static void on_alarm(int number)
{
	(void)number;
}

static void accept_interrupted(void)
{
	/* Again and again: the first might come before there is something to interrupt. */
	const struct itimerval soon = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = on_alarm }, old;
	int listener = schannel_listen("any:0", SOCK_STREAM, 1);

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &soon, NULL);
	CHECK_EQ(schannel_accept(listener, NULL, 0, -1), -1);
	CHECK_EQ(errno, EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	close(listener);
}

static const struct tap_case cases[] = {
	{ "connection: stream", stream },
	{ "connection: seqpacket", seqpacket },
	{ "connection: dgram", datagram },
	{ "connection: SOCK_CLOEXEC and SOCK_NONBLOCK", flags },
	{ "connection: nonblocking", without_waiting },
	{ "connection: errors, and nothing left open", errors },
	{ "connection: accept with a timeout", accept_timeout },
	{ "connection: accept and a signal", accept_interrupted },
};

TABLE(connection);
