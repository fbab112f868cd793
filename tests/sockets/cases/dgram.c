// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_DGRAM: where datagrams go, and where they say that they come from. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../blocked.h"
#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../sock.h"

/* Ports that programs are free to use and nothing else here does. */
#define PORT_A		20021
#define PORT_B		20022
#define PORT_SERVER	20023

static int bound_to(uint32_t port)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(port)));
	return fd;
}

static void dissolve(int fd)
{
	union address nobody = { .any.sa_family = AF_UNSPEC };

	call(connect(fd, &nobody.any, sizeof(nobody.any)));
}

static void kind(void)
{
	int fd = sock_bound();

	check_equal(sock_get(fd, SO_TYPE), SOCK_DGRAM);
	check_equal(sock_get(fd, SO_ACCEPTCONN), 0);
	check_equal(sock_state(fd), POLLOUT);
	call_fails(listen(fd, 1), EOPNOTSUPP);
	call_fails(accept(fd, NULL, NULL), EOPNOTSUPP);
	call_fails(send(fd, "!", 1, MSG_OOB | MSG_NOSIGNAL), EOPNOTSUPP);
	call_fails(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	if (!family_is_unix())	/* which ignores it */
		call_fails(recv(fd, &(char){ 0 }, 1, MSG_ERRQUEUE), EAGAIN);
}

/* sendto() on an unbound socket binds it to a port, which gets the reply. */
static void unbound_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	record_say_to(fd, "who am I?", to);
	check(sock_port(fd) >= family->first_ephemeral);
	check_equal(sock_port(fd), control_read_number("YOU ARE"));
	check_equal(record_hear_from(fd, "you"), family->port(&to));
}

static void unbound_server(void)
{
	int fd = sock_bound();
	uint32_t port;

	sock_tell(fd);
	port = record_hear_from(fd, "who am I?");
	control_write("YOU ARE %u", port);
	record_say_to(fd, "you", peer(port));
}

/* The source is the sender's own port, through all that it may do. */
static void source_client(void)
{
	union address first = peer(control_read_number("FIRST"));
	union address second = peer(control_read_number("SECOND"));
	int a = bound_to(PORT_A), b = bound_to(PORT_B);

	record_say_to(a, "from A", first);
	record_say_to(b, "from B", first);
	record_say_to(a, "from A to the second", second);
	record_say_to(b, "from B again", first);
	call(sock_try(a, first));
	record_say(a, "A connected");
	call(sock_try(a, second));
	record_say(a, "A connected to the second");
	record_say_to(a, "A connected, to the first", first);
	dissolve(a);
	record_say_to(a, "A dissolved", first);
	control_meet("DISSOLVED");

	/* the ports change hands */
	close(a);
	close(b);
	a = bound_to(PORT_B);
	b = bound_to(PORT_A);
	record_say_to(a, "A as B", first);
	record_say_to(b, "B as A", first);
	control_meet("DONE");
}

static void source_server(void)
{
	int first = sock_bound(), second = sock_bound();

	control_write("FIRST %u", sock_port(first));
	control_write("SECOND %u", sock_port(second));
	check_equal(record_hear_from(first, "from A"), PORT_A);
	check_equal(record_hear_from(first, "from B"), PORT_B);
	check_equal(record_hear_from(second, "from A to the second"), PORT_A);
	check_equal(record_hear_from(first, "from B again"), PORT_B);
	check_equal(record_hear_from(first, "A connected"), PORT_A);
	check_equal(record_hear_from(second, "A connected to the second"),
		    PORT_A);
	check_equal(record_hear_from(first, "A connected, to the first"),
		    PORT_A);
	check_equal(record_hear_from(first, "A dissolved"), PORT_A);
	control_meet("DISSOLVED");
	check_equal(record_hear_from(first, "A as B"), PORT_B);
	check_equal(record_hear_from(first, "B as A"), PORT_A);
	control_meet("DONE");
}

/* A connected socket sends to its peer, and receives from its peer only. */
static void connected_client(void)
{
	union address to = peer(PORT_SERVER);
	int a = bound_to(PORT_A), b = bound_to(PORT_B);

	control_expect("CONNECTED");
	record_say_to(b, "B is not heard", to);
	record_say_to(a, "A is", to);
	record_say_to(b, "B is not heard", to);
	record_say_to(a, "A is again", to);
	check_equal(record_hear_from(a, "to A"), PORT_SERVER);
	control_expect("RECONNECTED");
	record_say_to(a, "A is not heard", to);
	record_say_to(b, "B is", to);
	check_equal(record_hear_from(b, "to B"), PORT_SERVER);
	control_expect("DISSOLVED");
	record_say_to(a, "both A", to);
	record_say_to(b, "and B", to);
	control_meet("DONE");
	/* neither has received a datagram for the other */
	check_equal(sock_state(a), POLLOUT);
	check_equal(sock_state(b), POLLOUT);
}

static void connected_server(void)
{
	int fd = bound_to(PORT_SERVER);
	union address name;
	socklen_t length = sizeof(name);

	call(sock_try(fd, peer(PORT_A)));
	call(getpeername(fd, &name.any, &length));
	check_equal(family->port(&name), PORT_A);
	check(family->is_peer(&name));
	control_write("CONNECTED");
	check_equal(record_hear_from(fd, "A is"), PORT_A);
	check_equal(record_hear_from(fd, "A is again"), PORT_A);
	record_say(fd, "to A");
	call(sock_try(fd, peer(PORT_B)));
	control_write("RECONNECTED");
	check_equal(record_hear_from(fd, "B is"), PORT_B);
	record_say(fd, "to B");
	dissolve(fd);
	call_fails(getpeername(fd, &name.any, &length), ENOTCONN);
	check_equal(sock_port(fd), PORT_SERVER);
	control_write("DISSOLVED");
	check_equal(record_hear_from(fd, "both A"), PORT_A);
	check_equal(record_hear_from(fd, "and B"), PORT_B);
	control_meet("DONE");
}

static void no_destination(void)
{
	int fd = sock_bound();

	for (int i = 0; i < 2; i++) {
		check(send(fd, "x", 1, MSG_NOSIGNAL) < 0);
		check(errno == EDESTADDRREQ || errno == ENOTCONN);
		check_equal(sock_error(fd), 0);
		/* nor after a connection */
		call(sock_try(fd, peer(PORT_A)));
		dissolve(fd);
	}
}

static void bad_address(void)
{
	union address to = peer(PORT_A);
	int fd = sock_bound();

	call_fails(sendto(fd, "x", 1, 0, &to.any, family->shortest - 1), EINVAL);
	call_fails(sendto(fd, "x", 1, 0, (struct sockaddr *)8, family->length),
		   EFAULT);
	to.any.sa_family = AF_UNIX;
	call_fails(sendto(fd, "x", 1, 0, &to.any, family->length),
		   EAFNOSUPPORT);
	to = peer(0);
	call_fails(sendto(fd, "x", 1, 0, &to.any, family->length), EINVAL);
	check_equal(sock_state(fd), POLLOUT);
}

static void unreachable(void)
{
	union address to = nowhere(PORT_A);
	int fd = sock_bound();

	call_fails(sendto(fd, "x", 1, 0, &to.any, family->length),
		   EHOSTUNREACH);
	call_fails(sock_try(fd, to), EHOSTUNREACH);
	to = peer(PORT_A);
	to.sc.sc_flags = 1;
	call_fails(sendto(fd, "x", 1, 0, &to.any, family->length), EOPNOTSUPP);
	call_fails(sock_try(fd, to), EOPNOTSUPP);
	to = peer(PORT_A);
	to.sc.sc_zero = 1;
	call_fails(sendto(fd, "x", 1, 0, &to.any, family->length), EOPNOTSUPP);
	to = peer(PORT_A);
	to.sc.sc_domid = SC_DOMID_ANY;
	call_fails(sendto(fd, "x", 1, 0, &to.any, family->length), EINVAL);
	check_equal(sock_state(fd), POLLOUT);
}

static const uint32_t sizes[] = {
	0, 1, 15, 16, 17, 4079, 4080, 4081, 4095, 4096, 4097, 8176, 32768,
	65487, 65507, 65519, 65520, 65521, 65535, 65536,
};

#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

static void sizes_client(void)
{
	struct pattern out = { .seed = test_env.seed };
	static unsigned char buffer[1 << 20];
	int fd = sock_reach();
	size_t most = record_max(fd);

	if (family_is_schannel())
		check_equal(most, SC_DGRAM_MAX);
	control_write("MOST %zu", most);
	for (size_t i = 0; i < SIZES && sizes[i] <= most; i++) {
		pattern_fill(&out, buffer, sizes[i]);
		call_gives(send(fd, buffer, sizes[i], 0), sizes[i]);
		call_fails(send(fd, buffer, most + 1, 0), EMSGSIZE);
		call_fails(send(fd, buffer, most + 1, MSG_DONTWAIT), EMSGSIZE);
		control_meet("NEXT");
	}
	call_fails(send(fd, buffer, sizeof(buffer), 0), EMSGSIZE);
	control_meet("DONE");
}

static void sizes_server(void)
{
	struct pattern in = { .seed = test_env.seed };
	static unsigned char buffer[SC_DGRAM_MAX + 1];
	int fd = sock_serve();
	size_t most = control_read_number("MOST");

	for (size_t i = 0; i < SIZES && sizes[i] <= most; i++) {
		call_gives(recv(fd, buffer, sizeof(buffer), 0), sizes[i]);
		pattern_check(&in, buffer, sizes[i]);
		control_meet("NEXT");
	}
	control_meet("DONE");
	call_fails(recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN);
}

/* sendmmsg() to two at once; recvmmsg() from two. */
#define MESSAGES	8

struct messages {
	struct mmsghdr headers[MESSAGES];
	struct iovec iov[MESSAGES];
	union address names[MESSAGES];
	char text[MESSAGES];
};

static void prepare(struct messages *m)
{
	memset(m, 0, sizeof(*m));
	for (int i = 0; i < MESSAGES; i++) {
		struct msghdr *header = &m->headers[i].msg_hdr;

		m->text[i] = 'a' + i;
		m->iov[i].iov_base = &m->text[i];
		m->iov[i].iov_len = 1;
		header->msg_iov = &m->iov[i];
		header->msg_iovlen = 1;
		header->msg_name = &m->names[i];
		header->msg_namelen = family->length;
	}
}

static void messages_client(void)
{
	union address to[2] = {
		peer(control_read_number("FIRST")),
		peer(control_read_number("SECOND")),
	};
	int fds[2] = { bound_to(PORT_A), bound_to(PORT_B) };
	struct messages m;

	for (int i = 0; i < 2; i++) {
		prepare(&m);
		for (int j = 0; j < MESSAGES; j++)
			m.names[j] = to[j % 2];
		call_gives(sendmmsg(fds[i], m.headers, MESSAGES, 0), MESSAGES);
	}
	control_meet("SENT");
	control_meet("DONE");
}

static void messages_server(void)
{
	int fds[2] = { sock_bound(), sock_bound() };
	struct messages m;

	control_write("FIRST %u", sock_port(fds[0]));
	control_write("SECOND %u", sock_port(fds[1]));
	control_meet("SENT");
	for (int i = 0; i < 2; i++) {
		prepare(&m);
		call_gives(recvmmsg(fds[i], m.headers, MESSAGES, 0, NULL),
			   MESSAGES);
		for (int j = 0; j < MESSAGES; j++) {
			int sent_as = 2 * (j % (MESSAGES / 2)) + i;
			bool first = j < MESSAGES / 2;

			check_equal(m.headers[j].msg_len, 1);
			check_equal(m.text[j], 'a' + sent_as);
			check(family->is_peer(&m.names[j]));
			check_equal(family->port(&m.names[j]),
				    first ? PORT_A : PORT_B);
		}
		call_fails(recvmmsg(fds[i], m.headers, MESSAGES, MSG_DONTWAIT,
				    NULL), EAGAIN);
	}
	control_meet("DONE");
}

/* When it came: between asking for it and having it. */
static int64_t real_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t stamp_us(struct msghdr *message, int type)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	struct timespec ns;
	struct timeval us;

	check(header);
	check_equal(header->cmsg_level, SOL_SOCKET);
	check_equal(header->cmsg_type, type);
	if (type == SCM_TIMESTAMP) {
		memcpy(&us, CMSG_DATA(header), sizeof(us));
		return (int64_t)us.tv_sec * 1000000 + us.tv_usec;
	}
	memcpy(&ns, CMSG_DATA(header), sizeof(ns));
	return (int64_t)ns.tv_sec * 1000000 + ns.tv_nsec / 1000;
}

static void timestamp_client(void)
{
	int fd = sock_reach();

	for (int i = 0; i < 20; i++) {
		control_expect("SEND");
		record_say(fd, "when");
	}
	control_meet("DONE");
}

static void timestamp_server(void)
{
	int fd = sock_serve();
	int64_t last = 0;

	for (int i = 0; i < 20; i++) {
		bool ns = i >= 10;
		char text[4], control[100];
		struct iovec iov = { .iov_base = text, .iov_len = 4 };
		struct msghdr message = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		int64_t asked, stamp;

		sock_set(fd, ns ? SO_TIMESTAMPNS : SO_TIMESTAMP, 1);
		asked = real_us();
		control_write("SEND");
		call_gives(recvmsg(fd, &message, 0), 4);
		stamp = stamp_us(&message, ns ? SCM_TIMESTAMPNS : SCM_TIMESTAMP);
		check(asked <= stamp && stamp <= real_us());
		check(last <= stamp);
		last = stamp;
	}
	control_meet("DONE");
}

/* SHUT_WR: EPIPE, but datagrams are still received. SHUT_RD ends a recv(). */
static void *expect_end(void *arg)
{
	call_gives(recv(*(int *)arg, &(char){ 0 }, 1, 0), 0);
	return NULL;
}

static void shutdown_client(void)
{
	int fd = sock_reach();
	pthread_t thread;

	call(shutdown(fd, SHUT_WR));
	call_fails(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	control_write("SEND");
	record_hear(fd, "still heard");
	thread = thread_blocked(expect_end, &fd, SYS_recvfrom);
	call(shutdown(fd, SHUT_RD));
	pthread_join(thread, NULL);
	control_meet("DONE");
}

static void shutdown_server(void)
{
	int fd = sock_serve();

	control_expect("SEND");
	record_say(fd, "still heard");
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "kind", "SO_TYPE, and calls for connections only", kind },
	{ "unbound", "sendto() on an unbound socket binds it", unbound_client,
	  unbound_server, .not_unix = "AF_UNIX sends without a name" },
	{ "source", "the source address is the sender's", source_client,
	  source_server },
	{ "connected", "connect() sets the destination and the only source",
	  connected_client, connected_server,
	  .not_unix = "AF_UNIX returns EPERM to other senders" },
	{ "no_destination", "unconnected, and no address given",
	  no_destination, .not_unix = "AF_UNIX connects to existing sockets only" },
	{ "bad_address", "wrong length, family, pointer or port", bad_address,
	  .not_unix = "AF_UNIX says EINVAL to other families" },
	{ "unreachable", "no such peer, and addresses without an owner", unreachable,
	  .schannel_only = "domids are sockaddr_sc's" },
	{ "sizes", "0 to 65536 bytes, EMSGSIZE beyond", sizes_client,
	  sizes_server },
	{ "messages", "sendmmsg() to two, recvmmsg() from two",
	  messages_client, messages_server,
	  .not_unix = "more than AF_UNIX holds" },
	{ "timestamp", "SO_TIMESTAMP and SO_TIMESTAMPNS", timestamp_client,
	  timestamp_server },
	{ "shutdown", "each half", shutdown_client, shutdown_server },
	{ }
};

TEST_GROUP(dgram, cases, DGRAMS);
