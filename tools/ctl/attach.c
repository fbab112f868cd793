// SPDX-License-Identifier: GPL-2.0-only
/* The commands that attach and detach cgroups, whose TCP connections are diverted. */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <schannel.h>

#include "attachment.h"
#include "cgroup.h"
#include "command.h"
#include "options.h"
#include "table.h"

void attach_command(char **arg)
{
	struct scope scope;
	char *cgroup;

	if (!arg[0])
		usage_error();
	scope_parse(&scope, arg + 1, true);
	cgroup = cgroup_find(arg[0]);
	if (!attachment_put(cgroup, &scope))
		exit(EXIT_FAILED);
	scope_free(&scope);
	free(cgroup);
}

/* By its path, or by the name of a systemd unit. The cgroup may have been removed since. */
static bool is_named(const struct attachment *attachment, const char *name, const char *path)
{
	return !strcmp(attachment->cgroup, path) ||
	       (!strchr(name, '/') && !strcmp(strrchr(attachment->cgroup, '/') + 1, name));
}

/*
 * Detach the cgroup with this name, and removed cgroups that had the same path. A name that
 * matches two paths is an error.
 */
static void detach(struct attachment *list, const char *name)
{
	char *path = cgroup_normal(name);
	const char *found = NULL;
	struct attachment *a;

	for (a = list; a; a = a->next) {
		if (!is_named(a, name, path))
			continue;
		if (found && strcmp(found, a->cgroup))
			errx(EXIT_USAGE, "'%s' is ambiguous: %s or %s", name, found, a->cgroup);
		found = a->cgroup;
	}
	if (!found)
		errx(EXIT_FAILED, "'%s' is not attached", name);
	for (a = list; a; a = a->next)
		if (!strcmp(a->cgroup, found) && !attachment_remove(a))
			exit(EXIT_FAILED);
	free(path);
}

static void detach_all(void)
{
	struct attachment *list = attachment_list(), *a;

	for (a = list; a; a = a->next)
		if (!attachment_remove(a))
			exit(EXIT_FAILED);
	attachment_list_free(list);
}

/* How long --now waits for connections, and how often it looks, in milliseconds. */
#define NOW_LIMIT	10000
#define NOW_STEP	50

/* Connections whose cgroup is not attached go back to TCP. */
static void go_back(void)
{
	const struct timespec step = { .tv_nsec = NOW_STEP * 1000000 };
	unsigned int waited;
	uint64_t left;

	for (waited = 0; ; waited += NOW_STEP) {
		if (schannel_divert_detach(&left)) {
			if (errno == EOPNOTSUPP)
				errx(EXIT_FAILED, "the kernel module schannel_inet is not loaded");
			query_failed("TCP connections");
		}
		if (!left)
			return;
		if (waited >= NOW_LIMIT)
			break;
		nanosleep(&step, NULL);
	}
	errx(EXIT_FAILED, "%" PRIu64 " connections are not back: %s", left,
	     "their programs have not read what they received, or not accepted them");
}

void detach_command(char **arg)
{
	struct attachment *list;

	if (options.all ? !!arg[0] : !arg[0] && !options.now)
		usage_error();
	if (options.all)
		detach_all();
	for (; *arg; arg++) {
		list = attachment_list();
		detach(list, *arg);
		attachment_list_free(list);
	}
	if (options.now)
		go_back();
}

void attached_command(char **arg)
{
	static const struct column columns[] = {
		{ "CGROUP", "cgroup", COLUMN_TEXT },
		{ "SCOPE", "scope", COLUMN_TEXT },
		{ "", "gone", COLUMN_FLAG },
		{ }
	};
	static const char * const more[] = { "id", "ports", "to", "not_to", NULL };
	struct json_object *list = list_new(), *record;
	struct attachment *attachments, *a;

	if (arg[0])
		usage_error();
	attachments = attachment_list();
	for (a = attachments; a; a = a->next) {
		record = record_new();
		record_text(record, "cgroup", a->cgroup);
		record_number(record, "id", a->id);
		scope_record(&a->scope, record);
		record_flag(record, "gone", a->gone);
		list_add(list, record);
	}
	attachment_list_free(attachments);
	list_print(list, columns, more);
	json_object_put(list);
}
