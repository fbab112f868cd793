// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP, diverted or not: what an attacker on the wire sees, and can do. A diverted connection shows
 * nothing, and is not affected. The same cases on plain TCP show that they detect both.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "../group.h"
#include "../sock.h"

#define ROUNDS	50
#define GUESSES	64

/* A connection over lo whose ends are both here. */
struct ends {
	struct sock_pair pair;
	union address left;
	union address right;
};

static struct ends connect_ends(void)
{
	struct ends ends = { .pair = sock_pair() };

	ends.left = address_of(ends.pair.left);
	ends.right = address_of(ends.pair.right);
	return ends;
}

static void talk(const struct ends *ends)
{
	char c;

	call_gives(send(ends->pair.left, "l", 1, MSG_NOSIGNAL), 1);
	call_gives(recv(ends->pair.right, &c, 1, 0), 1);
	check_equal(c, 'l');
	call_gives(send(ends->pair.right, "r", 1, MSG_NOSIGNAL), 1);
	call_gives(recv(ends->pair.left, &c, 1, 0), 1);
	check_equal(c, 'r');
}

/* A packet socket that receives all packets on lo. */
static int listen_to_wire(void)
{
	int fd = call(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)));
	struct sockaddr_ll lo = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex("lo"),
	};

	sock_set(fd, SO_RCVBUFFORCE, 8 << 20);
	call(bind(fd, (struct sockaddr *)&lo, sizeof(lo)));
	return fd;
}

/* Where TCP's header is in an IP packet, or -1 if there is none. */
static int find_tcp(const unsigned char *packet)
{
	if (packet[0] >> 4 == 4)
		return packet[9] == IPPROTO_TCP ? (packet[0] & 15) * 4 : -1;
	return packet[6] == IPPROTO_TCP ? (int)sizeof(struct ip6_hdr) : -1;
}

/* What the packet socket received of a connection. */
struct heard {
	int segments;
	uint32_t seq;		/* of the byte that the right sends next */
	uint32_t ack;		/* of the one that it waits for */
};

static struct heard hear(int wire, const struct ends *ends)
{
	uint16_t left = htons(family->port(&ends->left));
	uint16_t right = htons(family->port(&ends->right));
	struct heard heard = { 0 };
	unsigned char packet[256] = "";
	struct tcphdr tcp;
	ssize_t n;

	while ((n = recv(wire, packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC)) >= 0) {
		int at = find_tcp(packet);

		if (at < 0)
			continue;
		memcpy(&tcp, packet + at, sizeof(tcp));
		if (tcp.source == left && tcp.dest == right)
			heard.segments++;
		if (tcp.source != right || tcp.dest != left)
			continue;
		heard.segments++;
		heard.seq = ntohl(tcp.seq) + tcp.syn + n - at - tcp.doff * 4;
		heard.ack = ntohl(tcp.ack_seq);
	}
	check_equal(errno, EAGAIN);
	return heard;
}

/* Connected, used and closed, in both orders: not a segment of it. */
static void silent(void)
{
	int wire = listen_to_wire(), segments = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct ends ends = connect_ends();

		talk(&ends);
		if (i % 3 == 1)
			sock_set_linger(ends.pair.left, 1, 0);
		if (i % 3 == 2)
			call(shutdown(ends.pair.left, SHUT_WR));
		close(i % 2 ? ends.pair.left : ends.pair.right);
		close(i % 2 ? ends.pair.right : ends.pair.left);
		segments += hear(wire, &ends).segments;
	}
	if (test_env.diverted)
		check_equal(segments, 0);
	else
		check(segments >= 8 * ROUNDS);
}

static uint16_t checksum(const void *data, size_t length, uint32_t sum)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

struct segment {
	struct tcphdr tcp;
	char data[4];
};

/* As from @from: what IP makes of a raw socket's bytes, with a sum that is right. */
static void forge(int raw, const union address *from, const union address *to,
		  uint32_t seq, uint32_t ack, uint8_t flags)
{
	struct segment segment = {
		.tcp.source = htons(family->port(from)),
		.tcp.dest = htons(family->port(to)),
		.tcp.seq = htonl(seq),
		.tcp.ack_seq = htonl(ack),
		.tcp.doff = sizeof(struct tcphdr) / 4,
		.tcp.window = htons(1000),
		.data = "evil",
	};
	size_t length = sizeof(segment.tcp);
	union address there = *to;
	const uint8_t *addresses[2];
	uint32_t sum;

	segment.tcp.th_flags = flags;
	if (flags & TH_PUSH)
		length = sizeof(segment);
	sum = length + IPPROTO_TCP;
	for (int i = 0; i < 2; i++) {
		const union address *one = i ? to : from;
		size_t size = 4;

		if (one->any.sa_family == AF_INET) {
			addresses[i] = (const uint8_t *)&one->in.sin_addr;
		} else if (IN6_IS_ADDR_V4MAPPED(&one->in6.sin6_addr)) {
			addresses[i] = &one->in6.sin6_addr.s6_addr[12];
		} else {
			addresses[i] = one->in6.sin6_addr.s6_addr;
			size = 16;
		}
		for (size_t at = 0; at < size; at += 2)
			sum += addresses[i][at] << 8 | addresses[i][at + 1];
	}
	segment.tcp.check = checksum(&segment, length, sum);
	if (to->any.sa_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&to->in6.sin6_addr)) {
		memset(&there, 0, sizeof(there));
		there.in.sin_family = AF_INET;
		memcpy(&there.in.sin_addr, addresses[1], 4);
	} else if (to->any.sa_family == AF_INET6) {
		there.in6.sin6_port = 0;
	}
	/* no socket: lo returns the packet, which is no error here */
	if (sendto(raw, &segment, length, 0, &there.any,
		   there.any.sa_family == AF_INET ? sizeof(there.in) :
		   sizeof(there.in6)) < 0)
		check_equal(errno, ECONNREFUSED);
}

static int open_raw(const union address *address)
{
	bool six = address->any.sa_family == AF_INET6 &&
		   !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr);

	return call(socket(six ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_TCP));
}

/* The segments that an attacker can forge who knows both addresses, and @heard if it is set. */
static void attack(int raw, const union address *from, const union address *to,
		   const struct heard *heard)
{
	static const uint8_t kinds[] = {
		TH_RST, TH_RST | TH_ACK, TH_SYN, TH_SYN | TH_ACK, TH_FIN | TH_ACK,
		TH_ACK, TH_PUSH | TH_ACK,
	};
	uint64_t random = test_env.seed;

	for (int i = 0; i < GUESSES; i++) {
		uint32_t seq = random_below(&random, 0xffffffff);
		uint32_t ack = random_below(&random, 0xffffffff);

		if (i < 2)
			seq = i;
		if (i == 2) {
			seq = heard->seq;
			ack = heard->ack;
		}
		for (size_t kind = 0; kind < sizeof(kinds); kind++)
			forge(raw, from, to, seq, ack, kinds[kind]);
	}
}

/*
 * Forged from the left, then from the right. TCP, whose sequence numbers are on the wire, is
 * reset; a diverted connection continues, and sends nothing.
 */
static void forged(void)
{
	int wire = listen_to_wire();
	struct ends ends = connect_ends();
	int raw = open_raw(&ends.left);
	struct heard heard;

	talk(&ends);
	heard = hear(wire, &ends);
	attack(raw, &ends.right, &ends.left, &heard);
	if (!test_env.diverted) {
		check(heard.segments > 0);
		check(sock_await(ends.pair.left, POLLIN) & POLLERR);
		check_equal(sock_error(ends.pair.left), ECONNRESET);
		return;
	}
	check_equal(heard.segments, 0);
	attack(raw, &ends.left, &ends.right, &heard);
	for (int i = 0; i < ROUNDS; i++)
		talk(&ends);
	check_equal(sock_state(ends.pair.left), POLLOUT);
	check_equal(sock_state(ends.pair.right), POLLOUT);
	check_equal(sock_error(ends.pair.left), 0);
	check_equal(sock_error(ends.pair.right), 0);
	close(ends.pair.left);
	call_gives(recv(ends.pair.right, &(char){ 0 }, 1, 0), 0);
}

/* How many sockets between these two ports the table has that segments are looked up in. */
static int listed(const char *path, const struct ends *ends)
{
	unsigned int left = family->port(&ends->left);
	unsigned int right = family->port(&ends->right);
	FILE *file = fopen(path, "re");
	char line[256];
	int n = 0;

	check(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned int one, other;

		if (sscanf(line, "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%x", &one, &other) != 2)
			continue;
		n += (one == left && other == right) ||
		     (one == right && other == left);
	}
	fclose(file);
	return n;
}

/* No segment, whatever its content, finds a socket of either end. */
static void unlisted(void)
{
	struct ends ends = connect_ends();

	talk(&ends);
	check_equal(listed(family->number == AF_INET ? "/proc/net/tcp" :
			   "/proc/net/tcp6", &ends),
		    test_env.diverted ? 0 : 2);
}

static const struct test_case cases[] = {
	{ "silent", "no segment of a diverted connection is on the wire", silent },
	{ "unlisted", "TCP's hash table has no diverted sockets", unlisted },
	{ "forged", "forged segments have no effect", forged },
	{ }
};

TEST_GROUP(inet_wire, cases, TCP);
