// SPDX-License-Identifier: GPL-2.0-only
/*
 * pcapng, as draft-ietf-opsawg-pcapng describes it. A block is its type, its length, a fixed part,
 * options and its length once more. All is in the byte order of the machine, which the first block
 * tells, and padded to four bytes.
 */
#include <string.h>

#include "pcapng.h"

enum block {
	BLOCK_SECTION	= 0x0a0d0d0a,
	BLOCK_INTERFACE	= 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET	= 6,
};

enum option {
	OPTION_END		= 0,
	OPTION_SECTION_PROGRAM	= 4,
	OPTION_INTERFACE_NAME	= 2,
	OPTION_INTERFACE_TIME	= 9,	/* the unit of its times */
	OPTION_INTERFACE_FILTER	= 11,
	OPTION_PACKET_FLAGS	= 2,
	OPTION_SEEN		= 4,
	OPTION_DROPPED		= 5,
	OPTION_MISSED		= 7,
	OPTION_WRITTEN		= 8,
};

#define BYTE_ORDER_MAGIC	0x1a2b3c4d
/* Packets that begin with an IPv4 or IPv6 header, as the file format numbers them. */
#define LINKTYPE_RAW		101
#define UNIT_NANOSECONDS	9
#define FILTER_TEXT		0
#define DIRECTION_IN		1
#define DIRECTION_OUT		2
#define ALIGN(len)		(((len) + 3) & ~(size_t)3)

struct option_header {
	uint16_t code;
	uint16_t len;
};

/* The largest text that is an option: its length has 16 bits. */
#define TEXT_MAX	4096

static size_t text_len(const char *text)
{
	return strnlen(text, TEXT_MAX);
}

static size_t option_size(size_t len)
{
	return sizeof(struct option_header) + ALIGN(len);
}

static void put(FILE *out, const void *bytes, size_t len)
{
	static const char padding[4];

	fwrite(bytes, 1, len, out);
	fwrite(padding, 1, ALIGN(len) - len, out);
}

static void put_u32(FILE *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

static void put_option(FILE *out, enum option code, const void *bytes, size_t len)
{
	const struct option_header header = { .code = code, .len = len };

	put(out, &header, sizeof(header));
	put(out, bytes, len);
}

/* body and options are without the block's own head and end. Returns the block's size. */
static uint32_t begin_block(FILE *out, enum block type, size_t body, size_t options)
{
	uint32_t size = 3 * sizeof(uint32_t) + body + options + sizeof(struct option_header);

	put_u32(out, type);
	put_u32(out, size);
	return size;
}

static void end_block(FILE *out, uint32_t size)
{
	put_option(out, OPTION_END, "", 0);
	put_u32(out, size);
}

/* The time is in two halves, of which the higher one comes first. */
static void put_time(FILE *out, const struct timespec *at)
{
	uint64_t ns = at->tv_sec * 1000000000ULL + at->tv_nsec;

	put_u32(out, ns >> 32);
	put_u32(out, ns);
}

static void put_section(FILE *out, const char *program)
{
	const struct {
		uint32_t magic;
		uint16_t major, minor;
		uint32_t len[2];	/* of the section: not known */
	} body = { BYTE_ORDER_MAGIC, 1, 0, { UINT32_MAX, UINT32_MAX } };
	uint32_t size = begin_block(out, BLOCK_SECTION, sizeof(body),
				    option_size(text_len(program)));

	put(out, &body, sizeof(body));
	put_option(out, OPTION_SECTION_PROGRAM, program, text_len(program));
	end_block(out, size);
}

static void put_interface(FILE *out, const char *name, const char *filter)
{
	const struct {
		uint16_t type, reserved;
		uint32_t max;		/* bytes of a packet: no limit */
	} body = { LINKTYPE_RAW, 0, 0 };
	const uint8_t unit = UNIT_NANOSECONDS;
	char kind_and_filter[1 + TEXT_MAX] = { FILTER_TEXT };
	size_t options = option_size(text_len(name)) + option_size(sizeof(unit));
	size_t filter_len = filter ? 1 + text_len(filter) : 0;
	uint32_t size;

	if (filter)
		options += option_size(filter_len);
	size = begin_block(out, BLOCK_INTERFACE, sizeof(body), options);
	put(out, &body, sizeof(body));
	put_option(out, OPTION_INTERFACE_NAME, name, text_len(name));
	put_option(out, OPTION_INTERFACE_TIME, &unit, sizeof(unit));
	if (filter) {
		memcpy(kind_and_filter + 1, filter, filter_len - 1);
		put_option(out, OPTION_INTERFACE_FILTER, kind_and_filter, filter_len);
	}
	end_block(out, size);
}

void pcapng_begin(FILE *out, const char *program, const char *interface, const char *filter)
{
	put_section(out, program);
	put_interface(out, interface, filter);
}

void pcapng_packet(FILE *out, const struct pcapng_packet *packet)
{
	const uint32_t flags = packet->outgoing ? DIRECTION_OUT : DIRECTION_IN;
	uint32_t size = begin_block(out, BLOCK_PACKET, 5 * sizeof(uint32_t) + ALIGN(packet->len),
				    option_size(sizeof(flags)));

	put_u32(out, 0);		/* the interface */
	put_time(out, &packet->at);
	put_u32(out, packet->len);
	put_u32(out, packet->full_len);
	put(out, packet->bytes, packet->len);
	put_option(out, OPTION_PACKET_FLAGS, &flags, sizeof(flags));
	end_block(out, size);
}

void pcapng_end(FILE *out, const struct pcapng_counts *counts)
{
	uint32_t size = begin_block(out, BLOCK_STATISTICS, 3 * sizeof(uint32_t),
				    4 * option_size(sizeof(uint64_t)));
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	put_u32(out, 0);		/* the interface */
	put_time(out, &now);
	put_option(out, OPTION_SEEN, &counts->seen, sizeof(counts->seen));
	put_option(out, OPTION_DROPPED, &counts->dropped, sizeof(counts->dropped));
	put_option(out, OPTION_MISSED, &counts->missed, sizeof(counts->missed));
	put_option(out, OPTION_WRITTEN, &counts->written, sizeof(counts->written));
	end_block(out, size);
}
