// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections: streams and seqpackets. Both ends send and receive at the same
 * time as much as fits, check each byte, and end as planned.
 *
 * The first eight bytes, or the first record, tell the server which flow it is.
 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "case.h"
#include "flow.h"
#include "net.h"

#define BUFFER		65536
#define MAGIC		0x5c5c0a00U

struct greeting {
	uint32_t magic;		/* the lowest bit: the client will be killed */
	uint32_t id;
};

enum progress { BLOCKED, MOVED, GONE };

static _Thread_local unsigned char buffer[BUFFER];

static bool acts(const struct flow *flow)
{
	return flow->plan.acts == ledger_side;
}

static uint64_t out_total(const struct flow *flow)
{
	return flow->plan.total[ledger_side];
}

static uint64_t in_total(const struct flow *flow)
{
	return flow->plan.total[!ledger_side];
}

/* The other side is going to reset it. */
static bool will_be_reset(const struct flow *flow)
{
	if (acts(flow))
		return false;
	return flow->plan.fate == FATE_UNREAD ||
	       (flow->plan.fate == FATE_LINGER && net_linger_resets());
}

static bool may_be_reset(const struct flow *flow)
{
	return flow->mortal || will_be_reset(flow) ||
	       (flow->plan.fate == FATE_LINGER && !acts(flow));
}

static bool is_stopped(const struct flow *flow, enum fate fate, uint64_t position)
{
	return flow->plan.fate == fate && acts(flow) && position >= flow->plan.stop;
}

/* Mostly small, up to the whole buffer. */
static size_t piece(struct flow *flow)
{
	uint64_t *random = &flow->worker->random;

	return 1 + random_below(random, 16U << random_below(random, 13));
}

/* ---- Sending ------------------------------------------------------------ */

static enum progress greet(struct flow *flow)
{
	struct greeting greeting = { MAGIC | flow->worker->mortal, flow->plan.id };
	ssize_t n = send(flow->source.fd, &greeting, sizeof(greeting), MSG_NOSIGNAL);

	if (n == sizeof(greeting)) {
		flow->greeted = true;
		return MOVED;
	}
	if (n < 0 && errno == EAGAIN)
		return BLOCKED;
	if (n < 0 && (errno == ECONNRESET || errno == EPIPE) && flow->mortal) {
		flow->cut = true;
		flow_end(flow, END_CUT);
		return GONE;
	}
	flow_failed(flow, "the first send: %zd, %s", n, errno_name(n < 0 ? errno : 0));
	return GONE;
}

static enum progress all_is_sent(struct flow *flow)
{
	bool halves = flow->plan.fate == FATE_HALVES ||
		      (flow->plan.fate == FATE_HALF && acts(flow));

	if (is_stopped(flow, FATE_LINGER, flow->out.position))
		return BLOCKED;
	if (halves && shutdown(flow->source.fd, SHUT_WR) &&
	    !(flow->mortal && errno == ENOTCONN)) {
		flow_failed(flow, "shutdown: %s", errno_name(errno));
		return GONE;
	}
	flow->out_over = true;
	return MOVED;
}

static enum progress send_failed(struct flow *flow, size_t length, int error)
{
	if (error == EAGAIN)
		return BLOCKED;
	if ((error == ECONNRESET || error == EPIPE) && may_be_reset(flow)) {
		flow->reset |= error == ECONNRESET;
		flow->out_over = true;
		return MOVED;
	}
	flow_failed(flow, "send of %zu at byte %llu of %llu: %s", length,
		    (unsigned long long)flow->out.position,
		    (unsigned long long)out_total(flow), errno_name(error));
	return GONE;
}

static enum progress conn_send(struct flow *flow)
{
	bool records = flow->plan.kind == KIND_SEQPACKET;
	uint64_t limit = out_total(flow);
	struct pattern next = flow->out;
	int flags = MSG_NOSIGNAL;
	size_t length;
	ssize_t n;

	if (flow->out_over)
		return BLOCKED;
	if (!flow->greeted)
		return ledger_side == CLIENT ? greet(flow) : BLOCKED;
	if (flow->plan.fate == FATE_LINGER && acts(flow))
		limit = flow->plan.stop;
	if (flow->out.position >= limit)
		return all_is_sent(flow);

	length = limit - flow->out.position;
	if (records) {
		length = plan_record(flow->plan.id, ledger_side, flow->out_record);
		flags |= flow->out_record & 1 ? MSG_EOR : 0;
	} else {
		size_t most = piece(flow);

		length = length < most ? length : most;
	}
	pattern_fill(&next, buffer, length);
	if (records)
		memcpy(buffer, &flow->out_record, sizeof(flow->out_record));
	flow->entry->attempted = flow->out.position + length;
	n = send(flow->source.fd, buffer, length, flags);
	if (n < 0)
		return send_failed(flow, length, errno);
	if (n == 0 || (size_t)n > length || (records && (size_t)n != length)) {
		flow_failed(flow, "send of %zu at byte %llu: %zd", length,
			    (unsigned long long)flow->out.position, n);
		return GONE;
	}
	flow->out.position += n;
	flow->out_record++;
	flow->entry->sent = flow->out.position;
	return MOVED;
}

/* ---- Receiving ---------------------------------------------------------- */

/* The server: which flow is it? */
static enum progress be_greeted(struct flow *flow)
{
	struct greeting greeting;
	ssize_t n = recv(flow->source.fd, &greeting, sizeof(greeting), 0);
	enum kind kind = flow->plan.kind;

	if (n < 0 && errno == EAGAIN)
		return BLOCKED;
	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		atomic_fetch_add(&ledger->silent, 1);
		flow_end(flow, END_SELF);
		return GONE;
	}
	if (n != sizeof(greeting) || (greeting.magic & ~1U) != MAGIC ||
	    !greeting.id || greeting.id >= LEDGER_FLOWS ||
	    ledger->flow[greeting.id].state != UNSEEN) {
		failed(NULL, "the first bytes of a %s: %zd (%s), magic %#x, flow %u, %s",
		       kind_name(kind), n, errno_name(n < 0 ? errno : 0),
		       greeting.magic, greeting.id,
		       n == sizeof(greeting) && greeting.id < LEDGER_FLOWS &&
		       ledger->flow[greeting.id].state != UNSEEN ? "seen before" : "");
		flow_end(flow, END_SELF);
		return GONE;
	}
	plan_make(&flow->plan, greeting.id);
	flow->mortal |= greeting.magic & 1;
	flow_identify(flow);
	flow->greeted = true;
	if (flow->plan.kind != kind) {
		flow_failed(flow, "came to the listener for %s", kind_name(kind));
		return GONE;
	}
	return MOVED;
}

static enum progress recv_failed(struct flow *flow, int error)
{
	if (error == EAGAIN)
		return BLOCKED;
	if (error == ECONNRESET && may_be_reset(flow)) {
		flow->reset = true;
		flow->out_over = true;
		return MOVED;
	}
	flow_failed(flow, "recv at byte %llu of %llu: %s",
		    (unsigned long long)flow->in.position,
		    (unsigned long long)in_total(flow), errno_name(error));
	return GONE;
}

static enum progress at_end(struct flow *flow)
{
	bool early = flow->in.position < in_total(flow);

	flow->in_over = true;
	if (flow->reset)
		return MOVED;
	if (flow->mortal) {
		flow->cut = early || will_be_reset(flow);
		return MOVED;
	}
	if (will_be_reset(flow)) {
		flow_failed(flow, "the end after %llu of %llu bytes, expected ECONNRESET",
			    (unsigned long long)flow->in.position,
			    (unsigned long long)in_total(flow));
		return GONE;
	}
	if (early && flow->plan.fate != FATE_LINGER) {
		flow_failed(flow, "the end after %llu of %llu bytes",
			    (unsigned long long)flow->in.position,
			    (unsigned long long)in_total(flow));
		return GONE;
	}
	return MOVED;
}

/* Is this what the other side sent at this position? */
static bool is_right(struct flow *flow, const unsigned char *data, size_t length)
{
	uint64_t start = flow->in.position;
	size_t right = pattern_match(&flow->in, data, length);
	unsigned char wanted;

	if (right == length)
		return true;
	flow->in.position = start + right;
	pattern_fill(&flow->in, &wanted, 1);
	flow_failed(flow, "byte %llu of %llu is %#x, expected %#x (%zu of %zu in record %u)",
		    (unsigned long long)(start + right),
		    (unsigned long long)in_total(flow), data[right], wanted, right,
		    length, flow->in_record);
	return false;
}

static bool is_right_record(struct flow *flow, size_t length, int flags)
{
	size_t wanted = plan_record(flow->plan.id, !ledger_side, flow->in_record);
	bool eor = flow->in_record & 1;
	uint32_t number = 0;

	memcpy(&number, buffer, length < sizeof(number) ? length : sizeof(number));
	if (length != wanted || number != flow->in_record || flags & MSG_TRUNC) {
		flow_failed(flow, "record %u of %zu bytes is number %u of %zu bytes%s",
			    flow->in_record, wanted, number, length,
			    flags & MSG_TRUNC ? ", truncated" : "");
		return false;
	}
	if (net_keeps_all() && !!(flags & MSG_EOR) != eor) {
		flow_failed(flow, "record %u has %s MSG_EOR", flow->in_record,
			    eor ? "lost its" : "got a");
		return false;
	}
	flow->in.position += sizeof(number);
	if (!is_right(flow, buffer + sizeof(number), length - sizeof(number)))
		return false;
	flow->in_record++;
	atomic_fetch_add(&ledger->records, 1);
	return true;
}

static enum progress conn_recv(struct flow *flow)
{
	bool records = flow->plan.kind == KIND_SEQPACKET;
	struct iovec io = { buffer, sizeof(buffer) };
	struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1 };
	ssize_t n;

	if (flow->in_over)
		return BLOCKED;
	if (ledger_side == SERVER && !flow->greeted)
		return be_greeted(flow);
	if (is_stopped(flow, FATE_UNREAD, flow->in.position))
		return BLOCKED;
	if (!records) {
		io.iov_len = piece(flow);
		if (flow->plan.fate == FATE_UNREAD && acts(flow) &&
		    io.iov_len > flow->plan.stop - flow->in.position)
			io.iov_len = flow->plan.stop - flow->in.position;
	}
	n = recvmsg(flow->source.fd, &msg, 0);
	if (n < 0)
		return recv_failed(flow, errno);
	if (n == 0)
		return at_end(flow);
	if ((size_t)n > in_total(flow) - flow->in.position) {
		flow_failed(flow, "%zd more bytes after %llu of %llu", n,
			    (unsigned long long)flow->in.position,
			    (unsigned long long)in_total(flow));
		return GONE;
	}
	if (records ? !is_right_record(flow, n, msg.msg_flags) :
		      !is_right(flow, buffer, n))
		return GONE;
	flow->entry->received = flow->in.position;
	atomic_fetch_add(&ledger->bytes, n);
	return MOVED;
}

/* ---- The end ------------------------------------------------------------ */

static enum progress end_lingering(struct flow *flow)
{
	struct linger linger = { .l_onoff = 1 };

	if (!flow->greeted || !is_stopped(flow, FATE_LINGER, flow->out.position))
		return BLOCKED;
	if (setsockopt(flow->source.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		flow_failed(flow, "SO_LINGER: %s", errno_name(errno));
	else
		flow_end(flow, END_SELF);
	return GONE;
}

static enum progress end_unread(struct flow *flow)
{
	char c;
	ssize_t n;

	if (!flow->greeted || !is_stopped(flow, FATE_UNREAD, flow->in.position))
		return BLOCKED;
	n = recv(flow->source.fd, &c, 1, MSG_PEEK);
	if (n > 0) {
		flow_end(flow, END_SELF);
		return GONE;
	}
	if (n < 0 && errno == EAGAIN)
		return BLOCKED;
	if (flow->mortal && (n == 0 || errno == ECONNRESET))
		flow_end(flow, END_CUT);
	else
		flow_failed(flow, "waiting for what will not be read: %zd, %s", n,
			    errno_name(n ? errno : 0));
	return GONE;
}

static enum progress end_complete(struct flow *flow)
{
	char c;
	ssize_t n;

	if (!flow->out_over || flow->in.position != in_total(flow))
		return BLOCKED;
	if (flow->plan.fate == FATE_SHUTDOWN && !flow->cut && !flow->reset) {
		if (shutdown(flow->source.fd, SHUT_RDWR) &&
		    !(flow->mortal && errno == ENOTCONN)) {
			flow_failed(flow, "shutdown: %s", errno_name(errno));
			return GONE;
		}
		n = recv(flow->source.fd, &c, 1, 0);
		if (n && !(flow->mortal && n < 0 && errno == ECONNRESET)) {
			flow_failed(flow, "recv after SHUT_RDWR: %zd, %s", n,
				    errno_name(n < 0 ? errno : 0));
			return GONE;
		}
	}
	flow_end(flow, END_SELF);
	return GONE;
}

static enum progress conn_end(struct flow *flow)
{
	if (flow->cut) {
		flow_end(flow, END_CUT);
		return GONE;
	}
	if (flow->in_over && flow->out_over) {
		flow_end(flow, flow->reset ? END_RESET : END_READ);
		return GONE;
	}
	if (!acts(flow))
		return BLOCKED;
	switch (flow->plan.fate) {
	case FATE_CLOSE:
	case FATE_SHUTDOWN:
		return end_complete(flow);
	case FATE_LINGER:
		return end_lingering(flow);
	case FATE_UNREAD:
		return end_unread(flow);
	default:
		return BLOCKED;
	}
}

/* ---- Driving ------------------------------------------------------------ */

static void conn_run(struct flow *flow)
{
	enum progress sent, received;
	uint32_t events = 0;

	do {
		sent = conn_send(flow);
		if (sent == GONE)
			return;
		received = conn_recv(flow);
		if (received == GONE)
			return;
		if (conn_end(flow) == GONE)
			return;
		if (sent == MOVED || received == MOVED)
			flow_moved(flow);
	} while (sent == MOVED || received == MOVED);

	if (!flow->in_over)
		events |= EPOLLIN;
	if (flow->greeted && !flow->out_over)
		events |= EPOLLOUT;
	flow_watch(flow, events);
}

static void conn_connected(struct flow *flow)
{
	flow->connecting = false;
	if (flow->plan.fate != FATE_AT_ONCE) {
		conn_run(flow);
		return;
	}
	if (!flow->mortal)
		atomic_fetch_add(&ledger->silent, 1);
	flow_end(flow, END_SELF);
}

static void conn_ready(struct worker *worker, struct source *source, uint32_t events)
{
	struct flow *flow = (struct flow *)source;
	socklen_t length = sizeof(int);
	int error = 0;

	(void)worker;
	if (!flow->connecting) {
		conn_run(flow);
		return;
	}
	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	if (getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &length))
		error = errno;
	if (error && !(flow->mortal && error == ECONNRESET))
		flow_failed(flow, "connect: %s", errno_name(error));
	else
		conn_connected(flow);
}

void conn_begin(struct worker *worker, const struct plan *plan)
{
	uint32_t port = plan->server_dies ? net_ports.mortal[plan->kind] :
					    net_ports.listener[plan->kind];
	int fd = net_socket(plan->kind);
	struct flow *flow;
	int error;

	if (fd < 0) {
		failed(plan, "socket: %s", errno_name(errno));
		return;
	}
	flow = flow_new(worker, fd, conn_ready);
	if (!flow)
		return;
	flow->plan = *plan;
	flow_identify(flow);
	error = net_connect(fd, port);
	if (error && error != EINPROGRESS) {
		flow_failed(flow, "connect: %s", errno_name(error));
	} else if (plan->fate == FATE_AT_ONCE && plan->id & 1 && error) {
		/* not even waiting for the answer */
		flow_end(flow, END_SELF);
	} else if (error) {
		flow->connecting = true;
		flow_watch(flow, EPOLLOUT);
	} else {
		conn_connected(flow);
	}
}

void conn_accepted(struct worker *worker, int fd, enum kind kind)
{
	struct flow *flow = flow_new(worker, fd, conn_ready);

	if (!flow)
		return;
	flow->plan.kind = kind;
	conn_run(flow);
}
