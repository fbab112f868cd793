// SPDX-License-Identifier: GPL-2.0-only
/*
 * The identity of a domain comes only from nodes that the control domain writes:
 * /local/domain/N/name and vm, and the backends of its network interfaces. An address decides
 * which domain receives the data of a connection, so backends in driver domains are not read:
 * a driver domain may write any address there. Nor are frontends, which the guest writes.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"

#define VIFS		"/local/domain/0/backend/vif/%u"
#define PATH_SIZE	64

bool identity_name_valid(const char *name)
{
	size_t i, len = strlen(name);

	if (!len || len > IDENTITY_NAME_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)name[i]))
			return false;
	return true;
}

/* Whether the address can belong to one domain: it means the same for all domains. */
static bool ipv4_valid(const struct in_addr *address)
{
	unsigned int host = ntohl(address->s_addr), first = host >> 24;

	return first && first != IN_LOOPBACKNET && !IN_MULTICAST(host) && !IN_BADCLASS(host);
}

static bool ipv6_valid(const struct in6_addr *address)
{
	return !IN6_IS_ADDR_UNSPECIFIED(address) && !IN6_IS_ADDR_LOOPBACK(address) &&
	       !IN6_IS_ADDR_MULTICAST(address) && !IN6_IS_ADDR_LINKLOCAL(address) &&
	       !IN6_IS_ADDR_V4MAPPED(address) && !IN6_IS_ADDR_V4COMPAT(address);
}

/* The canonical form of an address, or NULL if it is invalid. */
static const char *address_normal(const char *text, char *normal, size_t size)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return ipv4_valid(&v4) ? inet_ntop(AF_INET, &v4, normal, size) : NULL;
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return ipv6_valid(&v6) ? inet_ntop(AF_INET6, &v6, normal, size) : NULL;
	return NULL;
}

static bool has_address(const char *list, const char *address)
{
	size_t len = strlen(address);
	const char *at;

	for (at = list; (at = strstr(at, address)); at += len)
		if ((at == list || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static size_t count_words(const char *list)
{
	size_t count = *list != 0;

	for (; *list; list++)
		count += *list == ' ';
	return count;
}

void identity_add_addresses(struct identity *identity, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word, normal[INET6_ADDRSTRLEN];
	size_t used;

	while ((word = strsep(&rest, " \t\n"))) {
		/* The toolstack's scripts also accept a prefix length. */
		word[strcspn(word, "/")] = 0;
		if (!address_normal(word, normal, sizeof(normal)) ||
		    has_address(identity->addresses, normal))
			continue;
		used = strlen(identity->addresses);
		if (count_words(identity->addresses) == IDENTITY_ADDRESSES_MAX)
			break;
		sprintf(identity->addresses + used, "%s%s", used ? " " : "", normal);
	}
	free(copy);
}

static void read_addresses(struct identity *identity, struct xs_handle *xs, xs_transaction_t t,
			   unsigned int domid)
{
	char path[PATH_SIZE], key[PATH_SIZE + 16], *text;
	unsigned int count, i, vif;
	char **list;

	snprintf(path, sizeof(path), VIFS, domid);
	list = xs_directory(xs, t, path, &count);
	if (!list)
		return;
	for (i = 0; i < count; i++) {
		if (!domain_parse(list[i], &vif))
			continue;
		snprintf(key, sizeof(key), "%s/%u/ip", path, vif);
		text = xs_read(xs, t, key, NULL);
		if (text)
			identity_add_addresses(identity, text);
		free(text);
	}
	free(list);
}

void identity_read(struct identity *identity, struct xs_handle *xs, xs_transaction_t t,
		   unsigned int domid)
{
	char *name = domain_name(xs, t, domid);

	*identity = (struct identity){ 0 };
	if (name && identity_name_valid(name))
		snprintf(identity->name, sizeof(identity->name), "%s", name);
	free(name);
	domain_uuid(xs, t, domid, identity->uuid);
	read_addresses(identity, xs, t, domid);
}
