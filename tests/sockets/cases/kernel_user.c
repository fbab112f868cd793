// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user in the kernel, which lives on sk_data_ready and sk_write_space: a module of the tests
 * that echoes. See kernel_user/.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

#define MODULE		"/lib/sc_kernel_user.ko"
#define PARAMETERS	"/sys/module/sc_kernel_user/parameters/"

static void insert_module(void)
{
	int fd;

	if (!access(PARAMETERS "attach", F_OK))
		return;
	fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		skip("no " MODULE);
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		skip("cannot load " MODULE ": %s", errno_name(errno));
	close(fd);
}

static void command(const char *parameter, int number)
{
	int fd = call(open(parameter, O_WRONLY | O_CLOEXEC));
	char text[20];
	int length = snprintf(text, sizeof(text), "%d", number);

	call_gives(write(fd, text, length), length);
	close(fd);
}

/* Gives its connection to the kernel until the client is done. */
static void serve(bool late)
{
	int fd;

	insert_module();
	control_write("LOADED");
	fd = sock_serve();
	if (late) {
		struct pollfd state = { .fd = fd, .events = POLLIN };

		/* the event of the first arrival was for another */
		check(sock_poll(&state, 1));
	}
	command(PARAMETERS "detach", 0);
	command(PARAMETERS "attach", fd);
	control_meet("DONE");
	command(PARAMETERS "detach", 0);
	/* and back to the program */
	control_meet("LEFT");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 1);
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
}

static int reach(void)
{
	control_expect("LOADED");
	return sock_reach();
}

static void leave(int fd)
{
	control_meet("DONE");
	control_meet("LEFT");
	call_gives(send(fd, "x", 1, 0), 1);
}

static void answered(int fd, size_t length)
{
	struct pattern out = { .seed = length }, in = out;
	unsigned char buffer[10000];

	pattern_fill(&out, buffer, length);
	call_gives(send(fd, buffer, length, 0), length);
	for (size_t got = 0; got < length; ) {
		struct pollfd state = { .fd = fd, .events = POLLIN };
		long n;

		if (poll(&state, 1, patience_ms()) <= 0)
			fail("no answer to %zu bytes after %zu", length, got);
		n = call(recv(fd, buffer, sizeof(buffer), 0));
		pattern_check(&in, buffer, n);
		got += n;
	}
}

static void echo_client(void)
{
	static const int lengths[] = { 1, 2, 100, 4095, 4096, 4097, 10000 };
	int fd = reach();

	for (int i = 0; i < 70; i++) {
		int length = lengths[i % 7];

		/* a record that does not fit is cut off */
		answered(fd, test_env.type == SOCK_STREAM || length < 4096 ? length : 4096);
	}
	leave(fd);
}

static void echo_server(void)
{
	serve(false);
}

static void late_server(void)
{
	serve(true);
}

#define TURNS	8

/* Nothing of the echo is read until the kernel cannot send. */
static void full_client(void)
{
	int fd = reach();
	struct pattern out = { .seed = 3 }, in = { .seed = 3 };
	size_t sent = 0, got = 0;

	for (int i = 0; i < TURNS; i++) {
		unsigned char buffer[4096];

		for (int quiet = 0; quiet < 3; ) {
			size_t more = sock_fill(fd, &out);

			sent += more;
			quiet = more ? 0 : quiet + 1;
			usleep(20000);
		}
		while (got < sent) {
			struct pollfd state = { .fd = fd, .events = POLLIN };
			long n;

			if (poll(&state, 1, patience_ms()) <= 0)
				fail("%zu of %zu bytes came back", got, sent);
			n = call(recv(fd, buffer, sizeof(buffer), 0));
			pattern_check(&in, buffer, n);
			got += n;
		}
	}
	leave(fd);
}

static const struct test_case cases[] = {
	{ "echo", "it is told of each arrival, and is content with short reads",
	  echo_client, echo_server },
	{ "late", "it comes after the first bytes", echo_client, late_server },
	{ "full", "it is told of space after EAGAIN, and SOCK_NOSPACE is cleared",
	  full_client, echo_server, .seconds = 60 },
	{ }
};

TEST_GROUP(kernel_user, cases, STREAMS);
TEST_GROUP(seqpacket_kernel_user, cases, SEQPACKETS);
