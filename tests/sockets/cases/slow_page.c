// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are slow to fault in: the thread that waits for one does not block others. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../hole.h"
#include "../sock.h"

#define PAGES	4
#define LENGTH	(PAGES * HOLE_PAGE)

struct transfer {
	int fd;
	unsigned char *buffer;
};

static void *recv_all(void *arg)
{
	struct transfer *transfer = arg;

	call_gives(recv(transfer->fd, transfer->buffer, LENGTH, MSG_WAITALL),
		   LENGTH);
	return NULL;
}

static void *send_all(void *arg)
{
	struct transfer *transfer = arg;

	call_gives(send(transfer->fd, transfer->buffer, LENGTH, MSG_NOSIGNAL),
		   LENGTH);
	return NULL;
}

/* While a thread waits for a page, the other direction continues. */
static void other_direction_works(int fd)
{
	char c = 0;

	if (test_env.is_client) {
		call_gives(send(fd, "x", 1, MSG_NOSIGNAL), 1);
		control_meet("WENT");
		return;
	}
	sock_await(fd, POLLIN);
	call_gives(recv(fd, &c, 1, MSG_DONTWAIT), 1);
	check_equal(c, 'x');
	control_meet("WENT");
}

/* Receiving into slow pages, at the client. */
static void recv_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	static const char zeros[HOLE_PAGE];
	struct transfer transfer = { .buffer = hole_to_fill(PAGES) };
	pthread_t thread;

	transfer.fd = sock_reach();
	check_equal(pthread_create(&thread, NULL, recv_all, &transfer), 0);
	for (int i = 0; i < PAGES; i++) {
		unsigned char *page = hole_await();

		other_direction_works(transfer.fd);
		hole_fill(page, zeros);
	}
	pthread_join(thread, NULL);
	pattern_check(&in, transfer.buffer, LENGTH);
	/* data that arrived during the fault, and the end, are there */
	pattern_recv(&in, transfer.fd, 1000, 1000);
	call_gives(recv(transfer.fd, &(char){ 0 }, 1, 0), 0);
}

static void recv_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_serve();

	pattern_send(&out, fd, LENGTH, LENGTH);
	for (int i = 0; i < PAGES; i++) {
		other_direction_works(fd);
		if (!i)
			pattern_send(&out, fd, 1000, 1000);
	}
	call(shutdown(fd, SHUT_WR));
}

/* Sending from slow pages, at the server. */
static void send_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	struct transfer transfer = { .buffer = hole_to_fill(PAGES) };
	unsigned char bytes[LENGTH];
	pthread_t thread;

	pattern_fill(&out, bytes, LENGTH);
	transfer.fd = sock_serve();
	check_equal(pthread_create(&thread, NULL, send_all, &transfer), 0);
	for (int i = 0; i < PAGES; i++) {
		unsigned char *page = hole_await();

		other_direction_works(transfer.fd);
		hole_fill(page, bytes + (page - transfer.buffer));
	}
	pthread_join(thread, NULL);
}

static void send_client(void)
{
	struct pattern in = { .seed = test_env.seed };
	int fd = sock_reach();

	for (int i = 0; i < PAGES; i++)
		other_direction_works(fd);
	check_equal(pattern_recv_to_end(&in, fd), LENGTH);
}

/* Killed while it waits for a page: the connection ends like any other. */
static void killed_client(void)
{
	union address to = sock_told();
	pid_t child = call(fork());

	if (!child) {
		struct transfer transfer = { .buffer = hole_to_fill(PAGES) };
		pthread_t thread;

		transfer.fd = sock_connect(to);
		check_equal(pthread_create(&thread, NULL, recv_all, &transfer), 0);
		hole_await();
		pause();
	}
	wait_blocked(child, SYS_pause);
	call(kill(child, SIGKILL));
	call_gives(waitpid(child, NULL, 0), child);
	control_meet("KILLED");
}

static void killed_server(void)
{
	struct pattern out = { .seed = test_env.seed };
	int fd = sock_serve();
	ssize_t n;

	pattern_send(&out, fd, LENGTH, LENGTH);
	control_meet("KILLED");
	n = recv(fd, &(char){ 0 }, 1, 0);
	if (n)
		check_equal(errno, ECONNRESET);
}

#define TCP_LOCKS "TCP holds the socket's lock during the fault"

static const struct test_case cases[] = {
	{ "recv", "receiving into pages that are slow to fault in", recv_client,
	  recv_server, .not_inet = TCP_LOCKS },
	{ "send", "sending from pages that are slow to fault in", send_client,
	  send_server, .not_inet = TCP_LOCKS },
	{ "killed", "killed while it waits for a page", killed_client,
	  killed_server },
	{ }
};

TEST_GROUP(slow_page, cases, STREAMS);
