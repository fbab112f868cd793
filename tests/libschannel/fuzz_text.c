// SPDX-License-Identifier: GPL-2.0-only
/* Any text: an address that is formatted and parsed again stays the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char again[SC_NAME_MAX + 16];
	struct scl_host host, other;
	uint32_t port, other_port;
	bool bracket;
	char *text;

	/* No byte more than there is, so that reading on is noticed. */
	text = strndup((const char *)data, size);
	if (!text)
		abort();
	if (!scl_text_parse(text, &host, &port))
		goto out;
	bracket = strchr(host.text, ':');
	if (host.kind != SCL_HOST_DOMID)
		snprintf(again, sizeof(again), "%s%s%s:%" PRIu32, bracket ? "[" : "",
			 host.text, bracket ? "]" : "", port);
	else if (host.domid == SC_DOMID_ANY)
		snprintf(again, sizeof(again), "*:%" PRIu32, port);
	else
		snprintf(again, sizeof(again), "%" PRIu32 ":%" PRIu32, host.domid, port);
	if (!scl_text_parse(again, &other, &other_port) || port != other_port ||
	    host.kind != other.kind || host.domid != other.domid ||
	    strcmp(host.text, other.text))
		abort();
out:
	free(text);
	return 0;
}
