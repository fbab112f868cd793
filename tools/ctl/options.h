/* SPDX-License-Identifier: GPL-2.0-only */
/* The options, which all commands share. */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	bool json;
	bool numeric;
	bool human;
	bool extended;
	bool processes;
	bool kill;
	bool all;
	bool now;
	bool help;
	bool version;
	double interval;	/* seconds; 0: once */
	const char *write;	/* a file; NULL: standard output */
	uint64_t count;		/* 0: without end */
};

extern struct options options;

/*
 * Take the options before the command, up to the first argument that is none. Returns the
 * index of that argument.
 */
int options_before_command(int argc, char **argv);

/* Take the options among the arguments of a command. Returns the others, up to a NULL. */
char **options_after_command(int argc, char **argv);

/* Exit if there was an option that is not among these letters of a command. */
void options_check(const char *command, const char *letters);

/* Print a line for each of these options, and for those that every command has. */
void options_help(const char *letters);

#endif
