// SPDX-License-Identifier: GPL-2.0-only
/* Peers: the addresses of each family, and how client and server get a descriptor each. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/schannel.h>
#include <linux/vm_sockets.h>

#include "peer.h"

#define PORT		7400	/* of the first flow */
#define NAME		"schannel-bench"
#define FAMILY_FILE	"/sys/module/schannel/parameters/family"
#define PATH_SIZE	64
#define HELLO		'h'
#define TRIES		(20 * 1000 / PEER_TIMEOUT_MS)	/* timeouts of accept(): 20 s */

union address {
	struct sockaddr any;
	struct sockaddr_sc sc;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_vm vm;
};

struct peer {
	const char *name;
	int type;		/* of its sockets; 0: a pipe, without sockets */
	/* The address of flow nr's server: to connect to, or to bind if "to" is NULL. */
	socklen_t (*address)(union address *address, const struct server_addr *to, unsigned int nr);
	uint32_t ring;		/* fixed ring size in bytes; 0: the default, which adapts */
};

/* ---- Addresses ---------------------------------------------------------- */

static socklen_t schannel_address(union address *address, const struct server_addr *to,
				  unsigned int nr)
{
	unsigned int family = AF_SCHANNEL_DEFAULT;
	FILE *file = fopen(FAMILY_FILE, "re");

	if (!file || fscanf(file, "%u", &family) != 1)
		err(1, "%s: is the module loaded?", FAMILY_FILE);
	fclose(file);
	address->sc = (struct sockaddr_sc){
		.sc_family = family,
		.sc_domid = to ? to->domid : SC_DOMID_ANY,
		.sc_port = PORT + nr,
	};
	return sizeof(address->sc);
}

/* In the abstract namespace, which leaves no files. */
static socklen_t unix_address(union address *address, const struct server_addr *to, unsigned int nr)
{
	(void)to;
	address->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(address->un.sun_path + 1, sizeof(address->un.sun_path) - 1,
			NAME "-%u", nr);
}

static socklen_t inet_address(union address *address, const struct server_addr *to, unsigned int nr)
{
	address->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(PORT + nr) };
	if (to && inet_pton(AF_INET, to->ip, &address->in.sin_addr) != 1)
		errx(2, "'%s' is not an IPv4 address", to->ip);
	return sizeof(address->in);
}

static socklen_t vsock_address(union address *address, const struct server_addr *to,
			       unsigned int nr)
{
	address->vm = (struct sockaddr_vm){
		.svm_family = AF_VSOCK,
		.svm_cid = to ? VMADDR_CID_LOCAL : VMADDR_CID_ANY,
		.svm_port = PORT + nr,
	};
	return sizeof(address->vm);
}

static const struct peer peers[] = {
	{ "schannel-stream", SOCK_STREAM, schannel_address },
	{ "schannel-stream-4k", SOCK_STREAM, schannel_address, 4 << 10 },
	{ "schannel-stream-16k", SOCK_STREAM, schannel_address, 16 << 10 },
	{ "schannel-stream-64k", SOCK_STREAM, schannel_address, 64 << 10 },
	{ "schannel-stream-256k", SOCK_STREAM, schannel_address, 256 << 10 },
	{ "schannel-stream-1m", SOCK_STREAM, schannel_address, 1 << 20 },
	{ "schannel-stream-4m", SOCK_STREAM, schannel_address, 4 << 20 },
	{ "schannel-seqpacket", SOCK_SEQPACKET, schannel_address },
	{ "schannel-dgram", SOCK_DGRAM, schannel_address },
	{ "unix-stream", SOCK_STREAM, unix_address },
	{ "unix-seqpacket", SOCK_SEQPACKET, unix_address },
	{ "unix-dgram", SOCK_DGRAM, unix_address },
	{ "tcp", SOCK_STREAM, inet_address },
	{ "udp", SOCK_DGRAM, inet_address },
	{ "vsock", SOCK_STREAM, vsock_address },
	{ "pipe", 0, NULL },
	{ }
};

const struct peer *peer_find(const char *name)
{
	const struct peer *peer;

	for (peer = peers; peer->name; peer++)
		if (!strcmp(peer->name, name))
			return peer;
	errx(2, "'%s' is not a peer", name);
}

const char *peer_name(const struct peer *peer)
{
	return peer->name;
}

bool peer_has_end(const struct peer *peer)
{
	return peer->type != SOCK_DGRAM;
}

bool peer_connects(const struct peer *peer)
{
	return peer->type && peer->type != SOCK_DGRAM;
}

/* ---- Descriptors -------------------------------------------------------- */

static void set_rings(const struct peer *peer, int fd)
{
	const struct sc_ring_sizes size = { .tx = peer->ring, .rx = peer->ring };

	if (peer->ring &&
	    (setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MIN, &size, sizeof(size)) ||
	     setsockopt(fd, SOL_SCHANNEL, SO_SC_RING_MAX, &size, sizeof(size))))
		err(1, "%s: cannot set rings of %u bytes", peer->name, peer->ring);
}

/* The rx ring is the remote end's memory: SO_SC_RING_MIN and _MAX only request its size. */
static void check_rings(const struct peer *peer, int fd)
{
	struct sc_ring_sizes size;
	socklen_t length = sizeof(size);

	if (!peer->ring)
		return;
	if (getsockopt(fd, SOL_SCHANNEL, SO_SC_RING, &size, &length))
		err(1, "%s: SO_SC_RING", peer->name);
	if (size.tx != peer->ring || size.rx != peer->ring)
		errx(1, "%s: rings have %u and %u bytes instead of %u", peer->name, size.tx,
		     size.rx, peer->ring);
}

static int open_socket(const struct peer *peer, const union address *address)
{
	int fd = socket(address->any.sa_family, peer->type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "%s: cannot open a socket", peer->name);
	set_rings(peer, fd);
	return fd;
}

static void set_timeout(const struct peer *peer, int fd)
{
	static const struct timeval limit = { .tv_usec = PEER_TIMEOUT_MS * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		err(1, "%s: SO_RCVTIMEO", peer->name);
}

/* With Nagle's algorithm a round trip would include the delay before a small segment is sent. */
static void set_nodelay(const struct peer *peer, int fd)
{
	static const int on = 1;

	if (peer->address == inet_address && peer->type == SOCK_STREAM &&
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		err(1, "%s: TCP_NODELAY", peer->name);
}

static void fifo_path(char path[PATH_SIZE], unsigned int nr, const char *way)
{
	snprintf(path, PATH_SIZE, "/tmp/" NAME "-%u.%s", nr, way);
}

/* open() of a FIFO blocks until the other end is open, so both sides use the same order. */
static struct link fifo_link(unsigned int nr, bool server)
{
	struct link link = { -1, -1 };
	char path[PATH_SIZE];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		bool reads = i ^ server;
		int *fd = reads ? &link.in : &link.out;

		fifo_path(path, nr, i ? "down" : "up");
		*fd = open(path, (reads ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
		if (*fd < 0)
			err(1, "%s", path);
		if (server)
			unlink(path);
	}
	return link;
}

static void fifo_make(unsigned int nr)
{
	char path[PATH_SIZE];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		fifo_path(path, nr, i ? "down" : "up");
		unlink(path);
		if (mkfifo(path, 0600))
			err(1, "%s", path);
	}
}

/* ---- The server's side -------------------------------------------------- */

static int bind_socket(const struct peer *peer, unsigned int nr)
{
	static const int on = 1;
	union address address;
	socklen_t length = peer->address(&address, NULL, nr);
	int fd = open_socket(peer, &address);

	if (peer->address == inet_address)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address.any, length))
		err(1, "%s: cannot bind", peer->name);
	return fd;
}

void service_open(struct service *service, const struct peer *peer, unsigned int flows)
{
	unsigned int i;

	*service = (struct service){ peer, flows, calloc(flows, sizeof(int)) };
	if (!service->fd)
		err(1, NULL);
	if (peer_connects(peer)) {
		service->fd[0] = bind_socket(peer, 0);
		if (listen(service->fd[0], SOMAXCONN))
			err(1, "%s: cannot listen", peer->name);
		set_timeout(peer, service->fd[0]);
		return;
	}
	for (i = 0; i < flows; i++) {
		if (peer->type)
			service->fd[i] = bind_socket(peer, i);
		else
			fifo_make(i);
	}
}

/* Connect a datagram socket to the client that sends the first message, and answer it. */
static void answer_hello(const struct peer *peer, int fd)
{
	char hello;
	union address from;
	socklen_t length = sizeof(from);

	if (recvfrom(fd, &hello, 1, 0, &from.any, &length) != 1 || hello != HELLO ||
	    connect(fd, &from.any, length) || write(fd, &hello, 1) != 1)
		err(1, "%s: cannot exchange the first message", peer->name);
}

int service_accept(struct service *service)
{
	int fd = accept4(service->fd[0], NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN)
		err(1, "%s: cannot accept", service->peer->name);
	return fd;
}

struct link service_link(struct service *service, unsigned int nr)
{
	const struct peer *peer = service->peer;
	unsigned int tries = TRIES;
	int fd;

	if (!peer->type)
		return fifo_link(nr, true);
	if (peer_connects(peer)) {
		while ((fd = service_accept(service)) < 0)
			if (!--tries)
				errx(1, "%s: no client connected", peer->name);
		set_nodelay(peer, fd);
	} else {
		fd = service->fd[nr];
		answer_hello(peer, fd);
		set_timeout(peer, fd);
	}
	return (struct link){ fd, fd };
}

void service_close(struct service *service)
{
	if (peer_connects(service->peer))
		close(service->fd[0]);
	free(service->fd);
}

/* ---- The client's side -------------------------------------------------- */

/* The server can answer an AF_UNIX datagram socket only if it is bound to an address. */
static void autobind(const struct peer *peer, int fd)
{
	static const struct sockaddr_un any = { .sun_family = AF_UNIX };

	if (peer->address == unix_address && peer->type == SOCK_DGRAM &&
	    bind(fd, (const void *)&any, sizeof(any.sun_family)))
		err(1, "%s: cannot bind", peer->name);
}

struct link peer_link(const struct peer *peer, const struct server_addr *to, unsigned int nr)
{
	bool connects = peer_connects(peer);
	char hello = HELLO;
	union address address;
	socklen_t length;
	int fd;

	if (!peer->type)
		return fifo_link(nr, false);

	length = peer->address(&address, to, connects ? 0 : nr);
	fd = open_socket(peer, &address);
	autobind(peer, fd);
	if (connect(fd, &address.any, length))
		err(1, "%s: cannot connect", peer->name);
	check_rings(peer, fd);
	if (connects)
		set_nodelay(peer, fd);
	else if (write(fd, &hello, 1) != 1 || read(fd, &hello, 1) != 1)
		err(1, "%s: cannot exchange the first message", peer->name);
	return (struct link){ fd, fd };
}

void link_close(const struct link *link)
{
	close(link->in);
	if (link->out != link->in)
		close(link->out);
}
