// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-flows - measure many AF_SCHANNEL connections at the same time
 *
 *	bench-flows server PORT FLOWS
 *	bench-flows client DOMID PORT FLOWS
 *
 * The server accepts up to FLOWS connections, and receives and discards their data until it is
 * killed. The client opens FLOWS connections, prints how many it opened per second, and leaves
 * them idle. For each line on its standard input,
 *
 *	THREADS FLOWS BYTES SECONDS
 *
 * THREADS threads send blocks of BYTES on the first FLOWS connections for SECONDS, each thread on
 * its share of the connections. Then the client prints the bytes sent: by all, and by the
 * connections with the fewest, the median and the most. The first quarter of the time, in which
 * data fills the rings, does not count. The client's output is JSON, an object on each line. It
 * ends with status 0 at the end of its input, with 1 after an error, with 2 for invalid arguments.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/schannel.h>

#include "clock.h"

#define FAMILY_FILE	"/sys/module/schannel/parameters/family"
#define FLOWS_MAX	65536
#define THREADS_MAX	1024
#define BYTES_MAX	(1024 * 1024)
#define RECEIVE_SIZE	65536	/* of the server's buffer */
#define EVENTS		256
#define POLL_MS		100	/* a blocked sender checks the deadline this often */
#define FILES_EXTRA	64	/* descriptors that are not connections */
#define WARMUP_SHARE	4	/* the first quarter of the time does not count */

static unsigned long parse_number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || !value || value > max)
		errx(2, "'%s' is not a number from 1 to %lu", text, max);
	return value;
}

static void allow_files(unsigned int flows)
{
	const struct rlimit limit = { flows + FILES_EXTRA, flows + FILES_EXTRA };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "cannot allow %u open files", flows);
}

static struct sockaddr_sc address(uint32_t domid, unsigned int port)
{
	struct sockaddr_sc to = { .sc_domid = domid, .sc_port = port };
	FILE *file = fopen(FAMILY_FILE, "re");
	unsigned int family;

	if (!file || fscanf(file, "%u", &family) != 1)
		err(1, "%s: is the module loaded?", FAMILY_FILE);
	fclose(file);
	to.sc_family = family;
	return to;
}

static void watch(int epoll, int fd, uint32_t events, uint64_t what)
{
	struct epoll_event event = { .events = events, .data.u64 = what };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
		err(1, "epoll_ctl");
}

/* ---- The server ---------------------------------------------------------- */

static void serve_flow(int fd, void *buffer)
{
	ssize_t n = recv(fd, buffer, RECEIVE_SIZE, MSG_DONTWAIT);

	/* The client has closed the connection, or has ended. */
	if (!n || (n < 0 && errno != EAGAIN))
		close(fd);
}

static int server(unsigned int port, unsigned int flows)
{
	struct sockaddr_sc at = address(SC_DOMID_ANY, port);
	int listener = socket(at.sc_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event[EVENTS];
	char *buffer = malloc(RECEIVE_SIZE);
	int i, n, fd;

	if (listener < 0 || epoll < 0 || !buffer)
		err(1, "cannot create the listener");
	allow_files(flows);
	if (bind(listener, (const void *)&at, sizeof(at)) || listen(listener, SOMAXCONN))
		err(1, "cannot listen");
	watch(epoll, listener, EPOLLIN, listener);
	setlinebuf(stdout);
	puts("listening");
	for (;;) {
		n = epoll_wait(epoll, event, EVENTS, -1);
		for (i = 0; i < n; i++) {
			fd = event[i].data.u64;
			if (fd != listener) {
				serve_flow(fd, buffer);
				continue;
			}
			fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (fd < 0)
				err(1, "cannot accept");
			watch(epoll, fd, EPOLLIN, fd);
		}
	}
}

/* ---- The client ---------------------------------------------------------- */

struct run {
	const int *fd;
	unsigned int threads;
	unsigned int flows;
	unsigned int bytes;
	uint64_t counts_from;
	uint64_t deadline;
	uint64_t *sent;		/* by each flow, since counts_from */
};

struct sender {
	const struct run *run;
	unsigned int first;	/* its flows: first, first + threads, first + 2 * threads, ... */
	pthread_t thread;
};

static pthread_barrier_t start_barrier;

static void send_ready(const struct run *run, unsigned int flow, const char *block)
{
	ssize_t n = send(run->fd[flow], block, run->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		err(1, "flow %u: cannot send", flow);
	if (n > 0 && clock_coarse() >= run->counts_from)
		run->sent[flow] += n;
}

static void *send_all(void *arg)
{
	struct sender *sender = arg;
	const struct run *run = sender->run;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char *block = calloc(1, run->bytes);
	struct epoll_event event[EVENTS];
	unsigned int flow;
	int i, n;

	if (epoll < 0 || !block)
		err(1, NULL);
	for (flow = sender->first; flow < run->flows; flow += run->threads)
		watch(epoll, run->fd[flow], EPOLLOUT, flow);
	/* All threads are ready at the first wait, and know the times after the second. */
	pthread_barrier_wait(&start_barrier);
	pthread_barrier_wait(&start_barrier);
	while (clock_coarse() < run->deadline) {
		n = epoll_wait(epoll, event, EVENTS, POLL_MS);
		for (i = 0; i < n; i++)
			send_ready(run, event[i].data.u64, block);
	}
	close(epoll);
	free(block);
	return NULL;
}

static int less(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static void print_run(const struct run *run)
{
	double seconds = (run->deadline - run->counts_from) / 1e9;
	uint64_t all = 0;
	unsigned int i;

	for (i = 0; i < run->flows; i++)
		all += run->sent[i];
	qsort(run->sent, run->flows, sizeof(*run->sent), less);
	printf("{\"flows\": %u, \"bytes\": %u, \"value\": %.3f, \"unit\": \"MiB/s\"",
	       run->flows, run->bytes, all / (1024.0 * 1024) / seconds);
	printf(", \"moved_bytes\": %ju, \"fewest_bytes\": %ju", all, run->sent[0]);
	printf(", \"median_bytes\": %ju, \"most_bytes\": %ju", run->sent[run->flows / 2],
	       run->sent[run->flows - 1]);
	printf(", \"fewest_share\": %.3f}\n",
	       all ? run->sent[0] / ((double)all / run->flows) : 0);
}

static void send_run(struct run *run, double seconds)
{
	struct sender *sender = calloc(run->threads, sizeof(*sender));
	uint64_t ns = seconds * NS_PER_S;
	unsigned int i;

	run->sent = calloc(run->flows, sizeof(*run->sent));
	if (!sender || !run->sent)
		err(1, NULL);
	pthread_barrier_init(&start_barrier, NULL, run->threads + 1);
	for (i = 0; i < run->threads; i++) {
		sender[i].run = run;
		sender[i].first = i;
		if (pthread_create(&sender[i].thread, NULL, send_all, &sender[i]))
			errx(1, "cannot create %u threads", run->threads);
	}
	pthread_barrier_wait(&start_barrier);
	run->counts_from = clock_coarse() + ns / WARMUP_SHARE;
	run->deadline = clock_coarse() + ns;
	pthread_barrier_wait(&start_barrier);
	for (i = 0; i < run->threads; i++)
		pthread_join(sender[i].thread, NULL);
	pthread_barrier_destroy(&start_barrier);
	print_run(run);
	free(run->sent);
	free(sender);
}

static void open_flows(const struct sockaddr_sc *to, unsigned int flows, int *fd)
{
	uint64_t start = clock_now();
	unsigned int i;
	double seconds;

	for (i = 0; i < flows; i++) {
		fd[i] = socket(to->sc_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd[i] < 0 || connect(fd[i], (const void *)to, sizeof(*to)))
			err(1, "cannot open connection %u of %u", i + 1, flows);
	}
	seconds = (clock_now() - start) / 1e9;
	printf("{\"flows\": %u, \"value\": %.1f, \"unit\": \"1/s\"}\n", flows, flows / seconds);
}

static int client(uint32_t domid, unsigned int port, unsigned int flows)
{
	struct sockaddr_sc to = address(domid, port);
	int *fd = calloc(flows, sizeof(*fd));
	struct run run;
	double seconds;
	char line[128];

	if (!fd)
		err(1, NULL);
	setlinebuf(stdout);
	allow_files(flows + THREADS_MAX);
	open_flows(&to, flows, fd);
	while (fgets(line, sizeof(line), stdin)) {
		run = (struct run){ .fd = fd };
		if (sscanf(line, "%u %u %u %lf", &run.threads, &run.flows, &run.bytes,
			   &seconds) != 4 ||
		    !run.threads || run.threads > THREADS_MAX || run.threads > run.flows ||
		    run.flows > flows || !run.bytes || run.bytes > BYTES_MAX)
			errx(2, "invalid request: %s", line);
		send_run(&run, seconds);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "server"))
		return server(parse_number(argv[2], INT32_MAX), parse_number(argv[3], FLOWS_MAX));
	if (argc == 5 && !strcmp(argv[1], "client"))
		return client(parse_number(argv[2], SC_DOMID_SELF),
			      parse_number(argv[3], INT32_MAX), parse_number(argv[4], FLOWS_MAX));
	fprintf(stderr, "usage: bench-flows server PORT FLOWS\n"
			"       bench-flows client DOMID PORT FLOWS\n");
	return 2;
}
