// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib-test [NAME]: the library against the running kernel. With "absent" for a
 * name, against one without the module.
 */
#include <string.h>

#include "cases.h"

#define CASES_MAX	64

static size_t add(struct tap_case *all, size_t nr, const struct table *table)
{
	memcpy(all + nr, table->cases, table->nr * sizeof(*all));
	return nr + table->nr;
}

int main(int argc, char **argv)
{
	struct tap_case all[CASES_MAX];
	size_t nr = 0;

	if (argc > 1 && !strcmp(argv[1], "absent"))
		return tap_main(1, argv, absent_cases.cases, absent_cases.nr);
	nr = add(all, nr, &address_cases);
	nr = add(all, nr, &connection_cases);
	nr = add(all, nr, &query_cases);
	nr = add(all, nr, &monitor_cases);
	return tap_main(argc, argv, all, nr);
}
