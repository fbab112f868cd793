/* SPDX-License-Identifier: GPL-2.0-only */
/* Peers and their names. */
#ifndef CTL_PEER_H
#define CTL_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <schannel.h>

#include "record.h"

struct json_object *peer_record(const struct schannel_peer *peer);
struct json_object *peer_list(const char *only);
void peer_list_print(struct json_object *list);

/* The domain id of the peer with a name given by the user. Exits if there is none. */
uint32_t peer_domid(const char *host);

/* A domain's name, its id, "self" or "any". The text is valid until peer_forget(). */
const char *peer_host(uint32_t domid);

/* Forget the names, which may have changed. */
void peer_forget(void);

/* HOST:PORT; "any:0" if there is no address. */
#define PEER_TEXT_SIZE	(SCHANNEL_TEXT_MAX + 16)
void peer_text(uint32_t domid, uint32_t port, char text[PEER_TEXT_SIZE]);

#endif
