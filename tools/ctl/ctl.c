// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannelctl - shows the channels between domains, and controls who may have and use one
 *
 * This file has the table of commands and knows every command; the commands know only the
 * files below them.
 */
#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../nearest.h"
#include "choice.h"
#include "command.h"
#include "options.h"

static void help_command(char **arg);

static const struct command commands[] = {
	{ "show", show_command, "jnHe", "",
	  "show pairs, peers and channels; the default command" },
	{ "peers", peers_command, "jne", "[PEER]",
	  "show the domains that this one can have a channel to" },
	{ "peers", peers_command, "", "move PEER netns NAME|PID",
	  "move a peer to another network namespace" },
	{ "channels", channels_command, "jnHe", "[PEER]",
	  "show channels, their memory and traffic" },
	{ "flows", flows_command, "jnHepK", "[FILTER]",
	  "show the connections in channels" },
	{ "flows", flows_command, "", "kill FILTER",
	  "end connections forcibly and show them (also -K)" },
	{ "flows", flows_command, "", "demote FILTER",
	  "have TCP connections go over TCP again and show them" },
	{ "sockets", sockets_command, "jnHepK", "[FILTER]",
	  "show sockets, connected or not" },
	{ "sockets", sockets_command, "", "kill FILTER",
	  "close sockets forcibly and show them (also -K)" },
	{ "stats", stats_command, "jni", "[PEER]",
	  "show counters of the network namespace or of a channel" },
	{ "monitor", monitor_command, "jn", "[peers] [flows]",
	  "show events until interrupted" },
	{ "capture", capture_command, "wc", "[PCAP-FILTER]",
	  "write the bytes of diverted TCP connections as pcapng" },
	{ "attach", attach_command, "e", "CGROUP [SCOPE]",
	  "divert the TCP connections of a cgroup or a systemd unit" },
	{ "detach", detach_command, "aeN", "[CGROUP...]",
	  "stop diverting the TCP connections of a cgroup" },
	{ "attached", attached_command, "je", "",
	  "show the attached cgroups and their scopes" },
	{ "run", run_command, "e", "[SCOPE] [--] COMMAND [ARGUMENTS]",
	  "run a command and divert its TCP connections" },
	{ "why", why_command, "jn", "DESTINATION [cgroup CGROUP]",
	  "explain whether a TCP connection would be diverted" },
	{ "list", list_command, "j", "",
	  "show pairs of domains (control domain only)" },
	{ "pair", pair_command, "", "DOM1 DOM2",
	  "let two domains have a channel (control domain only)" },
	{ "unpair", unpair_command, "", "DOM1 DOM2",
	  "take the channel away again (control domain only)" },
	{ "policy", policy_command, "", "check [FILE]",
	  "check a policy file of schanneld" },
	{ "reload", reload_command, "", "[LOCK]",
	  "make schanneld read its policy again (control domain only)" },
	{ "help", help_command, "", "[COMMAND]",
	  "show this text, or how to use a command" },
	{ }
};

/* A longer synopsis gets a line of its own in the help text. */
#define SYNOPSIS_WIDTH	19

#define COMMANDS	(sizeof(commands) / sizeof(*commands) - 1)

static _Noreturn void unknown_command(const char *word)
{
	struct nearest nearest = { .word = word };
	char hint[NEAREST_HINT_SIZE];
	const struct command *c;

	for (c = commands; c->name; c++)
		nearest_try(&nearest, c->name);
	nearest_hint(&nearest, hint);
	errx(EXIT_USAGE, "unknown command '%s'%s", word,
	     nearest.name ? hint : "; see schannelctl --help");
}

/* The first form of the command that word is the name or an abbreviation of. */
static const struct command *find_command(const char *word)
{
	struct choice choices[COMMANDS + 1] = { 0 };
	size_t i, first = 0;
	int found;

	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[first].name, commands[i].name))
			first = i;
		choices[i] = (struct choice){ commands[i].name, first };
	}
	found = choice_find(choices, word);
	if (found < 0)
		unknown_command(word);
	return &commands[found];
}

static void print_help(void)
{
	const struct command *c;
	char line[64];

	puts("Usage: schannelctl [OPTIONS] [COMMAND [ARGUMENTS]]\n\nCommands:");
	for (c = commands; c->name; c++) {
		snprintf(line, sizeof(line), "%s %s", c->name, c->synopsis);
		if (strlen(line) > SYNOPSIS_WIDTH)
			printf("  %s\n%*s", line, SYNOPSIS_WIDTH + 3, "");
		else
			printf("  %-*s ", SYNOPSIS_WIDTH, line);
		puts(c->description);
	}
	puts("\nOptions:");
	options_help("jneHpKi");
	puts("\n"
	     "PEER is the name, the domain id, the UUID or an IP address of a peer, or self.\n"
	     "DOM is the id, the UUID or the name of a domain. FILTER is any of: peer PEER,\n"
	     "type TYPE, state STATE, port PORT, sport PORT, dport PORT. SCOPE is any of:\n"
	     "port PORTS, not port PORTS, to PREFIXES, not to PREFIXES. DESTINATION is an IP\n"
	     "address or a PEER, and may have a :PORT. Commands and keywords can be\n"
	     "abbreviated. PCAP-FILTER is an expression of tcpdump. For the help text of a\n"
	     "command: schannelctl COMMAND --help");
}

static void help_command(char **arg)
{
	if (arg[0] && arg[1])
		usage_error();
	if (arg[0]) {
		command_begin(find_command(arg[0]));
		command_help();
	} else {
		print_help();
	}
}

static void print_version(void)
{
	printf("schannelctl %s\n", VERSION);
}

/*
 * The arguments of run include another command with its own options, so only --help as the
 * first argument is an option of schannelctl.
 */
static char **run_arguments(char **arg)
{
	if (*arg && (!strcmp(*arg, "--help") || !strcmp(*arg, "-h")))
		options.help = true;
	return arg;
}

static void execute(int argc, char **argv)
{
	const struct command *command;
	int first = options_before_command(argc, argv);
	char **arg = argv + first;

	if (options.version) {
		print_version();
		return;
	}
	if (options.help && !*arg) {
		print_help();
		return;
	}
	command = find_command(*arg ? *arg : "show");
	command_begin(command);
	if (command->run == run_command) {
		arg = run_arguments(arg + 1);
	} else if (*arg) {
		*arg = argv[0];
		arg = options_after_command(argc - first, arg);
	}
	if (options.version) {
		print_version();
	} else if (options.help) {
		command_help();
	} else {
		options_check(command->name, command->letters);
		command->run(arg);
	}
}

int main(int argc, char **argv)
{
	execute(argc, argv);
	/* Output that was lost must not look like success. */
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILED, "cannot write");
	return EXIT_OK;
}
