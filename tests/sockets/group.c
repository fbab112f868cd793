// SPDX-License-Identifier: GPL-2.0-only
#include "group.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "family.h"

static struct test_group *groups;

void group_add(struct test_group *group)
{
	struct test_group **at = &groups;

	while (*at && strcmp((*at)->name, group->name) < 0)
		at = &(*at)->next;
	group->next = *at;
	*at = group;
}

bool walk_next(struct walk *walk)
{
	if (!walk->group) {
		walk->group = groups;
		walk->test = walk->group->cases;
	} else {
		walk->test++;
	}
	while (!walk->test->name) {
		walk->group = walk->group->next;
		if (!walk->group)
			return false;
		walk->test = walk->group->cases;
	}
	test_env.type = walk->group->type ?: SOCK_STREAM;
	return true;
}

static bool matches(const char *pattern, const struct walk *walk)
{
	char full[128];

	snprintf(full, sizeof(full), "%s.%s", walk->group->name, walk->test->name);
	return !fnmatch(pattern, full, 0) || !fnmatch(pattern, walk->group->name, 0);
}

/* Removes the first pattern from the list; false if the list is empty. */
static bool next_pattern(const char **list, char *pattern, size_t size)
{
	size_t length;

	if (!*list || !**list)
		return false;
	length = strcspn(*list, ",");
	snprintf(pattern, size, "%.*s", (int)length, *list);
	*list += length + ((*list)[length] == ',');
	return true;
}

static bool listed(const char *list, const struct walk *walk)
{
	char pattern[128];

	while (next_pattern(&list, pattern, sizeof(pattern))) {
		if (matches(pattern, walk))
			return true;
	}
	return false;
}

static bool all_known(const char *list)
{
	char pattern[128];

	while (next_pattern(&list, pattern, sizeof(pattern))) {
		struct walk walk = { 0 };
		bool known = false;

		while (!known && walk_next(&walk))
			known = matches(pattern, &walk);
		if (!known) {
			fprintf(stderr, "no case matches %s (--list prints all)\n",
				pattern);
			return false;
		}
	}
	return true;
}

bool selection_is_valid(const struct selection *selection)
{
	return all_known(selection->pick) && all_known(selection->skip) &&
	       all_known(selection->group);
}

bool selection_has(const struct selection *selection, const struct walk *walk)
{
	if (walk->group->inet_alone && !family_is_inet())
		return false;
	if (selection->group && !listed(selection->group, walk))
		return false;
	if (selection->pick && !listed(selection->pick, walk))
		return false;
	return !listed(selection->skip, walk);
}
