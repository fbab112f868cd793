// SPDX-License-Identifier: GPL-2.0-only
/* TCP, in channels or not: the many ways to connect. */
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../event.h"
#include "../sock.h"
#include "../tcp.h"

static union address own_name(int fd)
{
	union address name = { 0 };
	socklen_t size = sizeof(name);

	call(getsockname(fd, &name.any, &size));
	return name;
}

static union address peer_name(int fd)
{
	union address name = { 0 };
	socklen_t size = sizeof(name);

	call(getpeername(fd, &name.any, &size));
	return name;
}

static void unspec(int fd)
{
	struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	call(connect(fd, &nobody, sizeof(nobody)));
}

/* Addresses and ports, to the last byte: each side tells the other its own. */
static void check_names(int fd)
{
	union address own = own_name(fd), other = peer_name(fd), told;

	call_gives(send(fd, &own, sizeof(own), 0), sizeof(own));
	call_gives(recv(fd, &told, sizeof(told), MSG_WAITALL), sizeof(told));
	check(!memcmp(&told, &other, sizeof(told)));
}

static void names_client(void)
{
	int fd = sock_reach();

	check_names(fd);
	control_meet("DONE");
}

static void names_server(void)
{
	int listener = sock_listen_told(1), fd;
	union address from = { 0 }, other;
	socklen_t size = sizeof(from);

	fd = call(accept(listener, &from.any, &size));
	check_equal(size, family->length);
	other = peer_name(fd);
	check(!memcmp(&from, &other, sizeof(from)));
	check_names(fd);
	control_meet("DONE");
}

/* Another address of this machine; tests/sockets/inet.sh adds the one of IPv6. */
static union address elsewhere(void)
{
	union address address = here(0);

	if (address.any.sa_family == AF_INET)
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
	else
		check_equal(inet_pton(AF_INET6, strcmp(family->name, "inet6") ?
				      "::ffff:127.0.0.2" : "fd00::2",
				      &address.in6.sin6_addr), 1);
	return address;
}

static void need_other_address(void)
{
	if (test_env.two_domains)
		skip("of the domains one address is known");
}

/* Each side has an address of its own, and which is whose is not mixed up. */
static void elsewhere_client(void)
{
	union address to, from;
	int fd;

	need_other_address();
	to = sock_told();
	from = elsewhere();
	fd = sock_open(0);
	if (sock_bind(fd, from)) {
		check_equal(errno, EADDRNOTAVAIL);
		skip("there is no second address here");
	}
	call(sock_try(fd, to));
	check_names(fd);
	control_meet("DONE");
}

static void elsewhere_server(void)
{
	need_other_address();
	names_server();
}

static void set_port(union address *address, uint32_t port)
{
	if (address->any.sa_family == AF_INET)
		address->in.sin_port = htons(port);
	else
		address->in6.sin6_port = htons(port);
}

/* connect() keeps what was bound: port and address, or the address alone. */
static void bound_client(void)
{
	union address to = sock_told(), own;
	int fd = sock_open(0);
	uint32_t port;

	call(sock_bind(fd, here(0)));
	port = sock_port(fd);
	call(sock_try(fd, to));
	check_equal(sock_port(fd), port);
	check_names(fd);

	own = own_name(fd);
	set_port(&own, 0);
	fd = sock_open(0);
	call(sock_bind(fd, own));
	port = sock_port(fd);
	call(sock_try(fd, to));
	check_equal(sock_port(fd), port);
	check_names(fd);

	fd = sock_open(0);
	call(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 },
			sizeof(int)));
	call(sock_bind(fd, own));
	check_equal(sock_port(fd), 0);
	call(sock_try(fd, to));
	check(sock_port(fd) > 0);
	check_names(fd);
}

static void bound_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 3; i++)
		check_names(sock_accept(listener));
}

/* One port for connections to different places, not for two to the same. */
static void same_port_client(void)
{
	union address one = sock_told(), other = sock_told(), own;
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = sock_open(0);
		sock_set(fds[i], SO_REUSEADDR, 1);
	}
	call(sock_bind(fds[0], here(0)));
	own = here(sock_port(fds[0]));
	call(sock_bind(fds[1], own));
	call(sock_bind(fds[2], own));
	call(sock_try(fds[0], one));
	call(sock_try(fds[1], other));
	call_fails(sock_try(fds[2], one), EADDRNOTAVAIL);
	tcp_talk(fds[0]);
	tcp_talk(fds[1]);
	control_meet("DONE");
}

static void same_port_server(void)
{
	int one = sock_listen_told(1), other = sock_listen_told(1);

	tcp_talk(sock_accept(one));
	tcp_talk(sock_accept(other));
	control_meet("DONE");
}

#define PORTS	300

/* Many to one place: each has a port of its own. */
static void ports_client(void)
{
	static bool taken[65536];
	union address to = sock_told();

	for (int i = 0; i < PORTS; i++) {
		uint32_t port = sock_port(sock_connect(to));

		check(!taken[port]);
		taken[port] = true;
	}
	control_meet("DONE");
}

static void ports_server(void)
{
	int listener = sock_listen_told(PORTS);

	for (int i = 0; i < PORTS; i++)
		sock_accept(listener);
	control_meet("DONE");
}

#define THREADS		16
#define EACH		20

static void *connect_often(void *arg)
{
	const union address *to = arg;

	for (int i = 0; i < EACH; i++) {
		int fd = sock_connect(*to);
		pthread_t self = pthread_self(), back = 0;

		call_gives(send(fd, &self, sizeof(self), 0), sizeof(self));
		call_gives(recv(fd, &back, sizeof(back), MSG_WAITALL), sizeof(back));
		check(pthread_equal(self, back));
		close(fd);
	}
	return NULL;
}

static void *accept_often(void *arg)
{
	for (int i = 0; i < THREADS * EACH / 4; i++) {
		int fd = sock_accept(*(int *)arg);
		pthread_t whose;

		call_gives(recv(fd, &whose, sizeof(whose), MSG_WAITALL),
			   sizeof(whose));
		call_gives(send(fd, &whose, sizeof(whose), 0), sizeof(whose));
		close(fd);
	}
	return NULL;
}

static void in_threads(int n, void *(*function)(void *), void *arg)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < n; i++)
		check_equal(pthread_create(&threads[i], NULL, function, arg), 0);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void threads_client(void)
{
	union address to = sock_told();

	in_threads(THREADS, connect_often, &to);
}

static void threads_server(void)
{
	int listener = sock_listen_told(THREADS);

	in_threads(4, accept_often, &listener);
}

struct attempt {
	int fd;
	union address to;
	pthread_barrier_t start;
};

static void *connect_together(void *arg)
{
	struct attempt *attempt = arg;

	pthread_barrier_wait(&attempt->start);
	if (sock_try(attempt->fd, attempt->to))
		check(errno == EISCONN || errno == EALREADY);
	return NULL;
}

/* One socket, sixteen threads that connect it at once: one connection. */
static void one_socket_client(void)
{
	struct attempt attempt = { .to = sock_told() };

	for (int i = 0; i < EACH; i++) {
		attempt.fd = sock_open(0);
		pthread_barrier_init(&attempt.start, NULL, THREADS);
		in_threads(THREADS, connect_together, &attempt);
		pthread_barrier_destroy(&attempt.start);
		call_fails(sock_try(attempt.fd, attempt.to), EISCONN);
		tcp_talk(attempt.fd);
		close(attempt.fd);
	}
	control_meet("DONE");
}

static void one_socket_server(void)
{
	int listener = sock_listen_told(THREADS);

	for (int i = 0; i < EACH; i++)
		tcp_talk(sock_accept(listener));
	sock_set_nonblocking(listener, true);
	control_meet("DONE");
	call_fails(accept(listener, NULL, NULL), EAGAIN);
}

/* Many nonblocking connects, whose ends edge-triggered epoll reports. */
#define AT_ONCE	50

static void at_once_client(void)
{
	union address to = sock_told();
	int fds[AT_ONCE], sets[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++) {
		fds[i] = sock_open(SOCK_NONBLOCK);
		sets[i] = event_watch(fds[i], EPOLLOUT | EPOLLIN | EPOLLET);
		event_now(sets[i]);	/* a new one is at its end */
		if (sock_try(fds[i], to))
			check_equal(errno, EINPROGRESS);
	}
	for (int i = AT_ONCE - 1; i >= 0; i--) {
		uint32_t events = event_next(sets[i], "that it is connected");

		check(events & EPOLLOUT);
		check(!(events & (EPOLLERR | EPOLLHUP)));
		check_equal(sock_error(fds[i]), 0);
	}
	/* nothing was sent yet, which would have raised an event, too */
	control_meet("CONNECTED");
	for (int i = AT_ONCE - 1; i >= 0; i--) {
		sock_set_nonblocking(fds[i], false);
		tcp_talk(fds[i]);
	}
	control_meet("DONE");
}

static void at_once_server(void)
{
	int listener = sock_listen_told(AT_ONCE);
	int fds[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++)
		fds[i] = sock_accept(listener);
	control_meet("CONNECTED");
	/* whichever of them each talks to next, it has been sent already */
	for (int i = 0; i < AT_ONCE; i++)
		call_gives(send(fds[i], "s", 1, 0), 1);
	for (int i = 0; i < AT_ONCE; i++)
		call_gives(recv(fds[i], &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

/* Through io_uring: all at once, with the next operations linked to each. */
static void uring_client(void)
{
	union address to = sock_told();
	struct io_uring ring;
	char bytes[AT_ONCE];
	int err = io_uring_queue_init(4 * AT_ONCE, &ring, 0);

	if (err)
		skip("io_uring: %s", errno_name(-err));
	for (int i = 0; i < AT_ONCE; i++) {
		int fd = sock_open(0);
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_connect(sqe, fd, &to.any, family->length);
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_sqe_set_data64(sqe, 0);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_send(sqe, fd, "c", 1, 0);
		io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		io_uring_sqe_set_data64(sqe, 1);
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_recv(sqe, fd, &bytes[i], 1, 0);
		io_uring_sqe_set_data64(sqe, 1);
	}
	check_equal(io_uring_submit(&ring), 3 * AT_ONCE);
	for (int i = 0; i < 3 * AT_ONCE; i++) {
		struct __kernel_timespec time = { .tv_sec = patience_ms() / 1000 };
		struct io_uring_cqe *cqe;

		check_equal(io_uring_wait_cqe_timeout(&ring, &cqe, &time), 0);
		check_equal(cqe->res, io_uring_cqe_get_data64(cqe));
		io_uring_cqe_seen(&ring, cqe);
	}
	for (int i = 0; i < AT_ONCE; i++)
		check_equal(bytes[i], 's');
}

/* The server sends only after it has received: data would complete the connect earlier. */
static void uring_server(void)
{
	int listener = sock_listen_told(AT_ONCE);

	for (int i = 0; i < AT_ONCE; i++) {
		int fd = sock_accept(listener);

		call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
		call_gives(send(fd, "s", 1, 0), 1);
	}
}

static void connect_and_dissolve(int fd, union address to)
{
	union address name;
	socklen_t size = sizeof(name);

	call(sock_try(fd, to));
	tcp_talk(fd);
	unspec(fd);
	call_fails(getpeername(fd, &name.any, &size), ENOTCONN);
	/* TCP says it once as an error of the old connection */
	check_equal(sock_error(fd), ECONNRESET);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	control_meet("CLOSED");
}

/*
 * Connected, dissolved, and connected again: from where it likes, or from the port that
 * it is bound to.
 */
static void again_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	for (int i = 0; i < EACH / 4; i++) {
		uint32_t port;

		connect_and_dissolve(fd, to);
		connect_and_dissolve(fd, to);
		close(fd);
		/* one that was not asked for is not kept */
		fd = sock_bound();
		port = sock_port(fd);
		close(fd);
		fd = sock_open(0);
		call(sock_bind(fd, here(port)));
		connect_and_dissolve(fd, to);
		check_equal(sock_port(fd), port);
		connect_and_dissolve(fd, to);
		check_equal(sock_port(fd), port);
		close(fd);
		fd = sock_open(0);
	}
	/* a socket that was connected may listen, too */
	call(sock_bind(fd, here(0)));
	call(sock_try(fd, to));
	tcp_talk(fd);
	unspec(fd);
	call(listen(fd, 1));
	control_meet("CLOSED");
}

static void again_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < EACH + 1; i++) {
		int fd = sock_accept(listener);

		tcp_talk(fd);
		call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
		close(fd);
		control_meet("CLOSED");
	}
}

/* Dissolved while it is being made. */
static void dissolved_client(void)
{
	union address to = sock_told();
	int fd = sock_open(SOCK_NONBLOCK);

	for (int i = 0; i < 10 * EACH; i++) {
		if (sock_try(fd, to))
			check_equal(errno, EINPROGRESS);
		unspec(fd);
		sock_error(fd);
	}
	sock_set_nonblocking(fd, false);
	call(sock_try(fd, to));
	call_gives(send(fd, "last", 4, 0), 4);
	control_meet("DONE");
}

/* The last connection works, whatever happened to those before. */
static void dissolved_server(void)
{
	int listener = sock_listen_told(20 * EACH);
	char text[4];
	ssize_t n;

	do {
		int fd = sock_accept(listener);

		n = recv(fd, text, sizeof(text), MSG_WAITALL);
		if (n < 0)
			check_equal(errno, ECONNRESET);
		close(fd);
	} while (n <= 0);
	check_equal(n, 4);
	check(!memcmp(text, "last", 4));
	control_meet("DONE");
}

static void ignore(int number)
{
	(void)number;
}

/* Under a storm of signals: EINTR, and the connection is made all the same. */
static void interrupted_client(void)
{
	static const struct itimerval often = { { 0, 300 }, { 0, 300 } };
	static const struct itimerval never;
	static const struct sigaction action = { .sa_handler = ignore };
	union address to = sock_told();

	call(sigaction(SIGALRM, &action, NULL));
	for (int i = 0; i < 5 * EACH; i++) {
		int fd = sock_open(0), result;

		call(setitimer(ITIMER_REAL, &often, NULL));
		result = sock_try(fd, to);
		if (result)
			check_equal(errno, EINTR);
		call(setitimer(ITIMER_REAL, &never, NULL));
		if (result) {
			check(sock_await(fd, POLLOUT) & POLLOUT);
			check_equal(sock_error(fd), 0);
		}
		tcp_talk(fd);
		close(fd);
	}
}

static void interrupted_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 5 * EACH; i++) {
		int fd = sock_accept(listener);

		tcp_talk(fd);
		close(fd);
	}
}

/* To a port where only oneself is: TCP makes a connection of it. */
static void itself(void)
{
	union address to;
	int fd = sock_open(0);

	call(sock_bind(fd, here(0)));
	to = own_name(fd);
	family->loop(&to);
	call(sock_try(fd, to));
	tcp_talk_pair(fd, fd);
}

/* To no address in particular: it is oneself. */
static void anywhere(void)
{
	int listener = sock_listen(1), fd;
	union address to = here(sock_port(listener));

	fd = sock_connect(to);
	tcp_talk_pair(fd, sock_accept(listener));
}

/* Options that were set before it was connected are there after it. */
static void kept_client(void)
{
	int fd = sock_open(0);

	sock_set(fd, SO_KEEPALIVE, 1);
	sock_set(fd, SO_PRIORITY, 3);
	sock_set_linger(fd, 1, 7);
	tcp_set(fd, TCP_NODELAY, 1);
	tcp_set(fd, TCP_KEEPIDLE, 99);
	tcp_set(fd, TCP_USER_TIMEOUT, 12345);
	call(sock_try(fd, sock_told()));
	check_equal(sock_get(fd, SO_KEEPALIVE), 1);
	check_equal(sock_get(fd, SO_PRIORITY), 3);
	check_equal(tcp_get(fd, TCP_NODELAY), 1);
	check_equal(tcp_get(fd, TCP_KEEPIDLE), 99);
	check_equal(tcp_get(fd, TCP_USER_TIMEOUT), 12345);
	tcp_talk(fd);
	unspec(fd);
	check_equal(sock_get(fd, SO_KEEPALIVE), 1);
	check_equal(tcp_get(fd, TCP_NODELAY), 1);
}

static void kept_server(void)
{
	tcp_talk(sock_serve());
}

/* Privileged ports need the capability. */
static void privileged_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);
	pid_t child;
	int status;

	for (uint32_t port = 600; sock_bind(fd, here(port)); port++) {
		check_equal(errno, EADDRINUSE);
		check(port < 1000);
	}
	call(sock_try(fd, to));
	check(sock_port(fd) < 1024);
	tcp_talk(fd);
	child = call(fork());
	if (!child) {
		call(setgid(1000));
		call(setuid(1000));
		fd = sock_open(0);
		call_fails(sock_bind(fd, here(600)), EACCES);
		call(sock_try(fd, to));
		check(sock_port(fd) >= 1024);
		tcp_talk(fd);
		_exit(CASE_PASSED);
	}
	call(waitpid(child, &status, 0));
	check_equal(status, 0);
	control_meet("DONE");
}

static void privileged_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 2; i++) {
		union address from = { 0 };
		socklen_t size = sizeof(from);
		int fd = call(accept(listener, &from.any, &size));

		check_equal(family->port(&from) < 1024, !i);
		tcp_talk(fd);
	}
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "names", "both sides' addresses and ports, to the last byte",
	  names_client, names_server },
	{ "elsewhere", "both sides' addresses, where they differ",
	  elsewhere_client, elsewhere_server },
	{ "bound", "a port, an address or both are bound before", bound_client,
	  bound_server },
	{ "same_port", "several connections from one local port",
	  same_port_client, same_port_server },
	{ "ports", "300 connections to one address have 300 ports", ports_client, ports_server },
	{ "threads", "from 16 threads, each 20 times", threads_client,
	  threads_server },
	{ "one_socket", "16 threads connect one socket", one_socket_client,
	  one_socket_server },
	{ "at_once", "50 nonblocking connects, edge-triggered epoll", at_once_client,
	  at_once_server },
	{ "uring", "50 through io_uring, with linked operations", uring_client,
	  uring_server },
	{ "again", "AF_UNSPEC and again, 20 times", again_client, again_server },
	{ "dissolved", "AF_UNSPEC while connecting", dissolved_client,
	  dissolved_server },
	{ "interrupted", "EINTR, and then it is connected", interrupted_client,
	  interrupted_server },
	{ "itself", "a socket connects to itself", itself },
	{ "anywhere", "connect to 0.0.0.0 reaches this host", anywhere },
	{ "privileged", "ports below 1024", privileged_client, privileged_server },
	{ "kept", "options keep their values", kept_client, kept_server },
	{ }
};

TEST_GROUP(inet_connect, cases, TCP);
