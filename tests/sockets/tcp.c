// SPDX-License-Identifier: GPL-2.0-only
#include "tcp.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"
#include "control.h"
#include "divert.h"
#include "genl.h"
#include "sock.h"

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

struct search {
	uint32_t port, peer_port;
	int found;
};

static void take_flow(const struct nlmsghdr *answer, void *arg)
{
	struct search *search = arg;
	uint32_t port = genl_number(answer, SCHANNEL_A_FLOW_LOCAL_PORT);
	uint32_t peer_port = genl_number(answer, SCHANNEL_A_FLOW_PEER_PORT);

	search->found += (port == search->port && peer_port == search->peer_port) ||
			 (port == search->peer_port && peer_port == search->port);
}

int tcp_flows(int fd)
{
	union address name = { 0 };
	socklen_t size = sizeof(name);
	struct search search;
	int err;

	call(getpeername(fd, &name.any, &size));
	search = (struct search){ .port = sock_port(fd), .peer_port = family->port(&name) };
	err = genl_dump(SCHANNEL_CMD_FLOW_GET, take_flow, &search);
	if (err)
		fail("the flows cannot be listed: %s", errno_name(-err));
	return search.found;
}

void tcp_await_flow(int fd)
{
	int64_t end = now_ms() + patience_ms();
	int wanted = test_env.two_domains ? 1 : 2;

	while (tcp_flows(fd) < wanted) {
		if (now_ms() > end)
			fail("no flow carries the connection");
		poll(NULL, 0, 1);
	}
}

bool tcp_kill_flows(uint32_t port)
{
	char command[80];

	snprintf(command, sizeof(command), "schannelctl flows kill dport %u >/dev/null 2>&1", port);
	return !system(command);
}

int tcp_move(int fd)
{
	if (!divert_is_there())
		return fd;
	if (test_env.is_client)
		tcp_await_flow(fd);
	/* the first round trip announces that both directions move, the second one waits for it */
	tcp_talk(fd);
	tcp_talk(fd);
	return fd;
}

int tcp_reach(void)
{
	return tcp_move(sock_reach());
}

int tcp_serve(void)
{
	return tcp_move(sock_serve());
}

int tcp_reach_moved(void)
{
	divert_need();
	return tcp_reach();
}

int tcp_serve_moved(void)
{
	divert_need();
	return tcp_serve();
}

static char own_cgroup[256];

static void enter(const char *cgroup)
{
	char path[512];
	int fd;

	if (!divert_is_there())
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
