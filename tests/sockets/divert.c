// SPDX-License-Identifier: GPL-2.0-only
#include "divert.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "genl.h"

static void take_verdict(const struct nlmsghdr *answer, void *arg)
{
	struct divert_counts *counts = arg;
	const void *verdict = genl_find(answer, SCHANNEL_A_DIVERT_VERDICT,
					sizeof(uint32_t));
	const void *count = genl_find(answer, SCHANNEL_A_DIVERT_COUNT,
				      sizeof(uint64_t));
	uint32_t which;

	if (!verdict || !count)
		return;
	memcpy(&which, verdict, sizeof(which));
	if (which <= SCHANNEL_DIVERT_MAX)
		memcpy(&counts->verdicts[which], count, sizeof(uint64_t));
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
	err = genl_dump(SCHANNEL_CMD_DIVERT_GET, take_verdict, counts);
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
