// SPDX-License-Identifier: GPL-2.0-only
/*
 * agent - runs commands in a guest on behalf of dom0
 *
 *	agent serve PORT
 *	agent run [-i] [-w SECONDS] ADDRESS PORT COMMAND
 *
 * "serve" runs in the guest and accepts commands. "run" has it execute COMMAND with
 * its shell, and behaves as that command: the same output, error output and exit
 * status, and with -i the same input; -w sets how long to wait for a guest that is
 * still booting. When "run" is killed, the command is killed, too; when the guest
 * dies, "run" exits with status 255 within 20 seconds, or within $AGENT_SILENCE
 * seconds, if it may be paused for long. Several commands may run at once. A process
 * that COMMAND leaves in the background must redirect its output; it is not killed.
 *
 * A TCP connection carries one command, as frames: {kind, length}, both in network
 * byte order, and length bytes. Each direction is handled by a process of its own, so
 * that blocking reads and writes cannot deadlock.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum kind { COMMAND, INPUT, OUTPUT, ERRORS, STATUS };

#define FRAME_MAX	(64 * 1024)
#define COMMAND_MAX	(128 * 1024)

/* Exit status of "run" if the command's own is unknown. */
#define LOST		255

struct frame {
	uint32_t kind;
	uint32_t length;
};

static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(LOST);
}

static bool write_all(int fd, const void *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data = (const char *)data + n;
		length -= n;
	}
	return true;
}

static bool read_all(int fd, void *data, size_t length)
{
	while (length) {
		ssize_t n = read(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data = (char *)data + n;
		length -= n;
	}
	return true;
}

static bool send_frame(int sock, enum kind kind, const void *data, size_t length)
{
	struct frame frame = { htonl(kind), htonl(length) };

	return write_all(sock, &frame, sizeof(frame)) && write_all(sock, data, length);
}

/* Returns the length, or -1 if the connection is closed or the frame is invalid. */
static ssize_t receive_frame(int sock, enum kind *kind, void *data, size_t size)
{
	struct frame frame;
	size_t length;

	if (!read_all(sock, &frame, sizeof(frame)))
		return -1;
	*kind = ntohl(frame.kind);
	length = ntohl(frame.length);
	if (length > size || !read_all(sock, data, length))
		return -1;
	return length;
}

/* Forward the data of one read(). Returns false at end of file, or if it would block. */
static bool forward(int from, int sock, enum kind kind)
{
	static char data[FRAME_MAX];
	ssize_t n = read(from, data, sizeof(data));

	return n > 0 && send_frame(sock, kind, data, n);
}

/*
 * Feed a command's input from the connection. If the command prints nothing, only
 * this read notices that "run" was killed: kill the command's process group then.
 */
static void feed(int sock, int input, pid_t command)
{
	static char data[FRAME_MAX];
	enum kind kind;
	ssize_t n;

	while ((n = receive_frame(sock, &kind, data, sizeof(data))) >= 0) {
		if (kind != INPUT)
			continue;
		/* The command may close its input early. */
		if (!n || !write_all(input, data, n)) {
			close(input);
			input = -1;
		}
	}
	kill(-command, SIGKILL);
}

static pid_t start(const char *text, int *input, int *output, int *errors)
{
	int in[2], out[2], err[2];
	pid_t command;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("pipe");
	command = fork();
	if (command < 0)
		die("fork");
	if (!command) {
		setsid();
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		signal(SIGPIPE, SIG_DFL);
		execl("/bin/sh", "sh", "-c", text, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	*input = in[1];
	*output = out[0];
	*errors = err[0];
	return command;
}

static void serve_one(int sock)
{
	static char text[COMMAND_MAX + 1];
	int input, output, errors, status;
	pid_t command, feeder;
	enum kind kind;
	uint32_t code;

	if (receive_frame(sock, &kind, text, COMMAND_MAX) < 0 || kind != COMMAND)
		return;
	command = start(text, &input, &output, &errors);
	feeder = fork();
	if (feeder < 0)
		die("fork");
	if (!feeder) {
		close(output);
		close(errors);
		feed(sock, input, command);
		_exit(0);
	}
	close(input);

	struct pollfd fds[] = {
		{ .fd = output, .events = POLLIN },
		{ .fd = errors, .events = POLLIN },
		{ .fd = pidfd_open(command, 0), .events = POLLIN },
	};

	while (!fds[2].revents) {
		if (poll(fds, 3, -1) < 0)
			die("poll");
		if (fds[0].revents && !forward(output, sock, OUTPUT))
			fds[0].fd = -1;
		if (fds[1].revents && !forward(errors, sock, ERRORS))
			fds[1].fd = -1;
	}
	/*
	 * The command has exited and its output is in the pipes. Do not wait for
	 * end of file: background processes may hold the pipes open.
	 */
	fcntl(output, F_SETFL, O_NONBLOCK);
	fcntl(errors, F_SETFL, O_NONBLOCK);
	while (forward(output, sock, OUTPUT))
		;
	while (forward(errors, sock, ERRORS))
		;
	/* Closing this connection must not make the feeder kill background processes. */
	kill(feeder, SIGKILL);
	waitpid(feeder, NULL, 0);
	waitpid(command, &status, 0);
	code = htonl(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	send_frame(sock, STATUS, &code, sizeof(code));
}

static int serve(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 64))
		die("listen");
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (sock < 0)
			continue;
		if (!fork()) {
			signal(SIGCHLD, SIG_DFL);
			serve_one(sock);
			_exit(0);
		}
		close(sock);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static long long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Let the connection end when the guest does not answer: a destroyed one sends no FIN. */
static void limit_silence(int sock)
{
	const char *text = getenv("AGENT_SILENCE");
	int seconds = text ? atoi(text) : 20;

	setsockopt(sock, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ seconds / 4 }, sizeof(int));
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPINTVL, &(int){ seconds * 3 / 20 }, sizeof(int));
	setsockopt(sock, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 5 }, sizeof(int));
	setsockopt(sock, IPPROTO_TCP, TCP_USER_TIMEOUT, &(int){ seconds * 1000 }, sizeof(int));
}

static int try_connect(const struct sockaddr_in *address)
{
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd fd = { .fd = sock, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = 0;

	if (connect(sock, (const struct sockaddr *)address, sizeof(*address))) {
		error = errno;
		if (error == EINPROGRESS) {
			error = ETIMEDOUT;
			if (poll(&fd, 1, 1000) == 1)
				getsockopt(sock, SOL_SOCKET, SO_ERROR, &error, &size);
			/* address resolution can fail between poll() and getsockopt() */
			if (!error && fd.revents & (POLLERR | POLLHUP))
				error = EHOSTUNREACH;
		}
	}
	if (!error) {
		fcntl(sock, F_SETFL, 0);
		return sock;
	}
	close(sock);
	errno = error;
	return -1;
}

/* Connect to a guest that may still be booting, for patience seconds. */
static int patient_connect(const char *host, int port, int patience)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	long long deadline = milliseconds() + patience * 1000LL;
	int sock;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		errno = EINVAL;
		die(host);
	}
	while ((sock = try_connect(&address)) < 0) {
		if (milliseconds() > deadline)
			die(host);
		poll(NULL, 0, 100);
	}
	limit_silence(sock);
	return sock;
}

static int run(int sock, const char *text, bool with_input)
{
	static char data[FRAME_MAX];
	enum kind kind;
	ssize_t n;

	if (!send_frame(sock, COMMAND, text, strlen(text)))
		die("send");
	if (with_input && !fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (forward(STDIN_FILENO, sock, INPUT))
			;
		send_frame(sock, INPUT, NULL, 0);
		_exit(0);
	}
	if (!with_input)
		send_frame(sock, INPUT, NULL, 0);

	while ((n = receive_frame(sock, &kind, data, sizeof(data))) >= 0) {
		uint32_t code;

		if (kind == OUTPUT && !write_all(STDOUT_FILENO, data, n))
			die("standard output");
		if (kind == ERRORS && !write_all(STDERR_FILENO, data, n))
			die("standard error");
		if (kind == STATUS && n == sizeof(code)) {
			memcpy(&code, data, sizeof(code));
			return ntohl(code);
		}
	}
	fprintf(stderr, "agent: the guest is gone\n");
	return LOST;
}

int main(int argc, char **argv)
{
	bool with_input = false;
	int patience = 5;
	int option;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc < 2 || strcmp(argv[1], "run"))
		goto usage;
	argc--;
	argv++;
	while ((option = getopt(argc, argv, "+iw:")) != -1) {
		if (option == 'i')
			with_input = true;
		else if (option == 'w')
			patience = atoi(optarg);
		else
			goto usage;
	}
	if (argc - optind != 3)
		goto usage;
	argv += optind;
	return run(patient_connect(argv[0], atoi(argv[1]), patience), argv[2], with_input);

usage:
	fprintf(stderr, "usage: agent serve PORT\n"
			"       agent run [-i] [-w SECONDS] ADDRESS PORT COMMAND\n");
	return 2;
}
