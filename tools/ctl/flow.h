/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CTL_FLOW_H
#define CTL_FLOW_H

#include <schannel.h>

#include "record.h"

struct json_object *flow_record(const struct schannel_flow *flow);

#endif
