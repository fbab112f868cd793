// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nearest.h"

#define WORD_MAX	31

static unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * The optimal string alignment distance: how many letters have to be inserted, removed,
 * replaced, or exchanged with their neighbour to make one word from the other.
 */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t i, j;

	for (i = 0; i <= a_len; i++)
		d[i][0] = i;
	for (j = 0; j <= b_len; j++)
		d[0][j] = j;
	for (i = 1; i <= a_len; i++) {
		for (j = 1; j <= b_len; j++) {
			d[i][j] = smaller(smaller(d[i - 1][j], d[i][j - 1]) + 1,
					  d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a_len][b_len];
}

void nearest_try(struct nearest *nearest, const char *name)
{
	size_t len = strlen(nearest->word), name_len = strlen(name);
	unsigned int edits;

	if (len > WORD_MAX || name_len > WORD_MAX)
		return;
	edits = distance(nearest->word, len, name, name_len);
	if (edits > (len + 2) / 3 || (nearest->name && edits >= nearest->edits))
		return;
	/* Nothing of the word would remain. */
	if (edits >= len || edits >= name_len)
		return;
	nearest->name = name;
	nearest->edits = edits;
}

void nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_SIZE])
{
	*hint = 0;
	if (nearest->name)
		snprintf(hint, NEAREST_HINT_SIZE, "; did you mean '%s'?", nearest->name);
}
