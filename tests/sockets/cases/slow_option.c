// SPDX-License-Identifier: GPL-2.0-only
/*
 * setsockopt() whose argument is in a page that is slow to fault in: the kernel holds the socket's
 * lock during the fault. Events of this connection wait; other connections of the
 * channel do not.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../hole.h"
#include "../sock.h"
#include "../starve.h"

#define VISITS	3

static const char zeros[HOLE_PAGE];
static unsigned char *page;

/* An int is read first, before there is a lock: that much is there. */
static void prepare(void)
{
	unsigned char *pages = hole_to_fill(2);

	hole_fill(pages, zeros);
	page = pages + HOLE_PAGE;
}

static void *set_linger(void *arg)
{
	int fd = *(int *)arg;

	call(setsockopt(fd, SOL_SOCKET, SO_LINGER, page - sizeof(int),
			sizeof(struct linger)));
	return NULL;
}

/* Returns when the socket is locked, until let_go(). */
static pthread_t hang(int *fd)
{
	pthread_attr_t small;
	pthread_t thread;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 << 10);
	check_equal(pthread_create(&thread, &small, set_linger, fd), 0);
	check(hole_await() == page);
	return thread;
}

/* Those that hang do so for the same page. */
static void let_go(void)
{
	hole_fill(page, zeros);
}

static void talk(int fd)
{
	call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
}

static void answer(int fd)
{
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	call_gives(send(fd, "y", 1, MSG_NOSIGNAL), 1);
}

/* Connections that come and go while another one hangs. */
static void visit(union address to)
{
	for (int i = 0; i < VISITS; i++) {
		int fd = sock_connect(to);

		talk(fd);
		close(fd);
	}
}

static void receive(int listener)
{
	for (int i = 0; i < VISITS; i++) {
		int fd = sock_accept(listener);

		answer(fd);
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
		close(fd);
	}
}

/* An answer comes in no time; so the kernel is kept from hearing it until the socket is locked. */
static int begin(union address to)
{
	int fd = sock_open(SOCK_NONBLOCK);

	if (sock_try(fd, to))
		check_equal(errno, EINPROGRESS);
	return fd;
}

/* TCP's own answers take no thread of the kernel's, and are heard before. */
static bool may_have_heard(int fd)
{
	return family_is_schannel() && sock_state(fd);
}

static void connecting_client(void)
{
	union address to = sock_told();
	pthread_t thread;
	int fd;

	visit(to);
	prepare();
	starve_begin();
	fd = begin(to);
	thread = hang(&fd);
	starve_end();
	visit(to);
	check(!may_have_heard(fd));
	let_go();
	check_equal(sock_await(fd, POLLOUT), POLLOUT);
	check_equal(sock_error(fd), 0);
	pthread_join(thread, NULL);
	sock_set_nonblocking(fd, false);
	talk(fd);
}

static void connecting_server(void)
{
	int listener = sock_listen_told(VISITS), fd;

	receive(listener);
	fd = sock_accept(listener);
	receive(listener);
	answer(fd);
}

/*
 * The kernel runs WORKS work items at a time, and one socket more has to wait. CROWD is larger: on
 * a slow machine some sockets handle their event before they are locked.
 */
#define WORKS	256
#define CROWD	900
#define AT_ONCE	5

static void refused_client(void)
{
	union address to = sock_told(), nobody = sock_told();
	static pthread_t threads[CROWD];
	static int fds[CROWD];
	int n = 0, waiting = 0;

	visit(to);
	prepare();
	while (waiting <= WORKS && n <= CROWD - AT_ONCE) {
		starve_begin();
		for (int i = 0; i < AT_ONCE; i++, n++) {
			fds[n] = begin(nobody);
			threads[n] = hang(&fds[n]);
		}
		starve_end();
		/* those that have not when they are locked will not */
		for (int i = 1; i <= AT_ONCE; i++)
			waiting += !may_have_heard(fds[n - i]);
	}
	visit(to);
	if (waiting <= WORKS)
		fail("%d of %d were locked before they heard", waiting, n);
	let_go();
	for (int i = 0; i < n; i++) {
		check(sock_await(fds[i], POLLOUT) & POLLERR);
		check_equal(sock_error(fds[i]), ECONNREFUSED);
		pthread_join(threads[i], NULL);
	}
	visit(to);
	control_meet("DONE");
}

static void refused_server(void)
{
	int listener = sock_listen_told(VISITS), nobody = sock_bound();

	sock_tell(nobody);
	for (int i = 0; i < 3; i++)
		receive(listener);
	control_meet("DONE");
}

/* Closed while they connect, whether accepted or refused: nothing leaks. */
static void closed_client(void)
{
	union address to = sock_told(), nobody = sock_told();
	pthread_t threads[AT_ONCE];
	int fds[AT_ONCE];

	visit(to);
	prepare();
	starve_begin();
	for (int i = 0; i < AT_ONCE; i++) {
		fds[i] = begin(i % 2 ? nobody : to);
		threads[i] = hang(&fds[i]);
	}
	/* the thread that hangs has the last reference */
	for (int i = 0; i < AT_ONCE; i++)
		close(fds[i]);
	starve_end();
	control_meet("CLOSED");
	let_go();
	for (int i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	visit(to);
}

static void closed_server(void)
{
	int listener = sock_listen_told(AT_ONCE), nobody = sock_bound();

	sock_tell(nobody);
	receive(listener);
	for (int i = 0; i < AT_ONCE; i += 2) {
		int fd = sock_accept(listener);
		ssize_t n;

		if (!i)
			control_meet("CLOSED");
		n = recv(fd, &(char){ 0 }, 1, 0);
		if (n)
			check_equal(errno, ECONNRESET);
		close(fd);
	}
	receive(listener);
}

/* It is connected, and its peer goes away. */
static void reset_client(void)
{
	union address to = sock_told();
	int fd = sock_connect(to);
	pthread_t thread;

	talk(fd);
	prepare();
	thread = hang(&fd);
	control_meet("HANGS");
	control_meet("RESET");
	visit(to);
	check(!(sock_state(fd) & POLLERR));
	let_go();
	check(sock_await(fd, POLLIN) & POLLERR);
	call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNRESET);
	pthread_join(thread, NULL);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void reset_server(void)
{
	int listener = sock_listen_told(VISITS), fd = sock_accept(listener);

	answer(fd);
	sock_set_linger(fd, 1, 0);
	control_meet("HANGS");
	close(fd);
	control_meet("RESET");
	receive(listener);
}

static const struct test_case cases[] = {
	{ "connecting", "a connecting socket", connecting_client,
	  connecting_server },
	{ "refused", "hundreds of refused connects", refused_client, refused_server,
	  .seconds = 120 },
	{ "closed", "sockets that are closed while connecting", closed_client,
	  closed_server },
	{ "reset", "a socket whose peer closes", reset_client, reset_server },
	{ }
};

TEST_GROUP(slow_option, cases, STREAMS);
TEST_GROUP(seqpacket_slow_option, cases, SEQPACKETS_LIKE_STREAMS);
