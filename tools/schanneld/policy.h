/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy: which domains may have channels to which. schannel-policy(5) describes the
 * file.
 */
#ifndef SCHANNELD_POLICY_H
#define SCHANNELD_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#define POLICY_FILE	"/etc/schannel/policy"

/* Why a policy is invalid. */
struct policy_problem {
	unsigned int line;	/* 0: the problem is not in a line */
	char reason[192];
};

struct policy;

/* A group of domains. It is freed with its policy. */
struct group {
	char *name;
	bool trusts_announced;	/* use the addresses that its domains announce */
	unsigned int pool_mib;	/* memory limit of a domain's side of a channel; 0: none */
	size_t index;
};

/* Return NULL, and set the problem, if the policy is invalid. */
struct policy *policy_parse(const char *text, size_t len, struct policy_problem *problem);
struct policy *policy_load(const char *path, struct policy_problem *problem);
void policy_free(struct policy *policy);

/* The group that a domain belongs to, or NULL. The control domain has the id 0. */
const struct group *policy_group(const struct policy *policy, unsigned int domid,
				 const char *name, const char *uuid);

/* Whether domains of the two groups (which may be one) may have channels. */
bool policy_allows(const struct policy *policy, const struct group *a, const struct group *b);

#endif
