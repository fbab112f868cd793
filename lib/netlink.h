/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests to the kernel, and its replies. */
#ifndef LIB_NETLINK_H
#define LIB_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

/**
 * struct scl_reply - the messages of a reply, one after the other
 * @data:	to be freed
 * @len:	in bytes
 */
struct scl_reply {
	char *data;
	size_t len;
};

/* Unlike mnl_nlmsg_ok(), which takes a length above INT_MAX for a negative one. */
static inline bool scl_message_ok(const struct nlmsghdr *nlh, int left)
{
	return left >= (int)sizeof(*nlh) && nlh->nlmsg_len >= sizeof(*nlh) &&
	       nlh->nlmsg_len <= (uint32_t)left;
}

/* Iterate over the messages of a reply; left is an int. */
#define scl_for_each(nlh, left, reply)							\
	for ((nlh) = (const struct nlmsghdr *)(reply)->data, (left) = (reply)->len;	\
	     scl_message_ok(nlh, left);							\
	     (nlh) = mnl_nlmsg_next(nlh, &(left)))

/* An attribute of a request, and initializers for it. */
struct scl_attr {
	uint16_t type;
	uint16_t size;
	const void *data;
};

#define SCL_U32(attr, value)	{ (attr), sizeof(uint32_t), &(const uint32_t){ (value) } }
#define SCL_IP(attr, ip)	{ (attr), sizeof(struct in6_addr), (ip) }

/**
 * struct scl_field - maps an attribute to a field of a struct
 * @type:	type of the attribute
 * @size:	size of its payload; 0: a flag, which sets a bool
 * @offset:	offset of the field in the struct
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

/* Large enough for every request of this library. */
#define SCL_REQUEST_MAX		256

/* Open and bind a netlink socket; NULL with errno. */
struct mnl_socket *scl_netlink_open(int bus);

/*
 * Send a request and collect the reply. If a list changed during the dump, the request is
 * repeated a few times; then this fails with EAGAIN.
 */
int scl_netlink_ask(struct mnl_socket *socket, struct nlmsghdr *request,
		    struct scl_reply *reply);

/*
 * Send cmd to the generic netlink family "schannel", with flags (NLM_F_DUMP or 0) and
 * attributes, and collect the reply.
 */
int scl_genl_ask(uint8_t cmd, uint16_t flags, const struct scl_attr *attrs, size_t n_attrs,
		 struct scl_reply *reply);

/*
 * The id of a multicast group of the family "schannel"; 0 with errno set if there is none.
 */
uint32_t scl_genl_group(struct mnl_socket *socket, const char *group);

/* The command of a generic netlink message; 0 if it is a control message or too short. */
uint8_t scl_genl_cmd(const struct nlmsghdr *nlh);

/*
 * Set the field that attr maps to, if there is one. EPROTO: the payload has another size than
 * the field.
 */
int scl_field_set(const struct scl_field *fields, size_t n_fields,
		  const struct nlattr *attr, void *object);

/*
 * A struct sc_flow_stats, to be freed; NULL if there is no memory. An older kernel has fewer
 * members: the others are 0.
 */
struct sc_flow_stats *scl_flow_stats(const struct nlattr *attr);

#endif
