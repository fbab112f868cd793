// SPDX-License-Identifier: GPL-2.0-only
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"

struct net_ports net_ports;

int net_socket(enum kind kind)
{
	static const int types[KINDS] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

	return socket(family->number, types[kind] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

unsigned int net_kinds(void)
{
	unsigned int kinds = 0;

	for (enum kind kind = 0; kind < KINDS; kind++) {
		int fd = net_socket(kind);

		if (fd < 0)
			continue;
		close(fd);
		kinds |= 1U << kind;
	}
	return kinds;
}

int net_bind(int fd, uint32_t port)
{
	union address at = here(port);

	return bind(fd, &at.any, address_length(&at));
}

int net_listen(enum kind kind)
{
	int fd = net_socket(kind);

	if (fd < 0 || net_bind(fd, 0) || listen(fd, 4096))
		return -1;
	return fd;
}

int net_connect(int fd, uint32_t port)
{
	union address to = peer(port);
	int error;

	/* AF_UNIX does not wait in the background, but fails */
	if (family_is_unix())
		fcntl(fd, F_SETFL, 0);
	error = connect(fd, &to.any, address_length(&to)) ? errno : 0;
	if (family_is_unix())
		fcntl(fd, F_SETFL, O_NONBLOCK);
	return error;
}

uint32_t net_port(int fd)
{
	union address address;
	socklen_t length = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(fd, &address.any, &length))
		return 0;
	return family->port(&address);
}

bool net_keeps_all(void)
{
	return family_is_schannel();
}

bool net_linger_resets(void)
{
	return !family_is_unix();
}
