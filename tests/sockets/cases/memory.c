// SPDX-License-Identifier: GPL-2.0-only
/* Memory cgroups: who causes memory to be used is charged for it, and bounded. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../setting.h"
#include "../sock.h"
#include "../user.h"

#define GROUP	"schannel-test"
#define MIB	(1024L * 1024)
#define MAX	(24 * MIB)
/* What is left to programs, less what each processor may have in stock. */
#define MOST	(MAX - MAX / 8 + 2 * MIB)

static union address self(int fd)
{
	union address to = here(sock_port(fd));

	family->loop(&to);
	return to;
}

static long charged(void)
{
	return cgroup_read(GROUP, "memory.stat", "sock");
}

static void expect_bounded(void)
{
	check(cgroup_read(GROUP, "memory.current", NULL) <= MOST);
	check_equal(cgroup_read(GROUP, "memory.events", "oom_kill"), 0);
}

static void expect_returned(void)
{
	while (charged() > 0)
		usleep(1000);
	cgroup_remove(GROUP);
}

/* Connections with large rings, as many as there are. */
static long connect_all(union address to)
{
	struct sc_ring_sizes large = { .tx = 256 << 10 };
	long connections = 0;
	int fd;

	for (; connections < 2000; connections++) {
		fd = sock_open(0);
		call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MIN, &large, sizeof(large)));
		if (sock_try(fd, to))
			break;
	}
	if (connections < 2000)
		check(errno == ENOBUFS || errno == ENOMEM);
	return connections;
}

static void rings(void)
{
	int listener = sock_listen(4096), fd;
	struct user user;
	char c;

	user_allow_files(3000);
	cgroup_make(GROUP, MAX);
	user = user_start(USER_ROOT, GROUP, connect_all, self(listener));
	check(user.said >= 40 && user.said < 100);
	check(charged() >= user.said * (256 << 10));
	expect_bounded();
	/* others do not notice */
	fd = sock_listen(1);
	call_gives(send(sock_connect(self(fd)), "x", 1, 0), 1);
	call_gives(recv(sock_accept(fd), &c, 1, 0), 1);
	expect_bounded();
	user_end(&user);
	close(listener);
	expect_returned();
}

static long listen_here(union address unused)
{
	(void)unused;
	return sock_port(sock_listen(4096));
}

static long connect_some(union address to)
{
	for (int i = 0; i < 100; i++)
		sock_connect(to);
	return 0;
}

/* Accepted connections belong to the listener's cgroup, whoever connects. */
static void accepted(void)
{
	struct user server, some, all;
	union address to;

	user_allow_files(3000);
	cgroup_make(GROUP, MAX);
	server = user_start(USER_ROOT, GROUP, listen_here, (union address){});
	to = here(server.said);
	family->loop(&to);
	check_equal(charged(), 0);
	some = user_start(USER_ROOT, NULL, connect_some, to);
	/* a page for each connection, and a ring */
	check(charged() >= 100 * 2 * 4096);
	all = user_start(USER_ROOT, NULL, connect_all, to);
	expect_bounded();
	user_end(&all);
	user_end(&some);
	user_end(&server);
	expect_returned();
}

#define DGRAM	60000

static void fill(int out, union address to)
{
	static char buffer[DGRAM];

	for (int i = 0; i < 4; i++)
		call_gives(sendto(out, buffer, DGRAM, 0, &to.any, family->length),
			   DGRAM);
}

/* Bound sockets, each with as many datagrams as it takes. */
static long fill_sockets(union address unused)
{
	int out = sock_open(0);

	(void)unused;
	for (int i = 0; i < 500; i++)
		fill(out, self(sock_bound()));
	return 0;
}

static void datagrams(void)
{
	struct user user;

	test_env.type = SOCK_DGRAM;
	user_allow_files(1000);
	cgroup_make(GROUP, MAX);
	user = user_start(USER_ROOT, GROUP, fill_sockets, (union address){});
	check(charged() > MAX / 2);
	expect_bounded();
	user_end(&user);
	expect_returned();
}

/* All datagrams together stay below net.schannel.dgram_mem_kib; little ones still pass. */
#define SOCKETS	100

static void all_datagrams(void)
{
	long before = setting_read("dgram_mem_kib");
	int out, last, fds[SOCKETS], filled = 0;
	union address to;
	char c;

	test_env.type = SOCK_DGRAM;
	out = sock_open(0);
	last = sock_bound();
	call(setting_write("dgram_mem_kib", 8192));
	for (int i = 0; i < SOCKETS; i++) {
		fds[i] = sock_bound();
		fill(out, self(fds[i]));
	}
	/* once this has arrived, all have, or were dropped */
	to = self(last);
	call_gives(sendto(out, "x", 1, 0, &to.any, family->length), 1);
	call_gives(recv(last, &c, 1, 0), 1);
	for (int i = 0; i < SOCKETS; i++)
		filled += !!(sock_state(fds[i]) & POLLIN);
	check(filled >= 20 && filled < 40);
	/* there is room again */
	for (int i = 0; i < SOCKETS - 1; i++)
		close(fds[i]);
	fill(out, self(fds[SOCKETS - 1]));
	check(sock_await(fds[SOCKETS - 1], POLLIN) & POLLIN);
	call(setting_write("dgram_mem_kib", before));
}

static const struct test_case cases[] = {
	{ "rings", "rings are charged to the cgroup of their socket", rings },
	{ "accepted", "accepted connections to that of their listener", accepted },
	{ "datagrams", "datagrams to that of their receiver", datagrams },
	{ "all_datagrams", "all datagrams together are bounded", all_datagrams },
	{ }
};

TEST_GROUP(memory, cases, .type = SOCK_STREAM,
	   .schannel_only = "what is charged is SChannel's");
