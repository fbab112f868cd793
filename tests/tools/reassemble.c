// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads what schannelctl capture has written, with code that shares nothing with it.
 *
 *	reassemble FILE in|out to|from PORT 4|6
 *
 * Prints the bytes of the packets with this direction, port and IP version. Fails if any packet of
 * the file is malformed or has a wrong checksum, if there is a gap or an overlap in some stream, or
 * if a packet acknowledges what was not seen before.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX	64
#define BLOCK_MAX	1048576

/* What an end has shown in one direction. */
struct stream {
	bool out;
	uint16_t from, to;
	uint32_t next;
};

struct wanted {
	bool out;
	bool to;
	uint16_t port;
	unsigned int version;
};

struct packet {
	bool out;
	unsigned int version;
	const struct tcphdr *tcp;
	size_t len;		/* of the header and what follows it */
};

static struct stream streams[STREAMS_MAX];
static size_t n_streams;
static unsigned int n_packets;

static struct stream *find(bool out, uint16_t from, uint16_t to)
{
	struct stream *s;

	for (s = streams; s < streams + n_streams; s++)
		if (s->out == out && s->from == from && s->to == to)
			return s;
	return NULL;
}

static uint32_t sum(const void *bytes, size_t len, uint32_t before)
{
	const uint8_t *at = bytes;
	size_t i;

	for (i = 0; i < len; i++)
		before += i & 1 ? at[i] : at[i] << 8;
	return before;
}

static bool is_right(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total == 0xffff;
}

/* The checksum with the addresses, which are together in both headers. */
static void check_tcp(const struct packet *packet, const void *addresses, size_t len)
{
	uint32_t total = sum(addresses, len, IPPROTO_TCP + packet->len);

	if (!is_right(sum(packet->tcp, packet->len, total)))
		errx(1, "packet %u: wrong TCP checksum", n_packets);
	if (!packet->tcp->ack || packet->tcp->syn || packet->tcp->fin || packet->tcp->rst)
		errx(1, "packet %u: wrong TCP flags", n_packets);
}

static struct packet read_ip(const uint8_t *bytes, size_t len)
{
	const struct ip *ip = (const struct ip *)bytes;
	const struct ip6_hdr *ip6 = (const struct ip6_hdr *)bytes;
	struct packet packet = { .version = bytes[0] >> 4 };

	if (packet.version == 4) {
		if (len < sizeof(*ip) || ntohs(ip->ip_len) != len || ip->ip_p != IPPROTO_TCP ||
		    !is_right(sum(ip, sizeof(*ip), 0)))
			errx(1, "packet %u: wrong IPv4 header", n_packets);
		packet.tcp = (const struct tcphdr *)(ip + 1);
		packet.len = len - sizeof(*ip);
		check_tcp(&packet, &ip->ip_src, 8);
	} else {
		if (len < sizeof(*ip6) || ntohs(ip6->ip6_plen) + sizeof(*ip6) != len ||
		    packet.version != 6 || ip6->ip6_nxt != IPPROTO_TCP)
			errx(1, "packet %u: wrong IPv6 header", n_packets);
		packet.tcp = (const struct tcphdr *)(ip6 + 1);
		packet.len = len - sizeof(*ip6);
		check_tcp(&packet, &ip6->ip6_src, 32);
	}
	return packet;
}

/* Each byte once, and in order. */
static void follow(const struct packet *packet, uint32_t payload)
{
	const struct tcphdr *tcp = packet->tcp;
	struct stream *s = find(packet->out, tcp->source, tcp->dest);
	const struct stream *reverse = find(!packet->out, tcp->dest, tcp->source);
	uint32_t seq = ntohl(tcp->seq);

	if (!s) {
		if (n_streams == STREAMS_MAX)
			errx(1, "too many streams");
		s = &streams[n_streams++];
		*s = (struct stream){ packet->out, tcp->source, tcp->dest, seq };
	}
	if (seq != s->next)
		errx(1, "packet %u: %d bytes %s", n_packets, abs((int32_t)(seq - s->next)),
		     (int32_t)(seq - s->next) > 0 ? "are missing before it" : "come again");
	if (reverse && (int32_t)(ntohl(tcp->ack_seq) - reverse->next) > 0)
		errx(1, "packet %u: acknowledges what was not seen", n_packets);
	s->next = seq + payload;
}

static void read_packet(const uint32_t *body, size_t len, const struct wanted *wanted)
{
	const uint32_t *options = body + 5 + (body[3] + 3) / 4;
	struct packet packet;
	uint16_t port;
	size_t head;

	n_packets++;
	if (len < 28 || body[3] > len - 28 || body[3] != body[4] || body[0])
		errx(1, "packet %u: wrong block", n_packets);
	/* the first option: flags, four bytes */
	if (options[0] != (4 << 16 | 2) || !options[1] || options[1] > 2)
		errx(1, "packet %u: no direction", n_packets);
	packet = read_ip((const uint8_t *)(body + 5), body[3]);
	packet.out = options[1] == 2;
	head = packet.tcp->doff * 4;
	follow(&packet, packet.len - head);
	port = ntohs(wanted->to ? packet.tcp->dest : packet.tcp->source);
	if (packet.out == wanted->out && port == wanted->port && packet.version == wanted->version)
		fwrite((const char *)packet.tcp + head, 1, packet.len - head, stdout);
}

/* Returns the block's type; 0 at the end of the file. */
static uint32_t read_block(FILE *in, const struct wanted *wanted)
{
	static uint32_t body[BLOCK_MAX / 4];
	uint32_t head[2], end;

	if (fread(head, 1, sizeof(head), in) != sizeof(head))
		return 0;
	if (head[1] < 12 || head[1] % 4 || head[1] > sizeof(body) ||
	    fread(body, 1, head[1] - 12, in) != head[1] - 12 ||
	    fread(&end, 1, sizeof(end), in) != sizeof(end) || end != head[1])
		errx(1, "a block is malformed, after packet %u", n_packets);
	if (head[0] == 6)
		read_packet(body, head[1] - 12, wanted);
	return head[0];
}

int main(int argc, char **argv)
{
	uint32_t type, last = 0;
	struct wanted wanted;
	FILE *in;

	if (argc != 6)
		errx(2, "usage: reassemble FILE in|out to|from PORT 4|6");
	in = fopen(argv[1], "r");
	if (!in)
		err(1, "%s", argv[1]);
	wanted = (struct wanted){
		.out = !strcmp(argv[2], "out"),
		.to = !strcmp(argv[3], "to"),
		.port = atoi(argv[4]),
		.version = atoi(argv[5]),
	};
	if (read_block(in, &wanted) != 0x0a0d0d0a || read_block(in, &wanted) != 1)
		errx(1, "no section with an interface");
	while ((type = read_block(in, &wanted)))
		last = type;
	if (last != 5)
		errx(1, "no statistics at the end");
	warnx("%u packets", n_packets);
	return fflush(stdout) ? 1 : 0;
}
