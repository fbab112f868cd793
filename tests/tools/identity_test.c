// SPDX-License-Identifier: GPL-2.0-only
/*
 * identity_read() on a simulated xenstore, which is a table. What peers learn of a domain is
 * bounded, in its canonical form, and valid.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "tap.h"

#define NAME_32	"a-name-of-thirty-two-bytes-....."

static const struct entry {
	const char *path;
	const char *value;
} store[] = {
	{ "/local/domain/1/name", "web" },
	{ "/local/domain/1/vm", "/vm/6f2b9d3c-0a51-4c1e-9f7e-1d2c3b4a5968-2" },
	{ "/local/domain/0/backend/vif/1/0/ip", "10.0.0.1 2001:DB8:0::1/64" },
	{ "/local/domain/0/backend/vif/1/1/ip", "10.1.0.1" },
	{ "/local/domain/0/backend/vif/1/x/ip", "10.2.0.1" },
	{ "/local/domain/1/device/vif/0/ip", "10.3.0.1" },
	{ "/local/domain/5/backend/vif/1/0/ip", "10.4.0.1" },
	{ "/local/domain/2/name", "line\nfeed" },
	{ "/local/domain/2/vm", "/vm/6f2b9d3c-0a51-4c1e-9f7e" },
	{ "/local/domain/3/name", NAME_32 NAME_32 NAME_32 NAME_32 },
	{ }
};

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	const struct entry *e;

	(void)xs;
	(void)t;
	(void)len;
	for (e = store; e->path; e++)
		if (!strcmp(e->path, path))
			return strdup(e->value);
	errno = ENOENT;
	return NULL;
}

char **xs_directory(struct xs_handle *xs, xs_transaction_t t, const char *path,
		    unsigned int *count)
{
	static char names[8][8];
	char **list = calloc(8, sizeof(*list));
	size_t len = strlen(path);
	const struct entry *e;

	(void)xs;
	(void)t;
	*count = 0;
	for (e = store; e->path; e++) {
		if (strncmp(e->path, path, len) || e->path[len] != '/')
			continue;
		snprintf(names[*count], sizeof(names[0]), "%.*s",
			 (int)strcspn(e->path + len + 1, "/"), e->path + len + 1);
		list[*count] = names[*count];
		++*count;
	}
	return list;
}

static void expect(const char *what, const char *got, const char *wanted)
{
	bool same = !strcmp(got, wanted);

	tap_point(same, "%s", what);
	if (!same)
		tap_note("got '%s', not '%s'", got, wanted);
}

static void expect_addresses(const char *what, const char *text, const char *wanted)
{
	struct identity who = { 0 };

	identity_add_addresses(&who, text);
	expect(what, who.addresses, wanted);
}

static void check_bound(void)
{
	char text[64 * 48] = "", longest[40];
	struct identity who = { 0 };
	unsigned int i;

	for (i = 0; i < 64; i++) {
		snprintf(longest, sizeof(longest), "2001:1111:2222:3333:4444:5555:6666:%x",
			 0x1000 + i);
		strcat(strcat(text, i ? " " : ""), longest);
	}
	identity_add_addresses(&who, text);
	snprintf(text, sizeof(text), "%zu", strlen(who.addresses));
	/* 16 addresses of 39 bytes each, the most that the kernel accepts. */
	expect("a list that is too long ends after a whole address", text, "639");
}

int main(void)
{
	struct identity who;

	identity_read(&who, NULL, XBT_NULL, 1);
	expect("the name", who.name, "web");
	expect("the UUID, without its suffix", who.uuid, "6f2b9d3c-0a51-4c1e-9f7e-1d2c3b4a5968");
	expect("the addresses come only from the control domain's backends", who.addresses,
	       "10.0.0.1 2001:db8::1 10.1.0.1");
	identity_read(&who, NULL, XBT_NULL, 2);
	expect("a name with a line feed is ignored", who.name, "");
	expect("half a UUID is ignored", who.uuid, "");
	expect("no interfaces, no addresses", who.addresses, "");
	identity_read(&who, NULL, XBT_NULL, 3);
	expect("a name of 128 bytes is ignored", who.name, "");
	identity_read(&who, NULL, XBT_NULL, 4);
	expect("a domain that does not exist has no name", who.name, "");

	expect_addresses("invalid addresses are left out",
			 " 10.0.0.1\t1.2.3 x 10.0.0.256 ", "10.0.0.1");
	expect_addresses("loopback, multicast and other addresses of no single host are left out",
			 "127.0.0.1 0.0.0.0 224.0.0.1 255.255.255.255 ::1 :: ff02::1 fe80::1", "");
	expect_addresses("IPv4 addresses in IPv6 form are left out",
			 "::ffff:10.0.0.1 ::10.0.0.1", "");
	expect_addresses("each address appears once",
			 "10.0.0.1 110.0.0.1 10.0.0.1/24 fd00::1 FD00:0::1",
			 "10.0.0.1 110.0.0.1 fd00::1");
	check_bound();

	return tap_end();
}
