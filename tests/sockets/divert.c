// SPDX-License-Identifier: GPL-2.0-only
#include "divert.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void take_flows(const struct nlmsghdr *answer, void *arg)
{
	struct divert_counts *counts = arg;

	if (genl_find(answer, SCHANNEL_A_STATS_TCP_PROMOTED, sizeof(uint32_t)))
		counts->flows = genl_number(answer, SCHANNEL_A_STATS_TCP_PROMOTED);
}

bool divert_read(struct divert_counts *counts)
{
	int err;

	memset(counts, 0, sizeof(*counts));
	err = genl_dump(SCHANNEL_CMD_DIVERT_GET, take_verdict, counts);
	if (!err)
		err = genl_get(SCHANNEL_CMD_STATS_GET, take_flows, counts);
	if (err)
		fprintf(stderr, "cannot read the counters of diverted connections: %s\n",
			errno_name(-err));
	return !err;
}

struct divert_counts divert_since(const struct divert_counts *before,
				  const struct divert_counts *after)
{
	struct divert_counts since = { .flows = after->flows - before->flows };

	for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++)
		since.verdicts[i] = after->verdicts[i] - before->verdicts[i];
	return since;
}

const char *divert_name(enum schannel_divert verdict)
{
	static const char * const names[] = {
		[SCHANNEL_DIVERT_OK] = "OK",
		[SCHANNEL_DIVERT_NO_PEER] = "NO_PEER",
		[SCHANNEL_DIVERT_LOCAL] = "LOCAL",
		[SCHANNEL_DIVERT_SOCKET] = "SOCKET",
		[SCHANNEL_DIVERT_FILTERED] = "FILTERED",
		[SCHANNEL_DIVERT_NOT_OFFERED] = "NOT_OFFERED",
		[SCHANNEL_DIVERT_BRIEF] = "BRIEF",
		[SCHANNEL_DIVERT_NO_CHANNEL] = "NO_CHANNEL",
		[SCHANNEL_DIVERT_UNSUPPORTED] = "UNSUPPORTED",
		[SCHANNEL_DIVERT_NOT_ATTACHED] = "NOT_ATTACHED",
		[SCHANNEL_DIVERT_REFUSED_SOURCE] = "REFUSED_SOURCE",
		[SCHANNEL_DIVERT_NO_MEMORY] = "NO_MEMORY",
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

struct divert_counts divert_await(const struct divert_counts *before, uint64_t verdicts)
{
	int64_t end = now_ms() + patience_ms();
	struct divert_counts now, since;
	uint64_t given;

	for (;;) {
		given = 0;
		now = divert_now();
		since = divert_since(before, &now);
		for (int i = 0; i <= SCHANNEL_DIVERT_MAX; i++)
			given += since.verdicts[i];
		if (given >= verdicts)
			return since;
		if (now_ms() > end)
			fail("%llu verdicts, expected %llu",
			     (unsigned long long)given,
			     (unsigned long long)verdicts);
		poll(NULL, 0, 1);
	}
}

bool divert_is_there(void)
{
	return !access("/sys/module/schannel_inet", F_OK);
}

void divert_need(void)
{
	if (!divert_is_there())
		skip("schannel_inet.ko is not loaded");
}
