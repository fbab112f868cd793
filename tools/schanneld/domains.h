/* SPDX-License-Identifier: GPL-2.0-only */
/* The domains of this host: who they are, and that they are still the same. */
#ifndef SCHANNELD_DOMAINS_H
#define SCHANNELD_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#include "../identity.h"
#include "budget.h"
#include "policy.h"

struct domain {
	unsigned int domid;
	const struct group *group;	/* NULL: it has no peers */

	struct identity claims;		/* as the toolstack, or the domain, has it */
	bool announced;			/* the addresses there are the domain's word */
	struct identity who;		/* what its peers are told */
	char refused[sizeof(((struct identity *)0)->addresses)];

	bool look;			/* something about it may be different */
	bool changed;			/* its pairs may not be right any more */
	bool again;			/* they could not be made right */
	bool present;			/* during a scan: found */

	bool watched;
	bool watched_announced;
	struct budget events;
};

struct domains {
	struct xs_handle *xs;
	struct domain *domain;		/* by domid */
	size_t count;
};

/* There may be none, and no array then. */
#define for_each_domain(d, domains)	\
	for ((d) = (domains)->domain;	\
	     (d) && (d) < (domains)->domain + (domains)->count; (d)++)

/*
 * Find out which domains there are. Returns how many came or went, or a negative
 * errno. New ones are to be looked at.
 */
int domains_scan(struct domains *domains, int64_t now);

/* A watch's event, with the token that it was set with. */
void domains_event(struct domains *domains, const char *token, int64_t now);

/* Look at those that are to be looked at. Returns whether any changed. */
bool domains_look(struct domains *domains, const struct policy *policy);

/* Look at all of them, and listen again to those that talked too much. */
void domains_look_at_all(struct domains *domains);

#endif
