/* SPDX-License-Identifier: GPL-2.0-only */
/* Validation of a control message that needs no state. */
#ifndef _SCHANNEL_MESSAGE_H
#define _SCHANNEL_MESSAGE_H

#include <linux/types.h>

#include <uapi/xen/schannel.h>

const char *sc_message_check(const struct schannel_msg *msg,
			     unsigned int table_pages, unsigned int nr_queues);

#endif /* _SCHANNEL_MESSAGE_H */
