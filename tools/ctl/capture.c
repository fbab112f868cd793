// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes what diverted TCP connections send and receive in channels, as pcapng. A monitor device of
 * its own shows it, which is removed when this ends; if it is killed, by the next one.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "expression.h"
#include "options.h"
#include "pcapng.h"

/* Kernel memory for packets that were not read yet. */
#define RECEIVE_BUFFER	(32 << 20)
#define PACKET_MAX	65536

/* How capturing ends. */
enum end {
	END_NOT,
	END_WANTED,		/* a signal, or enough packets */
	END_READER_GONE,
	END_DEVICE_GONE,
};

/**
 * struct capture - what is under way
 * @socket:	the packet socket
 * @out:	where packets are written
 * @written:	how many were
 * @error:	why no more could be, an errno
 */
struct capture {
	int socket;
	FILE *out;
	uint64_t written;
	int error;
};

/* Removed by clean_up(). */
static struct device device;
static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void clean_up(void)
{
	if (device.index && !device_remove(&device) && errno != ENODEV)
		warn("cannot remove the device %s", device.name);
}

static _Noreturn void setup_failed(const char *what)
{
	if (errno == EOPNOTSUPP)
		errx(EXIT_FAILED, "the kernel module schannel_inet is not loaded");
	if (errno == EPERM || errno == EACCES)
		errx(EXIT_FAILED, "not permitted: capture requires CAP_NET_ADMIN and CAP_NET_RAW");
	err(EXIT_FAILED, "cannot %s", what);
}

/* It receives nothing before it is bound. */
static int open_socket(const char *filter)
{
	const int one = 1, size = RECEIVE_BUFFER;
	struct sock_fprog program;
	int fd;

	if (filter)
		program = expression_compile(filter);
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		setup_failed("open a packet socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) ||
	    (filter && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program))))
		setup_failed("prepare a packet socket");
	return fd;
}

static void start_device(int fd)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	socklen_t len = sizeof(int);
	int down;

	device_remove_abandoned();
	if (!device_create(&device))
		setup_failed("create a monitor device");
	atexit(clean_up);
	to.sll_ifindex = device.index;
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)))
		setup_failed("bind a packet socket");
	/* it is bound before the device is up, see device.c; that was an error of the socket's */
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &down, &len);
	if (!device_start(&device))
		setup_failed("set the monitor device up");
}

static bool to_stdout(void)
{
	return !options.write || !strcmp(options.write, "-");
}

/* What programs send is nobody else's business, so nobody else can read the file. */
static FILE *open_output(void)
{
	int fd = STDOUT_FILENO;
	FILE *out;

	if (!to_stdout())
		fd = open(options.write, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out)
		err(EXIT_FAILED, "%s", options.write);
	return out;
}

static struct timespec time_of(struct msghdr *message)
{
	struct cmsghdr *control;
	struct timespec at = { 0 };

	for (control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control))
		if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&at, CMSG_DATA(control), sizeof(at));
	return at;
}

/* Write a packet. False, with errno, if there is none. */
static bool copy_packet(struct capture *capture)
{
	static char bytes[PACKET_MAX];
	char control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec vector = { bytes, sizeof(bytes) };
	struct sockaddr_ll from;
	struct msghdr message = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(capture->socket, &message, MSG_TRUNC);
	struct pcapng_packet packet;

	if (len < 0)
		return false;
	packet = (struct pcapng_packet){
		.at = time_of(&message),
		.outgoing = from.sll_pkttype == PACKET_OUTGOING,
		.bytes = bytes,
		.len = (size_t)len < sizeof(bytes) ? (size_t)len : sizeof(bytes),
		.full_len = len,
	};
	pcapng_packet(capture->out, &packet);
	capture->written++;
	return true;
}

/* Write what has arrived. */
static enum end copy_packets(struct capture *capture)
{
	while (!interrupted) {
		if (options.count && capture->written == options.count)
			return END_WANTED;
		if (!copy_packet(capture))
			return errno == EAGAIN || errno == EINTR ? END_NOT : END_DEVICE_GONE;
		if (ferror(capture->out)) {
			capture->error = errno;
			return END_READER_GONE;
		}
	}
	return END_WANTED;
}

/* A signal that arrives between the look at interrupted and the sleep must not be missed. */
static enum end wait_packet(struct capture *capture)
{
	struct pollfd states[] = {
		{ .fd = capture->socket, .events = POLLIN },
		{ .fd = fileno(capture->out) },
	};
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	if (!interrupted)
		ppoll(states, 2, NULL, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!states[1].revents)
		return END_NOT;
	capture->error = EPIPE;
	return END_READER_GONE;
}

static enum end run(struct capture *capture)
{
	enum end end = END_NOT;

	while (!end) {
		end = copy_packets(capture);
		/* nothing more for now: a reader is to see what there is */
		if (!end && fflush(capture->out)) {
			capture->error = errno;
			end = END_READER_GONE;
		}
		if (!end)
			end = wait_packet(capture);
	}
	return end;
}

static struct pcapng_counts count(const struct capture *capture)
{
	struct pcapng_counts counts = { .written = capture->written };
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);

	getsockopt(capture->socket, SOL_PACKET, PACKET_STATISTICS, &stats, &len);
	counts.seen = stats.tp_packets;
	counts.missed = stats.tp_drops;
	device_dropped(&device, &counts.dropped);
	return counts;
}

/* A reader that has seen enough is no failure, unlike a disk that is full. */
static void finish(struct capture *capture, enum end end)
{
	struct pcapng_counts counts = count(capture);

	if (end != END_READER_GONE) {
		pcapng_end(capture->out, &counts);
		if (fflush(capture->out))
			capture->error = errno;
	}
	if (capture->error && capture->error != EPIPE && !interrupted)
		errx(EXIT_FAILED, "cannot write: %s", strerror(capture->error));
	fprintf(stderr, "%" PRIu64 " packets captured, %" PRIu64 " dropped\n", counts.written,
		counts.missed + counts.dropped);
	if (end == END_DEVICE_GONE)
		errx(EXIT_FAILED, "the device %s was removed or set down", device.name);
}

static void handle_signals(void)
{
	/* no SA_RESTART: a write to a reader that does not read must not go on */
	const struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void capture_command(char **arg)
{
	struct capture capture = { 0 };
	char *filter;
	enum end end;

	if (to_stdout() && isatty(STDOUT_FILENO))
		errx(EXIT_USAGE, "not to a terminal: name a file (-w), or pipe it to a program");
	filter = expression_join(arg);
	handle_signals();
	capture.socket = open_socket(filter);
	start_device(capture.socket);
	capture.out = open_output();
	pcapng_begin(capture.out, "schannelctl " VERSION, device.name, filter);
	end = run(&capture);
	finish(&capture, end);
	free(filter);
}
