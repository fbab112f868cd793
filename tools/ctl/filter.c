// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/schannel.h>

#include "../nearest.h"
#include "choice.h"
#include "command.h"
#include "filter.h"
#include "peer.h"

enum { BY_PEER, BY_TYPE, BY_STATE, BY_PORT, BY_SPORT, BY_DPORT };

static const struct choice keywords[] = {
	{ "peer", BY_PEER },
	{ "type", BY_TYPE },
	{ "state", BY_STATE },
	{ "port", BY_PORT },
	{ "sport", BY_SPORT },
	{ "dport", BY_DPORT },
	{ }
};

static const struct choice types[] = {
	{ "stream", SOCK_STREAM },
	{ "seqpacket", SOCK_SEQPACKET },
	{ "dgram", SOCK_DGRAM },
	{ "tcp", TYPE_TCP },
	{ }
};

static uint32_t parse_port(const char *text)
{
	unsigned long long port;
	char *end;

	errno = 0;
	port = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !port || port > UINT32_MAX)
		errx(EXIT_USAGE, "invalid port '%s'", text);
	return port;
}

/* States are not abbreviated: "open" is one, and the beginning of another one. */
static const char *parse_state(const char *text, const char *const *states)
{
	struct nearest nearest = { .word = text };
	char hint[NEAREST_HINT_SIZE];

	for (; *states; states++) {
		if (!strcmp(*states, text))
			return *states;
		nearest_try(&nearest, *states);
	}
	nearest_hint(&nearest, hint);
	errx(EXIT_USAGE, "unknown state '%s'%s", text,
	     nearest.name ? hint : "; see schannelctl(8)");
}

void filter_parse(struct filter *filter, char **arg, const char *const *states)
{
	*filter = (struct filter){ .domid = SC_DOMID_ANY };
	for (; arg[0]; arg += 2) {
		int keyword = choice_get(keywords, "filter keyword", arg[0]);

		if (!arg[1])
			usage_error();
		switch (keyword) {
		case BY_PEER:
			filter->domid = peer_domid(arg[1]);
			break;
		case BY_TYPE:
			filter->type = choice_get(types, "type", arg[1]);
			break;
		case BY_STATE:
			filter->state = parse_state(arg[1], states);
			break;
		case BY_PORT:
			filter->port = parse_port(arg[1]);
			break;
		case BY_SPORT:
			filter->sport = parse_port(arg[1]);
			break;
		case BY_DPORT:
			filter->dport = parse_port(arg[1]);
			break;
		}
	}
}

/* False for a null. */
static bool is_number(struct json_object *record, const char *key, uint32_t number)
{
	struct json_object *value = json_object_object_get(record, key);

	return value && json_object_get_uint64(value) == number;
}

static bool is_text(struct json_object *record, const char *key, const char *text)
{
	return !strcmp(json_object_get_string(json_object_object_get(record, key)), text);
}

bool filter_matches(const struct filter *filter, struct json_object *record)
{
	if (filter->domid != SC_DOMID_ANY && !is_number(record, "peer_domid", filter->domid))
		return false;
	if (filter->type && !is_text(record, "type", type_text(filter->type)))
		return false;
	if (filter->state && !is_text(record, "state", filter->state))
		return false;
	if (filter->port && !is_number(record, "local_port", filter->port) &&
	    !is_number(record, "peer_port", filter->port))
		return false;
	if (filter->sport && !is_number(record, "local_port", filter->sport))
		return false;
	return !filter->dport || is_number(record, "peer_port", filter->dport);
}
