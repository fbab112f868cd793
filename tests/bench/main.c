// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-bench - run the same test over sockets of different families
 *
 *	schannel-bench server
 *	schannel-bench client PEER TEST [OPTIONS]
 *	schannel-bench copy [OPTIONS]
 *
 * The server runs until it is killed; a client makes one measurement and prints it as a line of
 * JSON. README.md explains the peers, the tests and the fields, and has a table of the source
 * files. The exit status is 0 after a measurement, 1 after an error, 2 for invalid arguments.
 */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/schannel.h>

#include "client.h"
#include "copy.h"
#include "server.h"

static const struct option long_options[] = {
	{ "bytes",	required_argument,	NULL, 'b' },
	{ "flows",	required_argument,	NULL, 'f' },
	{ "ms",		required_argument,	NULL, 'm' },
	{ "ip",		required_argument,	NULL, 'i' },
	{ "domid",	required_argument,	NULL, 'd' },
	{ "where",	required_argument,	NULL, 'w' },
	{ "round",	required_argument,	NULL, 'r' },
	{ }
};

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"Usage: schannel-bench server\n"
		"       schannel-bench client PEER stream|rtt|connect [OPTIONS]\n"
		"       schannel-bench copy [OPTIONS]\n"
		"\n"
		"  --bytes N      block size (65536; for rtt 1)\n"
		"  --flows N      number of connections, or of threads that copy (1)\n"
		"  --ms N         duration in milliseconds (1000)\n"
		"  --ip ADDR      address of the server (127.0.0.1)\n"
		"  --domid N      domain of the server (this one)\n"
		"  --where NAME   label in the result: the environment (here)\n"
		"  --round N      label in the result: the round (1)\n");
	exit(2);
}

static uint32_t parse_number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value > INT32_MAX)
		errx(2, "'%s' is not a number from 0 to %d", text, INT32_MAX);
	return value;
}

static void parse_option(struct order *order, int letter)
{
	switch (letter) {
	case 'b':
		order->request.bytes = parse_number(optarg);
		break;
	case 'f':
		order->request.flows = parse_number(optarg);
		break;
	case 'm':
		order->request.ms = parse_number(optarg);
		break;
	case 'i':
		order->server.ip = optarg;
		break;
	case 'd':
		order->server.domid = parse_number(optarg);
		break;
	case 'w':
		order->where = optarg;
		break;
	case 'r':
		order->round = parse_number(optarg);
		break;
	default:
		usage();
	}
}

static void parse_options(struct order *order, int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		parse_option(order, letter);
	if (optind != argc || !order->request.flows)
		usage();
	if (!order->request.bytes)
		order->request.bytes = order->request.test == TEST_RTT ? 1 : 64 * 1024;
}

static enum test find_test(const char *name)
{
	if (!strcmp(name, "stream"))
		return TEST_STREAM;
	if (!strcmp(name, "rtt"))
		return TEST_RTT;
	if (!strcmp(name, "connect"))
		return TEST_CONNECT;
	errx(2, "'%s' is not a test", name);
}

static void client(struct order *order, int argc, char **argv)
{
	if (argc < 3)
		usage();
	order->peer = peer_find(argv[1]);
	snprintf(order->request.peer, sizeof(order->request.peer), "%s", argv[1]);
	order->request.test = find_test(argv[2]);
	if (order->request.test == TEST_CONNECT && !peer_connects(order->peer))
		errx(2, "%s has no connections to test", argv[1]);
	parse_options(order, argc - 2, argv + 2);
	client_run(order);
}

static void copy(struct order *order, int argc, char **argv)
{
	parse_options(order, argc, argv);
	copy_run(&(struct copy_order){
		.where = order->where,
		.round = order->round,
		.bytes = order->request.bytes,
		.flows = order->request.flows,
		.ms = order->request.ms,
	});
}

int main(int argc, char **argv)
{
	struct order order = {
		.request = { .flows = 1, .ms = 1000 },
		.server = { .ip = "127.0.0.1", .domid = SC_DOMID_SELF },
		.where = "here",
		.round = 1,
	};

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		usage();
	if (!strcmp(argv[1], "server") && argc == 2)
		server_run();
	else if (!strcmp(argv[1], "client"))
		client(&order, argc - 1, argv + 1);
	else if (!strcmp(argv[1], "copy"))
		copy(&order, argc - 1, argv + 1);
	else
		usage();
	return 0;
}
