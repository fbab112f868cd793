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
	COLUMN_FLAG,		/* the key of a member that is true */
	COLUMN_PROCESSES,	/* from process_list(); printed with -p only */
};

#define COLUMNS_MAX	16

/**
 * struct column - a column of a table
 * @title:	printed above the column
 * @key:	the member of the records; OUTER/INNER is a member of a member
 * @kind:	how the member is printed
 */
struct column {
	const char *title;
	const char *key;
	enum column_kind kind;
};

/*
 * Print a list as a table, or with -j as JSON. With -e, the members named in more, up to a
 * NULL, are printed on a line below each record.
 */
void list_print(struct json_object *list, const struct column *columns, const char *const *more);

/* A number of bytes; with -H, in units of 1024. */
void size_text(uint64_t bytes, char *text, size_t size);

/* A time in its two largest units. */
void age_text(uint64_t ms, char *text, size_t size);

#endif
