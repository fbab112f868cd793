// SPDX-License-Identifier: GPL-2.0-only
/* Without the module every call says so. */
#include <errno.h>
#include <string.h>

#include "cases.h"
#include "schannel.h"

#define CHECK_ABSENT(call)			\
	do {					\
		errno = 0;			\
		CHECK_EQ(call, -1);		\
		CHECK_EQ(errno, EAFNOSUPPORT);	\
	} while (0)

static void absent(void)
{
	struct schannel_divert_count *counts;
	struct schannel_diversion *diversion;
	struct schannel_channel *channels;
	struct schannel_monitor *monitor;
	struct schannel_socket *sockets;
	struct schannel_stats *stats;
	struct schannel_peer *peers;
	struct schannel_flow *flows;
	struct sockaddr_sc address;
	uint32_t domid;
	uint64_t left;

	CHECK_ABSENT(schannel_family());
	CHECK_ABSENT(schannel_domid(&domid));
	CHECK_ABSENT(schannel_parse("self:1", &address));
	CHECK_ABSENT(schannel_parse("web:1", &address));
	CHECK_ABSENT(schannel_listen("any:0", SOCK_STREAM, 1));
	CHECK_ABSENT(schannel_connect("self:1", SOCK_STREAM, -1));
	CHECK_ABSENT(schannel_peers(&peers));
	CHECK_ABSENT(schannel_peer_find("web", &peers));
	CHECK_ABSENT(schannel_peer_move(3, 0));
	CHECK_ABSENT(schannel_channels(&channels));
	CHECK_ABSENT(schannel_flows(SC_DOMID_ANY, &flows));
	CHECK_ABSENT(schannel_flow_destroy(&(struct schannel_flow){ .domid = 3, .id = 1 }));
	CHECK_ABSENT(schannel_sockets(0, 0, &sockets));
	CHECK_ABSENT(schannel_socket_destroy(1));
	CHECK_ABSENT(schannel_stats(&stats));
	CHECK_ABSENT(schannel_divert_get("10.0.0.3", 80, &diversion));
	CHECK_ABSENT(schannel_divert_counts(&counts));
	CHECK_ABSENT(schannel_divert_detach(&left));
	CHECK_ABSENT(schannel_monitor_open(SCHANNEL_MONITOR_PEERS, &monitor));
}

static void still_there(void)
{
	const struct sockaddr_sc address = { .sc_domid = 3, .sc_port = 4 };
	char text[SCHANNEL_TEXT_MAX];

	CHECK(!schannel_format(&address, text, sizeof(text), SCHANNEL_NAMES));
	CHECK(!strcmp(text, "3:4"));
	CHECK_EQ(schannel_parse("3:", &(struct sockaddr_sc){ 0 }), -1);
	CHECK_EQ(errno, EINVAL);
}

static const struct tap_case cases[] = {
	{ "absent: every call reports it", absent },
	{ "absent: calls that need no module", still_there },
};

TABLE(absent);
