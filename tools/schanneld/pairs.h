/* SPDX-License-Identifier: GPL-2.0-only */
/* The pairs there are to be: of domains that are there and that the policy lets talk. */
#ifndef SCHANNELD_PAIRS_H
#define SCHANNELD_PAIRS_H

#include <stdbool.h>

#include "domains.h"
#include "policy.h"

/*
 * Make pairs that are missing, tell those that are there what changed, and take away
 * what should not be. With all, also of domains that did not change. Returns whether
 * everything is right now: else it is to be done again.
 */
bool pairs_converge(struct domains *domains, const struct policy *policy, bool all);

#endif
