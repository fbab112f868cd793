// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../nearest.h"
#include "choice.h"
#include "command.h"

int choice_find(const struct choice *choices, const char *word)
{
	const struct choice *c, *found = NULL;
	size_t len = strlen(word);

	for (c = choices; len && c->name; c++) {
		if (strncmp(c->name, word, len))
			continue;
		if (!c->name[len])
			return c->value;
		if (found && found->value != c->value)
			errx(EXIT_USAGE, "'%s' is ambiguous: %s or %s", word, found->name, c->name);
		found = c;
	}
	return found ? found->value : -1;
}

/* "; expected: stream, seqpacket, dgram" */
static void list_hint(const struct choice *c, char *hint, size_t size)
{
	const char *before = "; expected: ";
	size_t used = 0;

	for (; c->name && used < size; c++, before = ", ")
		used += snprintf(hint + used, size - used, "%s%s", before, c->name);
}

int choice_get(const struct choice *choices, const char *what, const char *word)
{
	struct nearest nearest = { .word = word };
	int value = choice_find(choices, word);
	const struct choice *c;
	char hint[128];

	if (value >= 0)
		return value;
	for (c = choices; c->name; c++)
		nearest_try(&nearest, c->name);
	if (nearest.name)
		nearest_hint(&nearest, hint);
	else
		list_hint(choices, hint, sizeof(hint));
	errx(EXIT_USAGE, "unknown %s '%s'%s", what, word, hint);
}
