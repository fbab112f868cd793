// SPDX-License-Identifier: GPL-2.0-only
/* The protocol: fixed-size messages, in network byte order. */
#include <endian.h>

#include "conn.h"
#include "wire.h"

#define MAGIC		0x53435046	/* "SCPF" */
#define PROTOCOL	1
#define GO		'G'

#define REQUEST_REVERSE	1
#define REQUEST_VERIFY	2

enum answer {
	ANSWER_YES,
	ANSWER_VERSION,
	ANSWER_TEST,
	ANSWER_NUMBERS,
};

static const char * const answers[] = {
	[ANSWER_VERSION] = "it has another version",
	[ANSWER_TEST] = "it does not support this test (server and receive are different services)",
	[ANSWER_NUMBERS] = "size, time or number of flows is out of range",
};

struct wire_request {
	uint32_t magic;
	uint16_t version;
	uint16_t test;
	uint32_t flags;
	uint32_t size;
	uint32_t ms;
	uint32_t flows;
	uint64_t length;
};

struct wire_answer {
	uint32_t magic;
	uint32_t answer;
};

int wire_ask(struct conn *conn, const struct request *req)
{
	const struct wire_request msg = {
		.magic = htobe32(MAGIC),
		.version = htobe16(PROTOCOL),
		.test = htobe16(req->test),
		.flags = htobe32((req->reverse ? REQUEST_REVERSE : 0) |
				 (req->verify ? REQUEST_VERIFY : 0)),
		.size = htobe32(req->size),
		.ms = htobe32(req->ms),
		.flows = htobe32(req->flows),
		.length = htobe64(req->length),
	};
	struct wire_answer reply;
	uint32_t answer;

	if (conn_send(conn, &msg, sizeof(msg)) || conn_recv(conn, &reply, sizeof(reply)))
		return -1;
	if (be32toh(reply.magic) != MAGIC)
		return conn_fail(conn, "the peer is not schannel-perf");
	answer = be32toh(reply.answer);
	if (answer == ANSWER_YES)
		return 0;
	return conn_fail(conn, "the peer refused: %s", answer <= ANSWER_NUMBERS ?
			 answers[answer] : "it does not say why");
}

int wire_go(struct conn *conn)
{
	const char go = GO;

	return conn_send(conn, &go, sizeof(go));
}

static enum answer judge(const struct request *req, unsigned int version, bool files)
{
	if (version != PROTOCOL)
		return ANSWER_VERSION;
	if (files ? req->test != TEST_FILE : req->test != TEST_STREAM && req->test != TEST_RTT)
		return ANSWER_TEST;
	if (!req->flows || req->flows > WIRE_FLOWS_MAX)
		return ANSWER_NUMBERS;
	if (req->test != TEST_FILE && (!req->size || req->size > WIRE_SIZE_MAX))
		return ANSWER_NUMBERS;
	if (req->test != TEST_STREAM && req->reverse)
		return ANSWER_TEST;
	return req->ms > WIRE_MS_MAX ? ANSWER_NUMBERS : ANSWER_YES;
}

/* The client is not trusted: nothing is used before it was checked. */
int wire_answer(struct conn *conn, struct request *req, bool files)
{
	struct wire_answer reply = { .magic = htobe32(MAGIC) };
	struct wire_request msg;
	enum answer answer;

	if (conn_recv(conn, &msg, sizeof(msg)))
		return -1;
	if (be32toh(msg.magic) != MAGIC)
		return conn_fail(conn, "the peer is not schannel-perf");

	*req = (struct request){
		.test = be16toh(msg.test),
		.reverse = be32toh(msg.flags) & REQUEST_REVERSE,
		.verify = be32toh(msg.flags) & REQUEST_VERIFY,
		.size = be32toh(msg.size),
		.ms = be32toh(msg.ms),
		.flows = be32toh(msg.flows),
		.length = be64toh(msg.length),
	};
	answer = judge(req, be16toh(msg.version), files);
	reply.answer = htobe32(answer);
	if (conn_send(conn, &reply, sizeof(reply)))
		return -1;
	return answer == ANSWER_YES ? 0 : conn_fail(conn, "refused the peer's request");
}

int wire_await_go(struct conn *conn)
{
	char go;

	if (conn_recv(conn, &go, sizeof(go)))
		return -1;
	return go == GO ? 0 : conn_fail(conn, "the peer violated the protocol");
}

#define OUTCOME_WORDS	(sizeof(struct outcome) / sizeof(uint64_t))

/* An outcome consists of 64-bit numbers only. */
union wire_outcome {
	struct outcome out;
	uint64_t word[OUTCOME_WORDS];
};

int wire_send_outcome(struct conn *conn, const struct outcome *out)
{
	union wire_outcome msg = { .out = *out };
	unsigned int i;

	for (i = 0; i < OUTCOME_WORDS; i++)
		msg.word[i] = htobe64(msg.word[i]);
	return conn_send(conn, &msg, sizeof(msg));
}

int wire_recv_outcome(struct conn *conn, struct outcome *out)
{
	union wire_outcome msg;
	unsigned int i;

	if (conn_recv(conn, &msg, sizeof(msg)))
		return -1;
	for (i = 0; i < OUTCOME_WORDS; i++)
		msg.word[i] = be64toh(msg.word[i]);
	*out = msg.out;
	return 0;
}
