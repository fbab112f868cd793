/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroups whose connections are diverted. An attachment is two BPF programs and their links
 * to the cgroup, which are pinned in bpffs and so outlive this tool.
 */
#ifndef CTL_ATTACHMENT_H
#define CTL_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "scope.h"

/**
 * struct attachment - one of a list
 * @next:	another one
 * @id:		of the cgroup
 * @cgroup:	its path when it was attached
 * @gone:	it was removed since; another one may have the path now
 * @scope:	which connections
 */
struct attachment {
	struct attachment *next;
	uint64_t id;
	char *cgroup;
	bool gone;
	struct scope scope;
};

/*
 * All there are, in the order of their paths. Exits if they cannot be seen; that there is
 * no bpffs means that there are none.
 */
struct attachment *attachment_list(void);
void attachment_list_free(struct attachment *list);

/*
 * Attach a cgroup, or give it another scope: each connection sees the old one or the
 * new one. Says why if it cannot.
 */
bool attachment_put(const char *cgroup, const struct scope *scope);

/* From now on, no more connections. Says why if it cannot. */
bool attachment_remove(const struct attachment *attachment);

/**
 * enum attachment_verdict - is a connection one that schannel_inet is asked to divert
 * @ATTACHMENT_UNKNOWN:	it cannot be seen, errno says why: EPERM for who is not root
 * @ATTACHMENT_NONE:	neither the cgroup nor one above it is attached
 * @ATTACHMENT_LEFT_OUT: one is, but the scope does not include the destination
 * @ATTACHMENT_INCLUDED: it is
 */
enum attachment_verdict {
	ATTACHMENT_UNKNOWN,
	ATTACHMENT_NONE,
	ATTACHMENT_LEFT_OUT,
	ATTACHMENT_INCLUDED,
};

/*
 * Of a connection to this address, IPv6 or v4-mapped, and port; port 0 is any. The cgroup
 * is a path as in cgroup.h. If several attachments apply, it is enough that one includes it.
 */
enum attachment_verdict attachment_verdict(const char *cgroup, const struct in6_addr *to,
					   uint16_t port);

#endif
