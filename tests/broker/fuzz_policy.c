// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer whose input is a policy. A refused policy must have a valid line number and a reason.
 * An accepted one must answer every question, with the same rights in both directions.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/schanneld/policy.h"

static const char * const names[] = { "", "a", "Domain-0", "web-1", "db", "[x", "a b" };

#define NAMES	(sizeof(names) / sizeof(names[0]))
#define UUID	"6f2b9d3c-0a51-4c1e-9f7e-1d2c3b4a5968"

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_policy(const struct policy *policy)
{
	const struct group *group[NAMES];
	size_t i, j;

	for (i = 0; i < NAMES; i++)
		group[i] = policy_group(policy, i % 2, names[i], i % 3 ? "" : UUID);
	for (i = 0; i < NAMES; i++)
		for (j = 0; j < NAMES; j++) {
			bool allowed = policy_allows(policy, group[i], group[j]);

			require(allowed == policy_allows(policy, group[j], group[i]));
			require(!allowed || (group[i] && group[j]));
		}
	/* No pattern may match a domain without a name and a UUID. */
	require(!policy_group(policy, 1, "", ""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_problem problem = { .line = ~0U };
	struct policy *policy = policy_parse((const char *)data, size, &problem);
	unsigned int lines = 1;
	size_t i;

	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	if (policy) {
		check_policy(policy);
	} else {
		require(problem.line <= lines);
		require(*problem.reason && strlen(problem.reason) < sizeof(problem.reason));
	}
	policy_free(policy);
	return 0;
}
