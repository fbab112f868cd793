// SPDX-License-Identifier: GPL-2.0-only
#include "divert.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "case.h"

struct request {
	struct nlmsghdr header;
	struct genlmsghdr genl;
	struct nlattr attr;
	char name[NLA_ALIGN(sizeof(SCHANNEL_FAMILY_NAME))];
};

/* Calls @take with each answer; returns 0, or a negative errno. */
static int ask(struct request *request, uint16_t type, uint8_t cmd, uint16_t flags,
	       void (*take)(const struct nlmsghdr *answer, void *arg), void *arg)
{
	char buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int result = -EPROTO;

	if (fd < 0)
		return -errno;
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = NLM_F_REQUEST | flags;
	request->genl.cmd = cmd;
	request->genl.version = 1;
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		result = -errno;
	while (result == -EPROTO) {
		int left = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *answer = (void *)buffer;

		if (left < 0)
			result = -errno;
		for (; NLMSG_OK(answer, left); answer = NLMSG_NEXT(answer, left)) {
			if (answer->nlmsg_type == NLMSG_DONE ||
			    answer->nlmsg_type == NLMSG_ERROR) {
				result = *(const int *)NLMSG_DATA(answer);
				break;
			}
			take(answer, arg);
		}
	}
	close(fd);
	return result;
}

/* The attribute of this type, or NULL; *@size is what it has to have at least. */
static const void *find_attr(const struct nlmsghdr *answer, uint16_t type,
			     size_t size)
{
	const char *at = (const char *)NLMSG_DATA(answer) + GENL_HDRLEN;
	const char *end = (const char *)answer + answer->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN)
			break;
		if ((attr->nla_type & NLA_TYPE_MASK) == type &&
		    attr->nla_len >= NLA_HDRLEN + size)
			return at + NLA_HDRLEN;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static void take_family(const struct nlmsghdr *answer, void *arg)
{
	const void *id = find_attr(answer, CTRL_ATTR_FAMILY_ID, sizeof(uint16_t));

	if (id)
		memcpy(arg, id, sizeof(uint16_t));
}

static void take_verdict(const struct nlmsghdr *answer, void *arg)
{
	struct divert_counts *counts = arg;
	const void *verdict = find_attr(answer, SCHANNEL_A_DIVERT_VERDICT,
					sizeof(uint32_t));
	const void *count = find_attr(answer, SCHANNEL_A_DIVERT_COUNT,
				      sizeof(uint64_t));
	uint32_t which;

	if (!verdict || !count)
		return;
	memcpy(&which, verdict, sizeof(which));
	if (which <= SCHANNEL_DIVERT_MAX)
		memcpy(&counts->verdicts[which], count, sizeof(uint64_t));
}

static int read_verdicts(struct divert_counts *counts)
{
	struct request request = {
		.header.nlmsg_len = sizeof(request),
		.attr.nla_type = CTRL_ATTR_FAMILY_NAME,
		.attr.nla_len = NLA_HDRLEN + sizeof(SCHANNEL_FAMILY_NAME),
		.name = SCHANNEL_FAMILY_NAME,
	};
	uint16_t id = 0;
	int err;

	err = ask(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK,
		  take_family, &id);
	if (err)
		return err;
	request.header.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	return ask(&request, id, SCHANNEL_CMD_DIVERT_GET, NLM_F_DUMP,
		   take_verdict, counts);
}

/* "Tcp: NAMES" and "Tcp: VALUES"; the fifth is ActiveOpens, the seventh AttemptFails. */
static bool read_tcp(struct divert_counts *counts)
{
	FILE *file = fopen("/proc/net/snmp", "re");
	unsigned long long opens, failed;
	char line[1024];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "Tcp: %*d %*d %*d %*d %llu %*u %llu", &opens,
			       &failed) == 2;
	if (file)
		fclose(file);
	if (!found) {
		fprintf(stderr, "/proc/net/snmp: nothing about TCP in it\n");
		return false;
	}
	counts->tcp = opens;
	counts->failed = failed;
	return true;
}

bool divert_read(struct divert_counts *counts)
{
	int err;

	memset(counts, 0, sizeof(*counts));
	err = read_verdicts(counts);
	if (err) {
		fprintf(stderr, "cannot read the counters of diverted connections: %s\n",
			errno_name(-err));
		return false;
	}
	return read_tcp(counts);
}

struct divert_counts divert_since(const struct divert_counts *before,
				  const struct divert_counts *after)
{
	struct divert_counts since = {
		.tcp = after->tcp - before->tcp,
		.failed = after->failed - before->failed,
	};

	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++)
		since.verdicts[i] = after->verdicts[i] - before->verdicts[i];
	return since;
}

uint64_t divert_declined(const struct divert_counts *counts)
{
	uint64_t declined = 0;

	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++) {
		if (i != SCHANNEL_DIVERT_OK)
			declined += counts->verdicts[i];
	}
	return declined;
}

const char *divert_name(enum schannel_divert verdict)
{
	static const char * const names[] = {
		[SCHANNEL_DIVERT_OK] = "OK",
		[SCHANNEL_DIVERT_NO_PEER] = "NO_PEER",
		[SCHANNEL_DIVERT_LOCAL] = "LOCAL",
		[SCHANNEL_DIVERT_SOCKET] = "SOCKET",
		[SCHANNEL_DIVERT_REWRITTEN] = "REWRITTEN",
		[SCHANNEL_DIVERT_SOURCE] = "SOURCE",
		[SCHANNEL_DIVERT_RECENT] = "RECENT",
		[SCHANNEL_DIVERT_NO_CHANNEL] = "NO_CHANNEL",
		[SCHANNEL_DIVERT_TIMEOUT] = "TIMEOUT",
		[SCHANNEL_DIVERT_UNSUPPORTED] = "UNSUPPORTED",
		[SCHANNEL_DIVERT_NO_LISTENER] = "NO_LISTENER",
		[SCHANNEL_DIVERT_NOT_ATTACHED] = "NOT_ATTACHED",
		[SCHANNEL_DIVERT_BACKLOG] = "BACKLOG",
		[SCHANNEL_DIVERT_NO_MEMORY] = "NO_MEMORY",
		[SCHANNEL_DIVERT_REFUSED_SOURCE] = "REFUSED_SOURCE",
		[SCHANNEL_DIVERT_DENIED] = "DENIED",
	};

	return names[verdict];
}

struct divert_counts divert_now(void)
{
	struct divert_counts counts;

	if (!divert_read(&counts))
		fail("the counters cannot be read");
	return counts;
}

uint64_t divert_count(enum schannel_divert verdict)
{
	return divert_now().verdicts[verdict];
}

struct divert_counts divert_await(const struct divert_counts *before,
				  uint64_t verdicts)
{
	int64_t end = now_ms() + patience_ms();
	struct divert_counts now, since;
	uint64_t given;

	for (;;) {
		now = divert_now();
		since = divert_since(before, &now);
		given = since.verdicts[SCHANNEL_DIVERT_OK] +
			divert_declined(&since);
		if (given >= verdicts && since.tcp >= divert_declined(&since))
			return since;
		if (now_ms() > end)
			fail("%llu verdicts, expected %llu",
			     (unsigned long long)given,
			     (unsigned long long)verdicts);
		poll(NULL, 0, 1);
	}
}
