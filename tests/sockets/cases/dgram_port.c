// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_DGRAM: ports that are unused, were closed, or have a new owner. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../sock.h"

/* Nothing else here uses it. */
#define PORT	20024

static int bound_to_port(void)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(PORT)));
	return fd;
}

/* Sends to an unused port; returns when the error has come. */
static void provoke(int fd)
{
	record_say(fd, "is anybody there?");
	check_equal(sock_await(fd, 0), POLLERR);
}

static void expect_told_once(int fd)
{
	check_equal(sock_error(fd), 0);
	check_equal(sock_state(fd), POLLOUT);
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
}

static void *recv_refusal(void *arg)
{
	call_fails(recv(*(int *)arg, &(char){ 0 }, 1, 0), ECONNREFUSED);
	return NULL;
}

/* Connected to a port without an owner: the next call says so, once. */
static void refused(void)
{
	int fd = sock_bound();
	pthread_t thread;

	call(sock_try(fd, peer(PORT)));
	for (int i = 0; i < 3; i++) {
		provoke(fd);
		call_fails(recv(fd, &(char){ 0 }, 1, 0), ECONNREFUSED);
		expect_told_once(fd);
		provoke(fd);
		call_fails(send(fd, "x", 1, 0), ECONNREFUSED);
		expect_told_once(fd);
		provoke(fd);
		check_equal(sock_error(fd), ECONNREFUSED);
		expect_told_once(fd);
		/* wakes the waiting threads, too */
		thread = thread_blocked(recv_refusal, &fd, SYS_recvfrom);
		record_say(fd, "is anybody there?");
		pthread_join(thread, NULL);
		expect_told_once(fd);
	}
}

/* An unconnected sender gets no error, and neither does any other socket. */
static void unconnected_client(void)
{
	union address to = sock_told();
	int sender = sock_bound(), other = sock_bound(), last = sock_bound();

	call(sock_try(other, to));
	for (int i = 0; i < 10; i++)
		record_say_to(sender, "is anybody there?", peer(PORT));
	/* when this error has come, earlier ones would have come, too */
	call(sock_try(last, peer(PORT)));
	provoke(last);
	check_equal(sock_state(sender), POLLOUT);
	check_equal(sock_error(sender), 0);
	check_equal(sock_state(other), POLLOUT);
	record_say_to(sender, "there is", to);
	record_say(other, "and here");
	control_meet("DONE");
}

static void unconnected_server(void)
{
	int fd = sock_bound();

	sock_tell(fd);
	record_hear(fd, "there is");
	record_hear(fd, "and here");
	control_meet("DONE");
}

/* The owner leaves, and another one comes: one socket all the time. */
static void owner_client(void)
{
	int fd = sock_bound();

	call(sock_try(fd, peer(PORT)));
	for (int i = 0; i < 5; i++) {
		control_meet("OWNED");
		record_say(fd, "to the owner");
		control_meet("LEFT");
		provoke(fd);
		check_equal(sock_error(fd), ECONNREFUSED);
		control_meet("TOLD");
	}
}

static void owner_server(void)
{
	for (int i = 0; i < 5; i++) {
		int fd = bound_to_port();

		control_meet("OWNED");
		record_hear(fd, "to the owner");
		close(fd);
		control_meet("LEFT");
		control_meet("TOLD");
	}
}

/* Datagrams in flight to a closed socket do not reach the port's next owner. */
static void left_behind_client(void)
{
	int fd = sock_bound();

	control_meet("BOUND");
	for (int i = 0; i < 10; i++)
		record_say_to(fd, "for the first", peer(PORT));
	control_meet("SENT");
	control_meet("REPLACED");
	record_say_to(fd, "for the second", peer(PORT));
	control_meet("DONE");
}

static void left_behind_server(void)
{
	int fd = bound_to_port();

	control_meet("BOUND");
	control_meet("SENT");
	record_hear(fd, "for the first");
	close(fd);
	fd = bound_to_port();
	control_meet("REPLACED");
	record_hear(fd, "for the second");
	control_meet("DONE");
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
}

/*
 * A port whose owner comes and goes all the time, while datagrams for it arrive. They get lost or
 * not; the ones between them are for another socket, and none of those is lost.
 */
#define CHURNS	400
#define FLOOD	20

static void churn_client(void)
{
	union address to = sock_told();
	int fd = sock_bound();

	for (int i = 0; i < CHURNS; i++) {
		union address gone = peer(PORT);

		for (int j = 0; j < FLOOD; j++)
			sendto(fd, "x", 1, MSG_DONTWAIT, &gone.any, address_length(&gone));
		record_say_to(fd, "to stay", to);
		if (i % 20 == 19)
			control_expect("HEARD");
	}
	control_write("ENOUGH");
}

static void *come_and_go(void *ended)
{
	while (!__atomic_load_n((bool *)ended, __ATOMIC_ACQUIRE)) {
		close(bound_to_port());
		close(sock_bound());
	}
	return NULL;
}

static void churn_server(void)
{
	int fd = sock_bound();
	pthread_t thread;
	bool ended = false;

	sock_tell(fd);
	call(-pthread_create(&thread, NULL, come_and_go, &ended));
	for (int i = 0; i < CHURNS; i++) {
		record_hear(fd, "to stay");
		if (i % 20 == 19)
			control_write("HEARD");
	}
	control_expect("ENOUGH");
	__atomic_store_n(&ended, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

/* The first datagram of a socket gives it a port; an answer finds it there at once. */
static void answer_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 200; i++) {
		int fd = sock_open(0);

		record_say_to(fd, "question", to);
		record_hear(fd, "answer");
		close(fd);
	}
	control_meet("DONE");
}

static void answer_server(void)
{
	int fd = sock_bound();

	sock_tell(fd);
	for (int i = 0; i < 200; i++)
		record_say_to(fd, "answer", peer(record_hear_from(fd, "question")));
	control_meet("DONE");
}

/* A stream's port and a datagram's are two, even if they have one number. */
static void stream_client(void)
{
	union address to = sock_told();
	int fd;

	record_say_to(sock_bound(), "datagram", to);
	test_env.type = SOCK_STREAM;
	fd = sock_connect(to);
	call_gives(send(fd, "stream", 6, 0), 6);
	control_meet("DONE");
}

static void stream_server(void)
{
	int datagrams = sock_open(0), other = sock_open(0);
	int listener, fd;
	char text[6];

	test_env.type = SOCK_STREAM;
	listener = sock_listen(1);
	call(sock_bind(datagrams, here(sock_port(listener))));
	call_fails(sock_bind(other, here(sock_port(listener))), EADDRINUSE);
	sock_tell(listener);
	fd = sock_accept(listener);
	call_gives(recv(fd, text, 6, MSG_WAITALL), 6);
	check(!memcmp(text, "stream", 6));
	record_hear(datagrams, "datagram");
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "refused", "an unused port: ECONNREFUSED to connected senders",
	  refused, .not_unix = "AF_UNIX connects to existing sockets only" },
	{ "unconnected", "an unused port: no error to unconnected senders", unconnected_client,
	  unconnected_server,
	  .not_unix = "AF_UNIX says it to everybody, at once" },
	{ "owner", "a port's owner closes, another socket binds it", owner_client,
	  owner_server, .not_unix = "AF_UNIX is connected to sockets" },
	{ "left_behind", "a port's new owner gets nothing of the old one's",
	  left_behind_client, left_behind_server },
	{ "churn", "datagrams for a port whose owner comes and goes", churn_client,
	  churn_server, .not_unix = "AF_UNIX has names and not ports" },
	{ "answer", "an answer to the first datagram of a socket", answer_client,
	  answer_server, .not_unix = "AF_UNIX does not bind the sender" },
	{ "stream", "ports of streams are separate", stream_client,
	  stream_server },
	{ }
};

TEST_GROUP(dgram_port, cases, DGRAMS);
