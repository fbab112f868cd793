// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib-test [NAME]: the library against the running kernel. "lib-test absent": against a kernel
 * without the module.
 */
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static struct table *tables;

void table_add(struct table *table)
{
	struct table **at = &tables;

	while (*at && strcmp((*at)->name, table->name) < 0)
		at = &(*at)->next;
	table->next = *at;
	*at = table;
}

static bool chosen(const struct table *table, bool absent)
{
	return !strcmp(table->name, "absent") == absent;
}

int main(int argc, char **argv)
{
	bool absent = argc > 1 && !strcmp(argv[1], "absent");
	struct tap_case *cases;
	struct table *table;
	size_t nr = 0;

	for (table = tables; table; table = table->next)
		nr += chosen(table, absent) ? table->nr : 0;
	cases = calloc(nr, sizeof(*cases));
	if (!cases)
		return tap_bail_out("no memory");
	nr = 0;
	for (table = tables; table; table = table->next) {
		if (!chosen(table, absent))
			continue;
		memcpy(cases + nr, table->cases, table->nr * sizeof(*cases));
		nr += table->nr;
	}
	return tap_main(absent ? 1 : argc, argv, cases, nr);
}
