/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CTL_CHANNEL_H
#define CTL_CHANNEL_H

#include <schannel.h>

#include "record.h"

struct json_object *channel_record(const struct schannel_channel *channel);

/* All, or the one to the peer that a user named. */
struct json_object *channel_list(const char *only);
void channel_list_print(struct json_object *list);

#endif
