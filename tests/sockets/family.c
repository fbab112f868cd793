// SPDX-License-Identifier: GPL-2.0-only
#include "family.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"

#define FAMILY_NUMBER_FILE	"/sys/module/schannel/parameters/family"

const struct family *family;

static uint32_t sc_peer = SC_DOMID_SELF;

static bool sc_set_peer(struct family *self, const char *peer_name)
{
	FILE *file = fopen(FAMILY_NUMBER_FILE, "re");
	char *end;

	if (file) {
		if (fscanf(file, "%d", &self->number) != 1)
			fprintf(stderr, "%s: no number in it\n", FAMILY_NUMBER_FILE);
		fclose(file);
	}
	if (peer_name) {
		sc_peer = strtoul(peer_name, &end, 0);
		if (*end || end == peer_name) {
			fprintf(stderr, "--peer %s: not a domain id\n", peer_name);
			return false;
		}
	}
	return true;
}

static void sc_address(union address *address, uint32_t domid, uint32_t port)
{
	memset(address, 0, sizeof(*address));
	address->sc.sc_family = family->number;
	address->sc.sc_domid = domid;
	address->sc.sc_port = port;
}

static void sc_here(union address *address, uint32_t port)
{
	sc_address(address, SC_DOMID_ANY, port);
}

static void sc_to_peer(union address *address, uint32_t port)
{
	sc_address(address, sc_peer, port);
}

/* A number that Xen gives to no domain before thirty thousand others. */
static void sc_nowhere(union address *address, uint32_t port)
{
	sc_address(address, 32000, port);
}

static uint32_t sc_port(const union address *address)
{
	return address->sc.sc_port;
}

static bool sc_is_peer(const union address *address)
{
	return address->sc.sc_family == family->number &&
	       address->sc.sc_domid == sc_peer &&
	       !address->sc.sc_flags && !address->sc.sc_zero;
}

static void sc_loop(union address *address)
{
	address->sc.sc_domid = SC_DOMID_SELF;
}

static struct in_addr in_peer;

static bool in_set_peer(struct family *self, const char *peer_name)
{
	(void)self;
	in_peer.s_addr = htonl(INADDR_LOOPBACK);
	if (peer_name && inet_pton(AF_INET, peer_name, &in_peer) != 1) {
		fprintf(stderr, "--peer %s: not an IPv4 address\n", peer_name);
		return false;
	}
	return true;
}

static void in_address(union address *address, in_addr_t host, uint32_t port)
{
	memset(address, 0, sizeof(*address));
	address->in.sin_family = AF_INET;
	address->in.sin_addr.s_addr = host;
	address->in.sin_port = htons(port);
}

static void in_here(union address *address, uint32_t port)
{
	in_address(address, htonl(INADDR_ANY), port);
}

static void in_to_peer(union address *address, uint32_t port)
{
	in_address(address, in_peer.s_addr, port);
}

/* Of TEST-NET-1, which is never assigned. */
#define IN_NOWHERE	0xc0000201U

static void in_nowhere(union address *address, uint32_t port)
{
	in_address(address, htonl(IN_NOWHERE), port);
}

static uint32_t in_port(const union address *address)
{
	return ntohs(address->in.sin_port);
}

static bool in_is_peer(const union address *address)
{
	return address->in.sin_family == AF_INET &&
	       address->in.sin_addr.s_addr == in_peer.s_addr;
}

static void in_loop(union address *address)
{
	address->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static struct in6_addr in6_peer;

static bool in6_set_peer(struct family *self, const char *peer_name)
{
	(void)self;
	in6_peer = in6addr_loopback;
	if (peer_name && inet_pton(AF_INET6, peer_name, &in6_peer) != 1) {
		fprintf(stderr, "--peer %s: not an IPv6 address\n", peer_name);
		return false;
	}
	return true;
}

static void in6_address(union address *address, struct in6_addr host,
			uint32_t port)
{
	memset(address, 0, sizeof(*address));
	address->in6.sin6_family = AF_INET6;
	address->in6.sin6_addr = host;
	address->in6.sin6_port = htons(port);
}

static void in6_here(union address *address, uint32_t port)
{
	in6_address(address, in6addr_any, port);
}

static void in6_to_peer(union address *address, uint32_t port)
{
	in6_address(address, in6_peer, port);
}

/* Of 2001:db8::/32, which is never assigned. */
static void in6_nowhere(union address *address, uint32_t port)
{
	static const struct in6_addr documentation = {
		.s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
	};

	in6_address(address, documentation, port);
}

static uint32_t in6_port(const union address *address)
{
	return ntohs(address->in6.sin6_port);
}

static bool in6_is_peer(const union address *address)
{
	return address->in6.sin6_family == AF_INET6 &&
	       IN6_ARE_ADDR_EQUAL(&address->in6.sin6_addr, &in6_peer);
}

static void in6_loop(union address *address)
{
	address->in6.sin6_addr = in6addr_loopback;
}

/* IPv4's addresses, as AF_INET6 sockets have them. */
static struct in6_addr mapped(in_addr_t host)
{
	struct in6_addr address = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&address.s6_addr[12], &host, sizeof(host));
	return address;
}

static bool mapped_set_peer(struct family *self, const char *peer_name)
{
	if (!in_set_peer(self, peer_name))
		return false;
	in6_peer = mapped(in_peer.s_addr);
	return true;
}

static void mapped_nowhere(union address *address, uint32_t port)
{
	in6_address(address, mapped(htonl(IN_NOWHERE)), port);
}

static void mapped_loop(union address *address)
{
	address->in6.sin6_addr = mapped(htonl(INADDR_LOOPBACK));
}

/*
 * AF_UNIX: a port is an abstract name of five hexadecimal digits, as the kernel
 * itself chooses them for sockets that bind without a name.
 */
#define UN_DIGITS	5
#define UN_LENGTH	(offsetof(struct sockaddr_un, sun_path) + 1 + UN_DIGITS)

static bool un_set_peer(struct family *self, const char *peer_name)
{
	(void)self;
	if (peer_name)
		fprintf(stderr, "--peer %s: AF_UNIX has no peers\n", peer_name);
	return !peer_name;
}

static void un_name(union address *address, const char *name)
{
	memset(address, 0, sizeof(*address));
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path + 1, name, strlen(name));
}

static void un_address(union address *address, uint32_t port)
{
	char name[16] = "";

	if (port)
		snprintf(name, sizeof(name), "%0*x", UN_DIGITS, port);
	un_name(address, name);
}

static void un_nowhere(union address *address, uint32_t port)
{
	(void)port;
	un_name(address, "_____");
}

static uint32_t un_port(const union address *address)
{
	char name[UN_DIGITS + 1] = "";

	memcpy(name, address->un.sun_path + 1, UN_DIGITS);
	return strtoul(name, NULL, 16);
}

static bool un_is_peer(const union address *address)
{
	return address->un.sun_family == AF_UNIX;
}

static void un_loop(union address *address)
{
	(void)address;
}

static struct family families[] = {
	{
		.name = "schannel",
		.number = AF_SCHANNEL_DEFAULT,
		.length = sizeof(struct sockaddr_sc),
		.protocol = 0,
		.first_ephemeral = SC_PORT_EPHEMERAL,
		.last_ephemeral = 0x7fffffff,
		.set_peer = sc_set_peer,
		.here = sc_here,
		.peer = sc_to_peer,
		.nowhere = sc_nowhere,
		.port = sc_port,
		.is_peer = sc_is_peer,
		.loop = sc_loop,
	}, {
		.name = "inet",
		.number = AF_INET,
		.length = sizeof(struct sockaddr_in),
		.protocol = IPPROTO_TCP,
		.first_ephemeral = 1024,
		.last_ephemeral = 65535,
		.set_peer = in_set_peer,
		.here = in_here,
		.peer = in_to_peer,
		.nowhere = in_nowhere,
		.port = in_port,
		.is_peer = in_is_peer,
		.loop = in_loop,
	}, {
		.name = "inet6",
		.number = AF_INET6,
		.length = sizeof(struct sockaddr_in6),
		.shortest = offsetof(struct sockaddr_in6, sin6_scope_id),
		.protocol = IPPROTO_TCP,
		.first_ephemeral = 1024,
		.last_ephemeral = 65535,
		.set_peer = in6_set_peer,
		.here = in6_here,
		.peer = in6_to_peer,
		.nowhere = in6_nowhere,
		.port = in6_port,
		.is_peer = in6_is_peer,
		.loop = in6_loop,
	}, {
		.name = "mapped",
		.number = AF_INET6,
		.length = sizeof(struct sockaddr_in6),
		.shortest = offsetof(struct sockaddr_in6, sin6_scope_id),
		.protocol = IPPROTO_TCP,
		.first_ephemeral = 1024,
		.last_ephemeral = 65535,
		.set_peer = mapped_set_peer,
		.here = in6_here,
		.peer = in6_to_peer,
		.nowhere = mapped_nowhere,
		.port = in6_port,
		.is_peer = in6_is_peer,
		.loop = mapped_loop,
	}, {
		.name = "unix",
		.number = AF_UNIX,
		.length = UN_LENGTH,
		.first_ephemeral = 0,
		.last_ephemeral = 0xfffff,
		.set_peer = un_set_peer,
		.here = un_address,
		.peer = un_address,
		.nowhere = un_nowhere,
		.port = un_port,
		.is_peer = un_is_peer,
		.loop = un_loop,
	}, {
		.name = NULL,
	},
};

bool family_choose(const char *name, const char *peer_name)
{
	for (struct family *candidate = families; candidate->name; candidate++) {
		int fd;

		if (strcmp(candidate->name, name))
			continue;
		if (!candidate->set_peer(candidate, peer_name))
			return false;
		fd = socket(candidate->number, SOCK_STREAM, 0);
		if (fd < 0) {
			fprintf(stderr, "no sockets of family %d (%s): %s\n",
				candidate->number, name, errno_name(errno));
			return false;
		}
		close(fd);
		if (!candidate->shortest)
			candidate->shortest = candidate->length;
		family = candidate;
		return true;
	}
	fprintf(stderr, "--family %s: schannel, inet, inet6, mapped or unix\n", name);
	return false;
}

bool family_is_schannel(void)
{
	return family == &families[0];
}

bool family_is_unix(void)
{
	return family->number == AF_UNIX;
}

bool family_is_inet(void)
{
	return family->number == AF_INET || family->number == AF_INET6;
}

bool family_peer_is_here(void)
{
	union address address, looped;

	if (family_is_schannel())
		return sc_peer == SC_DOMID_SELF;
	if (family_is_unix())
		return true;
	address = peer(0);
	looped = address;
	family->loop(&looped);
	return !memcmp(&address, &looped, sizeof(address));
}

union address here(uint32_t port)
{
	union address address;

	family->here(&address, port);
	return address;
}

union address peer(uint32_t port)
{
	union address address;

	family->peer(&address, port);
	return address;
}

union address nowhere(uint32_t port)
{
	union address address;

	family->nowhere(&address, port);
	return address;
}

socklen_t address_length(const union address *address)
{
	if (family_is_unix() && !address->un.sun_path[1])
		return sizeof(sa_family_t);
	return family->length;
}

union address address_of(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	memset(&address, 0, sizeof(address));
	call(getsockname(fd, &address.any, &length));
	check_equal(length, family->length);
	return address;
}
