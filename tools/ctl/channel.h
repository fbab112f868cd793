/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CTL_CHANNEL_H
#define CTL_CHANNEL_H

#include <schannel.h>

#include "record.h"

struct json_object *channel_record(const struct schannel_channel *channel);

/* All channels, or the channel to the peer with a name given by the user. */
struct json_object *channel_list(const char *only);
void channel_list_print(struct json_object *list);

#endif
