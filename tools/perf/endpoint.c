// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints: addresses, listening, accepting and connecting. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/schannel.h>

#include "endpoint.h"

#define FAMILY_FILE	"/sys/module/schannel/parameters/family"

static const char * const family_names[] = {
	[FAMILY_SCHANNEL] = "schannel",
	[FAMILY_TCP] = "tcp",
};

const char *endpoint_family_name(enum perf_family family)
{
	return family_names[family];
}

enum perf_family endpoint_family(const char *name)
{
	if (!strcmp(name, family_names[FAMILY_SCHANNEL]))
		return FAMILY_SCHANNEL;
	if (!strcmp(name, family_names[FAMILY_TCP]))
		return FAMILY_TCP;
	errx(2, "unknown family '%s'; expected: schannel, tcp", name);
}

/*
 * The number of the family: the module may have been loaded with another one. Without the
 * module, use the default: socket() then reports the error.
 */
static sa_family_t schannel_number(void)
{
	unsigned int number = AF_SCHANNEL_DEFAULT;
	FILE *f = fopen(FAMILY_FILE, "re");

	if (f) {
		if (fscanf(f, "%u", &number) != 1)
			number = AF_SCHANNEL_DEFAULT;
		fclose(f);
	}
	return number;
}

static void endpoint_add(struct endpoint *ep, const void *addr, socklen_t len)
{
	if (ep->count == ENDPOINT_CANDIDATES)
		return;
	memcpy(&ep->candidate[ep->count].addr, addr, len);
	ep->candidate[ep->count++].len = len;
}

static void resolve_schannel(struct endpoint *ep, const char *host, unsigned int port)
{
	struct sockaddr_sc sc = {
		.sc_family = schannel_number(),
		.sc_port = port,
	};
	unsigned long domid;
	char *end;

	if (!host) {
		sc.sc_domid = SC_DOMID_ANY;
	} else if (!strcmp(host, "self")) {
		sc.sc_domid = SC_DOMID_SELF;
	} else {
		/* Numbers from SC_DOMID_SELF on are not domain ids. */
		domid = strtoul(host, &end, 10);
		if (*host < '0' || *host > '9' || *end || domid >= SC_DOMID_SELF)
			errx(2, "invalid host '%s'; expected a domain id or 'self'", host);
		sc.sc_domid = domid;
	}
	endpoint_add(ep, &sc, sizeof(sc));
}

static void resolve_tcp(struct endpoint *ep, const char *host, unsigned int port)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found, *ai;
	char service[16];
	int ret;

	if (!host) {
		/* If there is IPv6, its socket also accepts IPv4 connections. */
		struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
		struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };

		endpoint_add(ep, &six, sizeof(six));
		endpoint_add(ep, &four, sizeof(four));
		return;
	}

	snprintf(service, sizeof(service), "%u", port);
	ret = getaddrinfo(host, service, &hints, &found);
	if (ret)
		errx(2, "%s: %s", host, gai_strerror(ret));
	for (ai = found; ai; ai = ai->ai_next)
		endpoint_add(ep, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(found);
}

/* Without a host: all local addresses, to listen on. */
void endpoint_resolve(struct endpoint *ep, enum perf_family family, const char *host,
		      unsigned int port)
{
	if (family == FAMILY_TCP && port > 65535)
		errx(2, "port %u is not a TCP port", port);

	ep->family = family;
	ep->count = 0;
	if (family == FAMILY_SCHANNEL)
		resolve_schannel(ep, host, port);
	else
		resolve_tcp(ep, host, port);
}

static void address_text(const struct sockaddr_storage *addr, socklen_t len,
			 char text[ENDPOINT_TEXT])
{
	char host[64] = "?", port[16] = "?";

	if (addr->ss_family == AF_INET || addr->ss_family == AF_INET6) {
		getnameinfo((const void *)addr, len, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);
		snprintf(text, ENDPOINT_TEXT, addr->ss_family == AF_INET6 ?
			 "tcp [%s]:%s" : "tcp %s:%s", host, port);
	} else {
		const struct sockaddr_sc *sc = (const void *)addr;

		if (sc->sc_domid == SC_DOMID_ANY)
			snprintf(host, sizeof(host), "any");
		else if (sc->sc_domid == SC_DOMID_SELF)
			snprintf(host, sizeof(host), "self");
		else
			snprintf(host, sizeof(host), "%u", sc->sc_domid);
		snprintf(text, ENDPOINT_TEXT, "schannel %s:%u", host, sc->sc_port);
	}
}

static int open_socket(const struct sockaddr_storage *addr, int flags)
{
	int fd = socket(addr->ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0 && errno == EAFNOSUPPORT && addr->ss_family != AF_INET &&
	    addr->ss_family != AF_INET6)
		errx(1, "AF_SCHANNEL is not available (modprobe schannel)");
	return fd;
}

/* text is set to the bound address, with the port that the kernel chose. */
int endpoint_listen(const struct endpoint *ep, char text[ENDPOINT_TEXT])
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	const int on = 1, off = 0;
	unsigned int i;
	int fd = -1;

	for (i = 0; i < ep->count; i++) {
		const struct sockaddr_storage *addr = &ep->candidate[i].addr;

		address_text(addr, ep->candidate[i].len, text);
		fd = open_socket(addr, 0);
		if (fd < 0)
			continue;
		if (ep->family == FAMILY_TCP)
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (addr->ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		if (!bind(fd, (const void *)addr, ep->candidate[i].len) &&
		    !listen(fd, SOMAXCONN))
			break;
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		err(1, "cannot listen on %s", text);

	if (getsockname(fd, (void *)&bound, &len))
		err(1, "getsockname");
	address_text(&bound, len, text);
	return fd;
}

int endpoint_accept(int listener, unsigned int timeout_s, char text[ENDPOINT_TEXT])
{
	struct pollfd pfd = { .fd = listener, .events = POLLIN };
	struct sockaddr_storage addr;
	socklen_t len;
	int fd;

	if (timeout_s && !poll(&pfd, 1, timeout_s * 1000))
		errx(1, "no connection for %u s", timeout_s);

	/* A connection that was reset in the backlog does not end the server. */
	do {
		len = sizeof(addr);
		fd = accept4(listener, (void *)&addr, &len, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		err(1, "accept");
	address_text(&addr, len, text);
	return fd;
}

/* connect() with a timeout that does not depend on the family. -1, and errno is set. */
static int connect_within(int fd, const struct sockaddr *addr, socklen_t len,
			  unsigned int timeout_s)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(errno);
	int ret;

	if (!connect(fd, addr, len))
		return 0;
	if (errno != EINPROGRESS)
		return -1;

	ret = poll(&pfd, 1, timeout_s * 1000);
	if (!ret)
		errno = ETIMEDOUT;
	if (ret <= 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &ret, &size))
		return -1;
	errno = ret;
	return ret ? -1 : 0;
}

int endpoint_connect(const struct endpoint *ep, unsigned int timeout_s)
{
	char text[ENDPOINT_TEXT] = "";
	unsigned int i;
	int fd, saved;

	for (i = 0; i < ep->count; i++) {
		const struct sockaddr_storage *addr = &ep->candidate[i].addr;

		address_text(addr, ep->candidate[i].len, text);
		fd = open_socket(addr, SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		if (!connect_within(fd, (const void *)addr, ep->candidate[i].len, timeout_s)) {
			if (fcntl(fd, F_SETFL, 0))
				err(1, "fcntl");
			return fd;
		}
		saved = errno;
		close(fd);
		errno = saved;
	}
	err(1, "cannot connect to %s", text);
}
