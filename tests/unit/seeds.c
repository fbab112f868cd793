// SPDX-License-Identifier: GPL-2.0-only
/* seeds DIRECTORY: writes a few valid inputs that the fuzzers start from. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <uapi/xen/schannel.h>
#include "fuzz_input.h"

static const char *directory;

static void need(bool held, const char *what)
{
	if (!held) {
		perror(what);
		exit(EXIT_FAILURE);
	}
}

static void seed(const char *target, const char *name, const void *data,
		 size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, target);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name);
	file = fopen(path, "wb");
	need(file, path);
	need(fwrite(data, size, 1, file) == 1 && !fclose(file), path);
}

#define TABLE_PAGES 3

static void message(const char *name, struct schannel_msg msg)
{
	struct {
		struct message_setup setup;
		struct schannel_msg msg;
	} input = { .setup = { .table_pages = TABLE_PAGES - 1 }, .msg = msg };

	seed("fuzz_message", name, &input, sizeof(input));
}

static void messages(void)
{
	message("open", (struct schannel_msg){
		.type = SCHANNEL_MSG_OPEN,
		.src_flow = 1,
		.open = {
			.ring = { .order = 3, .page = 8 },
			.src_port = 1, .dst_port = 2,
			.type = SCHANNEL_TYPE_STREAM,
		},
	});
	message("open-records", (struct schannel_msg){
		.type = SCHANNEL_MSG_OPEN,
		.src_flow = 2,
		.open = {
			.src_port = 3, .dst_port = 4,
			.type = SCHANNEL_TYPE_SEQPACKET,
		},
	});
	message("open-datagrams", (struct schannel_msg){
		.type = SCHANNEL_MSG_OPEN,
		.src_flow = 3,
		.open = { .ring = { .order = 6 }, .type = SCHANNEL_TYPE_DGRAM },
	});
	message("accept", (struct schannel_msg){
		.type = SCHANNEL_MSG_ACCEPT,
		.src_flow = 1,
		.dst_flow = 1,
		.accept = { .ring = { .order = 8 } },
	});
	message("refuse", (struct schannel_msg){
		.type = SCHANNEL_MSG_REFUSE,
		.dst_flow = 1,
		.reason = { .reason = SCHANNEL_REASON_BACKLOG },
	});
	message("close", (struct schannel_msg){
		.type = SCHANNEL_MSG_CLOSE,
		.src_flow = 1,
		.dst_flow = 1,
	});
	message("table", (struct schannel_msg){
		.type = SCHANNEL_MSG_TABLE_ADD,
		.table = { .first = TABLE_PAGES, .nr = 1 },
	});
	message("segment", (struct schannel_msg){
		.type = SCHANNEL_MSG_SEGMENT_ADD,
		.segment = { .segment = 1, .nr_pages = 256 },
	});
	message("table-again", (struct schannel_msg){
		.type = SCHANNEL_MSG_TABLE_ADD,
		.table = { .first = 1, .nr = 2 },
	});
	message("table-answer", (struct schannel_msg){
		.type = SCHANNEL_MSG_TABLE_ANSWER,
		.table = { .first = 1, .nr = 2, .mapped = 1 },
	});
	message("segment-answer", (struct schannel_msg){
		.type = SCHANNEL_MSG_SEGMENT_ANSWER,
		.segment = { .segment = 1, .mapped = 1 },
	});
	message("delete", (struct schannel_msg){
		.type = SCHANNEL_MSG_SEGMENT_DEL,
		.segment = { .segment = 1 },
	});
	message("gone", (struct schannel_msg){
		.type = SCHANNEL_MSG_SEGMENT_GONE,
		.segment = { .segment = 1 },
	});
	message("ring", (struct schannel_msg){
		.type = SCHANNEL_MSG_RING,
		.src_flow = 1,
		.dst_flow = 1,
		.ring = { .ring = { .page = 64, .order = 6 } },
	});
	message("answer", (struct schannel_msg){
		.type = SCHANNEL_MSG_RING_ANSWER,
		.src_flow = 1,
		.dst_flow = 1,
		.answer = { .ready = 1 },
	});
}

/* A well-behaved peer, across the wrap, in two kinds of rings. */
static void fair_peer(void)
{
	struct {
		struct peer_setup setup;
		struct peer_step step[14];
	} input = {
		.setup = { .order = 0, .layout = 0, .start = 0xfffff000 },
		.step = {
			{ PEER_SEND, 0, 4096, 0 },
			{ PEER_ARM_TX, 0, 1, 0 },
			{ PEER_STORE, PEER_TX_CONS, PEER_WORD_RX_CONS, 4000 },
			{ PEER_SEND, 0, 3000, 0 },
			{ PEER_STORE, PEER_RX_CONS, PEER_WORD_TX_PROD, 4096 },
			{ PEER_RECEIVE, 0, 4000, 0 },
			{ PEER_ARM_RX, 0, 100, 0 },
			{ PEER_POST, 0, 1, 0 },
			{ PEER_POST, 0, 2, 0 },
			{ PEER_STORE, PEER_QUEUE_PROD, PEER_WORD_CONS, -1 },
			{ PEER_STORE, PEER_QUEUE_CONS, PEER_WORD_PROD, 3 },
			{ PEER_TAKE, 0, 16, 0 },
			{ PEER_OVERFLOWED, 0, 0, 0 },
			{ PEER_ARM_QUEUE, 0, 0, 0 },
		},
	};

	seed("fuzz_peer", "fair", &input, sizeof(input));
	input.setup.order = 2;
	input.setup.layout = 3;
	input.setup.queue_order = 6;
	seed("fuzz_peer", "fair-scattered", &input, sizeof(input));
}

/* A peer that changes a word between our check and our use of it. */
static void sly_peer(void)
{
	struct {
		struct peer_setup setup;
		struct peer_step step[9];
	} input = {
		.setup = { .order = 1, .layout = 1 },
		.step = {
			{ PEER_STORE, PEER_RX_CONS, PEER_WORD_TX_PROD, 8192 },
			{ PEER_AMBUSH, PEER_RX_CONS, 1, 8193 },
			{ PEER_RECEIVE, 0, 8192, 0 },
			{ PEER_RECEIVE, 0, 8192, 0 },
			{ PEER_SEND, 0, 8192, 0 },
			{ PEER_AMBUSH, PEER_TX_PROD, 1, 1 },
			{ PEER_SEND, 0, 1, 0 },
			{ PEER_AMBUSH, PEER_QUEUE_CONS, 1, 1025 },
			{ PEER_TAKE, 0, 1025, 0 },
		},
	};

	seed("fuzz_peer", "sly", &input, sizeof(input));
}

/* A peer that offers a ring and switches to it, then switches where it must not. */
static void turning_peer(void)
{
	struct {
		struct peer_setup setup;
		struct peer_step step[14];
	} input = {
		.setup = { .order = 1, .layout = 0, .start = 0xffffff00 },
		.step = {
			{ PEER_OFFER, 0, 2, 0 },
			{ PEER_STORE, PEER_SWITCHES, PEER_WORD_TX_SWITCHES, 1 },
			{ PEER_STORE, PEER_RX_CONS, PEER_WORD_TX_PROD, 9000 },
			{ PEER_RECEIVE, 0, 500, 0 },
			{ PEER_PEEK, 0, 600, 0 },
			{ PEER_RECEIVE, 0, 9000, 0 },
			{ PEER_RECEIVE, 0, 9000, 0 },
			{ PEER_OFFER, 0, 0, 0 },
			{ PEER_STORE, PEER_ABSOLUTE, PEER_WORD_RX_SWITCHES, 1 },
			{ PEER_STORE, PEER_SWITCHES, PEER_WORD_TX_SWITCHES, 1 },
			{ PEER_RECEIVE, 0, 100, 0 },
			{ PEER_AMBUSH, PEER_RX_CONS, 3, 8000 },
			{ PEER_RECEIVE, 0, 100, 0 },
			{ PEER_PEEK, 0, 0, 0 },
		},
	};

	seed("fuzz_peer", "switching", &input, sizeof(input));
	input.setup.layout = 1;
	seed("fuzz_peer", "switching-scattered", &input, sizeof(input));
}

/* Valid records that fill the ring, across the wrap; delivered and consumed. */
static void fair_records(void)
{
	struct {
		struct record_setup setup;
		struct record_step step[12];
	} input = {
		.setup = { .order = 0, .layout = 0, .start = 0xfffff800 },
		.step = {
			{ RECORD_WRITE, RECORD_ABSOLUTE, 0, 17 },
			{ RECORD_WRITE, RECORD_ABSOLUTE, 48, 0 },
			{ RECORD_PRODUCE, RECORD_NEXT, 0, 64 },
			{ RECORD_WALK, 0, 0, 0 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_RELEASE, 0, 1, 0 },
			{ RECORD_WRITE, RECORD_LEFT, 0, -16 },
			{ RECORD_PRODUCE, RECORD_CONS, 0, 4096 },
			{ RECORD_WALK, 0, 0, 0 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_RELEASE, 0, 2, 0 },
		},
	};

	seed("fuzz_record", "fair", &input, sizeof(input));
	input.setup.order = 2;
	input.setup.layout = 3;
	seed("fuzz_record", "fair-scattered", &input, sizeof(input));
}

/* Too long by a byte, and by far; changed to longer or shorter after the check. */
static void sly_records(void)
{
	struct {
		struct record_setup setup;
		struct record_step step[15];
	} input = {
		.setup = { .order = 1, .layout = 1, .start = 8192 - 16 },
		.step = {
			{ RECORD_PRODUCE, RECORD_CONS, 0, 8 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_WRITE, RECORD_ABSOLUTE, 0, 17 },
			{ RECORD_PRODUCE, RECORD_CONS, 0, 32 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_WRITE, RECORD_ABSOLUTE, 0, -1 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_WRITE, RECORD_ABSOLUTE, 0, 16 },
			{ RECORD_AMBUSH, RECORD_ABSOLUTE, 1, 4096 },
			{ RECORD_WALK, 0, 0, 0 },
			{ RECORD_WRITE, RECORD_ABSOLUTE, 0, 17 },
			/* valid again, for a second load */
			{ RECORD_AMBUSH, RECORD_ABSOLUTE, 4, 0 },
			{ RECORD_GIVE, 0, 0, 0 },
			{ RECORD_WRITE, RECORD_ABSOLUTE, 0, 16 },
			{ RECORD_GIVE, 0, 0, 0 },
		},
	};

	seed("fuzz_record", "sly", &input, sizeof(input));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return EXIT_FAILURE;
	}
	directory = argv[1];
	messages();
	fair_peer();
	sly_peer();
	turning_peer();
	fair_records();
	sly_records();
	return EXIT_SUCCESS;
}
