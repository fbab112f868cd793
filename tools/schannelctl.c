// SPDX-License-Identifier: GPL-2.0-only
/*
 * schannelctl - say which domains have a channel
 *
 * This file is the command line; provision.c does the work.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain.h"
#include "provision.h"

/* Nothing here takes long: whoever waits longer waits for nobody. */
#define TIMEOUT_S	10

static bool json;

static void timed_out(int signal)
{
	static const char line[] = "schannelctl: xenstored does not answer\n";

	(void)signal;
	_exit(write(STDERR_FILENO, line, sizeof(line) - 1) < 0 ? 2 : 1);
}

static struct xs_handle *store_open(void)
{
	struct xs_handle *xs;
	int error;

	/*
	 * Without a daemon that listens, libxenstore turns to the kernel, which
	 * takes requests also when nobody is there to answer them.
	 */
	signal(SIGALRM, timed_out);
	alarm(TIMEOUT_S);

	xs = xs_open(0);
	if (xs)
		return xs;
	error = errno;
	if (access("/proc/xen", F_OK))
		errx(1, "this is not a Xen host");
	if (geteuid())
		errx(1, "not permitted: this is for root in the control domain");
	errx(1, "cannot reach xenstored: %s", strerror(error));
}

/* Says what went wrong with xenstore as such; never returns. */
static void store_failed(int ret)
{
	if (ret == -EACCES || ret == -EPERM)
		errx(1, "not permitted: this is for root in the control domain");
	if (ret == -EAGAIN)
		errx(1, "xenstore changes too fast; try again");
	errx(1, "xenstore: %s", strerror(-ret));
}

static unsigned int running_domain(struct xs_handle *xs, const char *text)
{
	unsigned int domid = 0;
	int ret = domain_find(xs, text, &domid);

	if (ret == -ENOENT)
		errx(1, "no running domain '%s'", text);
	if (ret == -ENOTUNIQ)
		errx(1, "several domains are named '%s'; use the id", text);
	if (ret)
		store_failed(ret);
	return domid;
}

static void cmd_pair(struct xs_handle *xs, char **dom)
{
	int ret = provision_pair(xs, running_domain(xs, dom[0]), running_domain(xs, dom[1]));

	if (ret == -EINVAL)
		errx(1, "'%s' and '%s' are the same domain", dom[0], dom[1]);
	if (ret == -ESRCH)
		errx(1, "'%s' or '%s' has just gone", dom[0], dom[1]);
	if (ret == -EEXIST)
		errx(1, "'%s' and '%s' are already paired", dom[0], dom[1]);
	if (ret)
		store_failed(ret);
}

static void cmd_unpair(struct xs_handle *xs, char **dom)
{
	unsigned int domid[2], i;
	int ret;

	/* A domain that is gone has nothing left but its id. */
	for (i = 0; i < 2; i++)
		if (!domain_parse(dom[i], &domid[i]))
			domid[i] = running_domain(xs, dom[i]);

	ret = provision_unpair(xs, domid[0], domid[1]);
	if (ret == -ENOENT)
		errx(1, "'%s' and '%s' are not paired", dom[0], dom[1]);
	if (ret)
		store_failed(ret);
}

static const char *state_text(const struct pair_end *end)
{
	static const char * const words[] = {
		"unknown", "initialising", "initwait", "initialised", "connected",
		"closing", "closed", "reconfiguring", "reconfigured",
	};

	return end->present ? words[end->state] : "missing";
}

static void json_string(const char *text)
{
	if (!text) {
		fputs("null", stdout);
		return;
	}
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			printf("\\%c", *text);
		else if ((unsigned char)*text < ' ')
			printf("\\u%04x", *text);
		else
			putchar(*text);
	}
	putchar('"');
}

static void json_end(const char *what, const struct pair_end *end)
{
	printf("\"%s\": {\"domid\": %u, \"name\": ", what, end->domid);
	json_string(end->name);
	printf(", \"state\": \"%s\"}, ", state_text(end));
}

static void print_json(const struct pair *pairs, size_t count)
{
	size_t i;

	putchar('[');
	for (i = 0; i < count; i++) {
		fputs(i ? ",\n {" : "{", stdout);
		json_end("frontend", &pairs[i].front);
		json_end("backend", &pairs[i].back);
		printf("\"stale\": %s}", pair_is_stale(&pairs[i]) ? "true" : "false");
	}
	puts("]");
}

static void print_text(const struct pair *pairs, size_t count)
{
	const struct pair *p;

	if (!count)
		return;
	printf("DOMID  %-20s  %-13s  DOMID  %-20s  %s\n", "FRONTEND", "STATE", "BACKEND", "STATE");
	for (p = pairs; p < pairs + count; p++)
		printf("%5u  %-20s  %-13s  %5u  %-20s  %s%s\n",
		       p->front.domid, p->front.name ? p->front.name : "-",
		       state_text(&p->front), p->back.domid, p->back.name ? p->back.name : "-",
		       state_text(&p->back), pair_is_stale(p) ? " (stale)" : "");
}

static void cmd_list(struct xs_handle *xs, char **unused)
{
	struct pair *pairs;
	size_t count;
	int ret;

	(void)unused;
	ret = provision_list(xs, &pairs, &count);
	if (ret)
		store_failed(ret);
	if (json)
		print_json(pairs, count);
	else
		print_text(pairs, count);
	provision_list_free(pairs, count);
}

static const struct command {
	const char *name;
	void (*run)(struct xs_handle *xs, char **arg);
	int args;
	const char *synopsis;
	const char *description;
} commands[] = {
	{ "list", cmd_list, 0, "",
	  "show all pairs of domains (also when there is no command)" },
	{ "pair", cmd_pair, 2, "DOM1 DOM2",
	  "let two running domains have a channel" },
	{ "unpair", cmd_unpair, 2, "DOM1 DOM2",
	  "take it away again" },
	{ }
};

static void print_help(FILE *to)
{
	const struct command *c;
	char line[40];

	fprintf(to, "Usage: schannelctl [-j] [COMMAND [ARGUMENTS]]\n\n");
	for (c = commands; c->name; c++) {
		snprintf(line, sizeof(line), "%s %s", c->name, c->synopsis);
		fprintf(to, "  %-18s %s\n", line, c->description);
	}
	fprintf(to, "  %-18s %s\n\n", "help", "print this");
	fprintf(to, "  %-18s %s\n", "-j", "list: print JSON");
	fprintf(to, "  %-18s %s\n\n", "-V", "print the version");
	fprintf(to, "DOM is the id, the name or the UUID of a domain.\n");
}

static int run(const struct command *c, int args, char **arg)
{
	struct xs_handle *xs;

	if (args != c->args)
		errx(2, "usage: schannelctl %s %s", c->name, c->synopsis);
	if (json && c->run != cmd_list)
		errx(2, "-j is for list");
	xs = store_open();
	c->run(xs, arg);
	xs_close(xs);
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *c = commands;
	int letter;

	while ((letter = getopt(argc, argv, "hjV")) != -1) {
		switch (letter) {
		case 'j':
			json = true;
			break;
		case 'V':
			return printf("schannelctl %s\n", VERSION) < 0;
		case 'h':
			print_help(stdout);
			return 0;
		default:
			return 2;
		}
	}
	argc -= optind;
	argv += optind;

	if (!argc)
		return run(c, 0, NULL);
	if (!strcmp(argv[0], "help")) {
		print_help(stdout);
		return 0;
	}
	for (; c->name; c++)
		if (!strcmp(argv[0], c->name))
			return run(c, argc - 1, argv + 1);
	errx(2, "'%s' is not a command; see schannelctl help", argv[0]);
}
