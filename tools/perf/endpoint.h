/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Endpoints: the address that a socket listens on or connects to, in either family. Only this
 * file knows how the families differ; the others use file descriptors.
 */
#ifndef PERF_ENDPOINT_H
#define PERF_ENDPOINT_H

#include <stddef.h>
#include <sys/socket.h>

#define ENDPOINT_CANDIDATES	8
#define ENDPOINT_TEXT		128

enum perf_family {
	FAMILY_SCHANNEL,
	FAMILY_TCP,
};

/* A name may have several addresses, which are tried in order. */
struct endpoint {
	enum perf_family family;
	unsigned int count;
	struct {
		struct sockaddr_storage addr;
		socklen_t len;
	} candidate[ENDPOINT_CANDIDATES];
};

/* An error in any of these ends the program with one line. */
enum perf_family endpoint_family(const char *name);
void endpoint_resolve(struct endpoint *ep, enum perf_family family, const char *host,
		      unsigned int port);
int endpoint_listen(const struct endpoint *ep, char text[ENDPOINT_TEXT]);
/* timeout_s 0: no timeout. */
int endpoint_accept(int listener, unsigned int timeout_s, char text[ENDPOINT_TEXT]);
int endpoint_connect(const struct endpoint *ep, unsigned int timeout_s);

const char *endpoint_family_name(enum perf_family family);

#endif
