// SPDX-License-Identifier: GPL-2.0-only
/* One socket used by several processes, threads and descriptors. */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

static void expect_text(int fd, const char *text)
{
	char got[32];
	size_t length = strlen(text);

	call_gives(recv(fd, got, length, MSG_WAITALL), length);
	check(!memcmp(got, text, length));
}

static void send_text(int fd, const char *text)
{
	call_gives(send(fd, text, strlen(text), 0), strlen(text));
}

static void expect_end(int fd)
{
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static void wait_for(pid_t child)
{
	int status;

	call(waitpid(child, &status, 0));
	/* what the child had to say is in the report already */
	if (status)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : CASE_FAILED);
}

/* The connection ends with its last user. */
static void fork_client(void)
{
	int fd = sock_reach();
	pid_t child = call(fork());

	if (!child) {
		send_text(fd, "child");
		control_expect("CHILD HEARD");
		expect_text(fd, "to the child");
		_exit(0);
	}
	wait_for(child);
	send_text(fd, "parent");
	expect_text(fd, "to the parent");
	close(fd);
	control_meet("DONE");
}

static void fork_server(void)
{
	int fd = sock_serve();

	expect_text(fd, "child");
	control_write("CHILD HEARD");
	send_text(fd, "to the child");
	expect_text(fd, "parent");
	send_text(fd, "to the parent");
	expect_end(fd);
	control_meet("DONE");
}

/* A listener that several processes accept from. */
static void fork_accept_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 20; i++)
		expect_text(sock_connect(to), "served");
}

static void fork_accept_server(void)
{
	int listener = sock_listen_told(20);
	pid_t children[4];

	for (int i = 0; i < 4; i++) {
		children[i] = call(fork());
		if (children[i])
			continue;
		for (int j = 0; j < 5; j++)
			send_text(sock_accept(listener), "served");
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		wait_for(children[i]);
}

static void dup_client(void)
{
	int fd = sock_reach(), other = call(dup(fd));

	send_text(fd, "one");
	close(fd);
	control_meet("CLOSED ONE");
	control_meet("STILL OPEN");
	send_text(other, "two");
	expect_text(other, "back");
	close(other);
	control_meet("CLOSED BOTH");
}

static void dup_server(void)
{
	int fd = sock_serve();

	expect_text(fd, "one");
	control_meet("CLOSED ONE");
	check_equal(sock_state(fd), POLLOUT);
	control_meet("STILL OPEN");
	expect_text(fd, "two");
	send_text(fd, "back");
	expect_end(fd);
	control_meet("CLOSED BOTH");
}

/* A descriptor in a message over AF_UNIX. */
union passed {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void pass(int over, int fd)
{
	union passed control;
	struct iovec iov = { .iov_base = "!", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	call_gives(sendmsg(over, &message, 0), 1);
}

static int passed(int over)
{
	union passed control;
	char c;
	struct iovec iov = { .iov_base = &c, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	call_gives(recvmsg(over, &message, 0), 1);
	check(CMSG_FIRSTHDR(&message));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void rights_client(void)
{
	int over[2];
	pid_t child;

	call(socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	child = call(fork());
	if (!child) {
		int fd = passed(over[1]);

		send_text(fd, "passed");
		expect_text(fd, "and back");
		_exit(0);
	}
	pass(over[0], sock_reach());
	wait_for(child);
	control_meet("DONE");
}

static void rights_server(void)
{
	int fd = sock_serve();

	expect_text(fd, "passed");
	send_text(fd, "and back");
	control_meet("DONE");
}

/* In flight in a message that is never received: closed with the message. */
static void rights_lost_client(void)
{
	int over[2], fd = sock_reach();

	call(socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	pass(over[0], fd);
	close(fd);
	send_text(passed(over[1]), "alive");
	fd = sock_reach();
	pass(over[0], fd);
	close(fd);
	close(over[0]);
	close(over[1]);
	control_meet("DONE");
}

static void rights_lost_server(void)
{
	expect_text(sock_serve(), "alive");
	expect_end(sock_serve());
	control_meet("DONE");
}

/* Threads that all send, each its own byte; threads that all receive. */
#define THREADS		16
#define THREAD_BYTES	200000

struct sender {
	int fd;
	unsigned char value;
};

static void *send_values(void *arg)
{
	struct sender *sender = arg;
	uint64_t random = test_env.seed + sender->value;
	unsigned char buffer[5000];
	size_t left = THREAD_BYTES;

	memset(buffer, sender->value, sizeof(buffer));
	while (left) {
		size_t n = 1 + random_below(&random, sizeof(buffer));

		if (n > left)
			n = left;
		call_gives(send(sender->fd, buffer, n, 0), n);
		left -= n;
	}
	return NULL;
}

static void threads_client(void)
{
	struct sender senders[THREADS];
	pthread_t threads[THREADS];
	int fd = sock_reach();

	for (int i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){ .fd = fd, .value = i + 1 };
		check_equal(pthread_create(&threads[i], NULL, send_values,
					   &senders[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

struct receiver {
	int fd;
	size_t counts[256];
};

static void *count_values(void *arg)
{
	struct receiver *receiver = arg;
	unsigned char buffer[7000];
	ssize_t n;

	while ((n = call(recv(receiver->fd, buffer, sizeof(buffer), 0))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			receiver->counts[buffer[i]]++;
	}
	return NULL;
}

static void threads_server(void)
{
	static struct receiver receivers[THREADS];
	pthread_t threads[THREADS];
	int fd = sock_serve();

	for (int i = 0; i < THREADS; i++) {
		receivers[i].fd = fd;
		check_equal(pthread_create(&threads[i], NULL, count_values,
					   &receivers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int value = 0; value < 256; value++) {
		bool sent = value >= 1 && value <= THREADS;
		size_t total = 0;

		for (int i = 0; i < THREADS; i++)
			total += receivers[i].counts[value];
		check_equal(total, sent ? THREAD_BYTES : 0);
	}
}

static const struct test_case cases[] = {
	{ "fork", "parent and child use one connection", fork_client,
	  fork_server },
	{ "fork_accept", "several processes accept from one listener",
	  fork_accept_client, fork_accept_server },
	{ "dup", "the last descriptor closes", dup_client, dup_server },
	{ "rights", "a connection passed to another process",
	  rights_client, rights_server },
	{ "rights_lost", "a connection in an unreceived message is closed",
	  rights_lost_client, rights_lost_server },
	{ "threads", "16 threads send on one socket, 16 receive", threads_client,
	  threads_server },
	{ }
};

TEST_GROUP(process, cases, STREAMS);
TEST_GROUP(seqpacket_process, cases, SEQPACKETS_LIKE_STREAMS);
