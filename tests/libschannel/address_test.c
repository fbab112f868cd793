// SPDX-License-Identifier: GPL-2.0-only
/* Addresses as text, both ways, with peers of our own making. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "schannel.h"
#include "tap.h"
#include "text.h"

#define FAMILY	23
#define UUID	"01234567-89ab-cdef-0123-456789abcdef"

/* The peers there are. No name of two, of a number or with a colon leads to a peer. */
static const char *const web_addresses[] = { "10.0.0.3", "fd00::3", NULL };
static const char *const db_addresses[] = { "10.0.0.4", NULL };
static const char *const vain_addresses[] = { "fd00::e", NULL };
static const char *const none[] = { NULL };

static const struct schannel_peer peers[] = {
	{ .domid = SC_DOMID_SELF, .name = "here", .addresses = none },
	{ .domid = 3, .name = "web", .uuid = UUID, .addresses = web_addresses },
	{ .domid = 4, .name = "d\303\266b", .addresses = db_addresses },
	{ .domid = 5, .name = "twin", .addresses = none },
	{ .domid = 6, .name = "twin", .addresses = none },
	{ .domid = 7, .name = "3", .addresses = none },
	{ .domid = 8, .name = "a:b", .addresses = none },
	{ .domid = 9, .name = "self", .addresses = none },
	{ .domid = 10, .addresses = none },
	{ .domid = 11, .name = "10.0.0.4", .addresses = none },
	{ .domid = 12, .name = UUID, .addresses = none },
	{ .domid = 13, .name = "a b", .addresses = none },
	{ .domid = 14, .name = "fd00::e", .addresses = vain_addresses },
};

static int family = FAMILY;

int schannel_family(void)
{
	if (family < 0)
		errno = EAFNOSUPPORT;
	return family;
}

int schannel_peers(struct schannel_peer **list)
{
	struct schannel_peer **tail = list;
	size_t i;

	if (family < 0) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	for (i = 0; i < ARRAY_SIZE(peers); i++) {
		*tail = malloc(sizeof(**tail));
		if (!*tail)
			abort();
		**tail = peers[i];
		tail = &(*tail)->next;
	}
	*tail = NULL;
	return 0;
}

void schannel_peers_free(struct schannel_peer *list)
{
	while (list) {
		struct schannel_peer *next = list->next;

		free(list);
		list = next;
	}
}

static void parses(void)
{
	static const struct {
		const char *text;
		uint32_t domid, port;
	} table[] = {
		{ "3:7000", 3, 7000 },
		{ "0:0", 0, 0 },
		{ "32751:1", 32751, 1 },
		{ "32752:1", SC_DOMID_SELF, 1 },
		{ "007:080", 7, 80 },
		{ "3:4294967295", 3, 4294967295 },
		{ "3:00000000000000000000000000000000000001", 3, 1 },
		{ "self:7000", SC_DOMID_SELF, 7000 },
		{ "any:7000", SC_DOMID_ANY, 7000 },
		{ "*:0", SC_DOMID_ANY, 0 },
		{ "web:7000", 3, 7000 },
		{ "d\303\266b:1", 4, 1 },
		{ "here:1", SC_DOMID_SELF, 1 },
		{ UUID ":7000", 3, 7000 },
		{ "01234567-89AB-CDEF-0123-456789ABCDEF:7000", 3, 7000 },
		{ "10.0.0.3:7000", 3, 7000 },
		{ "[fd00::3]:7000", 3, 7000 },
		{ "[FD00:0:0::0:3]:7000", 3, 7000 },
		{ "[::ffff:10.0.0.3]:7000", 3, 7000 },
		{ "10.0.0.4:1", 4, 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct sockaddr_sc address;

		memset(&address, 0xff, sizeof(address));
		if (!CHECK(!schannel_parse(table[i].text, &address)) ||
		    !CHECK_EQ(address.sc_domid, table[i].domid) ||
		    !CHECK_EQ(address.sc_port, table[i].port) ||
		    !CHECK_EQ(address.sc_family, FAMILY) ||
		    !CHECK(!address.sc_flags && !address.sc_zero))
			tap_note("\"%s\"", table[i].text);
	}
}

static void refuses(void)
{
	static const struct {
		const char *text;
		int error;
	} table[] = {
		{ "", EINVAL },
		{ ":", EINVAL },
		{ "3", EINVAL },
		{ "web", EINVAL },
		{ "3:", EINVAL },
		{ ":80", EINVAL },
		{ "3:4294967296", EINVAL },
		{ "3:18446744073709551617", EINVAL },
		{ "3:99999999999999999999999999999999999999999", EINVAL },
		{ "3:-1", EINVAL },
		{ "3:+1", EINVAL },
		{ "3: 1", EINVAL },
		{ "3:1 ", EINVAL },
		{ "3:1\n", EINVAL },
		{ "3:0x10", EINVAL },
		{ "3:1.5", EINVAL },
		{ "3:http", EINVAL },
		{ "32753:1", EINVAL },
		{ "4294967295:1", EINVAL },
		{ "4294967299:1", EINVAL },
		{ "18446744073709551619:1", EINVAL },
		{ " 3:1", EINVAL },
		{ "3 :1", EINVAL },
		{ " web:1", EINVAL },
		{ "we b:1", EINVAL },
		{ "we\tb:1", EINVAL },
		{ "web\177:1", EINVAL },
		{ "a:b:1", EINVAL },
		{ "web:1:2", EINVAL },
		{ "web::1", EINVAL },
		{ "::1", EINVAL },
		{ "fd00::3:7000", EINVAL },
		{ "[fd00::3]", EINVAL },
		{ "[fd00::3]7000", EINVAL },
		{ "[fd00::3:7000", EINVAL },
		{ "fd00::3]:7000", EINVAL },
		{ "[fe80::1%eth0]:1", EINVAL },
		{ "[fd00::3g]:1", EINVAL },
		{ "[10.0.0.3]:1", EINVAL },
		{ "[web]:1", EINVAL },
		{ "[]:1", EINVAL },
		{ "[:1", EINVAL },
		{ "]:1", ENOENT },
		{ "nobody:1", ENOENT },
		{ "Web:1", ENOENT },
		{ "web.:1", ENOENT },
		{ "-3:1", ENOENT },
		{ "Self:1", ENOENT },
		{ "10.0.0.9:1", ENOENT },
		{ "[fd00::9]:1", ENOENT },
		{ "ffffffff-89ab-cdef-0123-456789abcdef:1", ENOENT },
		{ "twin:1", ENOTUNIQ },
		/* almost a number or an address: a name */
		{ "256.0.0.1:1", ENOENT },
		{ "01234567-89ab-cdef-0123-456789abcdeg:1", ENOENT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct sockaddr_sc address = { .sc_port = 99 };

		errno = 0;
		if (!CHECK_EQ(schannel_parse(table[i].text, &address), -1) ||
		    !CHECK_EQ(errno, table[i].error) ||
		    !CHECK_EQ(address.sc_port, 99))
			tap_note("\"%s\"", table[i].text);
	}
}

/* A NUL ends the text before the end of the array. */
static void ends_at_nul(void)
{
	struct sockaddr_sc address;

	CHECK_EQ(schannel_parse("web\0:7000", &address), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK(!schannel_parse("web:70\00000", &address));
	CHECK_EQ(address.sc_port, 70);
}

/* Not longer than a name may be, and no byte past its buffer. */
static void long_names(void)
{
	struct sockaddr_sc address;
	char text[SC_NAME_MAX + 8];
	size_t len;

	for (len = SC_NAME_MAX - 2; len <= SC_NAME_MAX + 1; len++) {
		memset(text, 'x', len);
		memcpy(text + len, ":1", sizeof(":1"));
		CHECK_EQ(schannel_parse(text, &address), -1);
		CHECK_EQ(errno, len < SC_NAME_MAX ? ENOENT : EINVAL);
	}
}

static void without_module(void)
{
	struct sockaddr_sc address = { .sc_domid = 3, .sc_port = 1 };
	char text[SCHANNEL_TEXT_MAX];

	family = -1;
	CHECK_EQ(schannel_parse("3:1", &address), -1);
	CHECK_EQ(errno, EAFNOSUPPORT);
	/* Invalid addresses stay invalid. */
	CHECK_EQ(schannel_parse("3:", &address), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK(!schannel_format(&address, text, sizeof(text), SCHANNEL_NAMES));
	CHECK(!strcmp(text, "3:1"));
	family = FAMILY;
}

static void formats(void)
{
	static const struct {
		uint32_t domid, port;
		const char *plain, *named;
	} table[] = {
		{ 0, 0, "0:0", "0:0" },
		{ 3, 7000, "3:7000", "web:7000" },
		{ 4, 1, "4:1", "d\303\266b:1" },
		{ 3, 4294967295, "3:4294967295", "web:4294967295" },
		{ SC_DOMID_SELF, 1, "self:1", "self:1" },
		{ SC_DOMID_ANY, 1, "any:1", "any:1" },
		{ 40000, 1, "40000:1", "40000:1" },
		{ 99, 1, "99:1", "99:1" },
		/* names that lead elsewhere, or nowhere */
		{ 5, 1, "5:1", "5:1" },
		{ 7, 1, "7:1", "7:1" },
		{ 8, 1, "8:1", "8:1" },
		{ 9, 1, "9:1", "9:1" },
		{ 10, 1, "10:1", "10:1" },
		{ 11, 1, "11:1", "11:1" },
		{ 12, 1, "12:1", "12:1" },
		{ 13, 1, "13:1", "13:1" },
		{ 14, 1, "14:1", "14:1" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		const struct sockaddr_sc address = {
			.sc_family = FAMILY,
			.sc_domid = table[i].domid,
			.sc_port = table[i].port,
		};
		struct sockaddr_sc again;
		char text[SCHANNEL_TEXT_MAX];

		CHECK(!schannel_format(&address, text, sizeof(text), 0));
		if (!CHECK(!strcmp(text, table[i].plain)))
			tap_note("\"%s\", not \"%s\"", text, table[i].plain);
		CHECK(!schannel_format(&address, text, sizeof(text), SCHANNEL_NAMES));
		if (!CHECK(!strcmp(text, table[i].named)))
			tap_note("\"%s\", not \"%s\"", text, table[i].named);
		if (table[i].domid != 40000)
			CHECK(!schannel_parse(text, &again) &&
			      !memcmp(&again, &address, sizeof(again)));
	}
}

static void format_bounds(void)
{
	const struct sockaddr_sc address = { .sc_domid = 3, .sc_port = 7000 };
	char text[sizeof("3:7000")];
	size_t size;

	for (size = 0; size < sizeof(text); size++) {
		CHECK_EQ(schannel_format(&address, text, size, 0), -1);
		CHECK_EQ(errno, ENOSPC);
	}
	CHECK(!schannel_format(&address, text, sizeof(text), 0));
	CHECK_EQ(schannel_format(&address, text, sizeof(text), ~0U), -1);
	CHECK_EQ(errno, EINVAL);
}

static void finds(void)
{
	static const struct {
		const char *text;
		int error;
		uint32_t domid;
	} table[] = {
		{ "3", 0, 3 }, { "web", 0, 3 }, { UUID, 0, 3 }, { "self", 0, SC_DOMID_SELF },
		{ "10.0.0.3", 0, 3 }, { "fd00::3", 0, 3 }, { "[fd00::3]", 0, 3 },
		{ "10.0.0.4", 0, 4 },
		{ "any", EINVAL, 0 }, { "*", EINVAL, 0 }, { "", EINVAL, 0 }, { "a:b", EINVAL, 0 },
		{ "32753", EINVAL, 0 }, { "99", ENOENT, 0 }, { "twin", ENOTUNIQ, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		struct schannel_peer *peer = NULL;
		int ret = schannel_peer_find(table[i].text, &peer);

		if (!CHECK_EQ(ret, table[i].error ? -1 : 0))
			tap_note("\"%s\"", table[i].text);
		if (ret)
			CHECK_EQ(errno, table[i].error);
		else if (CHECK(peer && !peer->next))
			CHECK_EQ(peer->domid, table[i].domid);
		schannel_peers_free(peer);
	}
}

static const struct tap_case cases[] = {
	{ "text: addresses", parses },
	{ "text: invalid addresses", refuses },
	{ "text: a NUL ends it", ends_at_nul },
	{ "text: long names", long_names },
	{ "text: without the module", without_module },
	{ "text: of addresses, and back", formats },
	{ "text: too small a buffer", format_bounds },
	{ "text: finding a peer", finds },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
