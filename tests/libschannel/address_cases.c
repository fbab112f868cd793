// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "schannel.h"

static void family(void)
{
	int number = schannel_family();
	int fd = socket(number, SOCK_STREAM, 0);
	struct sockaddr_sc bound = { 0 };
	socklen_t len = sizeof(bound);

	CHECK(number > 0);
	if (!CHECK(fd >= 0))
		return;
	CHECK(!getsockname(fd, (struct sockaddr *)&bound, &len));
	CHECK_EQ(bound.sc_family, number);
	close(fd);
}

static void here(void)
{
	struct sockaddr_sc address;
	char text[SCHANNEL_TEXT_MAX];

	CHECK(!schannel_parse("self:7000", &address));
	CHECK_EQ(address.sc_family, schannel_family());
	CHECK_EQ(address.sc_domid, SC_DOMID_SELF);
	CHECK_EQ(address.sc_port, 7000);
	CHECK(!schannel_format(&address, text, sizeof(text), SCHANNEL_NAMES));
	CHECK(!strcmp(text, "self:7000"));
}

static void unknown(void)
{
	struct sockaddr_sc address;

	CHECK_EQ(schannel_parse("nobody:7000", &address), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK_EQ(schannel_parse("192.0.2.1:7000", &address), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK_EQ(schannel_parse("nobody", &address), -1);
	CHECK_EQ(errno, EINVAL);
}

static const struct tap_case cases[] = {
	{ "address: the family's number is that of its sockets", family },
	{ "address: this domain", here },
	{ "address: without an owner", unknown },
};

TABLE(address);
