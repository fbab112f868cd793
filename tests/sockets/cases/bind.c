// SPDX-License-Identifier: GPL-2.0-only
/*
 * bind(): valid local addresses and the rights they need; services that restart and bind
 * to their address again.
 */
#include <linux/capability.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

/* A port that programs are free to use and nothing else here does. */
#define PORT		20017
#define PORT_TO_CONNECT	20018
#define PORT_PRIVILEGED	1017

static void length(void)
{
	union address address = here(0);
	int fd = sock_open(0);

	call_fails(bind(fd, &address.any, 0), EINVAL);
	call_fails(bind(fd, &address.any, 2), EINVAL);
	call_fails(bind(fd, &address.any, family->shortest - 1), EINVAL);
	call_fails(bind(fd, &address.any, 4096), EINVAL);
	call(sock_bind(fd, address));
}

static void other_family(void)
{
	union address address = here(0);
	int fd = sock_open(0);

	address.any.sa_family = AF_UNIX;
	call_fails(sock_bind(fd, address), EAFNOSUPPORT);
	call(sock_bind(fd, here(0)));
}

static void reserved_fields(void)
{
	union address address = here(0);
	int fd = sock_open(0);

	address.sc.sc_flags = 1;
	call_fails(sock_bind(fd, address), EOPNOTSUPP);
	address.sc.sc_flags = 0;
	address.sc.sc_zero = 1;
	call_fails(sock_bind(fd, address), EOPNOTSUPP);
	address.sc.sc_zero = 0x80000000;
	call_fails(sock_bind(fd, address), EOPNOTSUPP);
	address.sc.sc_zero = 0;
	call(sock_bind(fd, address));
}

static void foreign(void)
{
	int fd = sock_open(0);

	call_fails(sock_bind(fd, nowhere(0)), EADDRNOTAVAIL);
	call_fails(sock_bind(fd, nowhere(PORT)), EADDRNOTAVAIL);
	call(sock_bind(fd, here(0)));
}

static void in_use(void)
{
	int first = sock_open(0), second = sock_open(0);

	call(sock_bind(first, here(PORT)));
	call_fails(sock_bind(second, here(PORT)), EADDRINUSE);
	if (test_env.type != SOCK_DGRAM) {
		call(listen(first, 1));
		call_fails(sock_bind(second, here(PORT)), EADDRINUSE);
	}
	close(first);
	call(sock_bind(second, here(PORT)));
}

static void twice(void)
{
	int fd = sock_open(0);

	call(sock_bind(fd, here(0)));
	call_fails(sock_bind(fd, here(0)), EINVAL);
	call_fails(sock_bind(fd, here(PORT)), EINVAL);
}

static void ephemeral(void)
{
	uint32_t ports[100];

	for (int i = 0; i < 100; i++) {
		int fd = sock_open(0);

		call(sock_bind(fd, here(0)));
		ports[i] = sock_port(fd);
		check(ports[i] >= family->first_ephemeral);
		check(ports[i] <= family->last_ephemeral);
		for (int j = 0; j < i; j++)
			check(ports[i] != ports[j]);
	}
}

/* Every port is an address of its own, up to the largest. */
static void largest(void)
{
	int fd = sock_open(0), other = sock_open(0);

	call(sock_bind(fd, here(family->last_ephemeral)));
	check_equal(sock_port(fd), family->last_ephemeral);
	call(sock_bind(other, here(family->last_ephemeral - 1)));
	check_equal(sock_port(other), family->last_ephemeral - 1);
}

static void drop_net_bind_service(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	call(syscall(SYS_capget, &header, data));
	data[0].effective &= ~(1U << CAP_NET_BIND_SERVICE);
	call(syscall(SYS_capset, &header, data));
}

static void privileged(void)
{
	int fd = sock_open(0), other = sock_open(0);

	call(sock_bind(fd, here(PORT_PRIVILEGED)));
	close(fd);
	drop_net_bind_service();
	fd = sock_open(0);
	call_fails(sock_bind(fd, here(PORT_PRIVILEGED)), EACCES);
	call_fails(sock_bind(fd, here(1)), EACCES);
	call_fails(sock_bind(fd, here(1023)), EACCES);
	call(sock_bind(fd, here(1024)));
	call(sock_bind(other, here(0)));
}

static void fault(void)
{
	int fd = sock_open(0);

	call_fails(bind(fd, (struct sockaddr *)8, family->length), EFAULT);
	call(sock_bind(fd, here(0)));
}

static void connected_client(void)
{
	call_fails(sock_bind(sock_reach(), here(0)), EINVAL);
	control_meet("DONE");
}

static void connected_server(void)
{
	call_fails(sock_bind(sock_serve(), here(0)), EINVAL);
	control_meet("DONE");
}

static void before_connect_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	call(sock_bind(fd, here(PORT_TO_CONNECT)));
	call(sock_try(fd, to));
	check_equal(sock_port(fd), PORT_TO_CONNECT);
	control_meet("DONE");
	/* leaves no trace, even over TCP */
	sock_set_linger(fd, 1, 0);
	close(fd);
	control_meet("GONE");
}

static void before_connect_server(void)
{
	int listener = sock_listen_told(1);
	union address from;
	socklen_t size = sizeof(from);

	call(accept(listener, &from.any, &size));
	check_equal(family->port(&from), PORT_TO_CONNECT);
	control_meet("DONE");
	control_meet("GONE");
}

static void rebind(void)
{
	for (int i = 0; i < 20; i++) {
		int fd = sock_open(0);

		call(sock_bind(fd, here(PORT)));
		call(listen(fd, 1));
		close(fd);
	}
}

/*
 * A service that is started again has its port at once: after connections
 * that it closed itself (no TIME_WAIT), and with one that is still open.
 */
static void restart_client(void)
{
	for (int i = 0; i < 3; i++) {
		int fd;

		control_expect("LISTENING");
		fd = sock_connect(peer(PORT));
		if (i)
			control_meet("OPEN");
		call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	}
}

static void restart_server(void)
{
	int open_still = -1;

	for (int i = 0; i < 3; i++) {
		int listener = sock_open(0);
		int fd;

		call(sock_bind(listener, here(PORT)));
		call(listen(listener, 1));
		control_write("LISTENING");
		fd = sock_accept(listener);
		close(listener);
		if (i)
			control_meet("OPEN");
		if (i == 1) {
			/* ends for the client, but this end stays */
			call(shutdown(fd, SHUT_WR));
			open_still = fd;
			continue;
		}
		close(fd);
	}
	close(open_still);
}

/* Bound to SC_DOMID_SELF: a service for this domain only. */
static void self_client(void)
{
	union address to = sock_told();
	int fd = sock_open(0);

	if (test_env.two_domains)
		call_fails(sock_try(fd, to), ECONNREFUSED);
	else
		call(sock_try(fd, to));
	control_meet("DONE");
}

static void self_server(void)
{
	union address address = here(0);
	int fd = sock_open(0);

	address.sc.sc_domid = SC_DOMID_SELF;
	call(sock_bind(fd, address));
	call(listen(fd, 1));
	sock_tell(fd);
	control_meet("DONE");
}

static const struct test_case cases[] = {
	{ "length", "a wrong length is EINVAL", length },
	{ "family", "another family's address is EAFNOSUPPORT", other_family },
	{ "reserved_fields", "sc_flags and sc_zero must be 0", reserved_fields,
	  .schannel_only = "these fields are sockaddr_sc's" },
	{ "foreign", "another domain's address is EADDRNOTAVAIL", foreign },
	{ "in_use", "a port has one owner at a time", in_use },
	{ "twice", "a second bind is EINVAL", twice },
	{ "ephemeral", "port 0 chooses a free one in the ephemeral range",
	  ephemeral },
	{ "largest", "the largest port numbers are valid", largest },
	{ "privileged", "low ports need CAP_NET_BIND_SERVICE", privileged },
	{ "fault", "a bad pointer is EFAULT", fault },
	{ "connected", "a connected socket cannot be bound", connected_client,
	  connected_server },
	{ }
};

static const struct test_case service_cases[] = {
	{ "before_connect", "connect uses the bound port",
	  before_connect_client, before_connect_server },
	{ "rebind", "a port is free once its listener is closed", rebind },
	{ "restart", "a service starts again while its connections linger",
	  restart_client, restart_server,
	  .schannel_only = "TCP has TIME_WAIT" },
	{ "self", "a socket bound to SC_DOMID_SELF is for this domain only",
	  self_client, self_server,
	  .schannel_only = "SC_DOMID_SELF is sockaddr_sc's" },
	{ }
};

TEST_GROUP(bind, cases, STREAMS);
TEST_GROUP(seqpacket_bind, cases, SEQPACKETS_LIKE_STREAMS);
TEST_GROUP(dgram_bind, cases, DGRAMS, .not_unix = "AF_UNIX has names and not ports");
TEST_GROUP(service, service_cases, STREAMS);
