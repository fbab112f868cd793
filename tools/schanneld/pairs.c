// SPDX-License-Identifier: GPL-2.0-only
/*
 * Xenstore holds the pairs that exist; policy and domains determine the pairs that should
 * exist. schanneld keeps no other state, so it may stop or be killed at any time: each pair
 * is created or removed in one transaction, together with the node that marks it as
 * schanneld's, and the next schanneld continues from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../provision.h"
#include "log.h"
#include "notify.h"
#include "pairs.h"

struct converge {
	struct domains *domains;
	const struct policy *policy;
	bool all;
	bool complete;
};

static void failed(struct converge *c, const char *what, unsigned int fe, unsigned int be,
		   int error)
{
	c->complete = false;
	/* A domain was just destroyed: the event that reports it will follow. */
	if (error != -ESRCH)
		log_warning("cannot %s domains %u and %u, retrying: %s", what, fe, be,
			    strerror(-error));
}

/* Of two domains, the one with the higher id is the frontend. */
static void ensure(struct converge *c, struct domain *fe, struct domain *be)
{
	const struct pair_terms terms = {
		.front = { .identity = &fe->published, .pool_mib = fe->group->pool_mib },
		.back = { .identity = &be->published, .pool_mib = be->group->pool_mib },
	};
	int ret;

	/* A domain may have removed its end of the pair, which changes no identity. */
	if (!fe->changed && !be->changed &&
	    provision_complete(c->domains->xs, fe->domid, be->domid))
		return;
	ret = provision_ensure(c->domains->xs, fe->domid, be->domid, &terms);
	if (ret < 0) {
		failed(c, "pair", fe->domid, be->domid, ret);
		fe->retry = true;
		be->retry = true;
	} else if (ret == PAIR_CREATED) {
		log_info("paired domains %u (%s) and %u (%s)", fe->domid, fe->published.name,
			 be->domid, be->published.name);
	} else if (ret == PAIR_UPDATED) {
		log_debug("updated domains %u and %u", fe->domid, be->domid);
	}
}

static void ensure_all(struct converge *c)
{
	struct domain *domain = c->domains->domain;
	size_t count = c->domains->count, fe, be;

	for (fe = 0; fe < count; fe++) {
		notify_alive();
		for (be = 0; be < fe; be++)
			if ((c->all || domain[fe].changed || domain[be].changed) &&
			    policy_allows(c->policy, domain[fe].group, domain[be].group))
				ensure(c, &domain[fe], &domain[be]);
	}
}

static const struct domain *find(const struct converge *c, unsigned int domid)
{
	const struct domain *d;

	for_each_domain(d, c->domains)
		if (d->domid == domid)
			return d;
	return NULL;
}

static bool is_wanted(const struct converge *c, const struct pair_ids *ids)
{
	const struct domain *fe = find(c, ids->fe), *be = find(c, ids->be);

	return fe && be && policy_allows(c->policy, fe->group, be->group);
}

static void remove_unwanted(struct converge *c)
{
	struct pair_ids *ids;
	size_t count, i;
	int ret;

	ret = provision_managed(c->domains->xs, &ids, &count);
	if (ret) {
		c->complete = false;
		log_warning("cannot list pairs, retrying: %s", strerror(-ret));
		return;
	}
	for (i = 0; i < count; i++) {
		if (is_wanted(c, &ids[i]))
			continue;
		ret = provision_remove(c->domains->xs, ids[i].fe, ids[i].be);
		if (ret)
			failed(c, "unpair", ids[i].fe, ids[i].be, ret);
		else
			log_info("unpaired domains %u and %u", ids[i].fe, ids[i].be);
	}
	free(ids);
}

bool pairs_converge(struct domains *domains, const struct policy *policy, bool all)
{
	struct converge c = { .domains = domains, .policy = policy, .all = all, .complete = true };
	struct domain *d;

	/* First, so that no domain exceeds the policy, not even for a moment. */
	remove_unwanted(&c);
	ensure_all(&c);
	for_each_domain(d, domains) {
		d->changed = d->retry;
		d->retry = false;
	}
	return c.complete;
}
