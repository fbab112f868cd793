// SPDX-License-Identifier: GPL-2.0-only
/* accept() and accept4(): addresses, flags, waiting. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../interrupt.h"
#include "../sock.h"

static void address_client(void)
{
	int fd = sock_reach();

	control_write("CLIENT %u", sock_port(fd));
	control_meet("DONE");
}

static void address_server(void)
{
	int listener = sock_listen_told(1);
	union address from;
	socklen_t size = sizeof(from);
	uint32_t port;

	memset(&from, 0xff, sizeof(from));
	port = control_read_number("CLIENT");
	call(accept(listener, &from.any, &size));
	check_equal(size, family->length);
	check(family->is_peer(&from));
	check_equal(family->port(&from), port);
	control_meet("DONE");
}

/* The address is cut to the buffer's size; its full size is returned. */
static void short_address_client(void)
{
	sock_reach();
	control_meet("DONE");
}

static void short_address_server(void)
{
	int listener = sock_listen_told(1);
	unsigned char room[sizeof(union address)];
	socklen_t size = 4;

	memset(room, 0xee, sizeof(room));
	call(accept(listener, (struct sockaddr *)room, &size));
	check_equal(size, family->length);
	for (size_t i = 4; i < sizeof(room); i++)
		check_equal(room[i], 0xee);
	control_meet("DONE");
}

static void flags_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 4; i++)
		sock_connect(to);
	control_meet("DONE");
}

static void flags_server(void)
{
	static const int flags[] = {
		0, SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_NONBLOCK | SOCK_CLOEXEC,
	};
	int listener = sock_listen_told(4);

	control_meet("DONE");
	call_fails(accept4(listener, NULL, NULL, 1), EINVAL);
	/* what the listener is does not matter */
	sock_set_nonblocking(listener, true);
	for (int i = 0; i < 4; i++) {
		int fd = call(accept4(listener, NULL, NULL, flags[i]));

		check_equal(!!(fcntl(fd, F_GETFL) & O_NONBLOCK),
			    !!(flags[i] & SOCK_NONBLOCK));
		check_equal(!!(fcntl(fd, F_GETFD) & FD_CLOEXEC),
			    !!(flags[i] & SOCK_CLOEXEC));
	}
}

static void empty(void)
{
	int listener = sock_listen(1);

	sock_set_nonblocking(listener, true);
	call_fails(accept(listener, NULL, NULL), EAGAIN);
}

static void timeout(void)
{
	int listener = sock_listen(1);
	int64_t start = now_ms();

	sock_set_timeout(listener, SO_RCVTIMEO, 200);
	call_fails(accept(listener, NULL, NULL), EAGAIN);
	/* one tick of the slowest clock may be missing, not more */
	check(now_ms() - start >= 190);
	check(now_ms() - start < 200 + patience_ms());
}

static void woken_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 50; i++) {
		control_expect("BLOCKED");
		sock_connect(to);
		control_expect("ACCEPTED");
	}
}

static void woken_server(void)
{
	int listener = sock_listen_told(1);

	for (int i = 0; i < 50; i++) {
		struct blocked *blocked;

		blocked = tell_when_blocked(SYS_accept, "BLOCKED");
		sock_accept(listener);
		blocked_join(blocked);
		control_write("ACCEPTED");
	}
}

static void interrupted(void)
{
	int listener = sock_listen(1);
	struct blocked *blocked;

	interrupt_catch(0);
	blocked = interrupt_when_blocked(SYS_accept);
	call_fails(accept(listener, NULL, NULL), EINTR);
	check_equal(interrupt_count(), 1);
	blocked_join(blocked);
}

static void restarted_client(void)
{
	union address to = sock_told();

	control_expect("BLOCKED AGAIN");
	sock_connect(to);
	control_meet("DONE");
}

static void restarted_server(void)
{
	int listener = sock_listen_told(1);
	struct blocked *blocked;

	interrupt_catch(SA_RESTART);
	blocked = interrupt_then_tell(SYS_accept, "BLOCKED AGAIN");
	sock_accept(listener);
	blocked_join(blocked);
	check_equal(interrupt_count(), 1);
	control_meet("DONE");
}

/* First come, first served. */
static void order_client(void)
{
	union address to = sock_told();
	unsigned char i;

	for (i = 0; i < 30; i++)
		call_gives(send(sock_connect(to), &i, 1, 0), 1);
	control_meet("DONE");
}

static void order_server(void)
{
	int listener = sock_listen_told(30);
	unsigned char i, got;

	control_meet("DONE");
	for (i = 0; i < 30; i++) {
		call_gives(recv(sock_accept(listener), &got, 1, 0), 1);
		check_equal(got, i);
	}
}

/* Several threads wait for connections: none is lost, none comes twice. */
#define ACCEPTORS	4

static void acceptors_client(void)
{
	union address to = sock_told();

	control_expect("BLOCKED");
	for (int i = 0; i < ACCEPTORS; i++)
		sock_connect(to);
	control_meet("DONE");
}

static void *accept_one(void *arg)
{
	return (void *)(long)sock_accept(*(int *)arg);
}

static void acceptors_server(void)
{
	int listener = sock_listen_told(1 + ACCEPTORS);
	pthread_t threads[ACCEPTORS];

	for (int i = 0; i < ACCEPTORS; i++)
		threads[i] = thread_blocked(accept_one, &listener, SYS_accept);
	control_write("BLOCKED");
	for (int i = 0; i < ACCEPTORS; i++)
		pthread_join(threads[i], NULL);
	sock_set_nonblocking(listener, true);
	call_fails(accept(listener, NULL, NULL), EAGAIN);
	control_meet("DONE");
}

/* The client sends and leaves before anybody accepts. */
static void gone_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "hello", 5, 0), 5);
	close(fd);
	control_meet("CLOSED");
}

static void gone_server(void)
{
	int listener = sock_listen_told(1);
	char text[8];
	int fd;

	control_meet("CLOSED");
	fd = sock_accept(listener);
	call_gives(recv(fd, text, 5, MSG_WAITALL), 5);
	check(!memcmp(text, "hello", 5));
	call_gives(recv(fd, text, 5, 0), 0);
}

/* accept() to an invalid address buffer loses the connection, not the listener. */
static void fault_client(void)
{
	union address to = sock_told();
	int fd = sock_connect(to);
	ssize_t n = recv(fd, &(char){ 0 }, 1, 0);

	check(!n || (n < 0 && errno == ECONNRESET));
	call_gives(recv(sock_connect(to), &(char){ 0 }, 1, 0), 1);
	control_meet("DONE");
}

static void fault_server(void)
{
	int listener = sock_listen_told(1);
	socklen_t size = sizeof(union address);

	call_fails(accept(listener, (struct sockaddr *)8, &size), EFAULT);
	call_gives(send(sock_accept(listener), "x", 1, 0), 1);
	control_meet("DONE");
}

/* As of TCP's listeners: options that are set before listen() need not be set again. */
static void inherited_client(void)
{
	sock_reach();
	control_meet("DONE");
}

static void inherited_server(void)
{
	int listener = sock_bound(), fd;
	struct linger linger;
	struct timeval time;
	socklen_t size = sizeof(linger);

	sock_set(listener, SO_RCVLOWAT, 7);
	sock_set_timeout(listener, SO_RCVTIMEO, 3000);
	sock_set_timeout(listener, SO_SNDTIMEO, 4000);
	sock_set_linger(listener, 1, 9);
	sock_set(listener, SO_PRIORITY, 3);
	sock_set(listener, SO_KEEPALIVE, 1);
	sock_set(listener, SO_OOBINLINE, 1);
	sock_set(listener, SO_REUSEADDR, 1);
	call(listen(listener, 1));
	sock_tell(listener);
	fd = sock_accept(listener);
	check_equal(sock_get(fd, SO_RCVLOWAT), 7);
	call(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size));
	check_equal(linger.l_onoff, 1);
	check_equal(linger.l_linger, 9);
	size = sizeof(time);
	call(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, &size));
	check_equal(time.tv_sec, 3);
	call(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, &size));
	check_equal(time.tv_sec, 4);
	check_equal(sock_get(fd, SO_PRIORITY), 0);
	check_equal(sock_get(fd, SO_KEEPALIVE), 1);
	check_equal(sock_get(fd, SO_OOBINLINE), 1);
	check_equal(sock_get(fd, SO_REUSEADDR), 1);
	check_equal(sock_get(fd, SO_ACCEPTCONN), 0);
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "address", "it tells the client's address", address_client,
	  address_server },
	{ "short_address", "an address that does not fit is cut",
	  short_address_client, short_address_server },
	{ "flags", "accept4() sets its flags, and none are inherited", flags_client,
	  flags_server },
	{ "inherited", "options of the listener apply to the connection",
	  inherited_client, inherited_server },
	{ "empty", "a nonblocking listener says EAGAIN", empty },
	{ "timeout", "SO_RCVTIMEO bounds the wait", timeout },
	{ "woken", "a connection wakes a blocked accept", woken_client,
	  woken_server },
	{ "interrupted", "a signal interrupts with EINTR", interrupted },
	{ "restarted", "SA_RESTART resumes the wait", restarted_client,
	  restarted_server },
	{ "order", "connections are accepted in their order", order_client,
	  order_server },
	{ "acceptors", "waiting threads get one connection each",
	  acceptors_client, acceptors_server },
	{ "fault", "a bad pointer is EFAULT", fault_client, fault_server },
	{ "gone", "data of a client that closed before accept arrives", gone_client,
	  gone_server },
	{ }
};

TEST_GROUP(accept, cases, STREAMS);
TEST_GROUP(seqpacket_accept, cases, SEQPACKETS_LIKE_STREAMS);
