// SPDX-License-Identifier: GPL-2.0-only
/* The overview, which is also what schannelctl prints without a command. */
#include <stdio.h>
#include <string.h>

#include <schannel.h>

#include "channel.h"
#include "command.h"
#include "options.h"
#include "pair.h"
#include "peer.h"

/* Whether this is the control domain of a Xen host. */
static bool in_control_domain(void)
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
 * The control domain may run without the module, and its pairs are shown all the same. In
 * every other domain, the missing module is an error.
 */
void show_command(char **arg)
{
	struct json_object *record = record_new(), *list;
	bool control = in_control_domain();

	if (arg[0])
		usage_error();
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
