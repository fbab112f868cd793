// SPDX-License-Identifier: GPL-2.0-only
/* Both sides end what they send, in every order, with data on its way. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

/*
 * An order: 'c' and 's' are client and server sending all they have and then
 * ending, 'C' and 'S' are them reading to the other's end.
 */
static const char *const orders[] = {
	"csCS", "csSC", "scCS", "scSC", "cSsC", "sCcS",
};

#define ORDERS	(sizeof(orders) / sizeof(orders[0]))

/* How much each sends; the last is all that fits. */
static const size_t amounts[] = { 0, 3000, SIZE_MAX };

#define AMOUNTS	(sizeof(amounts) / sizeof(amounts[0]))

static uint64_t send_amount(int fd, size_t amount)
{
	struct pattern out = { .seed = test_env.seed + test_env.is_client };

	if (amount == SIZE_MAX)
		sock_fill(fd, &out);
	else
		pattern_send(&out, fd, amount, 1000);
	return out.position;
}

static void recv_amount(int fd, uint64_t amount)
{
	struct pattern in = { .seed = test_env.seed + !test_env.is_client };

	check_equal(pattern_recv_to_end(&in, fd), amount);
}

/* One side's part of an order; both do one step of it at a time. */
static void play(int fd, const char *order, size_t amount)
{
	char sends = test_env.is_client ? 'c' : 's';
	char reads = test_env.is_client ? 'C' : 'S';
	uint64_t coming = 0;

	for (; *order; order++) {
		if (*order == sends) {
			control_write("SENT %llu", (unsigned long long)
				      send_amount(fd, amount));
			call(shutdown(fd, SHUT_WR));
		} else if (*order == 'c' || *order == 's') {
			coming = control_read_number("SENT");
		} else if (*order == reads) {
			recv_amount(fd, coming);
		}
		control_meet("NEXT");
	}
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	check(sock_await(fd, POLLHUP) & POLLHUP);
	check_equal(sock_error(fd), 0);
	control_meet("DONE");
	close(fd);
}

static void orders_client(void)
{
	union address to = sock_told();

	for (size_t i = 0; i < ORDERS * AMOUNTS * AMOUNTS; i++)
		play(sock_connect(to), orders[i % ORDERS],
		     amounts[i / ORDERS % AMOUNTS]);
}

static void orders_server(void)
{
	int listener = sock_listen_told(1);

	for (size_t i = 0; i < ORDERS * AMOUNTS * AMOUNTS; i++)
		play(sock_accept(listener), orders[i % ORDERS],
		     amounts[i / ORDERS / AMOUNTS]);
}

/*
 * One side has ended; the other one sends, ends and closes at once. All of that
 * arrives, without a reset.
 */
static void last_word(int fd, bool first)
{
	struct pattern out = { .seed = 1 }, in = out;
	uint64_t sent;

	if (first) {
		call(shutdown(fd, SHUT_WR));
		sent = control_read_number("SENT");
		control_meet("CLOSED");
		check_equal(pattern_recv_to_end(&in, fd), sent);
		check_equal(sock_error(fd), 0);
	} else {
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
		control_write("SENT %zu", sock_fill(fd, &out));
		call(shutdown(fd, SHUT_WR));
		close(fd);
		control_meet("CLOSED");
	}
}

static void last_word_client(void)
{
	union address to = sock_told();

	for (int i = 0; i < 6; i++)
		last_word(sock_connect(to), i % 2);
}

static void last_word_server(void)
{
	int listener = sock_listen_told(6);

	for (int i = 0; i < 6; i++)
		last_word(sock_accept(listener), !(i % 2));
}

static const struct test_case cases[] = {
	{ "orders", "in every order, with little, much or nothing in flight",
	  orders_client, orders_server, .seconds = 60 },
	{ "last_word", "closed after the other end closed: all data arrives",
	  last_word_client, last_word_server },
	{ }
};

TEST_GROUP(half_close, cases, STREAMS);
TEST_GROUP(seqpacket_half_close, cases, SEQPACKETS);
