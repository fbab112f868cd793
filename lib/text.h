/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsing of hosts and ports, without a lookup. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schannel.h"

enum scl_host_kind {
	SCL_HOST_DOMID,		/* also "self" and "any" */
	SCL_HOST_UUID,
	SCL_HOST_ADDRESS,
	SCL_HOST_NAME,
};

/**
 * struct scl_host - identifies a peer
 * @kind:	what identifies it
 * @domid:	for SCL_HOST_DOMID
 * @text:	for the other kinds, in the form that struct schannel_peer uses
 */
struct scl_host {
	enum scl_host_kind kind;
	uint32_t domid;
	char text[SC_NAME_MAX];
};

#define SCL_UUID_TEXT	37

/* The text must consist of decimal digits; the number is at most max. */
bool scl_number_parse(const char *text, size_t len, uint32_t max, uint32_t *number);

bool scl_host_parse(const char *text, size_t len, struct scl_host *host);

/* HOST:PORT */
bool scl_text_parse(const char *text, struct scl_host *host, uint32_t *port);

/* An IPv4 address becomes a v4-mapped one. */
bool scl_ip_parse(const char *text, size_t len, struct in6_addr *ip);

/* In the form that struct schannel_peer uses. */
void scl_uuid_format(const uint8_t uuid[16], char text[SCL_UUID_TEXT]);
void scl_ip_format(const struct in6_addr *ip, char text[INET6_ADDRSTRLEN]);

#endif
