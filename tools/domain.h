/* SPDX-License-Identifier: GPL-2.0-only */
/* Domains in xenstore. */
#ifndef TOOLS_DOMAIN_H
#define TOOLS_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

/* Ids from here on are reserved (DOMID_FIRST_RESERVED). */
#define DOMAIN_MAX	0x7ff0U

/* Whether text is a domain id and nothing else. */
bool domain_parse(const char *text, unsigned int *domid);

/*
 * Find a running domain by its id, UUID or name, in this order. Returns 0, -ENOENT,
 * -ENOTUNIQ if several domains have the name, or the error of xenstore.
 */
int domain_find(struct xs_handle *xs, const char *text, unsigned int *domid);

/* Returns 1 or 0, or a negative error. */
int domain_exists(struct xs_handle *xs, xs_transaction_t t, unsigned int domid);

/* The name, to be freed, or NULL. */
char *domain_name(struct xs_handle *xs, xs_transaction_t t, unsigned int domid);

#define DOMAIN_UUID_LEN	36

/* Whether text is, or begins with, a UUID. */
bool domain_uuid_starts(const char *text);

/* Read the UUID as text. Returns false if it is not known. */
bool domain_uuid(struct xs_handle *xs, xs_transaction_t t, unsigned int domid,
		 char uuid[DOMAIN_UUID_LEN + 1]);

#endif
