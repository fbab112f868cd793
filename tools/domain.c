// SPDX-License-Identifier: GPL-2.0-only
/* Names and UUIDs of domains are in /local/domain/N/{name,vm}. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"

#define VM	"/vm/"

bool domain_parse(const char *text, unsigned int *domid)
{
	unsigned long value;
	char *end;

	/* strtoul() alone would accept signs, white space and leading zeros. */
	if (*text < '0' || *text > '9' || (*text == '0' && text[1]))
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
	/* A directory is a node, and has a value as all nodes have. */
	char *value = domain_read(xs, t, domid, "");

	if (!value)
		return errno == ENOENT ? 0 : -errno;
	free(value);
	return 1;
}

bool domain_uuid_starts(const char *text)
{
	unsigned int i;

	for (i = 0; i < DOMAIN_UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

bool domain_uuid(struct xs_handle *xs, xs_transaction_t t, unsigned int domid,
		 char uuid[DOMAIN_UUID_LEN + 1])
{
	char *vm = domain_read(xs, t, domid, "/vm");
	bool valid = vm && !strncmp(vm, VM, strlen(VM)) && domain_uuid_starts(vm + strlen(VM));

	/* The node of a renamed or migrated domain has a suffix after the UUID. */
	if (valid)
		snprintf(uuid, DOMAIN_UUID_LEN + 1, "%s", vm + strlen(VM));
	free(vm);
	return valid;
}

static bool domain_matches(struct xs_handle *xs, unsigned int domid, const char *text)
{
	char *name = domain_name(xs, XBT_NULL, domid), uuid[DOMAIN_UUID_LEN + 1];
	bool match = name && !strcmp(name, text);

	match |= domain_uuid(xs, XBT_NULL, domid, uuid) && !strcasecmp(uuid, text);
	free(name);
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
