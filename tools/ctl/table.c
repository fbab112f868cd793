// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options.h"
#include "table.h"

void size_text(uint64_t bytes, char *text, size_t size)
{
	static const char units[] = "KMGTPE";
	double value = bytes;
	int unit = -1;

	if (!options.human || bytes < 1024) {
		snprintf(text, size, "%" PRIu64, bytes);
		return;
	}
	/* A value that would be rounded to 1024 is printed in the next unit. */
	while (value >= 1023.5 && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	snprintf(text, size, "%.*f%c", value < 9.95 && value != (int)value, value, units[unit]);
}

void age_text(uint64_t ms, char *text, size_t size)
{
	uint64_t s = ms / 1000;

	if (s < 60)
		snprintf(text, size, "%" PRIu64 ".%us", s, (unsigned int)(ms % 1000 / 100));
	else if (s < 3600)
		snprintf(text, size, "%" PRIu64 "m%02us", s / 60, (unsigned int)(s % 60));
	else if (s < 86400)
		snprintf(text, size, "%" PRIu64 "h%02um", s / 3600, (unsigned int)(s / 60 % 60));
	else
		snprintf(text, size, "%" PRIu64 "d%02uh", s / 86400, (unsigned int)(s / 3600 % 24));
}

static struct json_object *member(struct json_object *record, const char *key)
{
	struct json_object *value;

	return json_pointer_getf(record, &value, "/%s", key) ? NULL : value;
}

static void write_list(FILE *to, struct json_object *value)
{
	size_t i;

	for (i = 0; i < json_object_array_length(value); i++)
		fprintf(to, "%s%s", i ? " " : "",
			json_object_get_string(json_object_array_get_idx(value, i)));
}

static void write_processes(FILE *to, struct json_object *value)
{
	struct json_object *process;
	size_t i;

	for (i = 0; i < json_object_array_length(value); i++) {
		process = json_object_array_get_idx(value, i);
		fprintf(to, "%s%s(pid=%s,fd=%s)", i ? " " : "",
			json_object_get_string(member(process, "name")),
			json_object_get_string(member(process, "pid")),
			json_object_get_string(member(process, "fd")));
	}
}

static void write_value(FILE *to, const struct column *column, struct json_object *value)
{
	char text[32];

	switch (column->kind) {
	case COLUMN_SIZE:
		size_text(json_object_get_uint64(value), text, sizeof(text));
		fputs(text, to);
		break;
	case COLUMN_AGE:
		age_text(json_object_get_uint64(value), text, sizeof(text));
		fputs(text, to);
		break;
	case COLUMN_FLAG:
		if (json_object_get_boolean(value))
			fputs(column->key, to);
		break;
	case COLUMN_PROCESSES:
		write_processes(to, value);
		break;
	case COLUMN_TEXT:
	case COLUMN_NUMBER:
		if (json_object_is_type(value, json_type_array))
			write_list(to, value);
		else
			fputs(json_object_get_string(value), to);
	}
}

/* To be freed. Never empty, except for a flag, so that scripts can split the columns. */
static char *cell(const struct column *column, struct json_object *record)
{
	struct json_object *value = member(record, column->key);
	char *text = NULL, *at;
	size_t size;
	FILE *to;

	to = open_memstream(&text, &size);
	if (!to)
		err(EXIT_FAILED, "cannot make a table");
	if (value)
		write_value(to, column, value);
	if (!ftell(to) && column->kind != COLUMN_FLAG)
		fputc('-', to);
	if (fclose(to))
		err(EXIT_FAILED, "cannot make a table");
	/* The control domain or another user chose the names: print no control characters. */
	for (at = text; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	return text;
}

static void print_more(struct json_object *record, const char *key, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, inner)
			print_more(record, name, inner);
	} else if (json_object_is_type(value, json_type_boolean)) {
		if (json_object_get_boolean(value))
			printf(" %s", key);
	} else if (value) {
		printf(" %s:%s", key, json_object_get_string(value));
	}
}

static void print_row(const struct column *columns, char *const *cells, const size_t *widths,
		      size_t nr)
{
	size_t i, space, gap = 0;

	/* Space is printed when a cell follows, so that no line ends with a space. */
	for (i = 0; i < nr; i++, gap += 2) {
		space = widths[i] - strlen(cells[i]);
		if (columns[i].kind != COLUMN_TEXT)
			gap += space;
		if (*cells[i]) {
			printf("%*s%s", (int)gap, "", cells[i]);
			gap = 0;
		}
		if (columns[i].kind == COLUMN_TEXT)
			gap += space;
	}
	putchar('\n');
}

static void print_rest(struct json_object *record, const char *const *key)
{
	fputs("       ", stdout);
	for (; *key; key++)
		print_more(record, *key, member(record, *key));
	putchar('\n');
}

static void table_print(struct json_object *list, const struct column *all,
			const char *const *more)
{
	size_t count = json_object_array_length(list), nr = 0, row, i;
	struct column columns[COLUMNS_MAX];
	size_t widths[COLUMNS_MAX] = { 0 };
	char **cells, **at;

	for (; all->title; all++)
		if (all->kind != COLUMN_PROCESSES || options.processes)
			columns[nr++] = *all;
	cells = calloc(nr * (count + 1), sizeof(*cells));
	if (!cells)
		errx(EXIT_FAILED, "out of memory");

	for (row = 0, at = cells; row <= count; row++) {
		for (i = 0; i < nr; i++, at++) {
			*at = row ? cell(&columns[i], json_object_array_get_idx(list, row - 1)) :
				    strdup(columns[i].title);
			if (!*at)
				errx(EXIT_FAILED, "out of memory");
			if (strlen(*at) > widths[i])
				widths[i] = strlen(*at);
		}
	}

	for (row = 0; row <= count; row++) {
		print_row(columns, &cells[row * nr], widths, nr);
		if (row && more && options.extended)
			print_rest(json_object_array_get_idx(list, row - 1), more);
	}
	for (i = 0; i < nr * (count + 1); i++)
		free(cells[i]);
	free(cells);
}

void list_print(struct json_object *list, const struct column *columns, const char *const *more)
{
	if (options.json)
		record_print(list, true);
	else
		table_print(list, columns, more);
}
