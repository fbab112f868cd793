// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_DGRAM: many senders, many receivers, many datagrams. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../sock.h"

/* Several senders, each with a socket of its own, to one receiver. */
#define SENDERS		8
#define SENT_EACH	800
#define WINDOW		8	/* unanswered ones, so that none is dropped */
#define LENGTH		900

struct sender {
	union address to;
	uint32_t number;
};

static void *send_in_order(void *arg)
{
	struct sender *sender = arg;
	uint64_t random = test_env.seed + sender->number;
	int fd = sock_bound();
	char buffer[LENGTH];

	sock_set_timeout(fd, SO_RCVTIMEO, patience_ms());
	for (uint32_t i = 0; i < SENT_EACH; i++) {
		uint32_t span = LENGTH - RECORD_LEAST;
		struct record record = {
			sender->number, i,
			RECORD_LEAST + random_below(&random, span),
		};

		record_fill(buffer, &record);
		call_gives(sendto(fd, buffer, record.length, 0, &sender->to.any,
				  family->length), record.length);
		if (i % WINDOW == WINDOW - 1)
			record_hear(fd, "go on");
	}
	close(fd);
	return NULL;
}

static void senders_client(void)
{
	union address to = sock_told();
	struct sender senders[SENDERS];
	pthread_t threads[SENDERS];

	for (int i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .to = to, .number = i };
		check_equal(pthread_create(&threads[i], NULL, send_in_order,
					   &senders[i]), 0);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	control_meet("DONE");
}

static void senders_server(void)
{
	uint32_t next[SENDERS] = { 0 }, ports[SENDERS] = { 0 };
	int fd = sock_bound();
	char buffer[LENGTH];

	sock_tell(fd);
	for (int i = 0; i < SENDERS * SENT_EACH; i++) {
		union address from;
		socklen_t length = sizeof(from);
		ssize_t n = call(recvfrom(fd, buffer, sizeof(buffer), 0,
					  &from.any, &length));
		struct record record = record_check(buffer, n);
		uint32_t port = family->port(&from);

		check(record.sender < SENDERS);
		check_equal(record.number, next[record.sender]);
		next[record.sender]++;
		if (!record.number)
			ports[record.sender] = port;
		check_equal(port, ports[record.sender]);
		if (next[record.sender] % WINDOW == 0)
			record_say_to(fd, "go on", from);
	}
	control_meet("DONE");
}

/* One socket that many threads send on, one that many receive from. */
#define THREADS		16
#define THREAD_SENDS	300
#define THREAD_LENGTH	3000

struct shared {
	int fd;
	uint32_t number;
};

static void *send_shared(void *arg)
{
	struct shared *shared = arg;
	char buffer[THREAD_LENGTH];

	for (uint32_t i = 0; i < THREAD_SENDS; i++) {
		struct record record = { shared->number, i, THREAD_LENGTH - i };

		record_send(shared->fd, buffer, &record);
	}
	return NULL;
}

static void threads_client(void)
{
	struct shared shared[THREADS];
	pthread_t threads[THREADS];
	int fd = sock_reach();

	for (int i = 0; i < THREADS; i++) {
		shared[i] = (struct shared){ .fd = fd, .number = i };
		check_equal(pthread_create(&threads[i], NULL, send_shared,
					   &shared[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* nobody's: an end for each of the receivers */
	do {
		send(fd, "", 0, MSG_DONTWAIT);
	} while (!(sock_state(test_env.control) & POLLIN));
	control_meet("DONE");
}

static atomic_uint seen[THREADS][THREAD_SENDS];

static void *recv_shared(void *arg)
{
	char buffer[THREAD_LENGTH];
	ssize_t n;

	while ((n = call(recv(*(int *)arg, buffer, sizeof(buffer), 0))) > 0) {
		struct record record = record_check(buffer, n);

		check(record.sender < THREADS && record.number < THREAD_SENDS);
		/* datagrams may be dropped, but none comes twice */
		check_equal(atomic_fetch_add(&seen[record.sender][record.number],
					     1), 0);
	}
	return NULL;
}

static void threads_server(void)
{
	pthread_t threads[THREADS];
	int fd = sock_serve();

	for (int i = 0; i < THREADS; i++)
		check_equal(pthread_create(&threads[i], NULL, recv_shared, &fd),
			    0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	control_meet("DONE");
}

/* Pairs that all talk at once, one datagram at a time, small and large. */
#define PAIRS		16
#define ROUNDS		100
#define LARGEST		30000

static void pairs_client(void)
{
	static char buffer[LARGEST];
	uint64_t random = test_env.seed;
	struct pollfd states[PAIRS];
	uint32_t said[PAIRS] = { 0 };
	int left = PAIRS;

	for (int i = 0; i < PAIRS; i++) {
		states[i].fd = sock_reach();
		states[i].events = POLLIN;
	}
	for (int i = 0; i < PAIRS; i++)
		record_send(states[i].fd, buffer,
			    &(struct record){ i, 0, RECORD_LEAST });
	while (left) {
		if (!sock_poll(states, PAIRS))
			fail("%d pairs stand still", left);
		for (int i = 0; i < PAIRS; i++) {
			struct record record;
			size_t n;

			if (!states[i].revents)
				continue;
			n = call(recv(states[i].fd, buffer, LARGEST, 0));
			record = record_check(buffer, n);
			check_equal(record.sender, i);
			check_equal(record.number, said[i]);
			record.number = ++said[i];
			record.length = RECORD_LEAST +
				random_below(&random, LARGEST - RECORD_LEAST);
			if (said[i] == ROUNDS) {
				states[i].fd = -1;
				left--;
				continue;
			}
			record_send(states[i].fd, buffer, &record);
		}
	}
	control_meet("DONE");
}

static void *answer(void *arg)
{
	char buffer[LARGEST];
	int fd = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = call(recv(fd, buffer, sizeof(buffer), 0));

		call_gives(send(fd, buffer, n, 0), n);
	}
	return NULL;
}

static void pairs_server(void)
{
	pthread_t threads[PAIRS];
	int fds[PAIRS];

	for (int i = 0; i < PAIRS; i++)
		fds[i] = sock_serve();
	for (int i = 0; i < PAIRS; i++)
		check_equal(pthread_create(&threads[i], NULL, answer, &fds[i]),
			    0);
	for (int i = 0; i < PAIRS; i++)
		pthread_join(threads[i], NULL);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "senders", "8 senders to one, in each sender's order",
	  senders_client, senders_server, .seconds = 60 },
	{ "threads", "16 threads send on one socket, 16 receive",
	  threads_client, threads_server },
	{ "pairs", "16 pairs at once", pairs_client, pairs_server,
	  .seconds = 60 },
	{ }
};

TEST_GROUP(dgram_load, cases, DGRAMS);
