// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lookup.h"

#include <errno.h>
#include <string.h>

static bool same(const char *one, const char *other)
{
	return one && !strcmp(one, other);
}

static bool matches(const struct schannel_peer *peer, const struct scl_host *host)
{
	const char *const *each;

	switch (host->kind) {
	case SCL_HOST_DOMID:
		return peer->domid == host->domid;
	case SCL_HOST_UUID:
		return same(peer->uuid, host->text);
	case SCL_HOST_NAME:
		return same(peer->name, host->text);
	case SCL_HOST_ADDRESS:
		for (each = peer->addresses; *each; each++) {
			if (same(*each, host->text))
				return true;
		}
	}
	return false;
}

struct schannel_peer *scl_lookup_in(struct schannel_peer *list, const struct scl_host *host)
{
	struct schannel_peer *found = NULL;

	for (; list; list = list->next) {
		if (!matches(list, host))
			continue;
		if (found) {
			errno = ENOTUNIQ;
			return NULL;
		}
		found = list;
	}
	if (!found)
		errno = ENOENT;
	return found;
}

int scl_lookup(const struct scl_host *host, struct schannel_peer **peer)
{
	struct schannel_peer *list, **link, *found;
	int error;

	if (schannel_peers(&list))
		return -1;
	found = scl_lookup_in(list, host);
	error = errno;
	for (link = &list; found && *link; link = &(*link)->next) {
		if (*link != found)
			continue;
		*link = found->next;
		found->next = NULL;
		break;
	}
	schannel_peers_free(list);
	if (!found) {
		errno = error;
		return -1;
	}
	*peer = found;
	return 0;
}

int schannel_peer_find(const char *text, struct schannel_peer **peer)
{
	struct scl_host host;

	if (!scl_host_parse(text, strlen(text), &host) ||
	    (host.kind == SCL_HOST_DOMID && host.domid == SC_DOMID_ANY)) {
		errno = EINVAL;
		return -1;
	}
	return scl_lookup(&host, peer);
}
