// SPDX-License-Identifier: GPL-2.0-only
/* Memory cgroups: who causes memory to be used is charged for it, and bounded. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../sock.h"
#include "../user.h"

#define GROUP	"schannel-test"
#define MIB	(1L << 20)
#define MAX	(24 * MIB)
/* A sixteenth beyond the limit, while memory is reclaimed; what a processor has in stock. */
#define MOST	(MAX + MAX / 16 + MIB)

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

/* Accepted connections belong to the listener's cgroup, whoever connects. */
static void accepted(void)
{
	struct user user;
	union address to;
	int i;

	user_allow_files(3000);
	cgroup_make(GROUP, MAX);
	user = user_start(USER_ROOT, GROUP, listen_here, (union address){});
	to = here(user.said);
	family->loop(&to);
	check_equal(charged(), 0);
	/* a page for the connection, and its ring */
	for (i = 0; i < 100; i++)
		sock_connect(to);
	check(charged() >= 100 * 2 * 4096);
	for (; i < 2000; i++)
		if (sock_try(sock_open(0), to))
			break;
	expect_bounded();
	user_end(&user);
	expect_returned();
}

static const struct test_case cases[] = {
	{ "rings", "rings are charged to the cgroup of their socket", rings },
	{ "accepted", "accepted connections to that of their listener", accepted },
	{ }
};

TEST_GROUP(memory, cases, .type = SOCK_STREAM,
	   .schannel_only = "what is charged is SChannel's");
