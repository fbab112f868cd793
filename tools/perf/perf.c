// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-perf - throughput and round trips over AF_SCHANNEL or TCP
 *
 * This file is the command line. The map of the rest:
 *
 *	client, server	the connecting and the listening side
 *	flow		one connection of a test, on either side
 *	stream, rtt	the tests
 *	file		the transfer of a file, with its digest
 *	wire		the protocol between client and server
 *	conn, endpoint	sockets; only endpoint knows the difference between the families
 *	pattern		the test data
 *	histogram,
 *	report		the results
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../nearest.h"
#include "client.h"
#include "options.h"
#include "pattern.h"
#include "server.h"

#define PORT		7201
#define TIMEOUT_S	20

#define TEXT_OF(value)	#value
#define TEXT(macro)	TEXT_OF(macro)

/* The letters are for commands[] to say which options a command takes. */
static const struct option long_options[] = {
	{ "family",	required_argument,	NULL, 'f' },
	{ "port",	required_argument,	NULL, 'p' },
	{ "timeout",	required_argument,	NULL, 'T' },
	{ "bind",	required_argument,	NULL, 'b' },
	{ "once",	no_argument,		NULL, 'o' },
	{ "test",	required_argument,	NULL, 't' },
	{ "size",	required_argument,	NULL, 's' },
	{ "time",	required_argument,	NULL, 'd' },
	{ "flows",	required_argument,	NULL, 'n' },
	{ "reverse",	no_argument,		NULL, 'r' },
	{ "verify",	no_argument,		NULL, 'v' },
	{ "json",	no_argument,		NULL, 'j' },
	{ "help",	no_argument,		NULL, 'h' },
	{ "version",	no_argument,		NULL, 'V' },
	{ }
};

/* The options that every command takes; only these have a short form. */
#define COMMON	"hV"

/* The argument and the help text of each of long_options[]. */
static const struct {
	const char *argument;
	const char *text;
} descriptions[] = {
	{ "=NAME",	"schannel (default) or tcp" },
	{ "=N",		"port (default: " TEXT(PORT) ")" },
	{ "=SECONDS",	"longest wait for the peer (default: " TEXT(TIMEOUT_S) ")" },
	{ "=ADDR",	"listen on this address only" },
	{ "",		"end after one test or file" },
	{ "=NAME",	"stream (default) or rtt" },
	{ "=BYTES",	"bytes per message, also with K or M (default: 64K, rtt: 1)" },
	{ "=SECONDS",	"duration (default: 10)" },
	{ "=N",		"number of concurrent connections (default: 1)" },
	{ "",		"let the server send" },
	{ "",		"check every byte that arrives" },
	{ "",		"print one JSON object" },
	{ "",		"print the help text, or that of the command" },
	{ "",		"print the version" },
};

static int cmd_server(const struct options *opt, char **arg)
{
	(void)arg;
	return server_test(opt);
}

static int cmd_client(const struct options *opt, char **arg)
{
	if (opt->req.test == TEST_RTT && opt->req.reverse)
		errx(2, "--reverse is for --test stream");
	client_test(opt, arg[0]);
	return 0;
}

static int cmd_send(const struct options *opt, char **arg)
{
	client_send(opt, arg[0], arg[1]);
	return 0;
}

static int cmd_receive(const struct options *opt, char **arg)
{
	return server_receive(opt, arg[0]);
}

static const struct command {
	const char *name;
	int (*run)(const struct options *opt, char **arg);
	int args;
	const char *options;	/* letters of long_options */
	const char *synopsis;
	const char *description;
} commands[] = {
	{ "server", cmd_server, 0, "fpTbo", "",
	  "serve tests until killed" },
	{ "client", cmd_client, 1, "fpTtsdnrvj", "ADDR",
	  "run a test against a server" },
	{ "receive", cmd_receive, 1, "fpTbo", "FILE",
	  "write received data to a file" },
	{ "send", cmd_send, 2, "fpT", "FILE ADDR",
	  "send a file to a receiver" },
	{ }
};

static void print_options(const char *letters)
{
	const struct option *o;
	char line[32];

	for (o = long_options; o->name; o++) {
		bool common = strchr(COMMON, o->val);

		if (!common && !strchr(letters, o->val))
			continue;
		snprintf(line, sizeof(line), "--%s%s", o->name,
			 descriptions[o - long_options].argument);
		if (common)
			printf("  -%c, %-18s", o->val, line);
		else
			printf("  %-22s", line);
		printf(" %s\n", descriptions[o - long_options].text);
	}
	puts("\nADDR is a domain id or 'self', or a host or IP address with --family tcp.");
}

static void print_help(void)
{
	const struct command *c;
	char usage[40];

	puts("Usage: schannel-perf COMMAND [ARGUMENTS] [OPTIONS]\n\nCommands:");
	for (c = commands; c->name; c++) {
		snprintf(usage, sizeof(usage), "%s %s", c->name, c->synopsis);
		printf("  %-22s %s\n", usage, c->description);
	}
	printf("  %-22s %s\n\nOptions:\n", "help [COMMAND]",
	       "print this text, or how to use a command");
	print_options("fpTbotsdnrvj");
}

static void print_command_help(const struct command *c)
{
	printf("Usage: schannel-perf %s%s%s [OPTIONS]\n           %s\n\n", c->name,
	       *c->synopsis ? " " : "", c->synopsis, c->description);
	print_options(c->options);
}

static int print_version(void)
{
	printf("schannel-perf %s\n", VERSION);
	return 0;
}

static unsigned int parse_number(const char *text, const char *what, unsigned int min,
				 unsigned int max)
{
	unsigned long long value;
	unsigned int shift = 0;
	char *end;

	value = strtoull(text, &end, 10);
	if (end != text && (*end == 'K' || *end == 'M'))
		shift = *end++ == 'K' ? 10 : 20;
	if (*text < '0' || *text > '9' || *end || value > max >> shift ||
	    value << shift < min)
		errx(2, "%s '%s' is not a number from %u to %u", what, text, min, max);
	return value << shift;
}

static unsigned int parse_milliseconds(const char *text)
{
	char *end;
	double value = strtod(text, &end) * 1000;

	if (end == text || *end || !(value >= 1 && value <= WIRE_MS_MAX))
		errx(2, "time '%s' is not from 0.001 to %u seconds", text, WIRE_MS_MAX / 1000);
	return value;
}

static enum test parse_test(const char *name)
{
	if (!strcmp(name, "stream"))
		return TEST_STREAM;
	if (!strcmp(name, "rtt"))
		return TEST_RTT;
	errx(2, "unknown test '%s'; expected: stream, rtt", name);
}

static void parse_option(struct options *opt, int letter)
{
	switch (letter) {
	case 'f':
		opt->family = endpoint_family(optarg);
		break;
	case 'p':
		opt->port = parse_number(optarg, "port", 0, INT32_MAX);
		break;
	case 'T':
		opt->timeout_s = parse_number(optarg, "timeout", 1, 3600);
		break;
	case 'b':
		opt->bind = optarg;
		break;
	case 'o':
		opt->once = true;
		break;
	case 't':
		opt->req.test = parse_test(optarg);
		break;
	case 's':
		opt->req.size = parse_number(optarg, "size", 1, WIRE_SIZE_MAX);
		break;
	case 'd':
		opt->req.ms = parse_milliseconds(optarg);
		break;
	case 'n':
		opt->req.flows = parse_number(optarg, "number of flows", 1, WIRE_FLOWS_MAX);
		break;
	case 'r':
		opt->req.reverse = true;
		break;
	case 'v':
		opt->req.verify = true;
		break;
	case 'j':
		opt->json = true;
		break;
	}
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options opt = {
		.family = FAMILY_SCHANNEL,
		.port = PORT,
		.timeout_s = TIMEOUT_S,
		.req = { .test = TEST_STREAM, .ms = 10000, .flows = 1 },
	};
	int letter, index;

	while ((letter = getopt_long(argc, argv, COMMON, long_options, &index)) != -1) {
		if (letter == '?')
			return 2;
		if (letter == 'V')
			return print_version();
		if (letter == 'h') {
			print_command_help(c);
			return 0;
		}
		if (!strchr(c->options, letter))
			errx(2, "--%s is not for %s", long_options[index].name, c->name);
		parse_option(&opt, letter);
	}
	if (argc - optind != c->args)
		errx(2, "usage: schannel-perf %s %s [OPTIONS]", c->name, c->synopsis);
	if (!opt.req.size)
		opt.req.size = opt.req.test == TEST_RTT ? 1 : 64 * 1024;

	pattern_init();
	return c->run(&opt, argv + optind);
}

static const struct command *find_command(const char *word)
{
	struct nearest nearest = { .word = word };
	char hint[NEAREST_HINT_SIZE];
	const struct command *c;

	for (c = commands; c->name; c++) {
		if (!strcmp(word, c->name))
			return c;
		nearest_try(&nearest, c->name);
	}
	nearest_hint(&nearest, hint);
	errx(2, "unknown command '%s'%s", word, nearest.name ? hint : "; see schannel-perf --help");
}

static bool is_help(const char *word)
{
	return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

static int execute(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		errx(2, "no command; see schannel-perf --help");
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))
		return print_version();
	if (is_help(argv[1])) {
		if (argc > 2)
			print_command_help(find_command(argv[2]));
		else
			print_help();
		return 0;
	}
	c = find_command(argv[1]);
	argv[1] = argv[0];	/* getopt_long() names the program in its messages */
	return run(c, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int status = execute(argc, argv);

	/* Lost output must not look like success. */
	if (fflush(stdout) || ferror(stdout))
		err(1, "cannot write");
	return status;
}
