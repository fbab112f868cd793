// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners. Each flow counts for one user, from its opening until both sides have closed it, and
 * so do its rings; ring/share.h says how much a user may have.
 *
 * The user is the one whose socket caused the flow: the socket that connects; at the
 * other end the listener, since its program decides how many connections it has. Both ends of a TCP
 * connection are sockets that a program has.
 *
 * Some sockets count for nobody and are not limited: the kernel's, and those of programs that had
 * CAP_NET_ADMIN in the initial user namespace when they made the socket. Such a program
 * may set the limits, and must be able to help when others have used up their shares.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "channel.h"
#include "owner.h"

/*
 * The user of a user namespace. Whoever makes one may have many user ids in it, so all of them
 * count for the user who made the outermost one. If root did that, for a container, they
 * count for the container's root.
 */
static kuid_t sc_owner_of_namespace(struct user_namespace *ns, kuid_t uid)
{
	kuid_t root;

	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	if (!uid_eq(ns->owner, GLOBAL_ROOT_UID))
		return ns->owner;
	root = make_kuid(ns, 0);
	return uid_valid(root) ? root : uid;
}

/* The user that a socket's flows count for. Returns false if they count for nobody. */
static bool sc_owner_find(struct sock *sk, kuid_t *uid)
{
	const struct cred *cred;
	bool counts = true;

	*uid = READ_ONCE(sk->sk_uid);
	/* keeps the socket's file, whose opener made the socket; as sk_ns_capable() */
	read_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_socket && sk->sk_socket->file) {
		cred = sk->sk_socket->file->f_cred;
		if (cred->user_ns == &init_user_ns)
			counts = !cap_raised(cred->cap_effective, CAP_NET_ADMIN);
		else
			*uid = sc_owner_of_namespace(cred->user_ns, *uid);
	} else {
		counts = !sk->sk_kern_sock;
	}
	read_unlock_bh(&sk->sk_callback_lock);
	return counts;
}

/**
 * sc_owner_get() - the owner of a flow to be made
 * @ch:		the flow's channel
 * @sk:		the socket that causes the flow, or NULL if no single socket does
 *
 * Context: Process context.
 *
 * Return: the owner, to be released with sc_owner_put(); NULL if the flow counts for nobody;
 * ERR_PTR(-ENOMEM).
 */
struct sc_owner *sc_owner_get(struct schannel_channel *ch, struct sock *sk)
{
	struct sc_owner *owner, *found;
	unsigned long id;
	kuid_t uid;

	if (!sk || !sc_owner_find(sk, &uid))
		return NULL;
	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return ERR_PTR(-ENOMEM);
	owner->uid = uid;
	owner->refs = 1;
	id = __kuid_val(uid);
	xa_lock_bh(&ch->owners);
	found = __xa_cmpxchg(&ch->owners, id, NULL, owner, GFP_ATOMIC);
	if (found && !xa_is_err(found))
		found->refs++;
	xa_unlock_bh(&ch->owners);
	if (!found)
		return owner;
	kfree(owner);
	return xa_is_err(found) ? ERR_PTR(-ENOMEM) : found;
}

/**
 * sc_owner_put() - a flow is gone, and its rings are
 * @ch:		the flow's channel
 * @owner:	from sc_owner_get(), NULL is allowed
 *
 * Context: Any but hard interrupts.
 */
void sc_owner_put(struct schannel_channel *ch, struct sc_owner *owner)
{
	if (!owner)
		return;
	xa_lock_bh(&ch->owners);
	if (--owner->refs)
		owner = NULL;
	else
		__xa_erase(&ch->owners, __kuid_val(owner->uid));
	xa_unlock_bh(&ch->owners);
	kfree(owner);
}
