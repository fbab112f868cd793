/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy: which domains may have channels to which. schannel-policy(5) says
 * what stands in the file.
 */
#ifndef SCHANNELD_POLICY_H
#define SCHANNELD_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#define POLICY_FILE	"/etc/schannel/policy"

/* What is wrong with a policy. */
struct policy_problem {
	unsigned int line;	/* 0: it is not about a line */
	char reason[192];
};

struct policy;

/* A group of domains, as long as its policy is there. */
struct group {
	char *name;
	bool trusts_announced;	/* believe what addresses its domains announce */
	unsigned int pool_mib;	/* memory limit of a domain's side of a channel; 0: none */
	size_t index;
};

/* Returns NULL, and what the problem is, if anything about it is wrong. */
struct policy *policy_parse(const char *text, size_t len, struct policy_problem *problem);
struct policy *policy_load(const char *path, struct policy_problem *problem);
void policy_free(struct policy *policy);

/* The group a domain belongs to, or NULL. The control domain has the id 0. */
const struct group *policy_group(const struct policy *policy, unsigned int domid,
				 const char *name, const char *uuid);

/* Whether domains of the two groups (which may be one) may have channels. */
bool policy_allows(const struct policy *policy, const struct group *a, const struct group *b);

#endif
