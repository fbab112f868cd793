// SPDX-License-Identifier: GPL-2.0-only
/* Domains: their names and UUIDs live in /local/domain/N/{name,vm}. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"

#define UUID_LEN	36
#define VM		"/vm/"

bool domain_parse(const char *text, unsigned int *domid)
{
	unsigned long value;
	char *end;

	/* strtoul() alone would take signs and white space. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end || errno || value >= DOMAIN_MAX)
		return false;
	*domid = value;
	return true;
}

static char *domain_read(struct xs_handle *xs, xs_transaction_t t, unsigned int domid,
			 const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u%s", domid, key);
	return xs_read(xs, t, path, NULL);
}

char *domain_name(struct xs_handle *xs, xs_transaction_t t, unsigned int domid)
{
	return domain_read(xs, t, domid, "/name");
}

int domain_exists(struct xs_handle *xs, xs_transaction_t t, unsigned int domid)
{
	/* Directories are nodes, and have a value like all nodes. */
	char *value = domain_read(xs, t, domid, "");

	if (!value)
		return errno == ENOENT ? 0 : -errno;
	free(value);
	return 1;
}

static bool domain_matches(struct xs_handle *xs, unsigned int domid, const char *text)
{
	char *name = domain_name(xs, XBT_NULL, domid);
	char *vm = domain_read(xs, XBT_NULL, domid, "/vm");
	bool match = name && !strcmp(name, text);

	/* A domain that was renamed or migrated has a suffix to its UUID there. */
	if (vm && !strncmp(vm, VM, strlen(VM)) && strlen(text) == UUID_LEN)
		match |= !strncasecmp(vm + strlen(VM), text, UUID_LEN);
	free(name);
	free(vm);
	return match;
}

int domain_find(struct xs_handle *xs, const char *text, unsigned int *domid)
{
	unsigned int count, i, candidate, found = 0;
	char **list;
	int ret;

	if (domain_parse(text, domid)) {
		ret = domain_exists(xs, XBT_NULL, *domid);
		if (ret)
			return ret < 0 ? ret : 0;
	}

	list = xs_directory(xs, XBT_NULL, "/local/domain", &count);
	if (!list)
		return -errno;
	for (i = 0; i < count; i++) {
		if (!domain_parse(list[i], &candidate) || !domain_matches(xs, candidate, text))
			continue;
		*domid = candidate;
		found++;
	}
	free(list);
	if (found > 1)
		return -ENOTUNIQ;
	return found ? 0 : -ENOENT;
}
