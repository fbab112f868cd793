// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explains whether a TCP connection from this domain would be diverted. What is in the way at this
 * end before there is a connection is found; anything else shows in what became of the last one.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/schannel_netlink.h>

#include <schannel.h>

#include "attachment.h"
#include "cgroup.h"
#include "choice.h"
#include "command.h"
#include "divert.h"
#include "options.h"
#include "peer.h"

/* A destination: HOST, HOST:PORT or [ADDRESS]:PORT. Port 0: none was given. */
struct destination {
	char host[SCHANNEL_TEXT_MAX];
	uint16_t port;
};

static uint16_t parse_port(const char *text)
{
	unsigned long port;
	char *end;

	errno = 0;
	port = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || !port || port > UINT16_MAX)
		errx(EXIT_USAGE, "invalid TCP port '%s'", text);
	return port;
}

static void parse_destination(struct destination *to, const char *text)
{
	const char *host = text, *end = strchr(text, ':');
	size_t len;

	*to = (struct destination){ 0 };
	if (*text == '[') {
		host++;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			errx(EXIT_USAGE, "invalid destination '%s'", text);
		len = end - host;
		end = end[1] ? end + 1 : NULL;
	} else {
		/* Text with several colons is an IPv6 address without a port. */
		if (end && strchr(end + 1, ':'))
			end = NULL;
		len = end ? (size_t)(end - host) : strlen(host);
	}
	if (!len || len >= sizeof(to->host))
		errx(EXIT_USAGE, "invalid destination '%s'", text);
	memcpy(to->host, host, len);
	if (end)
		to->port = parse_port(end + 1);
}

/* An IPv4 address becomes a v4-mapped one. */
static bool parse_ip(const char *text, struct in6_addr *ip)
{
	*ip = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	return inet_pton(AF_INET, text, &ip->s6_addr[12]) == 1 ||
	       inet_pton(AF_INET6, text, ip) == 1;
}

/* Programs should look at the name of a reason: the text may change. */
static struct json_object *reason_new(const char *name, const char *text)
{
	struct json_object *reason = record_new();

	record_text(reason, "reason", name);
	record_text(reason, "text", text);
	return reason;
}

static void add_reason(struct json_object *record, const char *name, const char *text)
{
	list_add(json_object_object_get(record, "reasons"), reason_new(name, text));
}

static void add_cgroup(struct json_object *record, const char *cgroup, const struct in6_addr *ip,
		       uint16_t port)
{
	char text[256];

	switch (attachment_verdict(cgroup, ip, port)) {
	case ATTACHMENT_INCLUDED:
		break;
	case ATTACHMENT_NONE:
		snprintf(text, sizeof(text), "the cgroup %s is not attached (schannelctl attach)",
			 cgroup);
		add_reason(record, "cgroup_not_attached", text);
		break;
	case ATTACHMENT_EXCLUDED:
		snprintf(text, sizeof(text),
			 "the scope of the attached cgroup %s excludes it", cgroup);
		add_reason(record, "cgroup_excluded", text);
		break;
	case ATTACHMENT_UNKNOWN:
		snprintf(text, sizeof(text), "the attachments of the cgroup %s cannot be read: %s",
			 cgroup, strerror(errno));
		add_reason(record, "cgroup_unknown", text);
		break;
	}
}

/* What became of the last connection there, which does not say what becomes of the next one. */
static void add_last(struct json_object *record, const struct schannel_diversion *diversion)
{
	struct json_object *last = reason_new(divert_name(diversion->last),
					      divert_text(diversion->last));

	record_number(last, "age_ms", diversion->age_ms);
	record_add(record, "last", last);
}

/* Add the verdict of the kernel, and the peer that has the address. */
static void add_kernel(struct json_object *record, const char *address, uint16_t port)
{
	struct schannel_diversion *diversion;

	if (schannel_divert_get(address, port, &diversion)) {
		if (errno != EOPNOTSUPP)
			query_failed("diverted connections");
		add_reason(record, "no_module",
			   "schannel_inet is not loaded (modprobe schannel_inet)");
		return;
	}
	if (diversion->domid != SC_DOMID_ANY) {
		record_text(record, "peer", peer_host(diversion->domid));
		record_number(record, "peer_domid", diversion->domid);
	}
	if (diversion->verdict != SCHANNEL_DIVERT_OK)
		add_reason(record, divert_name(diversion->verdict),
			   divert_text(diversion->verdict));
	if (diversion->last != SCHANNEL_DIVERT_OK)
		add_last(record, diversion);
	schannel_divert_free(diversion);
}

static struct json_object *explain(const char *address, uint16_t port, const char *cgroup)
{
	struct json_object *record = record_new();
	struct in6_addr ip;

	record_text(record, "address", address);
	record_add(record, "port", port ? json_object_new_int(port) : NULL);
	record_text(record, "cgroup", cgroup);
	record_text(record, "peer", NULL);
	record_add(record, "peer_domid", NULL);
	record_flag(record, "diverted", false);
	record_add(record, "reasons", list_new());
	record_add(record, "last", NULL);
	if (!parse_ip(address, &ip))
		errx(EXIT_FAILED, "'%s' is not an IP address", address);
	add_kernel(record, address, port);
	add_cgroup(record, cgroup, &ip, port);
	record_flag(record, "diverted",
		    !json_object_array_length(json_object_object_get(record, "reasons")));
	return record;
}

/* For a peer, explain each of its published addresses. */
static struct json_object *explain_all(const struct destination *to, const char *cgroup)
{
	struct json_object *list = list_new(), *peers, *addresses;
	const char *address;
	struct in6_addr ip;
	size_t i;

	if (parse_ip(to->host, &ip)) {
		list_add(list, explain(to->host, to->port, cgroup));
		return list;
	}
	peers = peer_list(to->host);
	addresses = json_object_object_get(json_object_array_get_idx(peers, 0), "addresses");
	for (i = 0; i < json_object_array_length(addresses); i++) {
		address = json_object_get_string(json_object_array_get_idx(addresses, i));
		list_add(list, explain(address, to->port, cgroup));
	}
	if (!i)
		errx(EXIT_FAILED, "no address is published for the peer '%s'", to->host);
	json_object_put(peers);
	return list;
}

static const char *text_of(struct json_object *record, const char *key)
{
	return json_object_get_string(json_object_object_get(record, key));
}

static bool is_diverted(struct json_object *record)
{
	return json_object_get_boolean(json_object_object_get(record, "diverted"));
}

static void print_last(struct json_object *last)
{
	int64_t age_ms = json_object_get_int64(json_object_object_get(last, "age_ms"));

	printf("; the last connection there stayed with TCP, %.1f s ago: %s", age_ms / 1e3,
	       text_of(last, "text"));
}

static void print_text(struct json_object *record)
{
	struct json_object *reasons = json_object_object_get(record, "reasons");
	struct json_object *last = json_object_object_get(record, "last");
	const char *address = text_of(record, "address"), *port = text_of(record, "port");
	bool bracket = port && strchr(address, ':');
	size_t i;

	printf("%s%s%s%s%s: ", bracket ? "[" : "", address, bracket ? "]" : "", port ? ":" : "",
	       port ? port : "");
	if (is_diverted(record))
		printf("would be diverted, to %s", text_of(record, "peer"));
	else
		printf("would be plain TCP");
	for (i = 0; i < json_object_array_length(reasons); i++)
		printf("%s %s", i ? ", and because" : ", because",
		       text_of(json_object_array_get_idx(reasons, i), "text"));
	if (last)
		print_last(last);
	putchar('\n');
}

static void print(struct json_object *list)
{
	size_t i;

	if (options.json)
		record_print(list, true);
	else
		for (i = 0; i < json_object_array_length(list); i++)
			print_text(json_object_array_get_idx(list, i));
	/* The exit status reports whether the connection is diverted, so errors exit here. */
	if (fflush(stdout) || ferror(stdout))
		err(EXIT_FAILED, "cannot write");
}

static char *parse_cgroup(char **arg)
{
	static const struct choice words[] = { { "cgroup", 1 }, { } };
	char *own;

	if (!arg[0]) {
		own = cgroup_own();
		if (!own)
			err(EXIT_FAILED, "cannot read the cgroup of this process");
		return own;
	}
	choice_get(words, "keyword", arg[0]);
	if (!arg[1] || arg[2])
		usage_error();
	return cgroup_find(arg[1]);
}

void why_command(char **arg)
{
	struct destination to;
	struct json_object *list;
	bool diverted = true;
	char *cgroup;
	size_t i;

	if (!arg[0])
		usage_error();
	parse_destination(&to, arg[0]);
	cgroup = parse_cgroup(arg + 1);
	list = explain_all(&to, cgroup);
	print(list);
	for (i = 0; i < json_object_array_length(list); i++)
		diverted &= is_diverted(json_object_array_get_idx(list, i));
	json_object_put(list);
	free(cgroup);
	if (!diverted)
		exit(EXIT_FAILED);
}
