// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-perf - throughput and round trips over AF_SCHANNEL or TCP
 *
 * This file is the command line. The map of the rest:
 *
 *	client, server	who connects, and who is connected to
 *	flow		one connection's part in a test, on either side
 *	stream, rtt	the tests
 *	file		a file that crosses, with its digest
 *	wire		what client and server say to each other
 *	conn, endpoint	sockets; endpoint alone knows the families apart
 *	pattern		the test data
 *	histogram,
 *	report		what comes out
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "options.h"
#include "pattern.h"
#include "server.h"

#define PORT		7201
#define TIMEOUT_S	20

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
	{ }
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
	  "write what is sent to a file" },
	{ "send", cmd_send, 2, "fpT", "FILE ADDR",
	  "send a file to a receiver" },
	{ }
};

static int print_help(FILE *to)
{
	const struct command *c;
	char usage[40];

	fprintf(to, "Usage: schannel-perf COMMAND [ARGUMENTS] [OPTIONS]\n\n");
	for (c = commands; c->name; c++) {
		snprintf(usage, sizeof(usage), "%s %s", c->name, c->synopsis);
		fprintf(to, "  %-18s %s\n", usage, c->description);
	}
	fprintf(to,
		"\n"
		"ADDR is a domain id or 'self', or a host or IP address with --family tcp.\n"
		"\n"
		"  --family NAME      schannel (default) or tcp\n"
		"  --port N           port, %u unless given\n"
		"  --timeout SECONDS  longest wait for the peer, %u unless given\n"
		"  --bind ADDR        server, receive: listen on this address only\n"
		"  --once             server, receive: end after one test or file\n"
		"  --test NAME        client: stream (default) or rtt\n"
		"  --size BYTES       client: bytes per message; K and M multiply\n"
		"  --time SECONDS     client: how long, 10 unless given\n"
		"  --flows N          client: connections at the same time\n"
		"  --reverse          client: the server sends\n"
		"  --verify           client: check every byte that arrives\n"
		"  --json             client: print one JSON object\n"
		"\n"
		"  help               print this\n"
		"  -V                 print the version\n",
		PORT, TIMEOUT_S);
	return to == stdout ? 0 : 2;
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
	errx(2, "test '%s' is neither stream nor rtt", name);
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

	while ((letter = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (letter == '?')
			return 2;
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

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		return print_help(stderr);
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return print_help(stdout);
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))
		return printf("schannel-perf %s\n", VERSION) < 0;

	for (c = commands; c->name; c++) {
		if (strcmp(argv[1], c->name))
			continue;
		argv[1] = argv[0];	/* whom getopt's messages are from */
		return run(c, argc - 1, argv + 1);
	}
	errx(2, "'%s' is not a command; see schannel-perf help", argv[1]);
}
