/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands: what ctl.c has a table of, and how each command ends. */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

/* Exit statuses. */
enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
};

/**
 * struct command - a command, or one of the forms that it has
 * @name:	the forms of a command have the same name and follow each other in the table
 * @run:	gets the arguments after the name, up to a NULL. Returns on success; otherwise
 *		it prints the reason and exits
 * @letters:	the options that the command takes; those of its first form count
 * @synopsis:	its arguments
 * @description: what it does, for the help text
 */
struct command {
	const char *name;
	void (*run)(char **arg);
	const char *letters;
	const char *synopsis;
	const char *description;
};

/* The command that runs from now on. The table that it is from ends with an empty entry. */
void command_begin(const struct command *command);

/* Print the help text of the current command to standard output. */
void command_help(void);

/* Print how the current command is used to standard error, and exit. */
_Noreturn void usage_error(void);

/*
 * Print why the kernel did not answer a query, and exit. errno is the library's, what is
 * the kind of object that was asked for.
 */
_Noreturn void query_failed(const char *what);

void peers_command(char **arg);
void channels_command(char **arg);
void flows_command(char **arg);
void sockets_command(char **arg);
void stats_command(char **arg);
void monitor_command(char **arg);
void capture_command(char **arg);
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
void show_command(char **arg);

#endif
