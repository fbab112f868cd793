/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attachments: cgroups whose connections are diverted. An attachment is two BPF programs and
 * their links to the cgroup. The links are pinned in bpffs, so they outlive this program.
 */
#ifndef CTL_ATTACHMENT_H
#define CTL_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/in.h>

#include "scope.h"

/**
 * struct attachment - an attached cgroup
 * @next:	the next attachment of the list
 * @id:		id of the cgroup
 * @cgroup:	path of the cgroup when it was attached
 * @gone:	the cgroup was removed since; a new cgroup may have its path now
 * @scope:	which connections are diverted
 */
struct attachment {
	struct attachment *next;
	uint64_t id;
	char *cgroup;
	bool gone;
	struct scope scope;
};

/*
 * All attachments, in the order of their paths. Without bpffs there are none. Exits if the
 * caller may not read them.
 */
struct attachment *attachment_list(void);
void attachment_list_free(struct attachment *list);

/*
 * Attach a cgroup, or replace its scope: each connection sees either the old scope or the
 * new one. Prints the reason and returns false if this fails.
 */
bool attachment_put(const char *cgroup, const struct scope *scope);

/* Detach a cgroup. Prints the reason and returns false if this fails. */
bool attachment_remove(const struct attachment *attachment);

/**
 * enum attachment_verdict - whether schannel_inet is asked to divert a connection
 * @ATTACHMENT_UNKNOWN:	the attachments cannot be read, errno is set: EPERM if not root
 * @ATTACHMENT_NONE:	neither the cgroup nor an ancestor is attached
 * @ATTACHMENT_EXCLUDED: every attached cgroup has a scope that excludes the destination
 * @ATTACHMENT_INCLUDED: an attached cgroup has a scope that includes the destination
 */
enum attachment_verdict {
	ATTACHMENT_UNKNOWN,
	ATTACHMENT_NONE,
	ATTACHMENT_EXCLUDED,
	ATTACHMENT_INCLUDED,
};

/*
 * The verdict on a connection from a cgroup, a path as in cgroup.h, to an address, IPv6 or
 * v4-mapped, and port; port 0 means any port.
 */
enum attachment_verdict attachment_verdict(const char *cgroup, const struct in6_addr *to,
					   uint16_t port);

#endif
