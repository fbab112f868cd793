/* SPDX-License-Identifier: GPL-2.0-only */
/* Pairs: two domains of this host that may have a channel. */
#ifndef CTL_PAIR_H
#define CTL_PAIR_H

#include "record.h"

struct json_object *pair_list(void);
void pair_list_print(struct json_object *list);

#endif
