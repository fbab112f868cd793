// SPDX-License-Identifier: GPL-2.0-only
#include "tcp.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"
#include "control.h"

/* The root cgroup is never attached. */
#define CGROUPS	"/sys/fs/cgroup"

int tcp_get(int fd, int option)
{
	socklen_t size = sizeof(int);
	int value;

	call(getsockopt(fd, IPPROTO_TCP, option, &value, &size));
	return value;
}

void tcp_set(int fd, int option, int value)
{
	call(setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value)));
}

struct tcp_info tcp_info(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	call(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
	return info;
}

void tcp_await_state(int fd, int state)
{
	int64_t end = now_ms() + patience_ms();

	while (tcp_info(fd).tcpi_state != state) {
		if (now_ms() > end)
			fail("TCP_INFO says state %d, never %d",
			     tcp_info(fd).tcpi_state, state);
		poll(NULL, 0, 1);
	}
}

void tcp_talk(int fd)
{
	char c = 0;

	call_gives(send(fd, test_env.is_client ? "c" : "s", 1, MSG_NOSIGNAL), 1);
	call_gives(recv(fd, &c, 1, 0), 1);
	check_equal(c, test_env.is_client ? 's' : 'c');
}

void tcp_talk_pair(int left, int right)
{
	char c = 0;

	call_gives(send(left, "l", 1, MSG_NOSIGNAL), 1);
	call_gives(recv(right, &c, 1, 0), 1);
	check_equal(c, 'l');
	call_gives(send(right, "r", 1, MSG_NOSIGNAL), 1);
	call_gives(recv(left, &c, 1, 0), 1);
	check_equal(c, 'r');
}

static char own_cgroup[256];

static void enter(const char *cgroup)
{
	char path[512];
	int fd;

	if (!test_env.diverted)
		return;
	snprintf(path, sizeof(path), CGROUPS "%s/cgroup.procs", cgroup);
	fd = call(open(path, O_WRONLY | O_CLOEXEC));
	call_gives(write(fd, "0", 1), 1);
	close(fd);
}

static void look_where_we_are(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");

	check(file);
	while (fscanf(file, "0::%255s\n", own_cgroup) != 1)
		check(fscanf(file, "%*[^\n]\n") != EOF);
	fclose(file);
}

void tcp_leave_cgroup(void)
{
	look_where_we_are();
	enter("");
}

void tcp_return_to_cgroup(void)
{
	enter(own_cgroup);
}

int tcp_open_cgroup(void)
{
	char path[512];
	int fd;

	look_where_we_are();
	snprintf(path, sizeof(path), CGROUPS "%s", own_cgroup);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		skip("%s: %s", path, errno_name(errno));
	return fd;
}
