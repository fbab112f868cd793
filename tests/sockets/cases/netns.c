// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces: a container has its own ports, and reaches only itself. */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../record.h"
#include "../sock.h"

#define PORT		20041
#define PORT_PRIVILEGED	1018

/* From here on; sockets that are there stay where they are. */
static void leave(void)
{
	call(unshare(CLONE_NEWNET));
}

static int bound_to(uint32_t port)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(port)));
	return fd;
}

static union address self(uint32_t port)
{
	union address address = here(port);

	family->loop(&address);
	return address;
}

static void expect_working(struct sock_pair pair)
{
	char c;

	call_gives(send(pair.left, "x", 1, 0), 1);
	call_gives(recv(pair.right, &c, 1, 0), 1);
	check_equal(c, 'x');
}

static void loopback(void)
{
	leave();
	expect_working(sock_pair());
	test_env.type = SOCK_SEQPACKET;
	expect_working(sock_pair());
	test_env.type = SOCK_DGRAM;
	record_say_to(sock_bound(), "lost", self(PORT));
	call(sock_try(sock_open(0), self(PORT)));
	record_say_to(sock_bound(), "here", self(sock_port(bound_to(PORT))));
}

/* The same port twice; each namespace reaches its own. */
static void ports(void)
{
	int outside = bound_to(PORT), home, inside, fd;

	home = call(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	call(listen(outside, 1));
	leave();
	call_fails(sock_try(sock_open(0), self(PORT)), ECONNREFUSED);
	inside = bound_to(PORT);
	call(listen(inside, 1));
	fd = sock_connect(self(PORT));
	check_equal(sock_state(inside), POLLIN);
	check_equal(sock_state(outside), 0);
	expect_working((struct sock_pair){ fd, sock_accept(inside) });
	call(setns(home, CLONE_NEWNET));
	fd = sock_connect(self(PORT));
	check_equal(sock_state(inside), 0);
	expect_working((struct sock_pair){ fd, sock_accept(outside) });
}

static void datagrams(void)
{
	int outside, inside;

	test_env.type = SOCK_DGRAM;
	outside = bound_to(PORT);
	leave();
	inside = bound_to(PORT);
	record_say_to(sock_bound(), "inside", self(PORT));
	record_hear(inside, "inside");
	check_equal(sock_state(outside), POLLOUT);
	/* a socket belongs where it was made */
	record_say_to(outside, "outside", self(PORT));
	record_hear(outside, "outside");
	check_equal(sock_state(inside), POLLOUT);
}

/*
 * A container reaches no other domain, and none of this one's services; earlier connections
 * continue.
 */
static void confined_client(void)
{
	int error = test_env.two_domains ? EHOSTUNREACH : ECONNREFUSED;
	union address to = sock_told();
	int fd = sock_connect(to), before = sock_open(0);

	leave();
	call_fails(sock_try(sock_open(0), to), error);
	test_env.type = SOCK_SEQPACKET;
	call_fails(sock_try(sock_open(0), to), error);
	test_env.type = SOCK_DGRAM;
	if (test_env.two_domains)
		call_fails(sock_try(sock_open(0), to), error);
	call_gives(send(fd, "1", 1, 0), 1);
	/* one that was made before, too */
	call(sock_try(before, to));
	call_gives(send(before, "2", 1, 0), 1);
	control_meet("DONE");
}

static void confined_server(void)
{
	int listener = sock_listen_told(4);
	char c;

	call_gives(recv(sock_accept(listener), &c, 1, 0), 1);
	check_equal(c, '1');
	call_gives(recv(sock_accept(listener), &c, 1, 0), 1);
	check_equal(c, '2');
	check_equal(sock_state(listener), 0);
	control_meet("DONE");
}

/* A listener in a container is reached from that container only. */
static void hidden_client(void)
{
	control_expect("LISTENING");
	call_fails(sock_try(sock_open(0), peer(PORT)), ECONNREFUSED);
	control_meet("DONE");
}

static void hidden_server(void)
{
	leave();
	call(listen(bound_to(PORT), 1));
	control_write("LISTENING");
	control_meet("DONE");
}

/* Privileged ports need the capability in the user namespace that owns the netns. */
static void low_ports(void)
{
	call(setgid(65534));
	call(setuid(65534));
	call_fails(sock_bind(sock_open(0), here(PORT_PRIVILEGED)), EACCES);
	/* all capabilities in a user namespace are none outside of it */
	if (unshare(CLONE_NEWUSER)) {
		check(errno == EPERM || errno == ENOSPC || errno == EINVAL);
		skip("no user namespaces: %s", errno_name(errno));
	}
	call_fails(sock_bind(sock_open(0), here(PORT_PRIVILEGED)), EACCES);
	leave();
	call(sock_bind(sock_open(0), here(PORT_PRIVILEGED)));
}

/* Namespaces that go, with connections, listeners and datagrams in them. */
static void gone(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t child = call(fork());
		int status;

		if (!child) {
			struct sock_pair pair;

			leave();
			pair = sock_pair();
			pattern_send(&(struct pattern){ .seed = 1 }, pair.left,
				     3000, 3000);
			call(listen(bound_to(PORT), 1));
			sock_connect(self(PORT));
			test_env.type = SOCK_DGRAM;
			record_say_to(sock_bound(), "left behind",
				      self(sock_port(bound_to(PORT))));
			_exit(0);
		}
		call(waitpid(child, &status, 0));
		if (WIFEXITED(status) && WEXITSTATUS(status))
			_exit(WEXITSTATUS(status));	/* it has said why */
		check_equal(status, 0);
	}
	expect_working(sock_pair());
}

static const struct test_case cases[] = {
	{ "loopback", "a namespace reaches itself", loopback },
	{ "ports", "one port in two namespaces", ports },
	{ "datagrams", "the same for datagrams", datagrams },
	{ "confined", "a container reaches no service outside", confined_client,
	  confined_server },
	{ "hidden", "no client outside reaches a container's service", hidden_client,
	  hidden_server },
	{ "low_ports", "low ports in a namespace of the user's own", low_ports },
	{ "gone", "namespaces end with open sockets", gone },
	{ }
};

TEST_GROUP(netns, cases, .type = SOCK_STREAM,
	   .schannel_only = "namespaces of AF_SCHANNEL");
