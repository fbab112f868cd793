// SPDX-License-Identifier: GPL-2.0-only
/* schannelctl - see channels between domains, and say who may have and use one */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "ctl.h"
#include "pair.h"
#include "peer.h"

struct options options;

static void show_command(char **arg);
static void help_command(char **arg);

/* An abbreviation is tried with the names of all. */
static const struct command {
	const char *name;
	void (*run)(char **arg);
	const char *letters;	/* the options it takes */
	const char *synopsis;
	const char *description;
} commands[] = {
	{ "show", show_command, "jnHe", "",
	  "pairs (in the control domain), peers and channels; also without a command" },
	{ "peers", peers_command, "jne", "[PEER]",
	  "domains there can be a channel to" },
	{ "peers", peers_command, "", "move PEER netns NAME|PID",
	  "give a peer to another network namespace" },
	{ "channels", channels_command, "jnHe", "[PEER]",
	  "channels, their memory and traffic" },
	{ "flows", flows_command, "jnHep", "[FILTER]",
	  "connections in channels" },
	{ "sockets", sockets_command, "jnHepK", "[FILTER]",
	  "sockets, connected or not" },
	{ "sockets", sockets_command, "", "kill FILTER",
	  "end sockets and show them (also -K)" },
	{ "stats", stats_command, "jni", "[PEER]",
	  "counters of this network namespace, or of the channel to PEER" },
	{ "monitor", monitor_command, "jn", "[peers] [flows]",
	  "what happens, until it is interrupted" },
	{ "attach", attach_command, "e", "CGROUP [SCOPE]",
	  "divert the TCP connections of a cgroup or a systemd unit" },
	{ "detach", detach_command, "e", "CGROUP...",
	  "divert no more of them" },
	{ "attached", attached_command, "je", "",
	  "cgroups that are attached, and for which connections" },
	{ "run", run_command, "e", "[SCOPE] [--] COMMAND [ARGUMENTS]",
	  "run a command whose TCP connections are diverted" },
	{ "why", why_command, "jn", "DESTINATION [cgroup CGROUP]",
	  "whether a TCP connection would be diverted, and if not, why" },
	{ "list", list_command, "j", "",
	  "pairs of domains (control domain)" },
	{ "pair", pair_command, "", "DOM1 DOM2",
	  "let two running domains have a channel (control domain)" },
	{ "unpair", unpair_command, "", "DOM1 DOM2",
	  "take it away again (control domain)" },
	{ "policy", policy_command, "", "check [FILE]",
	  "whether a policy for schanneld makes sense" },
	{ "reload", reload_command, "", "[LOCK]",
	  "have schanneld read its policy again (control domain)" },
	{ "help", help_command, "", "",
	  "print this" },
};

#define COMMANDS	(sizeof(commands) / sizeof(*commands))

static const struct command *current;

static void help_command(char **arg)
{
	const struct command *c;
	char line[64];

	if (arg[0])
		misused();
	puts("Usage: schannelctl [OPTIONS] [COMMAND [ARGUMENTS]]\n");
	for (c = commands; c < commands + COMMANDS; c++) {
		snprintf(line, sizeof(line), "%s %s", c->name, c->synopsis);
		printf("  %-30s %s\n", line, c->description);
	}
	puts("\n"
	     "  -j        print JSON\n"
	     "  -n        numbers instead of names\n"
	     "  -e        more about each\n"
	     "  -H        sizes with units\n"
	     "  -p        processes that have the socket\n"
	     "  -K        sockets: end them\n"
	     "  -i N      stats: again every N seconds, with rates\n"
	     "  -h, -V    print this, or the version\n"
	     "\n"
	     "PEER is the name, the id, the UUID or an IP address of a peer, or self; DOM the\n"
	     "id, the UUID or the name of a domain. FILTER is any of: peer PEER, type TYPE,\n"
	     "state STATE, port PORT, sport PORT, dport PORT. SCOPE is any of: port PORTS,\n"
	     "not port PORTS, to PREFIXES, not to PREFIXES. DESTINATION is an IP address or\n"
	     "a PEER, and may have a :PORT. Commands and keywords can be abbreviated.");
}

void misused(void)
{
	const struct command *c;

	for (c = commands; c < commands + COMMANDS; c++)
		if (!strcmp(c->name, current->name))
			warnx("usage: schannelctl %s%s%s", c->name, *c->synopsis ? " " : "",
			      c->synopsis);
	exit(EXIT_USAGE);
}

void ask_failed(const char *what)
{
	int error = errno;

	if (error == EAFNOSUPPORT)
		errx(EXIT_FAILED, "the kernel module is not loaded (modprobe schannel)");
	if (error == EOPNOTSUPP)
		errx(EXIT_FAILED, "the kernel module that is loaded does not have %s", what);
	if (error == EPERM || error == EACCES)
		errx(EXIT_FAILED, "not permitted: for %s, CAP_NET_ADMIN is needed", what);
	errx(EXIT_FAILED, "cannot ask for %s: %s", what, strerror(error));
}

int choose(const struct choice *choices, const char *word)
{
	const struct choice *c, *found = NULL;
	size_t len = strlen(word);

	for (c = choices; len && c->name; c++) {
		if (strncmp(c->name, word, len))
			continue;
		if (!c->name[len])
			return c->value;
		if (found && found->value != c->value)
			errx(EXIT_USAGE, "'%s' may be %s or %s", word, found->name, c->name);
		found = c;
	}
	return found ? found->value : -1;
}

static const struct command *find_command(const char *word)
{
	struct choice choices[COMMANDS + 1] = { 0 };
	size_t i, first;
	int found;

	/* A command has an entry for each of its synopses: the first one counts. */
	for (i = 0; i < COMMANDS; i++) {
		for (first = 0; strcmp(commands[first].name, commands[i].name); first++)
			;
		choices[i] = (struct choice){ commands[i].name, first };
	}
	found = choose(choices, word);
	if (found < 0)
		errx(EXIT_USAGE, "'%s' is not a command; see schannelctl help", word);
	return &commands[found];
}

bool in_control_domain(void)
{
	FILE *file = fopen("/proc/xen/capabilities", "re");
	char line[64];
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, "control_d");
	if (file)
		fclose(file);
	return found;
}

/*
 * The control domain need not have channels of its own, nor the module; but
 * anywhere else, to have none is what there is to say.
 */
static void show_command(char **arg)
{
	struct json_object *record = record_new(), *list;
	bool control = in_control_domain();

	if (arg[0])
		misused();
	if (control) {
		list = pair_list();
		if (!options.json)
			pair_list_print(list);
		record_add(record, "pairs", list);
	}
	if (!control || schannel_family() >= 0) {
		list = peer_list(NULL);
		if (!options.json) {
			fputs(control ? "\n" : "", stdout);
			peer_list_print(list);
			putchar('\n');
		}
		record_add(record, "peers", list);
		list = channel_list(NULL);
		if (!options.json)
			channel_list_print(list);
		record_add(record, "channels", list);
	}
	if (options.json)
		record_print(record, true);
	json_object_put(record);
}

static double parse_interval(const char *text)
{
	double interval;
	char *end;

	interval = strtod(text, &end);
	if (end == text || *end || !(interval >= 0.01 && interval <= 86400))
		errx(EXIT_USAGE, "-i takes a number of seconds, 0.01 to 86400");
	return interval;
}

/* Which options there were. */
static char letters_seen[256];

#define LETTERS	"jnHepKi:hV"

/* The "+" before letters is for those in front of the command alone. */
static void parse_options(int argc, char **argv, const char *letters)
{
	char *next = letters_seen + strlen(letters_seen);
	int letter;

	while ((letter = getopt(argc, argv, letters)) != -1) {
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
		case 'i':
			options.interval = parse_interval(optarg);
			break;
		case 'h':
			current = find_command("help");
			help_command((char *[]){ NULL });
			exit(EXIT_OK);
		case 'V':
			printf("schannelctl %s\n", VERSION);
			exit(EXIT_OK);
		default:
			exit(EXIT_USAGE);
		}
		if (!strchr(letters_seen, letter))
			*next++ = letter;
	}
}

int main(int argc, char **argv)
{
	const char *letter;
	char **arg;

	parse_options(argc, argv, "+" LETTERS);
	arg = argv + optind;
	current = find_command(*arg ? *arg : "show");
	/* Options may stand anywhere, but those behind run may be the other command's. */
	if (*arg && current->run != run_command) {
		argc -= optind;
		*arg = argv[0];
		optind = 0;
		parse_options(argc, arg, LETTERS);
		arg += optind;
	} else if (*arg) {
		arg++;
	}
	for (letter = letters_seen; *letter; letter++)
		if (!strchr(current->letters, *letter))
			errx(EXIT_USAGE, "%s takes no -%c", current->name, *letter);
	current->run(arg);
	/* What nobody got must not look like success. */
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILED, "cannot write");
	return EXIT_OK;
}
