/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: what all commands share. */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>

/* Exit statuses. */
enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
};

struct options {
	bool json;
	bool numeric;
	bool human;
	bool extended;
	bool processes;
	bool kill;
	double interval;	/* seconds; 0 is once */
};

extern struct options options;

/*
 * A command gets the arguments behind its name, up to a NULL. It returns when it
 * succeeded; else it says why and exits.
 */
void peers_command(char **arg);
void channels_command(char **arg);
void flows_command(char **arg);
void sockets_command(char **arg);
void stats_command(char **arg);
void monitor_command(char **arg);
void list_command(char **arg);
void pair_command(char **arg);
void unpair_command(char **arg);
void attach_command(char **arg);
void detach_command(char **arg);
void attached_command(char **arg);
void run_command(char **arg);
void why_command(char **arg);
void policy_command(char **arg);
void reload_command(char **arg);

/* Say that the current command is used otherwise. */
_Noreturn void misused(void);

/* Say why the kernel could not be asked for something; errno is the library's. */
_Noreturn void ask_failed(const char *what);

/*
 * Whether word is a name or the beginning of one. The commands and keywords of a
 * table are tried with it one by one, see choose().
 */
struct choice {
	const char *name;
	int value;
};

/*
 * The value of the choice that word is, or the only one that it is an abbreviation of.
 * -1: there is none; several are an error that is reported here. The table ends with
 * an empty entry.
 */
int choose(const struct choice *choices, const char *word);

/* Whether this is the control domain of a Xen host. */
bool in_control_domain(void);

#endif
