// SPDX-License-Identifier: GPL-2.0-only
/* SO_RCVLOWAT when threads that wait for different amounts share a socket. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "../blocked.h"
#include "../control.h"
#include "../group.h"
#include "../setting.h"
#include "../sock.h"

#define LOW_WATER	1000
#define LITTLE		10

static void *receive_little(void *arg)
{
	char buffer[LITTLE];

	call_gives(recv(*(int *)arg, buffer, sizeof(buffer), 0), LITTLE);
	return NULL;
}

static void beside_poll_client(void)
{
	char little[LITTLE] = { 0 };
	int fd = sock_reach();

	control_expect("BOTH WAIT");
	call_gives(send(fd, little, sizeof(little), 0), LITTLE);
	control_meet("RECEIVED");
}

static void beside_poll_server(void)
{
	long idle_ms = setting_read("ring_idle_ms");
	int fd = sock_serve();
	pthread_t receiver;

	/* a ring that is resized wakes its receivers, and would hide a lost wake-up */
	call(setting_write("ring_idle_ms", 3600 * 1000));
	sock_set(fd, SO_RCVLOWAT, LOW_WATER);
	receiver = thread_blocked(receive_little, &fd, SYS_recvfrom);
	/* it asks for LOW_WATER bytes, later than the receiver asked for LITTLE */
	call_gives(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 0);
	control_write("BOTH WAIT");
	pthread_join(receiver, NULL);
	call(setting_write("ring_idle_ms", idle_ms));
	control_meet("RECEIVED");
}

/* poll() reads the two indexes one after the other, while recv() and the peer move them. */
#define ROUNDS	20000

static atomic_bool over;

static void *poll_all_the_time(void *arg)
{
	while (!over)
		call_gives(poll(&(struct pollfd){ .fd = *(int *)arg, .events = POLLIN }, 1, 0),
			   0);
	return NULL;
}

static void never_reached(void)
{
	struct sock_pair pair = sock_pair();
	pthread_t poller;

	sock_set(pair.right, SO_RCVLOWAT, LOW_WATER);
	check_equal(pthread_create(&poller, NULL, poll_all_the_time, &pair.right), 0);
	for (int i = 0; i < ROUNDS; i++) {
		call_gives(send(pair.left, "x", 1, 0), 1);
		call_gives(recv(pair.right, &(char){ 0 }, 1, 0), 1);
	}
	over = true;
	pthread_join(poller, NULL);
}

static const struct test_case cases[] = {
	{ "beside_poll", "recv() of few bytes, while poll() waits for more",
	  beside_poll_client, beside_poll_server,
	  .schannel_only = "the rings of others are not resized", .seconds = 5 },
	{ "never_reached", "one byte at a time is never enough for poll()", never_reached,
	  .not_unix = "its poll() has no low-water mark" },
	{ }
};

TEST_GROUP(low_water, cases);
