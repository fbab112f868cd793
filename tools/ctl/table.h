/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of records as text, in columns. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "record.h"

enum column_kind {
	COLUMN_TEXT,		/* also lists of texts */
	COLUMN_NUMBER,
	COLUMN_SIZE,		/* bytes */
	COLUMN_AGE,		/* milliseconds */
	COLUMN_FLAG,		/* its key, if it is true */
	COLUMN_PROCESSES,	/* as process.h makes them; with -p only */
};

#define COLUMNS_MAX	16

/**
 * struct column - a column of a table
 * @title:	what stands above it
 * @key:	the member of the records; one of a member of theirs is OUTER/INNER
 * @kind:	how it is written
 */
struct column {
	const char *title;
	const char *key;
	enum column_kind kind;
};

/*
 * Print a list as a table, or as JSON with -j. Members named in more, up to a NULL, make
 * a line of their own below each record with -e.
 */
void list_print(struct json_object *list, const struct column *columns, const char *const *more);

/* A number of bytes, as the user wants to see it. */
void size_text(uint64_t bytes, char *text, size_t size);

/* A time as its two largest units. */
void age_text(uint64_t ms, char *text, size_t size);

#endif
