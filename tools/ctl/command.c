// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options.h"

static const struct command *current;

void command_begin(const struct command *command)
{
	current = command;
}

/* The next form of the same command, or NULL. */
static const struct command *next_form(const struct command *c)
{
	return c[1].name && !strcmp(c[1].name, c->name) ? c + 1 : NULL;
}

void command_help(void)
{
	const struct command *c;

	for (c = current; c; c = next_form(c))
		printf("%s schannelctl %s%s%s%s\n           %s\n",
		       c == current ? "Usage:" : "      ",
		       *current->letters ? "[OPTIONS] " : "", c->name,
		       *c->synopsis ? " " : "", c->synopsis, c->description);
	putchar('\n');
	options_help(current->letters);
	puts("\nFor the arguments, see schannelctl --help; for details, schannelctl(8).");
}

void usage_error(void)
{
	const struct command *c;

	for (c = current; c; c = next_form(c))
		warnx("usage: schannelctl %s%s%s", c->name, *c->synopsis ? " " : "", c->synopsis);
	exit(EXIT_USAGE);
}

void query_failed(const char *what)
{
	int error = errno;

	if (error == EAFNOSUPPORT)
		errx(EXIT_FAILED, "the kernel module is not loaded (modprobe schannel)");
	if (error == EOPNOTSUPP)
		errx(EXIT_FAILED, "the loaded kernel module does not support %s", what);
	if (error == EPERM || error == EACCES)
		errx(EXIT_FAILED, "not permitted: %s require CAP_NET_ADMIN", what);
	errx(EXIT_FAILED, "cannot get %s from the kernel: %s", what, strerror(error));
}
