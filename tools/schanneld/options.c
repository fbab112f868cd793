// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"
#include "log.h"
#include "options.h"
#include "policy.h"

#define EXIT_USAGE	2
#define SCAN_S		60
#define SCAN_S_MAX	3600

static const struct option long_options[] = {
	{ "policy",		required_argument,	NULL, 'p' },
	{ "lock",		required_argument,	NULL, 'l' },
	{ "scan-interval",	required_argument,	NULL, 's' },
	{ "verbose",		no_argument,		NULL, 'v' },
	{ "help",		no_argument,		NULL, 'h' },
	{ "version",		no_argument,		NULL, 'V' },
	{ }
};

static void print_help(void)
{
	printf("Usage: schanneld [OPTIONS]\n"
	       "\n"
	       "Gives channels to those domains of this Xen host that the policy lets reach\n"
	       "each other.\n"
	       "\n"
	       "  -p, --policy=FILE            the policy (%s)\n"
	       "  -l, --lock=FILE              the lock file (%s)\n"
	       "  -s, --scan-interval=SECONDS  time between full scans, 1 to %d (%d)\n"
	       "  -v, --verbose                log debugging messages\n"
	       "  -h, --help                   print this help text\n"
	       "  -V, --version                print the version\n"
	       "\n"
	       "See schanneld(8) and schannel-policy(5).\n",
	       POLICY_FILE, INSTANCE_FILE, SCAN_S_MAX, SCAN_S);
}

/* Lost output must not look like success. */
static _Noreturn void finish_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILURE, "cannot write");
	exit(EXIT_SUCCESS);
}

static int parse_seconds(const char *text)
{
	char *end;
	long s = strtol(text, &end, 10);

	if (*end || end == text || s < 1 || s > SCAN_S_MAX)
		errx(EXIT_USAGE, "invalid scan interval '%s'; expected 1 to %d seconds", text,
		     SCAN_S_MAX);
	return s * 1000;
}

void options_parse(struct options *options, int argc, char **argv)
{
	int letter;

	*options = (struct options){
		.policy = POLICY_FILE, .lock = INSTANCE_FILE, .scan_ms = SCAN_S * 1000,
	};
	while ((letter = getopt_long(argc, argv, "p:l:s:vhV", long_options, NULL)) != -1) {
		switch (letter) {
		case 'p':
			options->policy = optarg;
			break;
		case 'l':
			options->lock = optarg;
			break;
		case 's':
			options->scan_ms = parse_seconds(optarg);
			break;
		case 'v':
			log_enable_debug();
			break;
		case 'h':
			print_help();
			finish_output();
		case 'V':
			printf("schanneld %s\n", VERSION);
			finish_output();
		default:
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		errx(EXIT_USAGE, "unexpected argument '%s'; see schanneld --help", argv[optind]);
}
