// SPDX-License-Identifier: GPL-2.0-only
/* Who waits looks for a while before sleeping, where that comes to something. */
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>

#include "../cases.h"
#include "../setting.h"
#include "../sock.h"

#define LONG_US		1000	/* the most there is */

/* With as many processors as there are sides, and a patient emulator. */
#define ROUNDS		500
#define TRIES		5

#define PAUSES		300
#define PAUSE_MS	3	/* much longer than LONG_US */

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
		skip("nobody looks while others want the only processor");
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
		skip("nobody looks while others want the only processor");
	fd = sock_serve();

	while (call(recv(fd, &c, 1, 0)) > 0)
		call_gives(send(fd, &c, 1, 0), 1);
}

/* Milliseconds of processor time it takes to wait again and again. */
static long cost_of_pauses(int fd, long us)
{
	struct rusage before, after;

	call(setting_write("busy_poll_us", us));
	call(getrusage(RUSAGE_SELF, &before));
	for (int i = 0; i < PAUSES; i++)
		one_byte(fd);
	call(getrusage(RUSAGE_SELF, &after));
	return (after.ru_utime.tv_sec + after.ru_stime.tv_sec -
		before.ru_utime.tv_sec - before.ru_stime.tv_sec) * 1000 +
	       (after.ru_utime.tv_usec + after.ru_stime.tv_usec -
		before.ru_utime.tv_usec - before.ru_stime.tv_usec) / 1000;
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

const struct test_case spin_cases[] = {
	{ "pays", "who looks before sleeping sleeps less", pays_client,
	  echo_server },
	{ "idle", "who looks in vain stops looking", idle_client, idle_server,
	  .seconds = 30 },
	{ }
};
