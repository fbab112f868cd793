// SPDX-License-Identifier: GPL-2.0-only
/* Directories. See dir.h. */
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sprintf.h>

#include "dir.h"

/**
 * sc_dir_init() - fill in what this version speaks and accepts
 * @own:	our directory, zeroed; the caller adds its queues and grant references
 */
void sc_dir_init(struct schannel_dir *own)
{
	own->magic = SCHANNEL_MAGIC;
	own->abi = SCHANNEL_ABI_VERSION;
	own->abi_oldest = SCHANNEL_ABI_OLDEST;
	own->features = SCHANNEL_FEATURES;
	own->accept_flows = SCHANNEL_FLOWS_MAX;
	own->accept_segments = SCHANNEL_SEGMENTS_MAX;
	own->accept_pages = SC_PEER_POOL_PAGES_MAX;
	own->accept_order = SCHANNEL_RING_ORDER_MAX;
}

static int check_versions(const struct schannel_dir *peer, char *why)
{
	u32 unknown = peer->required & ~SCHANNEL_FEATURES;

	if (peer->abi < SCHANNEL_ABI_OLDEST ||
	    peer->abi_oldest > SCHANNEL_ABI_VERSION) {
		snprintf(why, SC_DIR_WHY,
			 "peer supports ABI versions %u to %u, this kernel %u to %u",
			 peer->abi_oldest, peer->abi, SCHANNEL_ABI_OLDEST,
			 SCHANNEL_ABI_VERSION);
		return -EPROTONOSUPPORT;
	}
	if (unknown) {
		snprintf(why, SC_DIR_WHY,
			 "peer requires features %#x that this kernel lacks", unknown);
		return -EPROTONOSUPPORT;
	}
	return 0;
}

/* A number that must be at least @least. */
static int check_least(const char *what, u32 nr, u32 least, char *why)
{
	if (nr >= least)
		return 0;
	snprintf(why, SC_DIR_WHY, "invalid directory: %u %s, at least %u expected",
		 nr, what, least);
	return -EPROTO;
}

/* Are the grant references of the queues that the channel uses inside the directory? */
static bool queues_fit(u32 nr_queues, u32 order)
{
	return order <= ilog2(SCHANNEL_QUEUE_PAGES_MAX) &&
	       nr_queues << order <= SCHANNEL_QUEUE_PAGES_MAX;
}

/**
 * sc_dir_check() - validate a peer's directory
 * @own:	our directory
 * @peer:	a private copy of the peer's
 * @why:	after an error, receives what is wrong: SC_DIR_WHY bytes
 *
 * Numbers that are larger than those of this version are valid: sc_dir_agree() takes the
 * smaller ones.
 *
 * Return: 0; -EPROTONOSUPPORT if the peer speaks other versions or requires an unknown
 * feature; -EPROTO if the directory is invalid.
 */
int sc_dir_check(const struct schannel_dir *own, const struct schannel_dir *peer,
		 char *why)
{
	int err;

	if (peer->magic != SCHANNEL_MAGIC) {
		snprintf(why, SC_DIR_WHY, "invalid magic number in directory");
		return -EPROTO;
	}
	err = check_versions(peer, why);
	if (err)
		return err;
	if (!queues_fit(min(own->nr_queues, peer->nr_queues), peer->queue_order) ||
	    peer->ctl_order > SCHANNEL_CTL_ORDER_MAX) {
		snprintf(why, SC_DIR_WHY,
			 "invalid directory: %u event queues of order %u, control ring of order %u",
			 peer->nr_queues, peer->queue_order, peer->ctl_order);
		return -EPROTO;
	}
	return check_least("event queues", peer->nr_queues, 1, why) ?:
	       check_least("flows accepted", peer->accept_flows,
			   SCHANNEL_ACCEPT_FLOWS_MIN, why) ?:
	       check_least("segments accepted", peer->accept_segments,
			   SCHANNEL_ACCEPT_SEGMENTS_MIN, why) ?:
	       check_least("pool pages accepted", peer->accept_pages,
			   SCHANNEL_ACCEPT_PAGES_MIN, why) ?:
	       check_least("as the largest ring order", peer->accept_order,
			   SCHANNEL_ACCEPT_ORDER_MIN, why);
}

/**
 * sc_dir_agree() - what the channel may use
 * @own:	our directory
 * @peer:	the peer's, which sc_dir_check() has accepted
 * @terms:	filled in
 */
void sc_dir_agree(const struct schannel_dir *own, const struct schannel_dir *peer,
		  struct sc_terms *terms)
{
	terms->abi = min(own->abi, peer->abi);
	terms->features = own->features & peer->features;
	terms->nr_queues = min(own->nr_queues, peer->nr_queues);
	/* our own limits are those that we have for a peer, too */
	terms->table_pages = min(own->accept_flows, peer->accept_flows) /
			     SCHANNEL_FLOWS_PER_PAGE;
	terms->segments = min(own->accept_segments, peer->accept_segments);
	terms->pool_pages = min(own->accept_pages, peer->accept_pages);
	terms->ring_order = min(own->accept_order, peer->accept_order);
}
