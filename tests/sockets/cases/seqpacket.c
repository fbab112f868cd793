// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_SEQPACKET: what sets its records apart from datagrams. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../hole.h"
#include "../record.h"
#include "../sock.h"

/* A record of no bytes is not the end, and the end is no record: it stays. */
static void end_client(void)
{
	int fd = sock_reach();

	call_gives(send(fd, "", 0, 0), 0);
	record_say(fd, "between");
	call_gives(send(fd, "", 0, 0), 0);
	call(shutdown(fd, SHUT_WR));
	control_meet("DONE");
}

static void end_server(void)
{
	int fd = sock_serve();
	char c;

	call_gives(recv(fd, &c, 1, 0), 0);
	record_hear(fd, "between");
	check(sock_await(fd, POLLRDHUP) & POLLRDHUP);
	sock_set_timeout(fd, SO_RCVTIMEO, patience_ms());
	for (int i = 0; i < 5; i++)
		call_gives(recv(fd, &c, 1, 0), 0);
	control_meet("DONE");
}

/* MSG_EOR is the sender's to set, record by record. */
static void end_of_record_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 4; i++) {
		call_gives(send(fd, "text", 4, i % 2 ? MSG_EOR : 0), 4);
		call_gives(send(fd, "", 0, i % 2 ? 0 : MSG_EOR), 0);
	}
	control_meet("DONE");
}

static void end_of_record_server(void)
{
	int fd = sock_serve(), flags;
	char buffer[10];

	for (int i = 0; i < 4; i++) {
		int marked = i % 2 ? MSG_EOR : 0;

		flags = MSG_PEEK;
		call_gives(record_recv(fd, buffer, sizeof(buffer), &flags), 4);
		check_equal(flags & MSG_EOR, marked);
		flags = 0;
		call_gives(record_recv(fd, buffer, sizeof(buffer), &flags), 4);
		check_equal(flags & MSG_EOR, marked);
		flags = 0;
		call_gives(record_recv(fd, buffer, sizeof(buffer), &flags), 0);
		check_equal(flags & MSG_EOR, MSG_EOR - marked);
	}
	control_meet("DONE");
}

/* The documented largest record can be sent; one byte more cannot. */
static void maximum_client(void)
{
	int fd = sock_reach();
	size_t most = record_max(fd);
	struct record record = { 1, 0, most };
	char *buffer = malloc(most + 1);

	check(buffer);
	control_write("MOST %zu", most);
	for (int i = 0; i < 3; i++) {
		call_fails(send(fd, buffer, most + 1, 0), EMSGSIZE);
		call_fails(send(fd, buffer, most + 1, MSG_DONTWAIT), EMSGSIZE);
		record.number = i;
		record_send(fd, buffer, &record);
	}
	call_fails(send(fd, buffer, most + 1, MSG_DONTWAIT), EMSGSIZE);
	control_meet("DONE");
	control_meet("NOTHING MORE");
}

static void maximum_server(void)
{
	int fd = sock_serve();
	size_t most = control_read_number("MOST");
	char *buffer = malloc(most + 1);

	check(buffer);
	for (int i = 0; i < 3; i++) {
		size_t n = call(recv(fd, buffer, most + 1, 0));

		check_equal(n, most);
		check_equal(record_check(buffer, n).number, i);
	}
	control_meet("DONE");
	call_fails(recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN);
	control_meet("NOTHING MORE");
}

/* A record that cannot be stored stays, whole. */
static void fault_recv_client(void)
{
	int fd = sock_reach();
	char buffer[6000];

	for (int i = 0; i < 10; i++) {
		struct record record = { 1, i, sizeof(buffer) - i };

		record_send(fd, buffer, &record);
	}
	control_meet("DONE");
}

static void fault_recv_server(void)
{
	unsigned char *pages = hole_behind_page();
	int fd = sock_serve();
	char buffer[7000];

	for (int i = 0; i < 10; i++) {
		size_t n;

		call_fails(recv(fd, pages, 2 * HOLE_PAGE, 0), EFAULT);
		call_fails(recv(fd, pages, 2 * HOLE_PAGE, MSG_PEEK), EFAULT);
		call_fails(recv(fd, HOLE, 10, 0), EFAULT);
		n = call(recv(fd, buffer, sizeof(buffer), 0));
		check_equal(record_check(buffer, n).number, i);
	}
	control_meet("DONE");
}

/* A stream does not talk to one that takes records, either way round. */
static void prototype_client(void)
{
	union address records = peer(control_read_number("RECORDS"));
	union address stream = peer(control_read_number("STREAM"));
	int fd = call(socket(family->number, SOCK_STREAM, 0));

	call_fails(sock_try(fd, records), EPROTOTYPE);
	call_fails(sock_try(sock_open(0), stream), EPROTOTYPE);
	/* and may still go where it is understood */
	call(sock_try(fd, stream));
	sock_connect(records);
	control_meet("DONE");
}

static void prototype_server(void)
{
	int records = sock_listen(1), stream;

	test_env.type = SOCK_STREAM;
	stream = sock_listen(1);
	control_write("RECORDS %u", sock_port(records));
	control_write("STREAM %u", sock_port(stream));
	control_meet("DONE");
	/* no other record has come */
	sock_accept(records);
	sock_accept(stream);
	check_equal(sock_state(records), 0);
	check_equal(sock_state(stream), 0);
}

static void kind_client(void)
{
	int fd = sock_reach();

	check_equal(sock_get(fd, SO_TYPE), SOCK_SEQPACKET);
	call_fails(send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL), EOPNOTSUPP);
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_OOB), EOPNOTSUPP);
	if (family_is_schannel())	/* AF_UNIX ignores it */
		call_fails(recv(fd, &(char){ 0 }, 1, MSG_ERRQUEUE), EAGAIN);
	control_meet("DONE");
}

static void kind_server(void)
{
	int fd = sock_serve();

	check_equal(sock_get(fd, SO_TYPE), SOCK_SEQPACKET);
	control_meet("DONE");
}

/* Peeks at parts of records, of one or of several, mixed with reads and FIONREAD. */
#define MIX_RECORDS	1500
#define MIX_LARGEST	20000

static uint32_t mix_length(uint64_t *random)
{
	return RECORD_LEAST + random_below(random, random_below(random, 2) ?
					   MIX_LARGEST - RECORD_LEAST : 100);
}

static void peek_mix_client(void)
{
	static unsigned char buffer[MIX_LARGEST];
	uint64_t random = test_env.seed;
	int fd = sock_reach();

	for (int i = 0; i < MIX_RECORDS; i++) {
		struct record record = { .number = i, .length = mix_length(&random) };

		record_send(fd, buffer, &record);
	}
	control_meet("DONE");
}

static void peek_mix_server(void)
{
	static unsigned char buffer[MIX_LARGEST], peeked[MIX_LARGEST];
	uint64_t lengths = test_env.seed, random = test_env.seed + 1;
	int fd = sock_serve();

	for (int i = 0; i < MIX_RECORDS; i++) {
		uint32_t length = mix_length(&lengths);
		int n = random_below(&random, MIX_LARGEST + 1);
		int seen = n < (int)length ? n : (int)length;
		int inq = 0;

		switch (random_below(&random, 4)) {
		case 0:
			seen = 0;
			break;
		case 1:
			call(ioctl(fd, FIONREAD, &inq));
			check(!inq || inq >= (int)length);
			seen = 0;
			break;
		case 2:
			/* on into the records after it */
			sock_set(fd, SO_PEEK_OFF, 0);
			call_gives(recv(fd, peeked, n, MSG_PEEK), seen);
			for (int more = random_below(&random, 4); n && more > 0; more--)
				if (recv(fd, buffer, n, MSG_PEEK | MSG_DONTWAIT) < 0)
					check_equal(errno, EAGAIN);
			sock_set(fd, SO_PEEK_OFF, -1);
			break;
		default:
			call_gives(recv(fd, peeked, n, MSG_PEEK), seen);
		}
		call_gives(recv(fd, buffer, MIX_LARGEST, 0), length);
		check_equal(record_check(buffer, length).number, i);
		check(!memcmp(buffer, peeked, seen));
	}
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "kind", "SO_TYPE; MSG_OOB is not supported", kind_client,
	  kind_server },
	{ "peek_mix", "MSG_PEEK of any part, mixed with reads",
	  peek_mix_client, peek_mix_server },
	{ "end", "a record of no bytes is not the end", end_client,
	  end_server },
	{ "end_of_record", "MSG_EOR arrives where it was set",
	  end_of_record_client, end_of_record_server,
	  .not_unix = "AF_UNIX has no MSG_EOR" },
	{ "maximum", "the largest record, and EMSGSIZE", maximum_client,
	  maximum_server },
	{ "fault_recv", "half a buffer: the record stays complete",
	  fault_recv_client, fault_recv_server,
	  .not_unix = "AF_UNIX throws it away" },
	{ "prototype", "to a socket of another type: EPROTOTYPE",
	  prototype_client, prototype_server,
	  .not_unix = "abstract names of AF_UNIX are names for one type" },
	{ }
};

TEST_GROUP(seqpacket, cases, SEQPACKETS);
