// SPDX-License-Identifier: GPL-2.0-only
/* SOCK_DESTROY: what sock_diag(7) has to end a socket, not only to see it. */
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/schannel_diag.h>
#include <linux/sock_diag.h>

#include "destroy.h"

static int converse(int fd, uint64_t cookie, int family)
{
	struct {
		struct nlmsghdr header;
		struct sc_diag_destroy body;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DESTROY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
		.body = {
			.sdiag_family = family,
			.cookie = { cookie, cookie >> 32 },
		},
	};
	struct {
		struct nlmsghdr header;
		struct nlmsgerr body;
		/* an error may explain itself */
		char rest[1024];
	} answer;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t len;

	if (sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -1;
	len = recv(fd, &answer, sizeof(answer), 0);
	if (len < 0)
		return -1;
	if ((size_t)len < offsetof(__typeof__(answer), rest) ||
	    answer.header.nlmsg_type != NLMSG_ERROR) {
		errno = EPROTO;
		return -1;
	}
	errno = -answer.body.error;
	return errno ? -1 : 0;
}

int destroy_socket(int family, uint64_t cookie)
{
	int fd, ret, error;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0)
		return -1;
	ret = converse(fd, cookie, family);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}
