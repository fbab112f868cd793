// SPDX-License-Identifier: GPL-2.0-only
#include "vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/schannel.h>

#include "tap.h"
#include "world.h"

#define PORT		7000
#define RECORDS_PORT	7001
#define TEXT_MAX	64
/* More than A ever has. */
#define KNOWN_PAGES	1024U

/* What B announces, and A, too. It is as small as it may be, so that records are short. */
static const struct side_config usual = {
	.abi = 1,
	.abi_oldest = 1,
	.nr_queues = 1,
	.accept_flows = 64,
	.accept_segments = 2,
	.accept_pages = 512,
	.accept_order = 5,
};

static struct side_config config(unsigned int at)
{
	struct side_config config = usual;

	config.at = at;
	return config;
}

static uint8_t pattern(uint32_t at)
{
	return at * 7 + at / 256;
}

/* ---- What B's program does ---------------------------------------------- */

static const struct side_ops *ob;
static struct side *b;
static uint32_t flow;		/* the last one of B's */

static enum side_state state_of_b(void)
{
	uint32_t reason;

	return ob->state(b, flow, &reason);
}

static void open_flow(uint32_t port, uint8_t type)
{
	struct side_open open = { .type = type, .port = port, .rx_order = 0xff };

	flow = ob->open(b, &open);
	CHECK(flow);
}

static void receive(const char *text)
{
	char got[TEXT_MAX] = "";

	CHECK_EQ(ob->recv(b, flow, got, sizeof(got)), strlen(text));
	CHECK(!strcmp(got, text));
}

static void receive_pattern(uint32_t len)
{
	static uint8_t got[65536];
	uint32_t i;

	CHECK_EQ(ob->recv(b, flow, got, sizeof(got)), len);
	for (i = 0; i < len && got[i] == pattern(i); i++)
		;
	CHECK_EQ(i, len);
}

static void take(const char *text)
{
	char got[TEXT_MAX] = "";
	uint32_t flags;
	size_t len = 0;

	CHECK(ob->take(b, flow, got, &len, &flags));
	CHECK_EQ(len, strlen(text));
	CHECK_EQ(flags, SCHANNEL_RECORD_EOR);
	CHECK(!strcmp(got, text));
}

static void close_flow(void)
{
	ob->fin(b, flow);
	ob->shut(b, flow);
	ob->close(b, flow, SCHANNEL_REASON_DONE);
}

/* One line of what B does; false if it is none. */
static bool do_as_b(const char *line)
{
	char verb[TEXT_MAX], text[TEXT_MAX] = "";
	unsigned int number = 0, type = 0;

	if (sscanf(line, "%63s %63[^\n]", verb, text) < 1)
		return true;
	if (sscanf(text, "%u %u", &number, &type) < 1)
		number = 0;
	if (!strcmp(verb, "turn")) {
		CHECK(!ob->step(b));
	} else if (!strcmp(verb, "listen")) {
		ob->listen(b, number, type);
	} else if (!strcmp(verb, "open")) {
		open_flow(number, type);
	} else if (!strcmp(verb, "accepted")) {
		flow = ob->accepted(b);
		CHECK(flow);
	} else if (!strcmp(verb, "opened")) {
		CHECK_EQ(state_of_b(), SIDE_OPEN);
	} else if (!strcmp(verb, "refused")) {
		CHECK_EQ(state_of_b(), SIDE_REFUSED);
	} else if (!strcmp(verb, "gone")) {
		CHECK_EQ(state_of_b(), SIDE_NONE);
	} else if (!strcmp(verb, "send")) {
		CHECK_EQ(ob->send(b, flow, text, strlen(text)), strlen(text));
	} else if (!strcmp(verb, "receive")) {
		receive(text);
	} else if (!strcmp(verb, "pattern")) {
		receive_pattern(number);
	} else if (!strcmp(verb, "put")) {
		CHECK(ob->put(b, flow, text, strlen(text), SCHANNEL_RECORD_EOR));
	} else if (!strcmp(verb, "take")) {
		take(text);
	} else if (!strcmp(verb, "end")) {
		CHECK(ob->at_end(b, flow));
	} else if (!strcmp(verb, "close")) {
		close_flow();
	} else {
		return false;
	}
	return true;
}

/* ---- Replaying ---------------------------------------------------------- */

static void store(uint32_t ref, uint32_t offset, const char *bytes)
{
	uint8_t *page = world_bytes(0, ref);

	if (!CHECK(ref >= world_first() && ref <= world_last(0)))
		return;
	for (char *end; ; bytes = end) {
		unsigned long value = strtoul(bytes, &end, 16);

		if (end == bytes)
			break;
		if (!CHECK(offset < WORLD_PAGE && value < 256))
			return;
		page[offset++] = value;
	}
}

static void replay_line(const char *line)
{
	uint32_t ref, offset, number;
	int at = 0;

	if (*line == '#')
		return;
	if (sscanf(line, "%x %x:%n", &ref, &offset, &at) == 2 && at) {
		store(ref, offset, line + at);
	} else if (sscanf(line, "directory %x", &ref) == 1) {
		CHECK(!ob->attach(b, ref));
	} else if (sscanf(line, "notify %u", &number) == 1) {
		world_notify(1, number);
	} else if (!do_as_b(line)) {
		tap_note("not a line of a record: %s", line);
		CHECK(false);
	}
}

void vector_replay(const char *path, const struct side_ops *ops)
{
	struct side_config here = config(1);
	char line[256];
	FILE *file = fopen(path, "re");
	int number = 0;

	if (!CHECK(file))
		return;
	world_reset();
	/* pages of zeros are not in the record */
	for (int i = 0; i < (int)KNOWN_PAGES; i++)
		world_page(0, &(uint32_t){ 0 });
	ob = ops;
	b = ob->create(&here);
	while (fgets(line, sizeof(line), file) && !tap_failed()) {
		number++;
		replay_line(line);
	}
	if (tap_failed())
		tap_note("%s:%d: %s", path, number, ops->name);
	CHECK(number > 100);
	fclose(file);
	ob->destroy(b);
}

/* ---- Recording ---------------------------------------------------------- */

static const struct side_ops *oa;
static struct side *a;
static uint8_t *known;		/* A's pages as they are in the record */

static void print_run(uint32_t ref, uint32_t from, uint32_t to)
{
	const uint8_t *page = world_bytes(0, ref);

	printf("%x %03x:", ref, from);
	while (from < to)
		printf(" %02x", page[from++]);
	printf("\n");
}

/* The words of a page that have changed, at most four in a line. */
static void print_page(uint32_t ref, uint8_t *before)
{
	const uint8_t *page = world_bytes(0, ref);
	uint32_t at, start = WORLD_PAGE;

	for (at = 0; at < WORLD_PAGE; at += 4) {
		bool changed = memcmp(page + at, before + at, 4);

		if (start < at && (!changed || at - start == 16)) {
			print_run(ref, start, at);
			start = WORLD_PAGE;
		}
		if (changed && start > at)
			start = at;
	}
	if (start < at)
		print_run(ref, start, at);
	memcpy(before, page, WORLD_PAGE);
}

static void print_changes(void)
{
	for (uint32_t ref = world_first(); ref <= world_last(0); ref++)
		print_page(ref, known + (size_t)(ref - world_first()) * WORLD_PAGE);
	if (world_notified(1, 0)) {
		printf("notify 0\n");
		world_notify(1, 0);
	}
}

/* A has done something, and handles what it was notified of. */
static void a_did(const char *what)
{
	printf("\n# %s\n", what);
	CHECK(!oa->step(a));
	print_changes();
}

static void b_does(const char *line)
{
	printf("%s\n", line);
	CHECK(do_as_b(line));
}

static void turn(const char *answer)
{
	b_does("turn");
	a_did(answer);
}

static void record_setup(bool opens)
{
	struct side_config here = config(0), there = config(1);

	world_reset();
	known = calloc(KNOWN_PAGES, WORLD_PAGE);
	a = oa->create(&here);
	b = ob->create(&there);
	printf("# %s: GPL-2.0-only\n"
	       "#\n"
	       "# ABI version 1: what a side wrote that %s flows. abi/vector.h says what the\n"
	       "# lines mean. Integers are little endian.\n",
	       "SPDX-License-Identifier", opens ? "opens" : "accepts");
	CHECK(!oa->attach(a, ob->directory(b)));
	a_did("the directory, the event queue's header, and flow 0 of the table");
	printf("directory %x\n", oa->directory(a));
	CHECK(!ob->attach(b, oa->directory(a)));
}

static uint32_t opens_to(uint32_t port, uint8_t type)
{
	struct side_open open = { .type = type, .port = port, .rx_order = 0 };

	return oa->open(a, &open);
}

static void record_pattern(uint32_t from)
{
	static uint8_t bytes[5000];

	oa->offer(a, from, 1);
	a_did("RING, an offer of two pages");
	turn("the answer is read");
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = pattern(i);
	CHECK_EQ(oa->send(a, from, bytes, sizeof(bytes)), sizeof(bytes));
	a_did("the switch, and 5000 bytes");
	b_does("turn");
	b_does("pattern 5000");
	a_did("the old ring is free");
}

static void record_end(uint32_t of)
{
	oa->fin(a, of);
	oa->shut(a, of);
	oa->close(a, of, SCHANNEL_REASON_DONE);
	a_did("both directions are shut, CLOSE(DONE)");
	b_does("turn");
	b_does("end");
	b_does("close");
	a_did("the peer's CLOSE is read");
	b_does("gone");
}

static void record_opens(void)
{
	uint32_t of;
	char got[TEXT_MAX];
	size_t len;
	uint32_t flags;

	b_does("listen 7000 1");
	b_does("listen 7001 2");
	of = opens_to(PORT, SCHANNEL_TYPE_STREAM);
	a_did("SEGMENT_ADD, and OPEN of flow 1 to port 7000");
	turn("the peer's segment is mapped: SEGMENT_ANSWER");
	b_does("turn");
	b_does("accepted");
	CHECK_EQ(oa->send(a, of, "hello", 5), 5);
	a_did("five bytes");
	b_does("turn");
	b_does("receive hello");
	b_does("send world");
	a_did("nothing was expected yet");
	CHECK_EQ(oa->recv(a, of, got, sizeof(got)), 5);
	a_did("five bytes are consumed");
	record_pattern(of);
	record_end(of);
	of = opens_to(RECORDS_PORT, SCHANNEL_TYPE_SEQPACKET);
	a_did("OPEN of flow 1 again, now to port 7001, for records");
	turn("ACCEPT is read");
	b_does("accepted");
	CHECK(oa->put(a, of, "a record", 8, SCHANNEL_RECORD_EOR));
	a_did("a record of eight bytes");
	b_does("turn");
	b_does("take a record");
	b_does("put another one");
	CHECK(oa->take(a, of, got, &len, &flags));
	a_did("the peer's record is consumed");
	record_end(of);
	opens_to(9, SCHANNEL_TYPE_STREAM);
	a_did("OPEN to a port at which nothing listens");
	turn("REFUSE is read");
	oa->grow_table(a);
	a_did("TABLE_ADD of page 1");
	turn("the answer is read");
	oa->trim(a);
	a_did("SEGMENT_DEL");
	turn("SEGMENT_GONE is read");
}

static void record_accepts(void)
{
	uint32_t of;
	char got[TEXT_MAX];

	oa->listen(a, PORT, SCHANNEL_TYPE_STREAM);
	b_does("open 9 1");
	a_did("the peer's segment is mapped: SEGMENT_ANSWER; REFUSE");
	b_does("turn");
	b_does("refused");
	b_does("open 7000 1");
	a_did("SEGMENT_ADD, and ACCEPT with flow 1");
	b_does("turn");
	b_does("opened");
	a_did("the answer is read");
	of = oa->accepted(a);
	b_does("send hello");
	CHECK_EQ(oa->recv(a, of, got, sizeof(got)), 5);
	a_did("five bytes are consumed");
	CHECK_EQ(oa->send(a, of, "world", 5), 5);
	a_did("five bytes");
	b_does("turn");
	b_does("receive world");
	record_pattern(of);
	oa->fin(a, of);
	oa->shut(a, of);
	oa->close(a, of, SCHANNEL_REASON_DONE);
	a_did("both directions are shut, CLOSE(DONE)");
	b_does("turn");
	b_does("end");
	oa->close(a, of, SCHANNEL_REASON_RESET);
	a_did("CLOSE(RESET), which takes the flow back");
	b_does("turn");
	b_does("gone");
	a_did("the peer's CLOSE is read");
}

void vector_record(const struct side_ops *a_ops, const struct side_ops *b_ops, bool opens)
{
	oa = a_ops;
	ob = b_ops;
	record_setup(opens);
	if (opens)
		record_opens();
	else
		record_accepts();
	oa->destroy(a);
	ob->destroy(b);
	free(known);
}
