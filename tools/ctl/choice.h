/* SPDX-License-Identifier: GPL-2.0-only */
/* Keywords that may be abbreviated. */
#ifndef CTL_CHOICE_H
#define CTL_CHOICE_H

/* An entry of a table of keywords, which ends with an empty entry. */
struct choice {
	const char *name;
	int value;
};

/*
 * The value of the keyword that word is, or is the only abbreviation of; -1 if there is
 * none. If word abbreviates several, this prints them and exits.
 */
int choice_find(const struct choice *choices, const char *word);

/* The same, but if there is none, this prints it, with the nearest keyword, and exits. */
int choice_get(const struct choice *choices, const char *what, const char *word);

#endif
