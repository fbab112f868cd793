// SPDX-License-Identifier: LGPL-2.1-or-later
/* Conversion of addresses from text and to text. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lookup.h"
#include "schannel.h"
#include "text.h"

int schannel_parse(const char *text, struct sockaddr_sc *address)
{
	struct schannel_peer *peer;
	struct scl_host host;
	uint32_t port;
	int family;

	if (!scl_text_parse(text, &host, &port)) {
		errno = EINVAL;
		return -1;
	}
	family = schannel_family();
	if (family < 0)
		return -1;
	if (host.kind != SCL_HOST_DOMID) {
		if (scl_lookup(&host, &peer))
			return -1;
		host.domid = peer->domid;
		schannel_peers_free(peer);
	}
	*address = (struct sockaddr_sc){
		.sc_family = family,
		.sc_domid = host.domid,
		.sc_port = port,
	};
	return 0;
}

/* Whether parsing the name of a peer finds the same peer. */
static bool name_identifies(struct schannel_peer *list, const struct schannel_peer *peer)
{
	struct scl_host host;

	return scl_host_parse(peer->name, strlen(peer->name), &host) &&
	       host.kind == SCL_HOST_NAME && scl_lookup_in(list, &host) == peer;
}

static void host_format(uint32_t domid, unsigned int flags, char text[SC_NAME_MAX])
{
	const struct scl_host host = { .kind = SCL_HOST_DOMID, .domid = domid };
	const struct schannel_peer *peer;
	struct schannel_peer *list;

	if (domid == SC_DOMID_SELF || domid == SC_DOMID_ANY) {
		snprintf(text, SC_NAME_MAX, "%s", domid == SC_DOMID_SELF ? "self" : "any");
		return;
	}
	snprintf(text, SC_NAME_MAX, "%" PRIu32, domid);
	if (!(flags & SCHANNEL_NAMES) || schannel_peers(&list))
		return;
	peer = scl_lookup_in(list, &host);
	if (peer && peer->name && name_identifies(list, peer))
		snprintf(text, SC_NAME_MAX, "%s", peer->name);
	schannel_peers_free(list);
}

int schannel_format(const struct sockaddr_sc *address, char *text, size_t size,
		    unsigned int flags)
{
	char host[SC_NAME_MAX];
	int len;

	if (flags & ~SCHANNEL_NAMES) {
		errno = EINVAL;
		return -1;
	}
	host_format(address->sc_domid, flags, host);
	len = snprintf(text, size, "%s:%" PRIu32, host, address->sc_port);
	if (len < 0 || (size_t)len >= size) {
		errno = ENOSPC;
		return -1;
	}
	return 0;
}
