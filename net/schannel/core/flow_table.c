// SPDX-License-Identifier: GPL-2.0-only
/* The pages of the flow tables. See flow_table.h. Process context. */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/xarray.h>

#include "alloc.h"
#include "channel.h"
#include "flow.h"
#include "flow_table.h"
#include "peer.h"
#include "segment.h"
#include "transport.h"

/* ---- Our table --------------------------------------------------------- */

/* Reserve a free number in the pages that the peer can read. -EBUSY: there is none. */
static int sc_flow_table_find(struct schannel_channel *ch, u32 *id)
{
	/* acquire: pairs with sc_flow_table_grow() */
	unsigned long pages = smp_load_acquire(&ch->table_pages);
	unsigned long first, end;
	int err;

	for (end = 0; end < pages;) {
		/* a page whose bit is just changing may count either way */
		first = data_race(find_next_zero_bit(ch->table_unmapped, pages, end));
		if (first == pages)
			break;
		/* as above */
		end = data_race(find_next_bit(ch->table_unmapped, pages, first));
		err = xa_alloc_bh(&ch->flows, id, NULL,
				  XA_LIMIT(max(first * SCHANNEL_FLOWS_PER_PAGE, 1),
					   end * SCHANNEL_FLOWS_PER_PAGE - 1),
				  GFP_KERNEL);
		if (err != -EBUSY)
			return err;
	}
	return -EBUSY;
}

/* Make more numbers usable: announce a page again, or add one. Under grow_lock. */
static int sc_flow_table_grow(struct schannel_channel *ch)
{
	unsigned int pages = ch->table_pages;
	unsigned long again;
	int err;

	lockdep_assert_held(&ch->grow_lock);
	if (READ_ONCE(ch->state) == SC_CHANNEL_DOWN)
		return -ECONNRESET;
	if (!sc_alloc_may_grow(ch))
		return -ENOBUFS;
	spin_lock(&ch->ctl_lock);
	again = find_first_bit(ch->table_unmapped, pages);
	if (again < pages) {
		__clear_bit(again, ch->table_unmapped);
		sc_channel_note(ch, ch->table_again, again);
	}
	spin_unlock(&ch->ctl_lock);
	if (again < pages)
		return 0;
	if (pages == ch->terms.table_pages)
		return -ENOBUFS;
	err = sc_page_share(ch->peer, &ch->table[pages]);
	if (!err)
		/* release: pairs with the acquire loads of @table_pages before the page is used */
		smp_store_release(&ch->table_pages, pages + 1);
	return err;
}

/**
 * sc_flow_table_alloc() - reserve a number for a flow
 * @ch:		the channel, whose flow table grows if necessary
 * @id:		receives the number; to be released with sc_flow_table_free()
 *
 * If only numbers of closed flows are left, waits until they are free.
 *
 * Context: Process context.
 *
 * Return: 0 or -errno.
 */
int sc_flow_table_alloc(struct schannel_channel *ch, u32 *id)
{
	int err = sc_flow_table_find(ch, id);

	if (err != -EBUSY)
		return err;
	mutex_lock(&ch->grow_lock);
	while ((err = sc_flow_table_find(ch, id)) == -EBUSY) {
		err = sc_flow_table_grow(ch);
		if (err)
			break;
	}
	mutex_unlock(&ch->grow_lock);
	if (err != -ENOBUFS || !atomic_read(&ch->removed))
		return err;
	rcu_barrier();
	err = sc_flow_table_find(ch, id);
	return err == -EBUSY ? -ENOBUFS : err;
}

/**
 * sc_flow_table_remove() - let nobody find a flow by its number any more
 * @flow:	the flow; its number stays reserved until sc_flow_table_free()
 *
 * Context: Any but hard interrupts.
 *
 * Return: false if that has happened before.
 */
bool sc_flow_table_remove(struct sc_flow *flow)
{
	struct schannel_channel *ch = flow->channel;

	if (xa_cmpxchg_bh(&ch->flows, flow->id, flow, XA_ZERO_ENTRY, 0) != flow)
		return false;
	atomic_inc(&ch->removed);
	return true;
}

/**
 * sc_flow_table_forget() - let the number of a flow that was removed be used again
 * @ch:		the channel
 * @id:		the number; nobody accesses its entry any more
 *
 * Context: Any but hard interrupts.
 */
void sc_flow_table_forget(struct schannel_channel *ch, u32 id)
{
	sc_flow_table_free(ch, id);
	atomic_dec(&ch->removed);
}

/**
 * sc_flow_table_free() - free a number that was reserved and not used
 * @ch:		the channel
 * @id:		from sc_flow_table_alloc()
 *
 * Context: Any but hard interrupts.
 */
void sc_flow_table_free(struct schannel_channel *ch, u32 id)
{
	xa_erase_bh(&ch->flows, id);
}

/**
 * sc_flow_table_answered() - the peer has answered for pages of our table
 * @ch:		the channel
 * @msg:	its TABLE_ANSWER, checked
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_flow_table_answered(struct schannel_channel *ch,
				   const struct schannel_msg_table *msg)
{
	unsigned int end = msg->first + msg->nr;
	const char *violation = NULL;

	spin_lock(&ch->ctl_lock);
	if (find_next_zero_bit(ch->table_asked, end, msg->first) < end) {
		violation = "TABLE_ANSWER for pages that wait for none";
	} else {
		bitmap_clear(ch->table_asked, msg->first, msg->nr);
		/* no new flow gets a number there; the peer refuses those that have one */
		if (!msg->mapped)
			bitmap_set(ch->table_unmapped, msg->first, msg->nr);
	}
	spin_unlock(&ch->ctl_lock);
	if (!violation)
		sc_alloc_note_answer(ch, msg->mapped);
	return violation;
}

/* ---- The peer's table -------------------------------------------------- */

/* May the peer announce these pages again? Only if it knows that they are not mapped. */
static bool sc_flow_table_may_repeat(struct schannel_channel *ch,
				     const struct schannel_msg_table *msg)
{
	unsigned int end = msg->first + msg->nr;
	unsigned int i;
	bool may;

	for (i = msg->first; i < end; i++)
		if (ch->peer_table[i])
			return false;
	spin_lock(&ch->ctl_lock);
	may = find_next_bit(ch->peer_table_answer, end, msg->first) >= end;
	spin_unlock(&ch->ctl_lock);
	return may;
}

/**
 * sc_flow_table_announced() - the peer announced pages of its table: map them and answer
 * @ch:		the channel
 * @msg:	its TABLE_ADD, checked
 *
 * If the pages cannot be mapped, sc_flow_join() refuses each flow in them.
 *
 * Context: The channel's work.
 *
 * Return: NULL, or the protocol violation for sc_channel_fail().
 */
const char *sc_flow_table_announced(struct schannel_channel *ch,
				    const struct schannel_msg_table *msg)
{
	struct schannel_mapping *map;
	unsigned int i;

	if (msg->first < ch->peer_table_pages) {
		if (!sc_flow_table_may_repeat(ch, msg))
			return "TABLE_ADD for pages that are mapped or not answered yet";
	} else {
		ch->peer_table_pages += msg->nr;
	}
	map = ch->peer->transport->map(ch->peer, msg->ref, msg->nr);
	if (!IS_ERR(map)) {
		for (i = 0; i < map->nr; i++)
			ch->peer_table[msg->first + i] = map->addr[i];
		ch->peer_table_map[ch->peer_table_maps++] = map;
	}
	spin_lock(&ch->ctl_lock);
	for (i = 0; i < msg->nr; i++)
		sc_channel_note(ch, ch->peer_table_answer, msg->first + i);
	spin_unlock(&ch->ctl_lock);
	return NULL;
}
