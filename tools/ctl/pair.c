// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the control domain; provision.c implements them. */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../domain.h"
#include "../provision.h"
#include "../xenstore.h"
#include "command.h"
#include "pair.h"
#include "table.h"

/* xenstored answers a request at once; if it does not for this long, it does not run. */
#define TIMEOUT_S	10

static void timed_out(int signal)
{
	static const char line[] = "schannelctl: xenstored does not answer\n";

	(void)signal;
	_exit(write(STDERR_FILENO, line, sizeof(line) - 1) < 0 ? EXIT_USAGE : EXIT_FAILED);
}

static struct xs_handle *store_open(void)
{
	struct xs_handle *xs;
	int error;

	/* XENSTORED_PATH makes libxenstore use another daemon, also outside of Xen. */
	if (!getenv("XENSTORED_PATH") && access("/proc/xen", F_OK) && access("/dev/xen", F_OK))
		errx(EXIT_FAILED, "this is not a Xen host");
	if (!xenstore_load())
		errx(EXIT_FAILED, "not the control domain, or it has no libxenstore");
	/*
	 * If no daemon listens on its socket, libxenstore uses the kernel, which accepts
	 * requests even when no daemon answers them.
	 */
	signal(SIGALRM, timed_out);
	xenstore_time_limit(TIMEOUT_S);

	xs = xs_open(0);
	if (xs)
		return xs;
	error = errno;
	if (geteuid())
		errx(EXIT_FAILED, "not permitted: root in the control domain is required");
	errx(EXIT_FAILED, "cannot reach xenstored: %s", strerror(error));
}

static void store_close(struct xs_handle *xs)
{
	xs_close(xs);
	xenstore_time_limit(0);
}

/* Print an error of xenstore itself, and exit. */
static _Noreturn void store_failed(int ret)
{
	if (ret == -EACCES || ret == -EPERM)
		errx(EXIT_FAILED, "not permitted: root in the control domain is required");
	if (ret == -EAGAIN)
		errx(EXIT_FAILED, "too many concurrent changes of xenstore; try again");
	errx(EXIT_FAILED, "xenstore: %s", strerror(-ret));
}

static unsigned int running_domain(struct xs_handle *xs, const char *text)
{
	unsigned int domid = 0;
	int ret = domain_find(xs, text, &domid);

	if (ret == -ENOENT)
		errx(EXIT_FAILED, "no running domain '%s'", text);
	if (ret == -ENOTUNIQ)
		errx(EXIT_FAILED, "several domains are named '%s'; use the id", text);
	if (ret)
		store_failed(ret);
	return domid;
}

static void need_two(char **dom)
{
	if (!dom[0] || !dom[1] || dom[2])
		usage_error();
}

void pair_command(char **dom)
{
	struct xs_handle *xs;
	int ret;

	need_two(dom);
	xs = store_open();
	ret = provision_pair(xs, running_domain(xs, dom[0]), running_domain(xs, dom[1]));

	if (ret == -EINVAL)
		errx(EXIT_FAILED, "'%s' and '%s' are the same domain", dom[0], dom[1]);
	if (ret == -ESRCH)
		errx(EXIT_FAILED, "'%s' or '%s' was just destroyed", dom[0], dom[1]);
	if (ret == -EEXIST)
		errx(EXIT_FAILED, "'%s' and '%s' are already paired", dom[0], dom[1]);
	if (ret)
		store_failed(ret);
	store_close(xs);
}

void unpair_command(char **dom)
{
	unsigned int domid[2], i;
	struct xs_handle *xs;
	int ret;

	need_two(dom);
	xs = store_open();

	/* The name of a destroyed domain is unknown, so an id is taken as it is. */
	for (i = 0; i < 2; i++)
		if (!domain_parse(dom[i], &domid[i]))
			domid[i] = running_domain(xs, dom[i]);

	ret = provision_unpair(xs, domid[0], domid[1]);
	if (ret == -ENOENT)
		errx(EXIT_FAILED, "'%s' and '%s' are not paired", dom[0], dom[1]);
	if (ret)
		store_failed(ret);
	store_close(xs);
}

static const char *state_text(const struct pair_end *end)
{
	static const char * const words[] = {
		"unknown", "initialising", "initwait", "initialised", "connected",
		"closing", "closed", "reconfiguring", "reconfigured",
	};

	static const char * const errors[] = {
		[PAIR_ERROR_WATCHES] = "watch-limit",
		[PAIR_ERROR_NODES] = "node-limit",
	};

	if (!end->present)
		return "missing";
	if (end->error)
		return errors[end->error];
	return end->driver ? words[end->state] : "absent";
}

static struct json_object *end_record(const struct pair_end *end)
{
	struct json_object *record = record_new();

	record_number(record, "domid", end->domid);
	record_text(record, "name", end->name);
	record_text(record, "state", state_text(end));
	return record;
}

struct json_object *pair_list(void)
{
	struct json_object *list = list_new(), *record;
	struct xs_handle *xs = store_open();
	struct pair *pairs;
	size_t count, i;
	int ret;

	ret = provision_list(xs, &pairs, &count);
	if (ret)
		store_failed(ret);
	for (i = 0; i < count; i++) {
		record = record_new();
		record_add(record, "frontend", end_record(&pairs[i].front));
		record_add(record, "backend", end_record(&pairs[i].back));
		record_flag(record, "stale", pair_is_stale(&pairs[i]));
		list_add(list, record);
	}
	provision_list_free(pairs, count);
	store_close(xs);
	return list;
}

void pair_list_print(struct json_object *list)
{
	static const struct column columns[] = {
		{ "DOMID", "frontend/domid", COLUMN_NUMBER },
		{ "FRONTEND", "frontend/name", COLUMN_TEXT },
		{ "STATE", "frontend/state", COLUMN_TEXT },
		{ "DOMID", "backend/domid", COLUMN_NUMBER },
		{ "BACKEND", "backend/name", COLUMN_TEXT },
		{ "STATE", "backend/state", COLUMN_TEXT },
		{ "", "stale", COLUMN_FLAG },
		{ }
	};

	list_print(list, columns, NULL);
}

void list_command(char **arg)
{
	struct json_object *list;

	if (arg[0])
		usage_error();
	list = pair_list();
	pair_list_print(list);
	json_object_put(list);
}
