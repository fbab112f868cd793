// SPDX-License-Identifier: GPL-2.0-only
/*
 * An address decides which domain receives the data of a connection, so a conflict is never
 * resolved by guessing:
 *
 * - The toolstack's addresses count. A domain's announcement counts only if the toolstack
 *   gives that domain no address and the policy trusts its announcements.
 * - An address from the toolstack outranks the announcement of the same address by another
 *   domain.
 * - An address that several domains claim with the same rank is published for none of them.
 *   If the first claim won, any domain could take an address while its owner reboots.
 *
 * Two domains with the same UUID are the same machine during a migration, and no conflict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "domains.h"
#include "log.h"

struct claim {
	char address[INET6_ADDRSTRLEN];
	struct domain *domain;
};

bool addresses_parse_announced(struct identity *identity, const char *text, size_t len)
{
	char copy[ADDRESSES_ANNOUNCED_MAX + 1];

	if (len > ADDRESSES_ANNOUNCED_MAX)
		return false;
	memcpy(copy, text, len);
	copy[len] = 0;
	if (strspn(copy, "0123456789abcdefABCDEF:. ") != len)
		return false;
	identity_add_addresses(identity, copy);
	return true;
}

void addresses_read_announced(struct identity *identity, struct xs_handle *xs,
			      unsigned int domid)
{
	unsigned int len;
	char path[96], *text;

	snprintf(path, sizeof(path), ADDRESSES_ANNOUNCED, domid);
	text = xs_read(xs, XBT_NULL, path, &len);
	if (text && !addresses_parse_announced(identity, text, len))
		log_debug("domain %u: invalid address announcement ignored", domid);
	free(text);
}

/* Returns how many claims a domain has; writes them to claim unless that is NULL. */
static size_t claims_of(struct domain *d, struct claim *claim)
{
	const char *at = d->claims.addresses;
	size_t count = 0, len;

	for (; *at; at += len + (at[len] == ' ')) {
		len = strcspn(at, " ");
		if (claim) {
			claim[count].domain = d;
			snprintf(claim[count].address, sizeof(claim->address), "%.*s",
				 (int)len, at);
		}
		count++;
	}
	return count;
}

static int compare(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = strcmp(x->address, y->address);

	/* the toolstack's claims first */
	return order ? order : x->domain->announced - y->domain->announced;
}

static bool same_machine(const struct domain *a, const struct domain *b)
{
	return a == b || (*a->published.uuid && !strcmp(a->published.uuid, b->published.uuid));
}

static void append(char *list, size_t size, const char *address)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? " " : "", address);
}

/* claim[] is all claims to one address. */
static void assign_one(struct claim *claim, size_t count)
{
	bool announced = claim[0].domain->announced, contested = false;
	size_t i;

	for (i = 1; i < count && claim[i].domain->announced == announced; i++)
		contested |= !same_machine(claim[0].domain, claim[i].domain);
	for (i = 0; i < count; i++) {
		struct domain *d = claim[i].domain;

		if (contested || d->announced != announced)
			append(d->refused, sizeof(d->refused), claim[i].address);
		else
			append(d->published.addresses, sizeof(d->published.addresses),
			       claim[i].address);
	}
}

static void assign_all(struct domains *ds, struct claim *claim)
{
	size_t count = 0, from, to;
	struct domain *d;

	for_each_domain(d, ds)
		count += claims_of(d, claim + count);
	qsort(claim, count, sizeof(*claim), compare);
	for (from = 0; from < count; from = to) {
		for (to = from + 1; to < count; to++)
			if (strcmp(claim[from].address, claim[to].address))
				break;
		assign_one(claim + from, to - from);
	}
}

void addresses_assign(struct domains *ds)
{
	struct before {
		char published[sizeof(ds->domain->published.addresses)];
		char refused[sizeof(ds->domain->refused)];
	} *before = calloc(ds->count + 1, sizeof(*before));
	size_t count = 0, i;
	struct claim *claim;

	for (i = 0; i < ds->count; i++)
		count += claims_of(&ds->domain[i], NULL);
	claim = calloc(count + 1, sizeof(*claim));
	if (!before || !claim) {
		log_error("out of memory");
		exit(EXIT_FAILURE);
	}

	for (i = 0; i < ds->count; i++) {
		struct domain *d = &ds->domain[i];

		memcpy(before[i].published, d->published.addresses, sizeof(before[i].published));
		memcpy(before[i].refused, d->refused, sizeof(before[i].refused));
		d->published = d->claims;
		d->published.addresses[0] = 0;
		d->refused[0] = 0;
	}
	assign_all(ds, claim);
	for (i = 0; i < ds->count; i++) {
		struct domain *d = &ds->domain[i];

		d->changed |= strcmp(before[i].published, d->published.addresses) != 0;
		if (*d->refused && strcmp(before[i].refused, d->refused))
			log_warning("domain %u (%s): address conflict, not published: %s",
				    d->domid, d->published.name, d->refused);
	}
	free(before);
	free(claim);
}
