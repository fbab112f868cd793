// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

bool scl_number_parse(const char *text, size_t len, uint32_t max, uint32_t *number)
{
	uint64_t value = 0;
	size_t i;

	/* strtoul() would accept signs and white space. */
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = 10 * value + (text[i] - '0');
		if (value > max)
			return false;
	}
	*number = value;
	return len > 0;
}

static bool is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(text, word, len);
}

/* Not with <ctype.h>, which depends on the locale. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool all_digits(const char *text, size_t len)
{
	return strspn(text, "0123456789") >= len;
}

static bool uuid_parse(const char *text, size_t len, struct scl_host *host)
{
	size_t i;

	if (len != SCL_UUID_TEXT - 1)
		return false;
	for (i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : hex_value(text[i]) < 0)
			return false;
		host->text[i] = dash ? '-' : "0123456789abcdef"[hex_value(text[i])];
	}
	host->text[len] = '\0';
	host->kind = SCL_HOST_UUID;
	return true;
}

bool scl_ip_parse(const char *text, size_t len, struct in6_addr *ip)
{
	char copy[INET6_ADDRSTRLEN];

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*ip = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	return inet_pton(AF_INET, copy, &ip->s6_addr[12]) == 1 ||
	       inet_pton(AF_INET6, copy, ip) == 1;
}

static bool ip_parse(const char *text, size_t len, struct scl_host *host)
{
	struct in6_addr ip;

	if (!scl_ip_parse(text, len, &ip))
		return false;
	scl_ip_format(&ip, host->text);
	host->kind = SCL_HOST_ADDRESS;
	return true;
}

static bool name_parse(const char *text, size_t len, struct scl_host *host)
{
	size_t i;

	if (!len || len >= sizeof(host->text) || *text == '[')
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = text[i];

		if (c <= ' ' || c == 0x7f || c == ':')
			return false;
	}
	memcpy(host->text, text, len);
	host->text[len] = '\0';
	host->kind = SCL_HOST_NAME;
	return true;
}

bool scl_host_parse(const char *text, size_t len, struct scl_host *host)
{
	*host = (struct scl_host){ .kind = SCL_HOST_DOMID };

	if (is(text, len, "self")) {
		host->domid = SC_DOMID_SELF;
		return true;
	}
	if (is(text, len, "any") || is(text, len, "*")) {
		host->domid = SC_DOMID_ANY;
		return true;
	}
	if (all_digits(text, len))
		return scl_number_parse(text, len, SC_DOMID_SELF, &host->domid);
	if (len > 2 && text[0] == '[' && text[len - 1] == ']')
		return memchr(text, ':', len) && ip_parse(text + 1, len - 2, host);

	return uuid_parse(text, len, host) || ip_parse(text, len, host) ||
	       name_parse(text, len, host);
}

bool scl_text_parse(const char *text, struct scl_host *host, uint32_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (!colon)
		return false;
	len = colon - text;
	/* fe80::1:80 is ambiguous: an IPv6 address needs brackets before a port. */
	if (text[0] != '[' && memchr(text, ':', len))
		return false;
	return scl_number_parse(colon + 1, strlen(colon + 1), UINT32_MAX, port) &&
	       scl_host_parse(text, len, host);
}

void scl_uuid_format(const uint8_t uuid[16], char text[SCL_UUID_TEXT])
{
	size_t i;

	for (i = 0; i < 16; i++) {
		text += sprintf(text, "%02x", uuid[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*text++ = '-';
	}
	*text = '\0';
}

void scl_ip_format(const struct in6_addr *ip, char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(ip))
		inet_ntop(AF_INET, &ip->s6_addr[12], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, ip, text, INET6_ADDRSTRLEN);
}
