// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of domains comes from /local/domain, where only the toolstack creates entries,
 * and from xenstored, which knows whether a domain is dead.
 *
 * A domain can cause events: by the states of its network interfaces, and by its
 * announcements. The cost of these is bounded. However many events there are, a domain's
 * identity is read once per round of the main loop, which is a bounded number of reads of
 * bounded size. The events of a domain that exceeds EVENTS_MAX are ignored until the next
 * full scan.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "domains.h"
#include "log.h"

#define EVENTS_MAX	100U
#define PATH_SIZE	96

/* The sources of a domain's identity; identity.c explains the choice. */
static const char * const watches[] = {
	"/local/domain/%u/name",
	"/local/domain/%u/vm",
	"/local/domain/0/backend/vif/%u",
};

#define WATCHES	(sizeof(watches) / sizeof(watches[0]))

static void watch_set(struct domains *ds, const struct domain *d, const char *format, bool on)
{
	char path[PATH_SIZE], token[16];

	snprintf(path, sizeof(path), format, d->domid);
	snprintf(token, sizeof(token), "%u", d->domid);
	if (on ? xs_watch(ds->xs, path, token) : xs_unwatch(ds->xs, path, token))
		return;
	log_debug("%s %s: %s", on ? "watch" : "unwatch", path, strerror(errno));
}

static void watch_identity(struct domains *ds, struct domain *d, bool on)
{
	size_t i;

	for (i = 0; i < WATCHES && d->watched != on; i++)
		watch_set(ds, d, watches[i], on);
	d->watched = on;
}

/* Announcements are watched only where the policy trusts them. */
static void watch_announced(struct domains *ds, struct domain *d, bool on)
{
	if (d->watched_announced != on)
		watch_set(ds, d, ADDRESSES_ANNOUNCED, on);
	d->watched_announced = on;
}

static int compare(const void *a, const void *b)
{
	const struct domain *x = a, *y = b;

	return (x->domid > y->domid) - (x->domid < y->domid);
}

/* The domain with this id among the first count. */
static struct domain *domain_get(struct domains *ds, size_t count, unsigned int domid)
{
	const struct domain key = { .domid = domid };

	return count ? bsearch(&key, ds->domain, count, sizeof(key), compare) : NULL;
}

static int domain_add(struct domains *ds, unsigned int domid, int64_t now)
{
	struct domain *d = reallocarray(ds->domain, ds->count + 1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	ds->domain = d;
	d += ds->count++;
	*d = (struct domain){
		.domid = domid, .present = true, .refresh = true, .changed = true,
		.events = { .left = EVENTS_MAX, .since = now },
	};
	watch_identity(ds, d, true);
	return 0;
}

/* Remove the domains that the scan did not find. Returns how many. */
static int domains_forget(struct domains *ds)
{
	struct domain *from, *to = ds->domain;
	size_t gone = 0;

	for_each_domain(from, ds) {
		if (from->present) {
			*to++ = *from;
			continue;
		}
		gone++;
		log_info("domain %u (%s) was destroyed", from->domid, from->published.name);
		watch_identity(ds, from, false);
		watch_announced(ds, from, false);
	}
	ds->count -= gone;
	return gone;
}

int domains_scan(struct domains *ds, int64_t now)
{
	unsigned int entries, i, domid;
	size_t known = ds->count;
	int ret = 0;
	struct domain *d;
	char **list;

	list = xs_directory(ds->xs, XBT_NULL, "/local/domain", &entries);
	if (!list)
		return -errno;
	for_each_domain(d, ds)
		d->present = false;
	for (i = 0; i < entries && !ret; i++) {
		/* A domain that is under construction, or dead, has entries, too. */
		if (!domain_parse(list[i], &domid) ||
		    !xs_is_domain_introduced(ds->xs, domid))
			continue;
		d = domain_get(ds, known, domid);
		if (d)
			d->present = true;
		else
			ret = domain_add(ds, domid, now);
	}
	free(list);
	known = ds->count - known;
	if (known)
		qsort(ds->domain, ds->count, sizeof(*ds->domain), compare);
	return ret ? ret : (int)known + domains_forget(ds);
}

void domains_event(struct domains *ds, const char *token, int64_t now)
{
	struct domain *d;
	unsigned int domid;

	if (!domain_parse(token, &domid))
		return;
	d = domain_get(ds, ds->count, domid);
	if (!d)
		return;
	d->refresh = true;
	if (ratelimit_allow(&d->events, EVENTS_MAX, now) || !d->watched)
		return;
	log_warning("domain %u (%s): too many xenstore events, ignored until the next scan",
		    d->domid, d->published.name);
	watch_identity(ds, d, false);
	watch_announced(ds, d, false);
}

static bool identity_same(const struct identity *a, const struct identity *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->uuid, b->uuid) &&
	       !strcmp(a->addresses, b->addresses);
}

static void domain_refresh(struct domains *ds, struct domain *d, const struct policy *policy)
{
	struct identity claims;
	const struct group *group;
	bool trusted;

	identity_read(&claims, ds->xs, XBT_NULL, d->domid);
	group = policy_group(policy, d->domid, claims.name, claims.uuid);
	trusted = group && group->trusts_announced;
	/* While its events are ignored, its announcements are not watched either. */
	watch_announced(ds, d, trusted && d->watched);

	d->announced = trusted && !*claims.addresses;
	if (d->announced)
		addresses_read_announced(&claims, ds->xs, d->domid);
	if (group != d->group)
		log_info("domain %u (%s) belongs to %s%s", d->domid, claims.name,
			 group ? "group " : "no group", group ? group->name : "");
	d->changed |= group != d->group || !identity_same(&claims, &d->claims);
	d->group = group;
	d->claims = claims;
	d->refresh = false;
}

bool domains_refresh(struct domains *ds, const struct policy *policy)
{
	bool changed = false;
	struct domain *d;

	for_each_domain(d, ds) {
		if (d->refresh)
			domain_refresh(ds, d, policy);
		changed |= d->changed;
	}
	return changed;
}

void domains_refresh_all(struct domains *ds)
{
	struct domain *d;

	for_each_domain(d, ds) {
		d->refresh = true;
		watch_identity(ds, d, true);
	}
}
