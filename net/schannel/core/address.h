/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IP addresses of peers, as the control domain published them.
 *
 * Two peers of a namespace may claim the same address. It belongs to the peer that claimed
 * it in that namespace first, for as long as this peer claims it.
 */
#ifndef _SCHANNEL_ADDRESS_H
#define _SCHANNEL_ADDRESS_H

#include <linux/types.h>

struct in6_addr;
struct net;
struct sc_addresses;
struct schannel_peer;
struct schannel_peer_info;

struct sc_addresses *sc_addresses_alloc(struct schannel_peer *peer,
					const struct schannel_peer_info *info);
void sc_addresses_free(struct sc_addresses *addresses);
void sc_addresses_set(struct schannel_peer *peer, struct sc_addresses *new);
void sc_addresses_clear(struct schannel_peer *peer);
void sc_addresses_moving(struct schannel_peer *peer);

struct schannel_peer *sc_peer_get_by_address(const struct net *net,
					     const struct in6_addr *addr);
bool sc_peer_has_address(const struct schannel_peer *peer,
			 const struct in6_addr *addr);

#endif /* _SCHANNEL_ADDRESS_H */
