// SPDX-License-Identifier: GPL-2.0-only
/* Busy polling: a waiting thread polls for a while before it sleeps, where that helps. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "../group.h"
#include "../setting.h"
#include "../sock.h"

#define LONG_US		1000	/* the most there is */

/* With as many processors as there are sides, and a patient emulator. */
#define ROUNDS		500
#define TRIES		5

#define PAUSES		300
#define PAUSE_MS	3	/* much longer than LONG_US */

#define PEEK_MS		400

/* A reply this late is beyond the usual polling time, but not beyond that after a miss. */
#define PROMPT_US	200
#define LATE_US		800
#define ACCIDENTS	20
#define LATE		'l'

static unsigned long sleeps(int fd)
{
	struct sc_flow_stats stats;
	socklen_t length = sizeof(stats);

	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_STATS, &stats, &length));
	return stats.rx_waits;
}

static void one_byte(int fd)
{
	call_gives(send(fd, "x", 1, 0), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
}

static unsigned long sleeps_in_rounds(int fd, long us)
{
	unsigned long before = sleeps(fd);

	call(setting_write("busy_poll_us", us));
	for (int i = 0; i < ROUNDS; i++)
		one_byte(fd);
	return sleeps(fd) - before;
}

/* Other work on the machine may take a processor away, now and then. */
static void pays_client(void)
{
	long usual = setting_read("busy_poll_us");
	unsigned long without, with;
	int tries = TRIES;
	int fd;

	if (!test_env.two_domains && get_nprocs() < 2)
		skip("no busy polling on a single processor that others want");
	fd = sock_reach();
	do {
		without = sleeps_in_rounds(fd, 0);
		with = sleeps_in_rounds(fd, LONG_US);
	} while (with > without / 10 * 9 && --tries);
	call(setting_write("busy_poll_us", usual));
	if (!tries)
		fail("slept %lu times of %d without looking, %lu with",
		     without, ROUNDS, with);
}

static void echo_server(void)
{
	char c;
	int fd;

	if (!test_env.two_domains && get_nprocs() < 2)
		skip("no busy polling on a single processor that others want");
	fd = sock_serve();

	while (call(recv(fd, &c, 1, 0)) > 0)
		call_gives(send(fd, &c, 1, 0), 1);
}

/* Milliseconds of processor time this process has had. */
static long cpu_ms(void)
{
	struct rusage usage;

	call(getrusage(RUSAGE_SELF, &usage));
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* What it takes of that to wait again and again. */
static long cost_of_pauses(int fd, long us)
{
	long before;

	call(setting_write("busy_poll_us", us));
	before = cpu_ms();
	for (int i = 0; i < PAUSES; i++)
		one_byte(fd);
	return cpu_ms() - before;
}

/* If it looked each time, that alone would take PAUSES times LONG_US. */
static void idle_client(void)
{
	long usual = setting_read("busy_poll_us");
	int fd = sock_reach();
	int tries = TRIES;
	long without, with;

	do {
		without = cost_of_pauses(fd, 0);
		with = cost_of_pauses(fd, LONG_US);
	} while (with - without > PAUSES * LONG_US / 1000 / 2 && --tries);
	call(setting_write("busy_poll_us", usual));
	if (!tries)
		fail("%d waits took %ld ms without looking, %ld with", PAUSES,
		     without, with);
}

static void idle_server(void)
{
	int fd = sock_serve();
	char c;

	while (call(recv(fd, &c, 1, 0)) > 0) {
		/* that it takes its time is what this is about */
		poll(NULL, 0, PAUSE_MS);
		call_gives(send(fd, &c, 1, 0), 1);
	}
}

static unsigned long sleeps_in_exchange(int fd, char what)
{
	unsigned long before = sleeps(fd);

	call_gives(send(fd, &what, 1, 0), 1);
	call_gives(recv(fd, &what, 1, 0), 1);
	return sleeps(fd) - before;
}

/*
 * Where all is prompt, an answer is late, and the next one as well: how often it is slept for
 * that, too. @seen is how often all was prompt: other work on the machine, or a kernel that
 * checks each access, can make any answer late.
 */
static unsigned long sleeps_after_accidents(int fd, int *seen)
{
	unsigned long again = 0;

	*seen = 0;
	for (int i = 0; i < ACCIDENTS; i++) {
		for (int j = 0; j < 4; j++)
			one_byte(fd);
		if (sleeps_in_exchange(fd, 'x'))
			continue;
		sleeps_in_exchange(fd, LATE);
		again += sleeps_in_exchange(fd, LATE);
		++*seen;
	}
	return again;
}

static void accident_client(void)
{
	long usual = setting_read("busy_poll_us");
	unsigned long again;
	int tries = TRIES, fd, seen;
	bool judged = false, good;

	if (!test_env.two_domains && get_nprocs() < 2)
		skip("no busy polling on a single processor that others want");
	fd = sock_reach();
	call(setting_write("busy_poll_us", PROMPT_US));
	do {
		again = sleeps_after_accidents(fd, &seen);
		good = seen >= ACCIDENTS / 2 && again <= seen / 2UL;
		judged |= seen >= ACCIDENTS / 2;
	} while (!good && --tries);
	call(setting_write("busy_poll_us", usual));
	if (!judged)
		skip("replies are seldom prompt on this machine");
	if (!good)
		fail("slept again after %lu of %d late replies", again, seen);
}

static int64_t now_us(void)
{
	struct timespec now;

	call(clock_gettime(CLOCK_MONOTONIC, &now));
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void accident_server(void)
{
	int64_t until;
	char c;
	int fd;

	if (!test_env.two_domains && get_nprocs() < 2)
		skip("no busy polling on a single processor that others want");
	fd = sock_serve();
	while (call(recv(fd, &c, 1, 0)) == 1) {
		until = c == LATE ? now_us() + LATE_US : 0;
		/* without sleeping: it is not to be woken even later */
		while (until && now_us() < until)
			;
		call_gives(send(fd, &c, 1, 0), 1);
	}
}

/* Unread data before the peek offset must not keep the thread from sleeping. */
static void peek_client(void)
{
	long usual = setting_read("busy_poll_us");
	int fd = sock_reach();
	long cost, most = 0;
	char buffer[20];

	call(setting_write("busy_poll_us", LONG_US));
	call_gives(send(fd, "x", 1, 0), 1);
	sock_await(fd, POLLIN);
	sock_set_timeout(fd, SO_RCVTIMEO, PEEK_MS);
	/* more than once, since it did not always go wrong */
	for (int i = 0; i < TRIES; i++) {
		cost = cpu_ms();
		call_gives(recv(fd, buffer, sizeof(buffer),
				MSG_PEEK | MSG_WAITALL), 1);
		cost = cpu_ms() - cost;
		if (cost > most)
			most = cost;
	}
	call(setting_write("busy_poll_us", usual));
	if (most > PEEK_MS / 4)
		fail("waiting for %d ms took %ld ms", PEEK_MS, most);
	call_gives(recv(fd, buffer, 1, 0), 1);
}

static const struct test_case cases[] = {
	{ "pays", "a thread that busy polls sleeps less", pays_client,
	  echo_server },
	{ "idle", "busy polling stops when it is in vain", idle_client, idle_server,
	  .seconds = 30 },
	{ "accident", "busy polling lasts longer after a late reply", accident_client,
	  accident_server, .seconds = 30 },
	{ "peek", "a peek beyond the received bytes sleeps", peek_client,
	  echo_server },
	{ }
};

TEST_GROUP(spin, cases, .type = SOCK_STREAM,
	   .schannel_only = "SO_SC_STATS is SChannel's");
