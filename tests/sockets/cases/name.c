// SPDX-License-Identifier: GPL-2.0-only
/* getsockname() and getpeername(). */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../group.h"
#include "../control.h"
#include "../sock.h"

static union address own_name(int fd)
{
	union address name;
	socklen_t size = sizeof(name);

	memset(&name, 0xff, sizeof(name));
	call(getsockname(fd, &name.any, &size));
	check_equal(size, family->length);
	check_equal(name.any.sa_family, family->number);
	return name;
}

static union address peer_name(int fd)
{
	union address name;
	socklen_t size = sizeof(name);

	memset(&name, 0xff, sizeof(name));
	call(getpeername(fd, &name.any, &size));
	check_equal(size, family->length);
	return name;
}

static void expect_no_peer(int fd)
{
	union address name;
	socklen_t size = sizeof(name);

	call_fails(getpeername(fd, &name.any, &size), ENOTCONN);
}

static void not_connected(void)
{
	union address name;
	int fd = sock_open(0);

	name = own_name(fd);
	check_equal(family->port(&name), 0);
	expect_no_peer(fd);
	call(sock_bind(fd, here(0)));
	name = own_name(fd);
	check(family->port(&name) > 0);
	expect_no_peer(fd);
	call(listen(fd, 1));
	expect_no_peer(fd);
}

/* What one side calls itself the other calls its peer. */
static void tell_names(int fd)
{
	union address own = own_name(fd), other = peer_name(fd);

	check(family->is_peer(&other));
	control_write("OWN %u", family->port(&own));
	check_equal(control_read_number("OWN"), family->port(&other));
	control_write("PEER %u", family->port(&other));
	check_equal(control_read_number("PEER"), family->port(&own));
}

static void connected_client(void)
{
	union address to = sock_told(), other;
	int fd = sock_connect(to);

	tell_names(fd);
	other = peer_name(fd);
	check_equal(family->port(&other), family->port(&to));
	/* a half-closed connection still has its peer */
	control_meet("HALF CLOSED");
	call_gives(recv(fd, &(char){ 0 }, 1, 0), 0);
	other = peer_name(fd);
	check(family->is_peer(&other));
	control_meet("DONE");
}

static void connected_server(void)
{
	int listener = sock_listen_told(1);
	int fd = sock_accept(listener);
	union address own = own_name(fd), listening = own_name(listener);

	check_equal(family->port(&own), family->port(&listening));
	tell_names(fd);
	call(shutdown(fd, SHUT_WR));
	control_meet("HALF CLOSED");
	control_meet("DONE");
}

static void cut_client(void)
{
	int fd = sock_reach();
	unsigned char room[sizeof(union address)];
	socklen_t size = 3;

	memset(room, 0xee, sizeof(room));
	call(getsockname(fd, (struct sockaddr *)room, &size));
	check_equal(size, family->length);
	check_equal(room[3], 0xee);
	size = 3;
	call(getpeername(fd, (struct sockaddr *)room, &size));
	check_equal(size, family->length);
	check_equal(room[3], 0xee);
	size = -1;
	call_fails(getpeername(fd, (struct sockaddr *)room, &size), EINVAL);
	size = sizeof(room);
	call_fails(getsockname(fd, (struct sockaddr *)8, &size), EFAULT);
	control_meet("DONE");
}

static void cut_server(void)
{
	sock_serve();
	control_meet("DONE");
}

/* Nothing of the kernel's memory comes along with an address. */
static void clean(void)
{
	union address name;
	int fd = sock_open(0);

	name = own_name(fd);
	check_equal(name.sc.sc_flags, 0);
	check_equal(name.sc.sc_zero, 0);
	call(sock_bind(fd, here(0)));
	name = own_name(fd);
	check_equal(name.sc.sc_flags, 0);
	check_equal(name.sc.sc_zero, 0);
	check_equal(name.sc.sc_domid, SC_DOMID_ANY);
}

static const struct test_case cases[] = {
	{ "not_connected", "unconnected sockets", not_connected },
	{ "connected", "both sides agree on their names", connected_client,
	  connected_server },
	{ "cut", "a name that does not fit is cut", cut_client, cut_server },
	{ "clean", "reserved fields are 0, unconnected is SC_DOMID_ANY", clean,
	  .schannel_only = "these fields are sockaddr_sc's" },
	{ }
};

TEST_GROUP(name, cases, STREAMS);
TEST_GROUP(seqpacket_name, cases, SEQPACKETS_LIKE_STREAMS);
