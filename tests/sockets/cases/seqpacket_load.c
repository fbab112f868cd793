// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_SEQPACKET: many records, large and small, from many and to many. */
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

/* A length: mostly small, at times as large as @most. */
static uint32_t random_length(uint64_t *random, uint32_t most)
{
	uint32_t limit = random_below(random, 10) ? 2000 : most - RECORD_LEAST;

	return RECORD_LEAST + random_below(random, limit + 1);
}

#define RECORDS		10000
#define LARGEST		60000

static void *send_many(void *arg)
{
	static char buffer[LARGEST];
	uint64_t random = test_env.seed + test_env.is_client;

	for (uint32_t i = 0; i < RECORDS; i++) {
		struct record record = {
			test_env.is_client, i, random_length(&random, LARGEST),
		};

		record_send(*(int *)arg, buffer, &record);
	}
	return NULL;
}

/* Both ways at once; the reader knows which lengths must come. */
static void exchange(int fd)
{
	uint64_t random = test_env.seed + !test_env.is_client;
	static char buffer[LARGEST];
	pthread_t sender;

	check_equal(pthread_create(&sender, NULL, send_many, &fd), 0);
	for (uint32_t i = 0; i < RECORDS; i++) {
		size_t n = call(recv(fd, buffer, sizeof(buffer), 0));
		struct record record = record_check(buffer, n);

		check_equal(record.sender, !test_env.is_client);
		check_equal(record.number, i);
		check_equal(n, random_length(&random, LARGEST));
	}
	pthread_join(sender, NULL);
	control_meet("DONE");
	call_fails(recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("NOTHING MORE");
}

static void exchange_client(void)
{
	exchange(sock_reach());
}

static void exchange_server(void)
{
	exchange(sock_serve());
}

/* One socket, many threads: each record arrives once, in one thread, and complete. */
#define THREADS		16
#define THREAD_RECORDS	500

struct sender {
	int fd;
	uint32_t number;
};

static void *send_own(void *arg)
{
	struct sender *sender = arg;
	uint64_t random = test_env.seed + sender->number;
	char *buffer = malloc(LARGEST);

	check(buffer);
	for (uint32_t i = 0; i < THREAD_RECORDS; i++) {
		struct record record = {
			sender->number, i, random_length(&random, LARGEST),
		};

		record_send(sender->fd, buffer, &record);
	}
	free(buffer);
	return NULL;
}

static void threads_client(void)
{
	struct sender senders[THREADS];
	pthread_t threads[THREADS];
	int fd = sock_reach();

	for (int i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){ .fd = fd, .number = i };
		check_equal(pthread_create(&threads[i], NULL, send_own,
					   &senders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static atomic_uint seen[THREADS][THREAD_RECORDS];

static void *recv_any(void *arg)
{
	char *buffer = malloc(LARGEST);
	ssize_t n;

	check(buffer);
	while ((n = call(recv(*(int *)arg, buffer, LARGEST, 0))) > 0) {
		struct record record = record_check(buffer, n);

		check(record.sender < THREADS && record.number < THREAD_RECORDS);
		atomic_fetch_add(&seen[record.sender][record.number], 1);
	}
	free(buffer);
	return NULL;
}

static void threads_server(void)
{
	pthread_t threads[THREADS];
	int fd = sock_serve();

	for (int i = 0; i < THREADS; i++)
		check_equal(pthread_create(&threads[i], NULL, recv_any, &fd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++) {
		for (int j = 0; j < THREAD_RECORDS; j++)
			check_equal(seen[i][j], 1);
	}
	control_meet("DONE");
}

/* Records of the largest size, each of which needs the whole ring. */
static void largest_client(void)
{
	int fd = sock_reach();
	size_t most = record_max(fd);
	char *buffer = malloc(most);
	uint64_t random = test_env.seed;

	check(buffer);
	for (uint32_t i = 0; i < 40; i++) {
		struct record record = {
			1, i, i % 2 ? most - random_below(&random, 40) :
				      RECORD_LEAST + random_below(&random, 5000),
		};

		record_send(fd, buffer, &record);
	}
	control_meet("DONE");
}

static void largest_server(void)
{
	static char buffer[SC_RING_MAX];
	int fd = sock_serve();

	for (uint32_t i = 0; i < 40; i++) {
		size_t n = call(recv(fd, buffer, sizeof(buffer), 0));

		check_equal(record_check(buffer, n).number, i);
	}
	control_meet("DONE");
}

/* There and back, one at a time. */
#define ROUNDS	500

static void ping_pong_client(void)
{
	int fd = sock_reach();
	char buffer[300];

	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct record record = { 1, i, RECORD_LEAST + i % 200 };
		size_t n;

		record_send(fd, buffer, &record);
		n = call(recv(fd, buffer, sizeof(buffer), 0));
		check_equal(record_check(buffer, n).number, i);
	}
}

static void ping_pong_server(void)
{
	int fd = sock_serve();
	char buffer[300];
	ssize_t n;

	while ((n = call(recv(fd, buffer, sizeof(buffer), 0))) > 0)
		call_gives(send(fd, buffer, n, 0), n);
}

static const struct test_case cases[] = {
	{ "exchange", "10000 records of random lengths each way at once",
	  exchange_client, exchange_server, .seconds = 60 },
	{ "threads", "16 threads send on one socket, 16 receive",
	  threads_client, threads_server, .seconds = 60 },
	{ "largest", "small records and the largest alternate", largest_client,
	  largest_server },
	{ "ping_pong", "500 round trips", ping_pong_client,
	  ping_pong_server },
	{ }
};

TEST_GROUP(seqpacket_load, cases, SEQPACKETS);
