// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannel-soak: a thousand flows of all kinds that open, talk, half-close and
 * die at random ends, for as long as one likes, with every byte checked.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "family.h"
#include "roles.h"
#include "tap.h"

static void print_usage(FILE *to)
{
	fputs("usage: schannel-soak --loopback [OPTIONS]\n"
	      "       schannel-soak --mode server --control-port P --peer DOMID [OPTIONS]\n"
	      "       schannel-soak --mode client --control-host H --control-port P\n"
	      "                     --peer DOMID [OPTIONS]\n"
	      "\n"
	      "  --loopback          both sides here, over the loopback transport\n"
	      "  --mode SIDE         one side here; most options are the client's\n"
	      "  --control-host H    IPv4 address where the server's side runs\n"
	      "  --control-port P    TCP port by which the two sides agree\n"
	      "  --peer DOMID        the domain at the other end (default: this one)\n"
	      "  --flows N           open at the same time (default 1000)\n"
	      "  --seconds N         until no new ones are begun (default 600)\n"
	      "  --threads N         on this side (default 2)\n"
	      "  --deaths N          processes on each side that are killed, one after the\n"
	      "                      other, and replaced (default 4)\n"
	      "  --every N           seconds between two lines of progress (default 10)\n"
	      "  --seed N            of what flows do (default 1)\n"
	      "  --slow N            multiply all time limits by N (default\n"
	      "                      $SCHANNEL_TEST_SLOW or 1)\n"
	      "  --family NAME       schannel, or inet or unix to compare\n"
	      "\n"
	      "The client reports in TAP: a point for the flows of each kind, and a few for\n"
	      "all of them together. Exit status: 0 if all passed, 1 if some failed, 2 if\n"
	      "the soak could not run.\n", to);
}

static _Noreturn void misused(const char *what)
{
	fprintf(stderr, "schannel-soak: %s (--help says how)\n", what);
	exit(2);
}

static unsigned long parse_number(const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (end == text || *end || value < min || value > max)
		misused("not a number, or out of range");
	return value;
}

struct command {
	bool loopback;
	const char *mode;
	const char *host;
	uint16_t port;
	const char *peer;
	const char *family;
	struct soak_options soak;
};

enum long_option {
	OPT_LOOPBACK = 256, OPT_MODE, OPT_CONTROL_HOST, OPT_CONTROL_PORT, OPT_PEER,
	OPT_FLOWS, OPT_SECONDS, OPT_THREADS, OPT_DEATHS, OPT_EVERY, OPT_SEED, OPT_SLOW,
	OPT_FAMILY,
};

static const struct option long_options[] = {
	{ "loopback", no_argument, NULL, OPT_LOOPBACK },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "control-host", required_argument, NULL, OPT_CONTROL_HOST },
	{ "control-port", required_argument, NULL, OPT_CONTROL_PORT },
	{ "peer", required_argument, NULL, OPT_PEER },
	{ "flows", required_argument, NULL, OPT_FLOWS },
	{ "seconds", required_argument, NULL, OPT_SECONDS },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "deaths", required_argument, NULL, OPT_DEATHS },
	{ "every", required_argument, NULL, OPT_EVERY },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "slow", required_argument, NULL, OPT_SLOW },
	{ "family", required_argument, NULL, OPT_FAMILY },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static void parse(int argc, char **argv, struct command *command)
{
	const char *slow = getenv("SCHANNEL_TEST_SLOW");
	struct soak_options *soak = &command->soak;
	int option;

	test_env.slow = slow ? parse_number(slow, 1, 1000) : 1;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (option) {
		case OPT_LOOPBACK:
			command->loopback = true;
			break;
		case OPT_MODE:
			command->mode = optarg;
			break;
		case OPT_CONTROL_HOST:
			command->host = optarg;
			break;
		case OPT_CONTROL_PORT:
			command->port = parse_number(optarg, 1, 65535);
			break;
		case OPT_PEER:
			command->peer = optarg;
			break;
		case OPT_FLOWS:
			soak->flows = parse_number(optarg, 1, 100000);
			break;
		case OPT_SECONDS:
			soak->seconds = parse_number(optarg, 1, 1000000);
			break;
		case OPT_THREADS:
			soak->threads = parse_number(optarg, 1, 16);
			break;
		case OPT_DEATHS:
			soak->deaths = parse_number(optarg, 0, 64);
			break;
		case OPT_EVERY:
			soak->every = parse_number(optarg, 1, 1000000);
			break;
		case OPT_SEED:
			soak->seed = parse_number(optarg, 0, ~0UL);
			break;
		case OPT_SLOW:
			test_env.slow = parse_number(optarg, 1, 1000);
			break;
		case OPT_FAMILY:
			command->family = optarg;
			break;
		case 'h':
			print_usage(stdout);
			exit(0);
		default:
			print_usage(stderr);
			exit(2);
		}
	}
	if (optind < argc)
		misused("too many arguments");
}

/* Each flow is a file; so is a connection that was not accepted yet. */
static void allow_files(unsigned int flows)
{
	struct rlimit limit;
	rlim_t wanted = 2 * flows + 100;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		perror("limit of open files");
		exit(2);
	}
}

static int control_socket(const struct command *command, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("control: socket");
		exit(2);
	}
	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(command->port),
	};
	if (command->host && inet_pton(AF_INET, command->host, &address->sin_addr) != 1)
		misused("--control-host: not an IPv4 address");
	return fd;
}

static int control_connect(const struct command *command)
{
	static const struct timespec pause = { .tv_nsec = 100 * 1000000 };
	int64_t end = now_ms() + 6 * patience_ms();
	struct sockaddr_in address;

	for (;;) {
		int fd = control_socket(command, &address);

		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		if (now_ms() > end) {
			perror("control: connect");
			exit(2);
		}
		/* the other side may still be starting */
		close(fd);
		nanosleep(&pause, NULL);
	}
}

static int control_accept(const struct command *command)
{
	struct sockaddr_in address;
	int listener = control_socket(command, &address);
	int fd = -1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (!bind(listener, (struct sockaddr *)&address, sizeof(address)) &&
	    !listen(listener, 1))
		fd = accept(listener, NULL, NULL);
	if (fd < 0) {
		perror("control");
		exit(2);
	}
	close(listener);
	return fd;
}

static int run_both(const struct soak_options *options)
{
	int control[2], status, result;
	pid_t server;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control)) {
		perror("socketpair");
		return 2;
	}
	server = fork();
	if (server < 0) {
		perror("fork");
		return 2;
	}
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(control[0]);
		exit(run_server(options, control[1]));
	}
	close(control[1]);
	result = run_client(options, control[0]);
	close(control[0]);
	if (result)
		return result;
	if (waitpid(server, &status, 0) != server)
		status = -1;
	tap_point(!status, "the server ends with wait status %#x", status);
	return tap_end();
}

int main(int argc, char **argv)
{
	struct command command = {
		.family = "schannel",
		.soak = { .flows = 1000, .seconds = 600, .threads = 2, .deaths = 4,
			  .every = 10, .seed = 1 },
	};

	parse(argc, argv, &command);
	if (!command.loopback == !command.mode)
		misused("--loopback or --mode: one or the other");
	if (command.mode && (!command.port || !command.peer))
		misused("--mode needs --control-port and --peer");
	if (!family_choose(command.family, command.peer))
		return 2;
	allow_files(command.soak.flows);
	if (command.loopback)
		return run_both(&command.soak);
	if (!strcmp(command.mode, "server"))
		return run_server(&command.soak, control_accept(&command));
	if (strcmp(command.mode, "client") || !command.host)
		misused("--mode server, or --mode client with --control-host");
	return run_client(&command.soak, control_connect(&command)) ?: tap_end();
}
