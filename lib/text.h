/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What text says of a host and a port, before anybody is asked about it. */
#ifndef LIB_TEXT_H
#define LIB_TEXT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schannel.h"

enum scl_host_kind {
	SCL_HOST_DOMID,		/* "self" and "any", too */
	SCL_HOST_UUID,
	SCL_HOST_ADDRESS,
	SCL_HOST_NAME,
};

/**
 * struct scl_host - who is meant
 * @kind:	by what
 * @domid:	of SCL_HOST_DOMID
 * @text:	of the others, in the form in which struct schannel_peer has it
 */
struct scl_host {
	enum scl_host_kind kind;
	uint32_t domid;
	char text[SC_NAME_MAX];
};

#define SCL_UUID_TEXT	37

/* Decimal digits and nothing else, up to max. */
bool scl_number_parse(const char *text, size_t len, uint32_t max, uint32_t *number);

bool scl_host_parse(const char *text, size_t len, struct scl_host *host);

/* HOST:PORT */
bool scl_text_parse(const char *text, struct scl_host *host, uint32_t *port);

/* An IPv4 address becomes a mapped one. */
bool scl_ip_parse(const char *text, size_t len, struct in6_addr *ip);

/* The forms of struct schannel_peer. */
void scl_uuid_format(const uint8_t uuid[16], char text[SCL_UUID_TEXT]);
void scl_ip_format(const struct in6_addr *ip, char text[INET6_ADDRSTRLEN]);

#endif
