// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "options.h"

struct options options;

static const struct option long_options[] = {
	{ "json",	no_argument,		NULL, 'j' },
	{ "numeric",	no_argument,		NULL, 'n' },
	{ "extended",	no_argument,		NULL, 'e' },
	{ "human",	no_argument,		NULL, 'H' },
	{ "processes",	no_argument,		NULL, 'p' },
	{ "kill",	no_argument,		NULL, 'K' },
	{ "all",	no_argument,		NULL, 'a' },
	{ "now",	no_argument,		NULL, 'N' },
	{ "interval",	required_argument,	NULL, 'i' },
	{ "write",	required_argument,	NULL, 'w' },
	{ "count",	required_argument,	NULL, 'c' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

/* Those of every command are the last ones of the table. */
#define COMMON	"hV"

static const char * const descriptions[] = {
	"print JSON",
	"print numbers instead of names",
	"print more details",
	"print sizes with units",
	"print the processes that have the socket open",
	"close the sockets",
	"detach all cgroups",
	"existing connections go back to TCP, too",
	"repeat after this many seconds, with rates",
	"write to this file instead of standard output",
	"end after this many packets",
	"print the help text, or that of the command",
	"print the version",
};

/* Which options there were. */
static char letters_seen[sizeof(descriptions) / sizeof(*descriptions) + 1];

static double parse_interval(const char *text)
{
	double interval;
	char *end;

	interval = strtod(text, &end);
	if (end == text || *end || !(interval >= 0.01 && interval <= 86400))
		errx(EXIT_USAGE, "-i takes a number of seconds, 0.01 to 86400");
	return interval;
}

static uint64_t parse_count(const char *text)
{
	uint64_t count;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !count)
		errx(EXIT_USAGE, "-c takes a number of packets");
	return count;
}

/* What an option that takes an argument calls it in the help text. */
static const char *argument_name(const struct option *o)
{
	switch (o->val) {
	case 'i':
		return "=SECONDS";
	case 'w':
		return "=FILE";
	case 'c':
		return "=COUNT";
	default:
		return "";
	}
}

static void parse(int argc, char **argv, const char *letters)
{
	int letter;

	while ((letter = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		switch (letter) {
		case 'j':
			options.json = true;
			break;
		case 'n':
			options.numeric = true;
			break;
		case 'H':
			options.human = true;
			break;
		case 'e':
			options.extended = true;
			break;
		case 'p':
			options.processes = true;
			break;
		case 'K':
			options.kill = true;
			break;
		case 'a':
			options.all = true;
			break;
		case 'N':
			options.now = true;
			break;
		case 'i':
			options.interval = parse_interval(optarg);
			break;
		case 'w':
			options.write = optarg;
			break;
		case 'c':
			options.count = parse_count(optarg);
			break;
		case 'h':
			options.help = true;
			break;
		case 'V':
			options.version = true;
			break;
		default:
			exit(EXIT_USAGE);
		}
		if (!strchr(letters_seen, letter))
			letters_seen[strlen(letters_seen)] = letter;
	}
}

#define LETTERS	"jneHpKaNi:w:c:hV"

int options_before_command(int argc, char **argv)
{
	parse(argc, argv, "+" LETTERS);
	return optind;
}

char **options_after_command(int argc, char **argv)
{
	/* Start a new scan, which skips the first argument. */
	optind = 0;
	parse(argc, argv, LETTERS);
	return argv + optind;
}

static const struct option *find(char letter)
{
	const struct option *o;

	for (o = long_options; o->val != letter; o++)
		;
	return o;
}

void options_check(const char *command, const char *letters)
{
	const char *letter;

	for (letter = letters_seen; *letter; letter++)
		if (!strchr(letters, *letter) && !strchr(COMMON, *letter))
			errx(EXIT_USAGE, "%s takes no -%c (--%s)", command, *letter,
			     find(*letter)->name);
}

void options_help(const char *letters)
{
	const struct option *o;
	char line[32];

	for (o = long_options; o->name; o++) {
		if (!strchr(letters, o->val) && !strchr(COMMON, o->val))
			continue;
		snprintf(line, sizeof(line), "-%c, --%s%s", o->val, o->name,
			 argument_name(o));
		printf("  %-24s %s\n", line, descriptions[o - long_options]);
	}
}
