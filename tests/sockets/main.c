// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-test: the behaviour of AF_SCHANNEL sockets, and of TCP sockets, whether their bytes
 * move to channels or not, in one domain or between two.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "divert.h"
#include "family.h"
#include "hold.h"
#include "runner.h"

static void print_usage(FILE *to)
{
	fputs("usage: schannel-test --list\n"
	      "       schannel-test --loopback [OPTIONS]\n"
	      "       schannel-test --mode server --control-port P --peer DOMID [OPTIONS]\n"
	      "       schannel-test --mode client --control-host H --control-port P\n"
	      "                     --peer DOMID [OPTIONS]\n"
	      "       schannel-test hold --peer DOMID --port P --direction send|recv [--stall]\n"
	      "       schannel-test serve-hold --port P\n"
	      "       schannel-test verdicts      how often each was given on ends of TCP\n"
	      "                                   connections\n"
	      "\n"
	      "  --loopback          both sides here, over the loopback transport\n"
	      "  --mode SIDE         one side here; the server runs what the client asks\n"
	      "  --control-host H    IPv4 address where the server's side runs\n"
	      "  --control-port P    TCP port by which the two sides wait for each other\n"
	      "  --peer DOMID        the domain at the other end (default: this one)\n"
	      "  --pick A,B  --skip A,B  --group A,B\n"
	      "                      which cases: GROUP.NAME, or GROUP for all of one;\n"
	      "                      * and ? stand for any letters, or one\n"
	      "  --slow N            multiply all time limits by N (a debug kernel, an\n"
	      "                      emulator); default $SCHANNEL_TEST_SLOW or 1\n"
	      "  --timeout SECONDS   a case may take, before --slow (default 30)\n"
	      "  --seed N            of sizes and bytes (default 1)\n"
	      "  --family NAME       schannel, or a reference: do inet (TCP, UDP), inet6,\n"
	      "                      mapped (AF_INET6 with IPv4's addresses) or unix do\n"
	      "                      what the cases expect?\n"
	      "\n"
	      "The report is in TAP. Exit status: 0 if all passed, 1 if some failed, 2 if they\n"
	      "could not run.\n", to);
}

enum long_option {
	OPT_LIST = 256, OPT_LOOPBACK, OPT_MODE, OPT_CONTROL_HOST,
	OPT_CONTROL_PORT, OPT_PEER, OPT_PICK, OPT_SKIP, OPT_GROUP, OPT_SLOW,
	OPT_TIMEOUT, OPT_SEED, OPT_FAMILY, OPT_PORT, OPT_DIRECTION, OPT_STALL,
};

static const struct option long_options[] = {
	{ "list", no_argument, NULL, OPT_LIST },
	{ "loopback", no_argument, NULL, OPT_LOOPBACK },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "control-host", required_argument, NULL, OPT_CONTROL_HOST },
	{ "control-port", required_argument, NULL, OPT_CONTROL_PORT },
	{ "peer", required_argument, NULL, OPT_PEER },
	{ "pick", required_argument, NULL, OPT_PICK },
	{ "skip", required_argument, NULL, OPT_SKIP },
	{ "group", required_argument, NULL, OPT_GROUP },
	{ "slow", required_argument, NULL, OPT_SLOW },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "family", required_argument, NULL, OPT_FAMILY },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "direction", required_argument, NULL, OPT_DIRECTION },
	{ "stall", no_argument, NULL, OPT_STALL },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static _Noreturn void misused(const char *what)
{
	fprintf(stderr, "schannel-test: %s (--help says how)\n", what);
	exit(2);
}

static unsigned long parse_number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (end == text || *end || value > max)
		misused("not a number, or too large");
	return value;
}

struct command {
	bool list;
	bool loopback;
	const char *mode;
	const char *peer;
	const char *family;
	struct runner_options run;
	struct hold_options hold;
};

static void parse(int argc, char **argv, struct command *command)
{
	const char *slow = getenv("SCHANNEL_TEST_SLOW");
	int option;

	test_env.seed = 1;
	test_env.slow = slow ? parse_number(slow, 1000) : 1;
	command->family = "schannel";
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case OPT_LIST:
			command->list = true;
			break;
		case OPT_LOOPBACK:
			command->loopback = true;
			break;
		case OPT_MODE:
			command->mode = optarg;
			break;
		case OPT_CONTROL_HOST:
			command->run.session.host = optarg;
			break;
		case OPT_CONTROL_PORT:
			command->run.session.port = parse_number(optarg, 65535);
			break;
		case OPT_PEER:
			command->peer = optarg;
			break;
		case OPT_PICK:
			command->run.selection.pick = optarg;
			break;
		case OPT_SKIP:
			command->run.selection.skip = optarg;
			break;
		case OPT_GROUP:
			command->run.selection.group = optarg;
			break;
		case OPT_SLOW:
			test_env.slow = parse_number(optarg, 1000);
			break;
		case OPT_TIMEOUT:
			command->run.seconds = parse_number(optarg, 3600);
			break;
		case OPT_SEED:
			test_env.seed = parse_number(optarg, ~0UL);
			break;
		case OPT_FAMILY:
			command->family = optarg;
			break;
		case OPT_PORT:
			command->hold.port = parse_number(optarg, 0xffffffff);
			break;
		case OPT_DIRECTION:
			command->hold.direction = optarg;
			break;
		case OPT_STALL:
			command->hold.stall = true;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		default:
			print_usage(stderr);
			exit(2);
		}
	}
	if (!test_env.slow)
		test_env.slow = 1;
}

static int print_verdicts(void)
{
	struct divert_counts counts;

	if (!divert_read(&counts))
		return 1;
	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++)
		printf("%s %llu\n", divert_name(i),
		       (unsigned long long)counts.verdicts[i]);
	return 0;
}

int main(int argc, char **argv)
{
	struct command command = { 0 };
	const char *subcommand = NULL;

	if (argc > 1 && argv[1][0] != '-') {
		subcommand = argv[1];
		argc--;
		argv++;
	}
	parse(argc, argv, &command);
	if (optind < argc)
		misused("too many arguments");
	if (command.list) {
		runner_list();
		return 0;
	}
	if (!subcommand && !command.loopback && !command.mode) {
		print_usage(stderr);
		return 2;
	}
	if (command.mode && (!command.run.session.port || !command.peer))
		misused("--mode needs --control-port and --peer");
	if (command.loopback && command.mode)
		misused("--loopback and --mode: one or the other");
	if (!family_choose(command.family, command.peer))
		return 2;
	if (subcommand && !strcmp(subcommand, "hold"))
		return hold(&command.hold);
	if (subcommand && !strcmp(subcommand, "serve-hold"))
		return serve_hold(&command.hold);
	if (subcommand && !strcmp(subcommand, "verdicts"))
		return print_verdicts();
	if (subcommand)
		misused("there is no such subcommand");
	if (command.loopback)
		return runner_loopback(&command.run);
	test_env.two_domains = !family_peer_is_here();
	if (!strcmp(command.mode, "server"))
		return runner_server(&command.run);
	if (strcmp(command.mode, "client") || !command.run.session.host)
		misused("--mode server, or --mode client with --control-host");
	return runner_client(&command.run);
}
