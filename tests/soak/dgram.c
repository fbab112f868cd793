// SPDX-License-Identifier: GPL-2.0-only
#include "dgram.h"

#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"
#include "net.h"

/* What one wake-up may take out of an inbox, with others waiting. */
#define INBOX_BATCH	64

struct heading {
	uint32_t magic;
	uint32_t id;
	uint32_t number;
	uint32_t length;	/* of what follows */
};

#define MAGIC_ASK	0x5c5c0b00U
#define MAGIC_REPLY	0x5c5c0b01U

struct datagram {
	struct heading heading;
	unsigned char bytes[DATAGRAM_MAX];
};

static _Thread_local struct datagram buffer;

/* Where in the flow's pattern a datagram begins. */
static struct pattern pattern_of(uint32_t id, enum side from, uint32_t number)
{
	return (struct pattern){
		.seed = plan_pattern(id, from),
		.position = (uint64_t)number << 20,
	};
}

static size_t compose(const struct plan *plan, enum side from, uint32_t number)
{
	struct pattern pattern = pattern_of(plan->id, from, number);
	size_t length = plan_datagram(plan->id, plan->fate, number);

	buffer.heading = (struct heading){
		.magic = from == CLIENT ? MAGIC_ASK : MAGIC_REPLY,
		.id = plan->id,
		.number = number,
		.length = length,
	};
	pattern_fill(&pattern, buffer.bytes, length);
	return sizeof(buffer.heading) + length;
}

/* The error in the datagram in the buffer, or NULL. */
static const char *inspect(const struct plan *plan, enum side from, size_t size)
{
	static _Thread_local char text[160];
	const struct heading *heading = &buffer.heading;
	struct pattern pattern = pattern_of(plan->id, from, heading->number);
	size_t length = plan_datagram(plan->id, plan->fate, heading->number);
	size_t right;

	if (heading->length != length || size != sizeof(*heading) + length) {
		snprintf(text, sizeof(text),
			 "datagram %u of %zu bytes says %u and is %zu bytes long",
			 heading->number, length, heading->length,
			 size - sizeof(*heading));
		return text;
	}
	right = pattern_match(&pattern, buffer.bytes, length);
	if (right == length)
		return NULL;
	snprintf(text, sizeof(text), "byte %zu of datagram %u of %zu bytes is wrong: %#x",
		 right, heading->number, length, buffer.bytes[right]);
	return text;
}

/* ---- The client --------------------------------------------------------- */

/* False when the flow has ended, or has to wait. */
static bool dgram_send(struct flow *flow)
{
	size_t size = compose(&flow->plan, CLIENT, flow->out_record);
	ssize_t n;

	flow->entry->attempted = flow->entry->sent + 1;
	n = send(flow->source.fd, &buffer, size, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN) {
		flow_watch(flow, EPOLLOUT);
		return false;
	}
	if (n < 0 || (size_t)n != size) {
		flow_failed(flow, "send of datagram %u, %zu bytes: %zd, %s",
			    flow->out_record, size, n, errno_name(n < 0 ? errno : 0));
		return false;
	}
	flow->entry->sent++;
	flow_moved(flow);
	return true;
}

static void blast(struct flow *flow)
{
	while (flow->out_record < flow->plan.records[CLIENT]) {
		if (!dgram_send(flow))
			return;
		flow->out_record++;
	}
	flow_end(flow, END_SELF);
}

/* Receives datagrams; true once the answer has come. */
static bool echo_answered(struct flow *flow, size_t size)
{
	const struct heading *heading = &buffer.heading;
	const char *wrong = NULL;

	if (size < sizeof(*heading) || heading->magic != MAGIC_REPLY ||
	    heading->id != flow->plan.id || heading->number > flow->in_record) {
		flow_failed(flow, "a reply of %zu bytes: magic %#x, flow %u, %u, expected %u",
			    size, heading->magic, heading->id, heading->number,
			    flow->in_record);
		return false;
	}
	wrong = inspect(&flow->plan, SERVER, size);
	if (wrong) {
		flow_failed(flow, "the reply: %s", wrong);
		return false;
	}
	/* one that was asked for twice comes twice */
	if (heading->number < flow->in_record)
		return false;
	flow->in_record++;
	flow->out_record++;
	flow->awaiting = false;
	flow->entry->received++;
	atomic_fetch_add(&ledger->datagrams, 1);
	flow_moved(flow);
	return true;
}

static void echo(struct flow *flow)
{
	struct worker *worker = flow->worker;

	while (flow->in_record < flow->plan.records[CLIENT]) {
		unsigned int open = worker->open;
		ssize_t n;

		if (!flow->awaiting) {
			if (!dgram_send(flow))
				return;
			flow->awaiting = true;
			flow->asked_ms = now_ms();
		}
		n = recv(flow->source.fd, &buffer, sizeof(buffer), 0);
		if (n < 0 && errno == EAGAIN) {
			flow_watch(flow, EPOLLIN);
			return;
		}
		if (n < 0) {
			flow_failed(flow, "recv: %s", errno_name(errno));
			return;
		}
		if (!echo_answered(flow, n) && worker->open < open)
			return;
	}
	flow_end(flow, END_SELF);
}

static void dgram_run(struct flow *flow)
{
	if (flow->plan.fate == FATE_BLAST)
		blast(flow);
	else
		echo(flow);
}

static void dgram_ready(struct worker *worker, struct source *source, uint32_t events)
{
	(void)worker;
	(void)events;
	dgram_run((struct flow *)source);
}

void dgram_begin(struct worker *worker, const struct plan *plan)
{
	enum inbox to = plan->fate == FATE_BLAST ? INBOX_BLAST : INBOX_ECHO;
	int fd = net_socket(KIND_DGRAM);
	struct flow *flow;
	int error = 0;

	if (fd < 0) {
		failed(plan, "socket: %s", errno_name(errno));
		return;
	}
	flow = flow_new(worker, fd, dgram_ready);
	if (!flow)
		return;
	flow->plan = *plan;
	flow_identify(flow);
	/* AF_UNIX has no name to answer to otherwise */
	if ((plan->id & 1 || family_is_unix()) && net_bind(fd, 0))
		error = errno;
	if (!error)
		error = net_connect(fd, net_ports.inbox[to]);
	if (error)
		flow_failed(flow, "bind or connect: %s", errno_name(error));
	else
		dgram_run(flow);
}

bool dgram_ask_again(struct flow *flow, int64_t now)
{
	unsigned int open = flow->worker->open;
	struct worker *worker = flow->worker;

	if (now - flow->asked_ms < patience_ms())
		return false;
	atomic_fetch_add(&ledger->repeated, 1);
	flow->asked_ms = now;
	dgram_send(flow);
	if (worker->open < open)
		return true;
	/* an answer may have come before EPOLLIN was asked for again */
	flow_watch(flow, EPOLLIN);
	return false;
}

/* ---- The server --------------------------------------------------------- */

static void answer(struct inbox_source *inbox, const struct plan *plan,
		   uint32_t number, const union address *to, socklen_t length)
{
	size_t size = compose(plan, SERVER, number);
	ssize_t n = sendto(inbox->source.fd, &buffer, size, MSG_NOSIGNAL, &to->any, length);

	if (n == (ssize_t)size)
		return;
	if (n < 0 && errno == EAGAIN)
		atomic_fetch_add(&ledger->replies_held, 1);
	/* AF_UNIX knows whether there is anybody */
	else if (!family_is_unix())
		failed(plan, "sendto of a reply, %zu bytes: %zd, %s", size, n,
		       errno_name(n < 0 ? errno : 0));
}

static void take(struct inbox_source *inbox, size_t size, int flags,
		 const union address *from, socklen_t length)
{
	struct heading heading = buffer.heading;
	enum fate fate = inbox->which == INBOX_BLAST ? FATE_BLAST : FATE_ECHO;
	struct entry *entry;
	const char *wrong;
	struct plan plan;
	bool again;

	if (size < sizeof(heading) || heading.magic != MAGIC_ASK || !heading.id ||
	    heading.id >= LEDGER_FLOWS || flags & MSG_TRUNC) {
		failed(NULL, "a datagram of %zu bytes, magic %#x, flow %u%s", size,
		       heading.magic, heading.id,
		       flags & MSG_TRUNC ? ", truncated" : "");
		return;
	}
	plan_make(&plan, heading.id);
	entry = &ledger->flow[heading.id];
	if (plan.kind != KIND_DGRAM || plan.fate != fate ||
	    heading.number >= plan.records[CLIENT]) {
		failed(&plan, "datagram %u came to the socket for %s", heading.number,
		       fate_name(fate));
		return;
	}
	if (!family->is_peer(from))
		failed(&plan, "datagram %u has a wrong source address", heading.number);
	wrong = inspect(&plan, CLIENT, size);
	if (wrong)
		failed(&plan, "%s", wrong);
	again = fate == FATE_ECHO && heading.number + 1 == entry->next;
	if (heading.number < entry->next && !again)
		failed(&plan, "datagram %u after %u", heading.number, entry->next - 1);
	entry->state = OPEN;
	entry->next = heading.number + 1;
	entry->received++;
	atomic_fetch_add(&ledger->inbox[inbox->which], 1);
	atomic_fetch_add(&ledger->datagrams, 1);
	if (fate == FATE_ECHO)
		answer(inbox, &plan, heading.number, from, length);
}

static void inbox_ready(struct worker *worker, struct source *source, uint32_t events)
{
	struct inbox_source *inbox = (struct inbox_source *)source;

	(void)worker;
	(void)events;
	for (int i = 0; i < INBOX_BATCH; i++) {
		struct iovec io = { &buffer, sizeof(buffer) };
		union address from = { 0 };
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &io,
			.msg_iovlen = 1,
		};
		ssize_t n = recvmsg(source->fd, &msg, 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			failed(NULL, "recvmsg of a datagram: %s", errno_name(errno));
			return;
		}
		take(inbox, n, msg.msg_flags, &from, msg.msg_namelen);
	}
}

uint32_t inbox_open(struct inbox_source *inbox, enum inbox which)
{
	inbox->which = which;
	inbox->source.ready = inbox_ready;
	inbox->source.fd = net_socket(KIND_DGRAM);
	if (inbox->source.fd < 0 || net_bind(inbox->source.fd, 0))
		return 0;
	return net_port(inbox->source.fd);
}

void inbox_watch(struct inbox_source *inbox, struct worker *worker)
{
	worker_watch(worker, &inbox->source, EPOLLIN);
}

uint64_t inbox_drops(const struct inbox_source *inbox)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t length = sizeof(memory);

	if (getsockopt(inbox->source.fd, SOL_SOCKET, SO_MEMINFO, memory, &length)) {
		failed(NULL, "SO_MEMINFO: %s", errno_name(errno));
		return 0;
	}
	return memory[SK_MEMINFO_DROPS];
}
