// SPDX-License-Identifier: GPL-2.0-only
#include "session.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int session_socket(const struct session_address *where,
			  struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_port = htons(where->port);
	if (fd < 0) {
		perror("control: socket");
		exit(2);
	}
	return fd;
}

int session_connect(const struct session_address *where)
{
	static const struct timespec pause = { .tv_nsec = 100 * 1000000 };
	int64_t end = now_ms() + SESSION_ANSWER_MS * test_env.slow;
	struct sockaddr_in address;

	for (;;) {
		int fd = session_socket(where, &address);

		if (inet_pton(AF_INET, where->host, &address.sin_addr) != 1) {
			fprintf(stderr, "--control-host %s: not an IPv4 address\n",
				where->host);
			exit(2);
		}
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		if (now_ms() > end) {
			fprintf(stderr, "control: no server at %s port %u: %s\n",
				where->host, where->port, errno_name(errno));
			exit(2);
		}
		/* the other side may still be starting */
		close(fd);
		nanosleep(&pause, NULL);
	}
}

int session_listen(const struct session_address *where)
{
	struct sockaddr_in address;
	int fd = session_socket(where, &address);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 8)) {
		fprintf(stderr, "control: port %u: %s\n", where->port,
			errno_name(errno));
		exit(2);
	}
	return fd;
}

bool session_tell(int session, const struct verdict *verdict)
{
	char line[CONTROL_LINE_MAX];

	snprintf(line, sizeof(line), "%d %.500s", verdict->how, verdict->text);
	return line_write(session, line);
}

bool session_read(int session, struct verdict *verdict, int timeout_ms)
{
	char line[CONTROL_LINE_MAX];
	char *text;

	if (!line_read(session, line, sizeof(line), timeout_ms))
		return false;
	verdict->how = strtol(line, &text, 10);
	snprintf(verdict->text, sizeof(verdict->text), "%s", text + (*text == ' '));
	return true;
}
