// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recorded exchanges of version 1 are valid for ever, to both implementations.
 *
 *	vector_test record opens|accepts	prints a new record
 */
#include <string.h>

#include "abi/vector.h"
#include "tap.h"

static void ours_is_opened_to(void)
{
	vector_replay("abi/version-1-opens", &our_side);
}

static void ours_opens(void)
{
	vector_replay("abi/version-1-accepts", &our_side);
}

static void second_is_opened_to(void)
{
	vector_replay("abi/version-1-opens", &second_side);
}

static void second_opens(void)
{
	vector_replay("abi/version-1-accepts", &second_side);
}

static const struct tap_case cases[] = {
	{ "version 1 opens flows to ours", ours_is_opened_to },
	{ "version 1 accepts flows of ours", ours_opens },
	{ "version 1 opens flows to the second implementation", second_is_opened_to },
	{ "version 1 accepts flows of the second implementation", second_opens },
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "record")) {
		vector_record(&second_side, &second_side, !strcmp(argv[2], "opens"));
		return tap_failed();
	}
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
