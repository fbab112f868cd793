// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-witness: small programs of a domain whose peer is hostile.
 *
 *	schannel-witness echo PORT
 *		a server that returns every byte, to any number of clients
 *	schannel-witness rounds DOMID PORT NUMBER
 *		round trips of one byte to it; prints how many milliseconds they took
 *	schannel-witness hold DOMID PORT
 *		a connection to it and a byte through it, then "holds"; at the end of the
 *		connection "ended" and its error
 *	schannel-witness push DOMID PORT
 *		the same, but the connection sends as much as it can before it "holds"
 *	schannel-witness idle PORT
 *		a server that accepts no connection
 *	schannel-witness swell DOMID PORT MIB
 *		a connection with a ring of 4 MiB, and that many bytes; then "swollen". It stays
 *		until the other end closes
 *	schannel-witness peek PORT FILE
 *		a byte of one client is peeked at, "peeked" and the byte; once FILE exists, it is
 *		received, "received" and the byte
 *	schannel-witness say DOMID PORT TEXT
 *		a connection that sends TEXT, "said", and stays until the other end closes
 *	schannel-witness sink PORT
 *		a server that reads from its clients and never answers
 *	schannel-witness fill DOMID PORT NUMBER
 *		connections whose rings are filled and that are closed at once
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/schannel.h>

#define CLIENTS_MAX	512

static int read_family(void)
{
	FILE *file = fopen("/sys/module/schannel/parameters/family", "re");
	int number = AF_SCHANNEL_DEFAULT;

	if (file && fscanf(file, "%d", &number) != 1)
		number = AF_SCHANNEL_DEFAULT;
	if (file)
		fclose(file);
	return number;
}

static _Noreturn void broken(const char *what)
{
	printf("%s: %s\n", what, strerrorname_np(errno));
	exit(1);
}

static long must(long result, const char *what)
{
	if (result < 0)
		broken(what);
	return result;
}

static struct sockaddr_sc address(const char *domid, const char *port)
{
	return (struct sockaddr_sc){
		.sc_family = read_family(),
		.sc_domid = domid ? strtoul(domid, NULL, 0) : SC_DOMID_ANY,
		.sc_port = strtoul(port, NULL, 0),
	};
}

static int listener(const char *port)
{
	struct sockaddr_sc here = address(NULL, port);
	int fd = must(socket(read_family(), SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	must(bind(fd, (struct sockaddr *)&here, sizeof(here)), "bind");
	must(listen(fd, 128), "listen");
	printf("listening\n");
	return fd;
}

static int unconnected(void)
{
	return must(socket(read_family(), SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
}

static void reach(int fd, const char *domid, const char *port)
{
	struct sockaddr_sc there = address(domid, port);

	must(connect(fd, (struct sockaddr *)&there, sizeof(there)), "connect");
}

static int connection(const char *domid, const char *port)
{
	int fd = unconnected();

	reach(fd, domid, port);
	return fd;
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* A client that ends, by whatever error, is forgotten. */
static void serve(const char *port, int answers)
{
	struct pollfd fds[CLIENTS_MAX] = { { .fd = listener(port), .events = POLLIN } };
	static char buffer[65536];
	int nr = 1;

	for (;;) {
		must(poll(fds, nr, -1), "poll");
		for (int i = nr - 1; i > 0; i--) {
			ssize_t n;

			if (!fds[i].revents)
				continue;
			n = recv(fds[i].fd, buffer, sizeof(buffer), MSG_DONTWAIT);
			if (n < 0 && errno == EAGAIN)
				continue;
			if (n > 0 && (!answers ||
				      send(fds[i].fd, buffer, n, MSG_NOSIGNAL) == n))
				continue;
			close(fds[i].fd);
			fds[i] = fds[--nr];
		}
		if (fds[0].revents & POLLIN && nr < CLIENTS_MAX) {
			int fd = accept(fds[0].fd, NULL, NULL);

			if (fd >= 0)
				fds[nr++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		}
	}
}

static void round_trip(int fd)
{
	char c = 'r';

	must(send(fd, &c, 1, MSG_NOSIGNAL), "send");
	if (must(recv(fd, &c, 1, 0), "recv") != 1) {
		errno = ENODATA;
		broken("recv");
	}
}

static void rounds(const char *domid, const char *port, const char *number)
{
	int fd = connection(domid, port);
	double start = now_ms();

	for (int i = atoi(number); i > 0; i--)
		round_trip(fd);
	printf("%.0f\n", now_ms() - start);
}

static void hold(const char *domid, const char *port)
{
	int fd = connection(domid, port);
	char c;
	ssize_t n;

	round_trip(fd);
	printf("holds\n");
	n = recv(fd, &c, 1, 0);
	printf("ended %s\n", n < 0 ? strerrorname_np(errno) : n ? "with a byte" : "cleanly");
}

static void push(const char *domid, const char *port)
{
	int fd = connection(domid, port);
	static char buffer[65536];
	struct pollfd space = { .fd = fd, .events = POLLOUT };

	do {
		while (send(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			;
	} while (errno == EAGAIN && poll(&space, 1, 500));
	printf("holds\n");
	/* an invalid index is noticed by the next call: it does not end a sleep */
	while (send(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ||
	       errno == EAGAIN)
		poll(NULL, 0, 100);
	printf("ended %s\n", strerrorname_np(errno));
}

static void idle(const char *port)
{
	listener(port);
	for (;;)
		pause();
}

static void swell(const char *domid, const char *port, const char *mib)
{
	struct sc_ring_sizes sizes = { .tx = SC_RING_MAX };
	static char buffer[1 << 20];
	int fd = unconnected();

	must(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MIN, &sizes, sizeof(sizes)), "SO_SC_RING_MIN");
	reach(fd, domid, port);
	for (int i = atoi(mib); i > 0; i--)
		must(send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL), "send");
	printf("swollen\n");
	recv(fd, buffer, 1, 0);
}

static void peek(const char *port, const char *file)
{
	int fd = must(accept(listener(port), NULL, NULL), "accept");
	char c;

	must(recv(fd, &c, 1, MSG_PEEK), "recv");
	printf("peeked %c\n", c);
	while (access(file, F_OK))
		poll(NULL, 0, 50);
	must(recv(fd, &c, 1, 0), "recv");
	printf("received %c\n", c);
}

static void say(const char *domid, const char *port, const char *text)
{
	int fd = connection(domid, port);
	char c;

	must(send(fd, text, strlen(text), MSG_NOSIGNAL), "send");
	printf("said\n");
	recv(fd, &c, 1, 0);
}

static void fill(const char *domid, const char *port, const char *number)
{
	static char buffer[65536];
	int filled = 0;

	for (int i = atoi(number); i > 0; i--) {
		int fd = connection(domid, port);

		while (send(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			;
		close(fd);
		filled++;
	}
	printf("filled %d\n", filled);
}

int main(int argc, char **argv)
{
	const char *does = argc > 1 ? argv[1] : "";

	setlinebuf(stdout);
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(does, "echo") && argc == 3)
		serve(argv[2], 1);
	else if (!strcmp(does, "sink") && argc == 3)
		serve(argv[2], 0);
	else if (!strcmp(does, "rounds") && argc == 5)
		rounds(argv[2], argv[3], argv[4]);
	else if (!strcmp(does, "hold") && argc == 4)
		hold(argv[2], argv[3]);
	else if (!strcmp(does, "push") && argc == 4)
		push(argv[2], argv[3]);
	else if (!strcmp(does, "idle") && argc == 3)
		idle(argv[2]);
	else if (!strcmp(does, "swell") && argc == 5)
		swell(argv[2], argv[3], argv[4]);
	else if (!strcmp(does, "peek") && argc == 4)
		peek(argv[2], argv[3]);
	else if (!strcmp(does, "say") && argc == 5)
		say(argv[2], argv[3], argv[4]);
	else if (!strcmp(does, "fill") && argc == 5)
		fill(argv[2], argv[3], argv[4]);
	else
		return 2;
	return 0;
}
