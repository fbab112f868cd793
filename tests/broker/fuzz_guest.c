// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer whose input is every value and every name in xenstore, which is more than a domain can
 * write. The identities of three domains are read from it: what would be published to their peers
 * must be valid, and no address may belong to two domains.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "../../tools/schanneld/addresses.h"
#include "../../tools/schanneld/domains.h"

#define DOMAINS	3
/* The largest payload of a xenstore message. */
#define VALUE_MAX 4096

static const uint8_t *rest;
static size_t left;

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The next part of the input, up to 0xff, followed by NUL as libxenstore's values are. */
static char *next_part(unsigned int *len)
{
	const uint8_t *end = memchr(rest, 0xff, left);
	size_t size = end ? (size_t)(end - rest) : left;
	char *value = malloc(size + 1);

	require(value);
	memcpy(value, rest, size);
	value[size] = 0;
	left -= size + !!end;
	rest += size + !!end;
	if (len)
		*len = size;
	return value;
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	(void)xs, (void)t, (void)path;
	if (left)
		return next_part(len);
	errno = ENOENT;
	return NULL;
}

char **xs_directory(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *count)
{
	char *names = next_part(NULL), **list;
	size_t len = strlen(names) + 1;

	(void)xs, (void)t, (void)path;
	/* One allocation for the array and the names, as in libxenstore. */
	list = malloc(2 * sizeof(*list) + len + 2);
	require(list);
	list[0] = memcpy((char *)(list + 2), names, len);
	list[1] = memcpy(list[0] + len, "0", 2);
	*count = 2;
	free(names);
	return list;
}

static bool printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	return true;
}

static void check_identity(const struct identity *identity)
{
	struct identity again = { 0 };

	require(strlen(identity->name) <= IDENTITY_NAME_MAX && printable(identity->name));
	require(!*identity->uuid || domain_uuid_starts(identity->uuid));
	require(strspn(identity->addresses, "0123456789abcdef:. ") == strlen(identity->addresses));
	/* Addresses must be in canonical form: parsing them again changes nothing. */
	identity_add_addresses(&again, identity->addresses);
	require(!strcmp(again.addresses, identity->addresses));
}

static bool has(const char *list, const char *address, size_t len)
{
	for (; *list; list += strcspn(list, " "), list += *list == ' ')
		if (strcspn(list, " ") == len && !strncmp(list, address, len))
			return true;
	return false;
}

static void check_distinct(const struct domain *a, const struct domain *b)
{
	const char *at = a->published.addresses;
	size_t len;

	if (*a->published.uuid && !strcmp(a->published.uuid, b->published.uuid))
		return;
	for (; *at; at += len + (at[len] == ' ')) {
		len = strcspn(at, " ");
		require(!has(b->published.addresses, at, len));
		require(!a->announced || b->announced || !has(b->claims.addresses, at, len));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain domain[DOMAINS] = { 0 };
	struct domains domains = { .domain = domain, .count = DOMAINS };
	unsigned int i, j;

	if (size > VALUE_MAX)
		return 0;
	rest = data;
	left = size;
	for (i = 0; i < DOMAINS; i++) {
		struct domain *d = &domain[i];

		d->domid = i + 1;
		identity_read(&d->claims, NULL, XBT_NULL, d->domid);
		d->announced = !*d->claims.addresses;
		if (d->announced)
			addresses_read_announced(&d->claims, NULL, d->domid);
		check_identity(&d->claims);
	}
	addresses_assign(&domains);
	for (i = 0; i < DOMAINS; i++) {
		check_identity(&domain[i].published);
		for (j = 0; j < DOMAINS; j++)
			if (i != j)
				check_distinct(&domain[i], &domain[j]);
	}
	return 0;
}
