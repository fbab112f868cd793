// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: listeners of every kind, and what they get. */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../sock.h"
#include "../tcp.h"

#define GROUP	4
#define MANY	200

/* One byte from the server, then the end: which listener it was. */
static int reach_one_of(union address to)
{
	int fd = sock_connect(to);
	char which;

	call_gives(recv(fd, &which, 1, 0), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	close(fd);
	return which;
}

static void answer(int listener, char which)
{
	int fd = sock_accept(listener);

	call_gives(send(fd, &which, 1, 0), 1);
	close(fd);
}

/* SO_REUSEPORT: each of the group gets connections; once half is closed, the others get all. */
static void reuseport_client(void)
{
	union address to = sock_told();
	int each[GROUP] = { 0 };

	for (int i = 0; i < MANY; i++)
		each[reach_one_of(to)]++;
	for (int i = 0; i < GROUP; i++)
		check(each[i] > 0);
	control_meet("HALF");
	control_meet("GONE");
	for (int i = 0; i < MANY; i++)
		check(reach_one_of(to) < GROUP / 2);
	control_meet("DONE");
}

static void serve_group(struct pollfd *group, int n)
{
	for (int left = MANY; left;) {
		call(poll(group, n, -1));
		for (int i = 0; i < n; i++) {
			if (!(group[i].revents & POLLIN))
				continue;
			answer(group[i].fd, i);
			left--;
		}
	}
}

static void reuseport_server(void)
{
	struct pollfd group[GROUP];
	uint32_t port = 0;

	for (int i = 0; i < GROUP; i++) {
		group[i].fd = sock_open(0);
		group[i].events = POLLIN;
		sock_set(group[i].fd, SO_REUSEPORT, 1);
		call(sock_bind(group[i].fd, here(port)));
		call(listen(group[i].fd, MANY));
		port = sock_port(group[i].fd);
	}
	sock_tell(group[0].fd);
	serve_group(group, GROUP);
	control_meet("HALF");
	for (int i = GROUP / 2; i < GROUP; i++)
		close(group[i].fd);
	control_meet("GONE");
	serve_group(group, GROUP / 2);
	control_meet("DONE");
}

static int listen_six(uint16_t port, bool only)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	int fd = call(socket(AF_INET6, SOCK_STREAM, 0));

	call(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ only }, sizeof(int)));
	call(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	call(listen(fd, 4));
	return fd;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 name;
	socklen_t size = sizeof(name);

	call(getsockname(fd, (struct sockaddr *)&name, &size));
	return ntohs(name.sin6_port);
}

static void check_six(const struct sockaddr_in6 *name, socklen_t size, bool four)
{
	check_equal(size, sizeof(*name));
	check_equal(name->sin6_family, AF_INET6);
	check_equal(!!IN6_IS_ADDR_V4MAPPED(&name->sin6_addr), four);
	check(name->sin6_port);
	check(!IN6_IS_ADDR_UNSPECIFIED(&name->sin6_addr));
}

/* [::] takes IPv4's connections too, and has IPv6's names for them. */
static void dual_stack_client(void)
{
	int fd = sock_reach();

	control_write("FOUR %d", !!strcmp(family->name, "inet6"));
	tcp_talk(fd);
	control_meet("DONE");
}

static void dual_stack_server(void)
{
	int listener = listen_six(0, false), fd;
	struct sockaddr_in6 from, name;
	socklen_t size = sizeof(from);
	bool four;

	control_write("PORT %u", port_of(listener));
	fd = call(accept(listener, (struct sockaddr *)&from, &size));
	four = control_read_number("FOUR");
	check_six(&from, size, four);
	call(getpeername(fd, (struct sockaddr *)&name, &size));
	check(!memcmp(&name, &from, sizeof(name)));
	call(getsockname(fd, (struct sockaddr *)&name, &size));
	check_six(&name, size, four);
	tcp_talk(fd);
	control_meet("DONE");
}

/* One port, two listeners: [::] with IPV6_V6ONLY, and 0.0.0.0. */
static void v6only_client(void)
{
	check_equal(reach_one_of(sock_told()),
		    strcmp(family->name, "inet6") ? '4' : '6');
	control_meet("DONE");
}

static void v6only_server(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int six = listen_six(0, true);
	int four = call(socket(AF_INET, SOCK_STREAM, 0));
	struct pollfd both[] = {
		{ .fd = six, .events = POLLIN },
		{ .fd = four, .events = POLLIN },
	};

	any.sin_port = htons(port_of(six));
	call(bind(four, (struct sockaddr *)&any, sizeof(any)));
	call(listen(four, 4));
	control_write("PORT %u", ntohs(any.sin_port));
	check(sock_poll(both, 2));
	answer(both[0].revents ? six : four, both[0].revents ? '6' : '4');
	control_meet("DONE");
}

/* The address that was connected to is preferred over any; gone, any is good. */
static void specific_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 10; i++)
		check_equal(reach_one_of(to), 'a');
	control_meet("SPECIFIC");
	control_meet("LISTENS");
	for (int i = 0; i < 10; i++)
		check_equal(reach_one_of(to), 's');
	control_meet("SPECIFIC");
	control_meet("GONE");
	check_equal(reach_one_of(to), 'a');
	control_meet("DONE");
}

static void specific_server(void)
{
	int any = sock_open(0), specific = sock_open(0);
	union address own;
	int fd;

	sock_set(any, SO_REUSEPORT, 1);
	sock_set(specific, SO_REUSEPORT, 1);
	call(sock_bind(any, here(0)));
	call(listen(any, 10));
	sock_tell(any);
	for (int i = 0; i < 9; i++)
		answer(any, 'a');
	fd = sock_accept(any);
	own = address_of(fd);
	call_gives(send(fd, "a", 1, 0), 1);
	close(fd);
	control_meet("SPECIFIC");
	call(sock_bind(specific, own));
	call(listen(specific, 10));
	control_meet("LISTENS");
	for (int i = 0; i < 10; i++)
		answer(specific, 's');
	control_meet("SPECIFIC");
	close(specific);
	control_meet("GONE");
	answer(any, 'a');
	control_meet("DONE");
}

#define QUEUED	50

/* Fifty connections that are not accepted, some with data: all are reset. */
static void queued_client(void)
{
	union address to = sock_told();
	int fds[QUEUED];

	for (int i = 0; i < QUEUED; i++) {
		fds[i] = sock_connect(to);
		if (i % 2)
			call_gives(send(fds[i], "x", 1, 0), 1);
		if (i % 5 == 1)
			call(shutdown(fds[i], SHUT_WR));
		if (i % 7 == 3)
			close(fds[i]);
	}
	control_meet("QUEUED");
	for (int i = 0; i < QUEUED; i++) {
		if (i % 7 != 3)
			call_fails(recv(fds[i], &(char){ 0 }, 1, 0), ECONNRESET);
	}
	call_fails(sock_try(sock_open(0), to), ECONNREFUSED);
}

static void queued_server(void)
{
	int listener = sock_listen_told(QUEUED);

	control_meet("QUEUED");
	close(listener);
}

/* The same, while clients go on coming. */
static void closing_client(void)
{
	for (int i = 0; i < 20; i++) {
		union address to = sock_told();
		int fd;

		do {
			fd = sock_open(0);
			if (sock_try(fd, to)) {
				check(errno == ECONNREFUSED || errno == ECONNRESET);
				close(fd);
				break;
			}
			close(fd);
		} while (true);
	}
}

static void closing_server(void)
{
	for (int i = 0; i < 20; i++) {
		int listener = sock_listen_told(1000);

		close(sock_accept(listener));
		close(listener);
	}
}

/* Accepted sockets inherit the listener's options. */
static void inherits_client(void)
{
	int fd = sock_reach();

	tcp_talk(fd);
	control_meet("DONE");
}

static void inherits_server(void)
{
	int listener = sock_bound(), fd;
	struct linger linger;
	socklen_t size = sizeof(linger);

	sock_set(listener, SO_KEEPALIVE, 1);
	sock_set(listener, SO_RCVBUF, 50000);
	sock_set_linger(listener, 1, 9);
	tcp_set(listener, TCP_NODELAY, 1);
	tcp_set(listener, TCP_KEEPIDLE, 77);
	tcp_set(listener, TCP_USER_TIMEOUT, 5432);
	call(listen(listener, 1));
	sock_tell(listener);
	fd = sock_accept(listener);
	check_equal(sock_get(fd, SO_KEEPALIVE), 1);
	check(sock_get(fd, SO_RCVBUF) >= 50000);
	check_equal(tcp_get(fd, TCP_NODELAY), 1);
	check_equal(tcp_get(fd, TCP_KEEPIDLE), 77);
	check_equal(tcp_get(fd, TCP_USER_TIMEOUT), 5432);
	check_equal(sock_get(fd, SO_ACCEPTCONN), 0);
	call(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size));
	check_equal(linger.l_onoff, 1);
	check_equal(linger.l_linger, 9);
	tcp_talk(fd);
	control_meet("DONE");
}

/* Several processes that wait for one listener, one of them woken at a time. */
static void herd_client(void)
{
	union address to = sock_told();
	int each[GROUP] = { 0 };

	for (int i = 0; i < MANY; i++)
		each[reach_one_of(to)]++;
	control_meet("DONE");
}

static _Noreturn void wait_in_herd(int listener, int which)
{
	int set = event_watch(listener, EPOLLIN | EPOLLEXCLUSIVE);
	struct epoll_event event;

	for (;;) {
		int fd;

		call(epoll_wait(set, &event, 1, -1));
		fd = accept(listener, NULL, NULL);
		if (fd < 0) {
			check_equal(errno, EAGAIN);
			continue;
		}
		call_gives(send(fd, &(char){ which }, 1, 0), 1);
		close(fd);
	}
}

static void herd_server(void)
{
	int listener = sock_listen(10);

	sock_set_nonblocking(listener, true);
	for (int i = 0; i < GROUP; i++) {
		if (!call(fork()))
			wait_in_herd(listener, i);
	}
	sock_tell(listener);
	control_meet("DONE");
}

/* A backlog that is full: those that came too late get their turn. */
#define LATE	4

static void full_client(void)
{
	union address to = sock_told();
	int fds[LATE];

	for (int i = 0; i < LATE; i++) {
		fds[i] = sock_open(SOCK_NONBLOCK);
		if (sock_try(fds[i], to))
			check_equal(errno, EINPROGRESS);
	}
	control_meet("BEGUN");
	for (int i = 0; i < LATE; i++) {
		check(sock_await(fds[i], POLLOUT) & POLLOUT);
		check_equal(sock_error(fds[i]), 0);
		/* TCP may have promised too much, and makes it true with this */
		call_gives(send(fds[i], "x", 1, 0), 1);
	}
	for (int i = 0; i < LATE; i++) {
		sock_set_nonblocking(fds[i], false);
		call_gives(recv(fds[i], &(char){ 0 }, 1, 0), 1);
	}
	control_meet("DONE");
}

static void full_server(void)
{
	int listener = sock_listen_told(1);

	control_meet("BEGUN");
	for (int i = 0; i < LATE; i++) {
		int fd = sock_accept(listener);

		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		call_gives(send(fd, "x", 1, 0), 1);
	}
	control_meet("DONE");
}

/* No listener yet: the socket that was refused connects later. */
static void none_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	int64_t start = now_ms();

	call_fails(sock_try(fd, to), ECONNREFUSED);
	check(now_ms() - start < patience_ms());
	control_meet("LISTEN");
	control_meet("LISTENS");
	call(sock_try(fd, to));
	tcp_talk(fd);
	control_meet("DONE");
}

static void none_server(void)
{
	int fd = sock_bound();

	sock_tell(fd);
	control_meet("LISTEN");
	call(listen(fd, 1));
	control_meet("LISTENS");
	tcp_talk(sock_accept(fd));
	control_meet("DONE");
}

/* Stopped by shutdown(), then listening again. */
static void again_client(void)
{
	union address to = sock_told();

	check_equal(reach_one_of(to), 1);
	control_meet("FIRST");
	control_meet("STOPPED");
	call_fails(sock_try(sock_open(0), to), ECONNREFUSED);
	control_meet("REFUSED");
	check_equal(reach_one_of(sock_told()), 2);
	control_meet("DONE");
}

static void again_server(void)
{
	int listener = sock_open(0);

	sock_set(listener, SO_REUSEADDR, 1);
	call(sock_bind(listener, here(0)));
	call(listen(listener, 1));
	sock_tell(listener);
	answer(listener, 1);
	control_meet("FIRST");
	call(shutdown(listener, SHUT_RD));
	call_fails(accept(listener, NULL, NULL), EINVAL);
	control_meet("STOPPED");
	control_meet("REFUSED");
	/* a port that was not asked for may be another one now */
	call(listen(listener, 1));
	sock_tell(listener);
	answer(listener, 2);
	control_meet("DONE");
}

/* TCP_DEFER_ACCEPT: a connection is there when its first bytes are. With it, TCP_SAVE_SYN. */
static void defer_client(void)
{
	int fd = sock_reach();

	control_meet("CONNECTED");
	control_meet("IDLE");
	call_gives(send(fd, "x", 1, 0), 1);
	tcp_move(fd);
	tcp_talk(fd);
	control_meet("DONE");
}

static void defer_server(void)
{
	int listener = sock_bound(), fd;
	unsigned char syn[200];
	socklen_t size = sizeof(syn);
	char c;

	tcp_set(listener, TCP_DEFER_ACCEPT, 60);
	tcp_set(listener, TCP_SAVE_SYN, 1);
	call(listen(listener, 1));
	sock_tell(listener);
	control_meet("CONNECTED");
	call_gives(poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 200), 0);
	control_meet("IDLE");
	fd = sock_accept(listener);
	call_gives(recv(fd, &c, 1, MSG_DONTWAIT), 1);
	check_equal(c, 'x');
	call(getsockopt(fd, IPPROTO_TCP, TCP_SAVED_SYN, syn, &size));
	check(size >= 40);
	tcp_move(fd);
	tcp_talk(fd);
	control_meet("DONE");
}

/* The connection before may not have ended quite: TCP waits for its last acknowledgment. */
static int connect_from(uint32_t port, union address to)
{
	int64_t end = now_ms() + patience_ms();

	for (;;) {
		int fd = sock_open(0);

		sock_set(fd, SO_REUSEADDR, 1);
		call(sock_bind(fd, here(port)));
		if (!sock_try(fd, to))
			return fd;
		check_equal(errno, EADDRNOTAVAIL);
		check(now_ms() < end);
		close(fd);
		poll(NULL, 0, 1);
	}
}

#define AGAIN	40

/* From one port, again and again, as soon as the server has closed. */
static void one_port_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	uint32_t port;

	sock_set(fd, SO_REUSEADDR, 1);
	call(sock_bind(fd, here(0)));
	port = sock_port(fd);
	close(fd);
	for (int i = 0; i < AGAIN; i++) {
		fd = tcp_move(connect_from(port, to));
		tcp_talk(fd);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
		close(fd);
	}
}

static void one_port_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < AGAIN; i++) {
		int fd = tcp_move(sock_accept(listener));

		tcp_talk(fd);
		close(fd);
	}
}

/* A socket whose nonblocking connect() was refused: it may listen once that was reported. */
static void refused(void)
{
	int fd = sock_open(SOCK_NONBLOCK), other;
	union address to = address_of(sock_bound());

	family->loop(&to);
	call_fails(sock_try(fd, to), EINPROGRESS);
	check(sock_await(fd, POLLOUT) & POLLERR);
	call_fails(listen(fd, 1), EINVAL);
	call_fails(sock_try(fd, to), ECONNREFUSED);
	call(listen(fd, 1));
	to = address_of(fd);
	family->loop(&to);
	other = sock_connect(to);
	sock_set_nonblocking(fd, false);
	fd = sock_accept(fd);
	for (int i = 0; i < 4; i++)
		tcp_talk_pair(fd, other);
}

static const struct test_case cases[] = {
	{ "reuseport", "a group of four shares the connections", reuseport_client,
	  reuseport_server },
	{ "dual_stack", "[::] accepts IPv4, with mapped addresses", dual_stack_client,
	  dual_stack_server },
	{ "v6only", "[::] alone and 0.0.0.0 at one port", v6only_client,
	  v6only_server },
	{ "specific", "a bound address is preferred over the wildcard", specific_client,
	  specific_server },
	{ "queued", "50 in the queue are reset with their listener",
	  queued_client, queued_server },
	{ "closing", "a listener closes while clients connect", closing_client,
	  closing_server },
	{ "inherits", "accepted sockets inherit options", inherits_client,
	  inherits_server },
	{ "herd", "four processes, EPOLLEXCLUSIVE", herd_client, herd_server },
	{ "full", "a full backlog delays connections, and refuses none", full_client,
	  full_server },
	{ "none", "no listener, and later one", none_client, none_server },
	{ "again", "shutdown(), and listen() again", again_client, again_server },
	{ "defer", "TCP_DEFER_ACCEPT and TCP_SAVED_SYN", defer_client, defer_server },
	{ "one_port", "again and again from one port", one_port_client, one_port_server },
	{ "refused", "refused, and then it listens", refused },
	{ }
};

TEST_GROUP(inet_listen, cases, TCP);
