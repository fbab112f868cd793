/* SPDX-License-Identifier: GPL-2.0-only */
/* The domains of this host, and their identities. */
#ifndef SCHANNELD_DOMAINS_H
#define SCHANNELD_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#include "../identity.h"
#include "ratelimit.h"
#include "policy.h"

struct domain {
	unsigned int domid;
	const struct group *group;	/* NULL: it has no peers */

	struct identity claims;		/* from the toolstack, or announced by the domain */
	bool announced;			/* the addresses in claims are announced */
	struct identity published;	/* what its peers learn */
	char refused[sizeof(((struct identity *)0)->addresses)]; /* not published: conflicts */

	bool refresh;			/* its identity may have changed: read it again */
	bool changed;			/* its pairs may have to change */
	bool retry;			/* updating its pairs failed: retry */
	bool present;			/* during a scan: found */

	bool watched;
	bool watched_announced;
	struct ratelimit events;
};

struct domains {
	struct xs_handle *xs;
	struct domain *domain;		/* by domid */
	size_t count;
};

/* The array is NULL if there is no domain. */
#define for_each_domain(d, domains)	\
	for ((d) = (domains)->domain;	\
	     (d) && (d) < (domains)->domain + (domains)->count; (d)++)

/*
 * Read the list of domains. Returns how many were created or destroyed, or a negative
 * errno. New domains are marked for domains_refresh().
 */
int domains_scan(struct domains *domains, int64_t now);

/* Handle the event of a watch that was set with this token. */
void domains_event(struct domains *domains, const char *token, int64_t now);

/* Read the identities of the marked domains. Returns whether any domain changed. */
bool domains_refresh(struct domains *domains, const struct policy *policy);

/* Mark all domains, and watch those again whose events were ignored. */
void domains_refresh_all(struct domains *domains);

#endif
