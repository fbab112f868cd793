// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated cgroups and attachments, which print what is done to them. In the environment,
 * CGROUP_BUSY says that each cgroup still has a process, and PROBE is an "ADDRESS PORT" that is
 * looked up in the scope of each cgroup that is attached, which may be "ahead".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/attachment.h"
#include "ctl/cgroup.h"

static struct attachment attachments[] = {
	{ .next = &attachments[1], .id = 7, .cgroup = "/a/web.service", .gone = true },
	{ .next = &attachments[2], .id = 8, .cgroup = "/a/web.service" },
	{ .next = &attachments[3], .id = 9, .cgroup = "/b/twins" },
	{ .next = &attachments[4], .id = 10, .cgroup = "/c/twins" },
	{ .id = 1, .cgroup = "/schannel-run-0" },
};

struct attachment *attachment_list(void)
{
	char * const words[] = { "port", "80,443", "not", "to", "10.0.0.0/8", NULL };
	unsigned int i;

	for (i = 0; i < sizeof(attachments) / sizeof(*attachments); i++)
		scope_parse(&attachments[i].scope, (char **)words + (i < 2 ? 0 : 5), false);
	return attachments;
}

void attachment_list_free(struct attachment *list)
{
	(void)list;
}

bool attachment_put(const char *cgroup, const struct scope *scope)
{
	char *text = scope_text(scope), address[64];
	const char *probe = getenv("PROBE");
	struct in6_addr to;
	unsigned int port;

	if (probe && sscanf(probe, "%63s %u", address, &port) == 2 &&
	    inet_pton(AF_INET6, address, &to) == 1)
		puts(!scope_includes(scope, &to, port) ? "left out" :
		     scope->ahead ? "included ahead" : "included");
	else
		printf("attach %s: %s\n", cgroup, text);
	fflush(stdout);
	free(text);
	return true;
}

bool attachment_remove(const struct attachment *attachment)
{
	printf("detach %s %u\n", attachment->cgroup, (unsigned int)attachment->id);
	return true;
}

enum attachment_verdict attachment_verdict(const char *cgroup, const struct in6_addr *to,
					   uint16_t port)
{
	struct attachment *list = attachment_list();

	errno = EPERM;
	if (!strcmp(cgroup, "/hidden"))
		return ATTACHMENT_UNKNOWN;
	if (!strcmp(cgroup, "/other"))
		return ATTACHMENT_NONE;
	return scope_includes(&list->scope, to, port) ? ATTACHMENT_INCLUDED : ATTACHMENT_EXCLUDED;
}

char *cgroup_normal(const char *name)
{
	char *path;

	return asprintf(&path, "%s%s", *name == '/' ? "" : "/", name) < 0 ? NULL : path;
}

char *cgroup_find(const char *name)
{
	return cgroup_normal(name);
}

char *cgroup_own(void)
{
	return strdup("/");
}

char *cgroup_create(const char *parent)
{
	return strcmp(parent, "/") ? NULL : strdup("/schannel-run-0");
}

int cgroup_enter(const char *path)
{
	return strcmp(path, "/schannel-run-0");
}

int cgroup_remove(const char *path)
{
	errno = EBUSY;
	return getenv("CGROUP_BUSY") || strcmp(path, "/schannel-run-0") ? -1 : 0;
}
