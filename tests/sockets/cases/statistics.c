// SPDX-License-Identifier: GPL-2.0-only
/* The statistics of a channel, for which any user may ask as often as they like. */
#include <sys/socket.h>

#include "../genl.h"
#include "../group.h"
#include "../sock.h"
#include "../tamper.h"
#include "../user.h"

#define CONNECTIONS	500
/* Flows that may be added up before others run: two batches. */
#define AT_A_TIME	64

static long ask(union address unused)
{
	(void)unused;
	return genl_dump(SCHANNEL_CMD_CHANNEL_GET, NULL, NULL);
}

/*
 * All flows are added up, under a lock that each close() takes, too. So it is done in small
 * pieces, or who asks all the time would slow every close().
 */
static void in_pieces(void)
{
	const struct sc_ring_sizes small = { 4096, 4096 };
	int listener = sock_listen(16);
	union address to = here(sock_port(listener));
	struct user user;
	unsigned int most;

	tamper_start();
	user_allow_files(2 * CONNECTIONS + 100);
	family->loop(&to);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd = sock_open(0);

		call(setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &small, sizeof(small)));
		call(sock_try(fd, to));
		sock_accept(listener);
	}
	tamper_count_added();
	user = user_start(USER_ONE, NULL, ask, to);
	most = tamper_added();
	check_equal(user.said, 0);
	user_end(&user);
	check(most > 0);
	if (most > AT_A_TIME)
		fail("%u flows were added up at one go", most);
}

static const struct test_case cases[] = {
	{ "in_pieces", "not all flows are added up at one go", in_pieces },
	{ }
};

TEST_GROUP(statistics, cases, .type = SOCK_STREAM,
	   .schannel_only = "channels have statistics");
