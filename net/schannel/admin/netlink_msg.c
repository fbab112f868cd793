// SPDX-License-Identifier: GPL-2.0-only
/* What all operations of the generic netlink family need to build their messages. */
#include <linux/err.h>
#include <net/genetlink.h>

#include "core/peer.h"
#include "netlink_msg.h"

struct sc_netlink_to sc_netlink_to_reply(const struct genl_info *info)
{
	return (struct sc_netlink_to) {
		.family = info->family,
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.cmd = info->genlhdr->cmd,
	};
}

struct sc_netlink_to sc_netlink_to_dump(struct netlink_callback *cb)
{
	struct sc_netlink_to to = sc_netlink_to_reply(genl_info_dump(cb));

	to.flags = NLM_F_MULTI;
	return to;
}

/**
 * sc_netlink_begin() - begin a message
 * @skb:	where to put it
 * @to:		its headers
 *
 * Return: the head, for sc_netlink_end(), or NULL if @skb is full.
 */
void *sc_netlink_begin(struct sk_buff *skb, const struct sc_netlink_to *to)
{
	return genlmsg_put(skb, to->portid, to->seq, to->family, to->flags,
			   to->cmd);
}

/**
 * sc_netlink_end() - end a message
 * @skb:	where it was put
 * @head:	from sc_netlink_begin()
 * @complete:	all attributes fit in; otherwise the message is removed
 *
 * Return: 0, or -EMSGSIZE if the message was removed.
 */
int sc_netlink_end(struct sk_buff *skb, void *head, bool complete)
{
	if (!complete) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

/**
 * sc_netlink_reply() - send the reply to a request
 * @skb:	the reply; freed on error
 * @info:	the request
 * @err:	0, or the error, negative, that building the reply ended with
 *
 * Return: 0 or a negative error.
 */
int sc_netlink_reply(struct sk_buff *skb, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

/**
 * sc_netlink_peer() - the peer that a request names
 * @info:	the request
 * @attr:	the attribute with its domid
 *
 * Return: the peer, with a reference; -EINVAL without the attribute, -ENOENT without
 * such a peer.
 */
struct schannel_peer *sc_netlink_peer(struct genl_info *info, int attr)
{
	struct schannel_peer *peer;

	if (GENL_REQ_ATTR_CHECK(info, attr))
		return ERR_PTR(-EINVAL);
	peer = sc_peer_get(genl_info_net(info), nla_get_u32(info->attrs[attr]));
	if (!peer) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[attr],
				    "no such peer");
		return ERR_PTR(-ENOENT);
	}
	return peer;
}
