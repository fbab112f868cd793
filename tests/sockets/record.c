// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"

#include <string.h>

#include "case.h"
#include "pattern.h"
#include "sock.h"

/* AF_UNIX reserves a part of SO_SNDBUF; UDP has a maximum size. */
#define UNIX_OVERHEAD	32
#define UDP_MAX		65507

static struct pattern behind(const struct record *record)
{
	return (struct pattern){
		.seed = (uint64_t)record->sender << 32 | record->number,
		.position = record->length,
	};
}

void record_fill(void *buffer, const struct record *record)
{
	struct pattern pattern = behind(record);

	memcpy(buffer, record, RECORD_LEAST);
	pattern_fill(&pattern, (char *)buffer + RECORD_LEAST,
		     record->length - RECORD_LEAST);
}

struct record record_check(const void *buffer, size_t length)
{
	struct pattern pattern;
	struct record record;
	size_t right;

	check(length >= RECORD_LEAST);
	memcpy(&record, buffer, RECORD_LEAST);
	if (record.length != length)
		fail("a record of %zu bytes says that it has %u (%u of %u)",
		     length, record.length, record.number, record.sender);
	pattern = behind(&record);
	right = pattern_match(&pattern, (const char *)buffer + RECORD_LEAST,
			      length - RECORD_LEAST);
	if (right < length - RECORD_LEAST)
		fail("record %u of %u: byte %zu is wrong", record.number,
		     record.sender, RECORD_LEAST + right);
	return record;
}

void record_send(int fd, void *buffer, const struct record *record)
{
	record_fill(buffer, record);
	call_gives(send(fd, buffer, record->length, 0), record->length);
}

void record_say(int fd, const char *text)
{
	call_gives(send(fd, text, strlen(text), 0), strlen(text));
}

static void expect_text(const char *got, ssize_t n, const char *text)
{
	if (n != (ssize_t)strlen(text) || memcmp(got, text, n))
		fail("a record of %zd bytes \"%.*s\", expected \"%s\"", n,
		     (int)n, got, text);
}

void record_hear(int fd, const char *text)
{
	char got[256];
	ssize_t n = call(recv(fd, got, sizeof(got), 0));

	expect_text(got, n, text);
}

void record_say_to(int fd, const char *text, union address to)
{
	call_gives(sendto(fd, text, strlen(text), 0, &to.any,
			  address_length(&to)), strlen(text));
}

uint32_t record_hear_from(int fd, const char *text)
{
	union address from;
	socklen_t length = sizeof(from);
	char got[256];
	ssize_t n;

	memset(&from, 0, sizeof(from));
	n = call(recvfrom(fd, got, sizeof(got), 0, &from.any, &length));
	expect_text(got, n, text);
	check_equal(length, family->length);
	check(family->is_peer(&from));
	return family->port(&from);
}

ssize_t record_recv(int fd, void *buffer, size_t length, int *flags)
{
	struct iovec iov = { .iov_base = buffer, .iov_len = length };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &message, *flags);

	*flags = message.msg_flags;
	return n;
}

size_t record_max(int fd)
{
	socklen_t size = sizeof(uint32_t);
	uint32_t most;

	if (family_is_unix())
		return sock_get(fd, SO_SNDBUF) - UNIX_OVERHEAD;
	if (!family_is_schannel())
		return UDP_MAX;
	call(getsockopt(fd, SOL_SCHANNEL, SO_SC_RECORD_MAX, &most, &size));
	check_equal(size, sizeof(most));
	return most;
}
