// SPDX-License-Identifier: GPL-2.0-only
/* Asking the kernel, with one of our own making: a script of what it answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"
#include "tap.h"

#define PORTID	4711

/* What the kernel says next. The answer is to the last request unless it is a stray one. */
struct said {
	enum { LIST, INTERRUPTED, STRAY, OTHERS, DONE, ACK, SHORT_ERROR, FAILS } what;
	int error;
};

static const struct said *script;
static unsigned int requests;
static uint32_t seq;

/* The library's calls of libmnl, and none else, are played here. */
unsigned int mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return PORTID;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t len)
{
	const struct nlmsghdr *nlh = data;

	(void)socket;
	requests++;
	seq = nlh->nlmsg_seq;
	return len;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *socket, void *data, size_t len)
{
	const struct said *said = script++;
	struct nlmsghdr *nlh = memset(data, 0, len);
	int32_t error = said->error;

	(void)socket;
	if (said->what == FAILS) {
		errno = said->error;
		return -1;
	}
	nlh = mnl_nlmsg_put_header(data);
	nlh->nlmsg_type = NLMSG_MIN_TYPE + 1;
	nlh->nlmsg_seq = said->what == STRAY ? seq - 1 : seq;
	nlh->nlmsg_pid = said->what == OTHERS ? PORTID + 1 : PORTID;
	if (said->what == INTERRUPTED)
		nlh->nlmsg_flags = NLM_F_MULTI | NLM_F_DUMP_INTR;
	if (said->what == DONE)
		nlh->nlmsg_type = NLMSG_DONE;
	if (said->what == ACK || said->what == SHORT_ERROR)
		nlh->nlmsg_type = NLMSG_ERROR;
	if (said->what != SHORT_ERROR)
		memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(error)), &error, sizeof(error));
	return nlh->nlmsg_len;
}

/* The result of a request: 0 or the error, and the messages that came. */
static int ask(const struct said *says, unsigned int wanted_requests, const char *content)
{
	char buffer[SCL_REQUEST_MAX] __attribute__((aligned(MNL_ALIGNTO)));
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
	const struct nlmsghdr *nlh;
	struct scl_reply reply;
	int ret, left;

	script = says;
	requests = 0;
	errno = 0;
	ret = scl_netlink_ask(NULL, request, &reply) ? errno : 0;
	CHECK_EQ(requests, wanted_requests);
	scl_for_each(nlh, left, &reply) {
		const int32_t *number = mnl_nlmsg_get_payload(nlh);

		if (!CHECK(*content))
			break;
		CHECK_EQ(*number, *content++);
	}
	CHECK(!*content);
	if (ret)
		CHECK(!reply.data);
	free(reply.data);
	return ret;
}

static void lists(void)
{
	CHECK_EQ(ask((struct said[]){ { LIST, 'a' }, { LIST, 'b' }, { DONE, 0 } }, 1, "ab"), 0);
	CHECK_EQ(ask((struct said[]){ { DONE, 0 } }, 1, ""), 0);
	CHECK_EQ(ask((struct said[]){ { LIST, 'a' }, { ACK, 0 } }, 1, "a"), 0);
	CHECK_EQ(ask((struct said[]){ { ACK, 0 } }, 1, ""), 0);
}

static void others(void)
{
	CHECK_EQ(ask((struct said[]){ { STRAY, 'x' }, { LIST, 'a' }, { OTHERS, 'y' },
		     { DONE, 0 } }, 1, "a"), 0);
	CHECK_EQ(ask((struct said[]){ { LIST, 'a' }, { FAILS, EINTR }, { LIST, 'b' },
		     { DONE, 0 } }, 1, "ab"), 0);
}

static void errors(void)
{
	CHECK_EQ(ask((struct said[]){ { ACK, -EPERM } }, 1, ""), EPERM);
	CHECK_EQ(ask((struct said[]){ { LIST, 'a' }, { DONE, -ENOENT } }, 1, ""), ENOENT);
	CHECK_EQ(ask((struct said[]){ { LIST, 'a' }, { FAILS, ENOBUFS } }, 1, ""), ENOBUFS);
	CHECK_EQ(ask((struct said[]){ { SHORT_ERROR, 0 } }, 1, ""), EPROTO);
}

/* All of a list that changed is read, for the kernel to take the next request. */
static void changes(void)
{
	struct said for_ever[21];
	size_t i;

	CHECK_EQ(ask((struct said[]){ { LIST, 'a' }, { INTERRUPTED, 'b' }, { LIST, 'c' },
		     { DONE, 0 }, { LIST, 'd' }, { DONE, 0 } }, 2, "d"), 0);
	for (i = 0; i < ARRAY_SIZE(for_ever); i++)
		for_ever[i] = (struct said){ i % 2 ? DONE : INTERRUPTED, 0 };
	CHECK_EQ(ask(for_ever, 10, ""), EAGAIN);
}

static const struct tap_case cases[] = {
	{ "ask: lists and single answers", lists },
	{ "ask: messages that are not the answer", others },
	{ "ask: errors", errors },
	{ "ask: a list that changes during the dump", changes },
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, ARRAY_SIZE(cases));
}
