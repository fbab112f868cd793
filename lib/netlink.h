/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking the kernel, and what it answers. */
#ifndef LIB_NETLINK_H
#define LIB_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

/**
 * struct scl_reply - the messages of an answer, one behind the other
 * @data:	to be freed
 * @len:	in bytes
 */
struct scl_reply {
	char *data;
	size_t len;
};

/* mnl_nlmsg_ok() takes a length beyond INT_MAX for a negative one. */
static inline bool scl_message_ok(const struct nlmsghdr *nlh, int left)
{
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (uint32_t)left;
}

/* Over all messages of a reply; left is an int. */
#define scl_for_each(nlh, left, reply)							\
	for ((nlh) = (const struct nlmsghdr *)(reply)->data, (left) = (reply)->len;	\
	     scl_message_ok(nlh, left);							\
	     (nlh) = mnl_nlmsg_next(nlh, &(left)))

/* An attribute of a request, and what makes one. */
struct scl_attr {
	uint16_t type;
	uint16_t size;
	const void *data;
};

#define SCL_U32(attr, value)	{ (attr), sizeof(uint32_t), &(const uint32_t){ (value) } }
#define SCL_IP(attr, ip)	{ (attr), sizeof(struct in6_addr), (ip) }

/**
 * struct scl_field - an attribute that is one field of a struct
 * @type:	of the attribute
 * @size:	of its payload; 0 is a flag, which sets a bool
 * @offset:	of the field in the struct
 */
struct scl_field {
	uint16_t type;
	uint16_t size;
	size_t offset;
};

#define SCL_FIELD(attr, where, member)	\
	{ (attr), sizeof(((where *)0)->member), offsetof(where, member) }
#define SCL_FLAG(attr, where, member)	\
	{ (attr), 0, offsetof(where, member) }

#define SCL_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Room for what requests there are. */
#define SCL_REQUEST_MAX		256

/* A bound socket, or NULL. */
struct mnl_socket *scl_netlink_open(int bus);

/*
 * Send a request and collect the answer. A list that changed while it was made is
 * asked for again, a few times; then it is EAGAIN.
 */
int scl_netlink_ask(struct mnl_socket *socket, struct nlmsghdr *request,
		    struct scl_reply *reply);

/*
 * Ask the family "schannel": cmd, with flags (NLM_F_DUMP or 0) and attributes.
 */
int scl_genl_ask(uint8_t cmd, uint16_t flags, const struct scl_attr *attrs, size_t n_attrs,
		 struct scl_reply *reply);

/*
 * The number of a multicast group of the family "schannel"; 0 with errno set if
 * there is none. id, where not NULL, is set to the family's.
 */
uint32_t scl_genl_group(struct mnl_socket *socket, const char *group);

/* The command of a message of the family, 0 if this is none. */
uint8_t scl_genl_cmd(const struct nlmsghdr *nlh);

/*
 * Set the field that attr is about, if any. EPROTO: its size is not that of the field.
 */
int scl_field_set(const struct scl_field *fields, size_t n_fields,
		  const struct nlattr *attr, void *object);

/*
 * A struct sc_flow_stats, to be freed, or NULL. The kernel's may be shorter: what it
 * does not have is 0.
 */
struct sc_flow_stats *scl_flow_stats(const struct nlattr *attr);

#endif
