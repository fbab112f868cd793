/* SPDX-License-Identifier: GPL-2.0-only */
/* The pairs that should exist: of running domains that the policy lets reach each other. */
#ifndef SCHANNELD_PAIRS_H
#define SCHANNELD_PAIRS_H

#include <stdbool.h>

#include "domains.h"
#include "policy.h"

/*
 * Remove the pairs that should not exist, create those that are missing, and update the
 * others. Without all, pairs of two unchanged domains are skipped. Returns false if
 * something failed: then call it again later.
 */
bool pairs_converge(struct domains *domains, const struct policy *policy, bool all);

#endif
