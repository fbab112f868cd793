/* SPDX-License-Identifier: GPL-2.0-only */
/* Suggestions: which of the known words a mistyped word is nearest to. */
#ifndef TOOLS_NEAREST_H
#define TOOLS_NEAREST_H

#define NEAREST_HINT_SIZE	64

/**
 * struct nearest - a search through the known words
 * @word:	the mistyped word; set by the caller, the other members start as 0
 * @name:	the nearest word so far; NULL if none is near enough
 * @edits:	how many edits turn @word into @name
 */
struct nearest {
	const char *word;
	const char *name;
	unsigned int edits;
};

/*
 * Compare with one of the known words. One that needs more than one edit for each three
 * letters of the mistyped word, rounded up, is not near enough.
 */
void nearest_try(struct nearest *nearest, const char *name);

/* "; did you mean 'NAME'?", or nothing if no word is near enough. */
void nearest_hint(const struct nearest *nearest, char hint[NEAREST_HINT_SIZE]);

#endif
