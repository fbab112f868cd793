// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_DGRAM: many sockets that wait to send. */
#include <sched.h>
#include <sys/socket.h>

#include "../group.h"
#include "../record.h"
#include "../sock.h"
#include "../starve.h"
#include "../tamper.h"

#define SENDERS		300
/* Sockets that may be woken before others run: two batches, for what is done at once. */
#define AT_A_TIME	64

/*
 * All of them wait until the first datagram has opened the way to the peer. Any user may have
 * any number of them, so they are not woken all at one go.
 */
static void in_batches(void)
{
	int receiver, sender[SENDERS];
	unsigned int most;
	union address to;

	tamper_start();
	/* a namespace without that */
	call(unshare(CLONE_NEWNET));
	receiver = sock_bound();
	to = address_of(receiver);
	family->loop(&to);
	for (int i = 0; i < SENDERS; i++)
		sender[i] = sock_open(SOCK_NONBLOCK);

	tamper_count_woken();
	starve_begin();
	for (int i = 0; i < SENDERS; i++)
		call_fails(sendto(sender[i], "x", 1, 0, &to.any, family->length), EAGAIN);
	starve_end();
	for (int i = 0; i < SENDERS; i++)
		sock_await_state(sender[i], POLLOUT);
	most = tamper_woken();
	check(most > 0);
	if (most > AT_A_TIME)
		fail("%u sockets were woken at one go", most);
	record_say_to(sender[0], "awake", to);
	record_hear(receiver, "awake");
}

static const struct test_case cases[] = {
	{ "in_batches", "not all are woken at one go", in_batches },
	{ }
};

TEST_GROUP(dgram_waiting, cases, DGRAMS,
	   .schannel_only = "senders wait for SChannel's channel");
