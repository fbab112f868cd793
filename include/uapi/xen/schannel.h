/* SPDX-License-Identifier: MIT */
/*
 * SChannel: the interface between two domains.
 *
 * A channel joins two domains. Each of the two owns a set of pages, which it
 * alone writes and which it grants to the other one READ-ONLY:
 *
 *	directory	where the other pages are; written before the channel is
 *			announced, and constant afterwards
 *	event queues	the event queues that this side fills, and how far this
 *			side has emptied those of the other side
 *	flow table	one entry per flow: how far this side has produced and
 *			consumed
 *	control ring	messages: they open and close flows and announce pages
 *	pool		segments, which hold the rings of the flows
 *
 * All integers are little endian and naturally aligned. Their types are the
 * processor's own: Xen runs on little-endian processors only, and a build for
 * another one fails below. SCHANNEL_PAGE_SIZE is the unit of every "page" and
 * every grant. Sizes and positions in a ring are in bytes unless the text names
 * another unit. Reserved and pad fields are 0 when written, and readers ignore
 * them.
 *
 * "The owner" is the side that writes a page, "the reader" is its peer.
 *
 * Indexes are free-running: they count from 0 and wrap at 2^32. An index points
 * to the byte index & (S - 1) of a ring with the size S, a power of two.
 *
 * THE OWNER MAY BE HOSTILE. Every field can hold any value and can change at any
 * moment. A reader copies a field once into private memory, checks the copy as
 * the field's comment says ("Check:"), and uses only the copy. A value that fails
 * its check ends the flow that it belongs to, or the channel if it belongs to none.
 *
 * Event indexes. Beside each index stands an event index, which the reader of the
 * index writes: "notify me when your index passes this value". The side that moves
 * an index from OLD to NOW stores the index, executes a full memory barrier, reads
 * the event index E, and sends an event if schannel_need_event(E, NOW, OLD). A side
 * that is about to wait stores E, executes a full memory barrier, and reads the
 * index once more before it waits. One of the two sees what the other one stored, so
 * no wake-up is lost. A side that does not wait leaves a stale E in place; the index
 * passes it once at most, so it causes one notification at most.
 */
#ifndef _UAPI_XEN_SCHANNEL_H
#define _UAPI_XEN_SCHANNEL_H

#include <linux/types.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "The interface between domains is for little-endian processors."
#endif

#define SCHANNEL_PAGE_SHIFT	12
#define SCHANNEL_PAGE_SIZE	(1U << SCHANNEL_PAGE_SHIFT)

/**
 * schannel_need_event() - whether an index has passed an event index
 * @event:	the event index
 * @now:	the index after the move
 * @old:	the index before the move
 *
 * Return: 1 if the index passed @event on its way from @old to @now, else 0.
 */
static __inline__ int schannel_need_event(__u32 event, __u32 now, __u32 old)
{
	return (__u32)(now - event - 1U) < (__u32)(now - old);
}

/* ------------------------------------------------------------------------
 * Versions
 *
 * Each side announces the range of ABI versions that it speaks; the channel uses
 * the highest version in both ranges. The side that finds none in common refuses
 * the channel. Within a version, an addition that an older peer can ignore is a
 * bit in @features. One that an older peer must not ignore is a bit in @required,
 * too. The channel uses the bits that both sides announce. A side that does not
 * know a bit in the peer's @required refuses the channel.
 */
#define SCHANNEL_ABI_VERSION	1U
#define SCHANNEL_ABI_OLDEST	1U

/* Bits of @features and @required: version 1 defines none. */
#define SCHANNEL_FEATURES	0U

/* ------------------------------------------------------------------------
 * Directory: one page, which the transport announces (see "Xenstore")
 *
 * The first 24 bytes, up to and including @required, keep their place and their
 * meaning in every future version.
 */
#define SCHANNEL_MAGIC		0x4e484353U	/* "SCHN" */
#define SCHANNEL_QUEUES_MAX	32U
#define SCHANNEL_QUEUE_ORDER_MAX 4U
#define SCHANNEL_QUEUE_PAGES_MAX 512U
#define SCHANNEL_CTL_ORDER_MAX	3U

/*
 * What every side accepts at least: a few flows, and a pool of 1 MiB with rings of 128 KiB,
 * which hold the largest datagram.
 */
#define SCHANNEL_ACCEPT_FLOWS_MIN	32U
#define SCHANNEL_ACCEPT_SEGMENTS_MIN	1U
#define SCHANNEL_ACCEPT_PAGES_MIN	256U
#define SCHANNEL_ACCEPT_ORDER_MIN	5U

/**
 * struct schannel_dir - a side's directory
 * @magic:	SCHANNEL_MAGIC. Check: equal.
 * @abi:	the newest ABI version that the owner speaks.
 * @abi_oldest:	the oldest one. Check: the two sides' ranges overlap.
 * @reserved:	0.
 * @features:	feature bits that the owner has. Check: none; the reader ignores
 *		bits that it does not know.
 * @required:	feature bits that the owner cannot do without. Check: the reader
 *		knows all of them.
 * @nr_queues:	number of event queues. Check: not 0. The channel uses queues 0 to n - 1,
 *		where n is the smaller one of the two sides' numbers. A side of version 1 has
 *		at most SCHANNEL_QUEUES_MAX.
 * @queue_order: the owner's event queues have 1 << @queue_order pages of entries each.
 *		Check: n << @queue_order is at most SCHANNEL_QUEUE_PAGES_MAX. The two sides'
 *		orders may differ. At most SCHANNEL_QUEUE_ORDER_MAX in version 1.
 * @ctl_order:	the control ring has 1 << @ctl_order pages. Check: at most
 *		SCHANNEL_CTL_ORDER_MAX.
 * @flow_ref:	grant reference of page 0 of the flow table (entries 0 to
 *		SCHANNEL_FLOWS_PER_PAGE - 1).
 * @queue_ref:	grant reference of the page with the headers of the event queues, an array
 *		of struct schannel_queue.
 * @accept_flows: number of entries of the reader's flow table that the owner can use:
 *		the reader's flows have smaller numbers. The reader rounds it down to
 *		whole pages. Check: at least SCHANNEL_ACCEPT_FLOWS_MIN.
 * @accept_segments: the owner maps segments of the reader's pool whose numbers are less
 *		than this. Check: at least SCHANNEL_ACCEPT_SEGMENTS_MIN.
 * @accept_pages: largest number of pages in all segments of the reader's pool, see
 *		"Segments". Check: at least SCHANNEL_ACCEPT_PAGES_MIN.
 * @accept_order: the owner reads rings of at most 1 << @accept_order pages. Check: at
 *		least SCHANNEL_ACCEPT_ORDER_MIN.
 * @ctl_ref:	grant references of the control ring's pages, in order.
 * @reserved2:	0.
 * @entry_ref:	grant references of the event queues' pages of entries, in order: first
 *		those of queue 0, then those of queue 1, and so on. It fills the second half
 *		of the page.
 *
 * The owner writes the directory before it announces it, and never changes it
 * afterwards. The peer reads it once, when the channel comes up. Grant references
 * need no check: the reader cannot map an invalid one, and then refuses the channel.
 *
 * Of a number that limits both sides (@nr_queues, @accept_*), the reader uses the
 * smaller one of the owner's and its own, however large the owner's is. A side that uses
 * more than its peer accepts breaks the protocol: this ends the channel.
 */
struct schannel_dir {
	__u32	magic;
	__u16	abi;
	__u16	abi_oldest;
	__u32	reserved[2];
	__u32	features;
	__u32	required;
	__u32	nr_queues;
	__u32	queue_order;
	__u32	ctl_order;
	__u32	flow_ref;
	__u32	queue_ref;
	__u32	accept_flows;
	__u32	accept_segments;
	__u32	accept_pages;
	__u32	accept_order;
	__u32	ctl_ref[1U << SCHANNEL_CTL_ORDER_MAX];
	__u32	reserved2[489];
	__u32	entry_ref[SCHANNEL_QUEUE_PAGES_MAX];
};

/* ------------------------------------------------------------------------
 * Event queues: which flows need attention
 *
 * Queue i is a pair: each side has a queue i, in which it posts the numbers of flows
 * *of the peer's table*. It then notifies the peer over notification path i of the
 * transport. A queue is a header, which is element i of the page @queue_ref, and a ring
 * of N = SCHANNEL_QUEUE_ENTRIES << @queue_order entries (__u32) in pages of their own:
 * entry n is element n % SCHANNEL_QUEUE_ENTRIES of the queue's page
 * (n / SCHANNEL_QUEUE_ENTRIES) % (1 << @queue_order). Check of an entry: a flow in use,
 * or SCHANNEL_FLOW_CTL; the consumer ignores any other one.
 *
 * An entry says only "look at this flow": a superfluous entry is harmless. The owner of
 * a flow chooses the queue for its events, see struct schannel_ring_at. Flow 0, the
 * control ring, uses queue 0.
 *
 * The poster omits an entry for a flow if its previous entry for that flow is in the same
 * queue and not consumed yet, according to the peer's @cons. Therefore the consumer
 * stores @cons, executes a full memory barrier, and only then looks at the flows whose
 * entries it took.
 *
 * If the queue is full, the poster increments @overflow (release) instead, and notifies
 * the peer: "look at all your flows that use this queue". The consumer need not do so
 * at once, nor again for each increment: it looks at each flow at least once after it
 * has read the latest @overflow (acquire).
 *
 * A side that assigns no more flows to a queue than the peer's queue has entries never
 * sees an overflow; flow 0 counts in queue 0. A flow counts in a queue from the message
 * that names the queue until CLOSE was sent and received and the queue was found empty
 * after that (@prod equal to the own @cons).
 *
 * RING and RING_ANSWER may name another queue for a flow. The receiver posts in that
 * queue from when it handles the message; what it has posted before stays where it is.
 * Therefore the owner of the flow accepts entries for it from each queue that it has
 * named, until CLOSE was received. A flow then counts in all of these queues, and the
 * rule above holds only if a side names no queue again that the flow has left.
 */

/* Entries in one page. */
#define SCHANNEL_QUEUE_ENTRIES	(SCHANNEL_PAGE_SIZE / 4U)

/**
 * struct schannel_queue - the header of a side's event queue
 * @prod:	number of entries posted so far. The poster writes it after the entry
 *		itself (release). Check: at most N of the owner's queue ahead of the
 *		reader's own consumer index.
 * @overflow:	changes each time an entry did not fit. Check: none.
 * @pad0:	0.
 * @cons:	number of entries of the *peer's* queue that this side has consumed.
 *		Check: not behind the value read before, and not ahead of the reader's
 *		own @prod. (A reader may also believe an invalid value: it then posts
 *		superfluous entries, or overflows.)
 * @event:	notify this side when the peer's @prod passes this value.
 * @pad1:	0.
 */
struct schannel_queue {
	__u32	prod;
	__u32	overflow;
	__u32	pad0[14];

	__u32	cons;
	__u32	event;
	__u32	pad1[14];
};

/* ------------------------------------------------------------------------
 * Flow table
 *
 * A flow is one entry in each side's table. The two entries have different
 * numbers: each side chooses its own number, and uses the peer's in what it sends.
 * Entry 0 belongs to the control ring, entries from 1 on belong to connections.
 * The owner zeroes an entry, but for the event indexes and @rx_room, before its first
 * message about a flow that uses it.
 */
#define SCHANNEL_FLOWS_PER_PAGE	16U
/* A side of version 1 has no more, even if its peer accepts more. */
#define SCHANNEL_FLOW_PAGES_MAX	1024U
#define SCHANNEL_FLOWS_MAX	(SCHANNEL_FLOWS_PER_PAGE * SCHANNEL_FLOW_PAGES_MAX)
#define SCHANNEL_FLOW_CTL	0U
#define SCHANNEL_FLOW_NONE	0xffffffffU

/* @tx_flags: @tx_prod is final, the owner produces nothing more. */
#define SCHANNEL_TX_FIN		(1U << 0)
/* @rx_flags: the owner consumes nothing more; the peer need not produce. */
#define SCHANNEL_RX_SHUT	(1U << 0)

/**
 * struct schannel_flow - a side's entry for one flow
 *
 * Four lines of 64 bytes. What changes with every byte is alone in its line, so that the
 * side that sends does not miss a line which the side that receives has just written.
 *
 * Producer line, about the ring in the owner's pool:
 * @tx_prod:	number of bytes produced. The owner writes it after the bytes
 *		themselves (release). Check: tx_prod - own consumer index is at most
 *		the size of the ring, of the new ring once @tx_switches has changed.
 * @pad0:	0.
 *
 * Consumer line, about the ring in the peer's pool:
 * @rx_cons:	number of bytes consumed; the peer may overwrite them. Check: own
 *		tx_prod - rx_cons is not larger than for the value read before.
 * @pad1:	0.
 *
 * Line of what changes rarely:
 * @tx_flags:	SCHANNEL_TX_*. The owner writes it after the last change of @tx_prod
 *		(release), and never clears a bit. Check: none; unknown bits are
 *		ignored.
 * @rx_flags:	SCHANNEL_RX_*. The owner never clears a bit. Check: none; unknown
 *		bits are ignored.
 * @tx_event:	notify the owner when the peer's @rx_cons passes this value.
 * @rx_event:	notify the owner when the peer's @tx_prod passes this value.
 * @tx_switches: number of times that the owner has switched to another ring, see
 *		"Replacing a ring". Check: unchanged, or one more if the reader has
 *		answered the offer of a ring with 1 and no switch to it was seen yet.
 * @rx_switches: the last @tx_switches of the peer that the owner has followed. The owner
 *		writes it when it reads the old ring no more (release). Check: own
 *		tx_switches, or one less.
 * @rx_room:	how many bytes the owner's program was promised to have in the ring in the
 *		peer's pool while it does not read (SO_RCVBUF), see "Room". 0: nothing was
 *		promised. May change at any time. Check: none; the reader takes a larger
 *		value for the size of the largest ring.
 * @rx_want:	the owner waits until the peer's @tx_prod reaches this value, see "Waiting for
 *		more than half of a ring". Check: it counts only if it is ahead of own
 *		tx_prod, by at most the size of the largest ring.
 * @tx_full:	the owner's @tx_prod when its ring was full and could not be replaced
 *		by a larger one. Check: it counts only if it is equal to the peer's @tx_prod,
 *		and the ring is full.
 * @pad2:	0.
 *
 * @type_words:	TCP: struct schannel_flow_tcp, then 0. In other flows 0, ignored.
 *
 * To notify the peer about a flow is to post the flow's number in the flow's event
 * queue. A change of @tx_flags, @rx_flags, @tx_switches, @rx_switches, @rx_room, @rx_want or
 * @tx_full is always notified, but for what @rx_room is at the first message about the flow.
 */
struct schannel_flow {
	__u32	tx_prod;
	__u32	pad0[15];

	__u32	rx_cons;
	__u32	pad1[15];

	__u32	tx_flags;
	__u32	rx_flags;
	__u32	tx_event;
	__u32	rx_event;
	__u32	tx_switches;
	__u32	rx_switches;
	__u32	rx_room;
	__u32	rx_want;
	__u32	tx_full;
	__u32	pad2[7];

	__u32	type_words[16];
};

/* ------------------------------------------------------------------------
 * Control ring: messages of SCHANNEL_MSG_SIZE bytes
 *
 * The control ring is a ring like that of any flow, with flow entry 0 of each side
 * for its indexes. Check: every index in it is a multiple of SCHANNEL_MSG_SIZE.
 * Messages take effect in order. A message that fails a check, an unknown @type
 * included, ends the channel, unless the check names another consequence.
 */
#define SCHANNEL_MSG_SIZE	128U

enum schannel_msg_type {
	SCHANNEL_MSG_OPEN	= 1,	/* open a flow to a port */
	SCHANNEL_MSG_ACCEPT	= 2,	/* the flow is open */
	SCHANNEL_MSG_REFUSE	= 3,	/* the flow is refused */
	SCHANNEL_MSG_CLOSE	= 4,	/* the sender has closed the flow */
	SCHANNEL_MSG_TABLE_ADD	= 5,	/* the flow table has more pages */
	SCHANNEL_MSG_SEGMENT_ADD = 6,	/* the pool has one more segment */
	SCHANNEL_MSG_SEGMENT_DEL = 7,	/* the receiver should unmap a segment */
	SCHANNEL_MSG_SEGMENT_GONE = 8,	/* the receiver's segment is not mapped any more */
	SCHANNEL_MSG_RING	= 9,	/* offer of another ring for a flow */
	SCHANNEL_MSG_RING_ANSWER = 10,	/* whether the offered ring can be used */
	SCHANNEL_MSG_TABLE_ANSWER = 11,	/* whether the pages of a table are mapped */
	SCHANNEL_MSG_SEGMENT_ANSWER = 12, /* whether a segment is mapped */
	SCHANNEL_MSG_RETURN	= 13,	/* TCP: the receiver should send over TCP again */
};

/*
 * A side of version 1 has no larger ring than 1 << SCHANNEL_RING_ORDER_MAX pages and no
 * more segments than SCHANNEL_SEGMENTS_MAX, even if its peer accepts more.
 */
#define SCHANNEL_RING_ORDER_MAX	10U
#define SCHANNEL_SEGMENTS_MAX	256U
/* Most pages of one segment; their grant references fill at most one page. */
#define SCHANNEL_SEGMENT_PAGES_MAX (SCHANNEL_PAGE_SIZE / 4U)
#define SCHANNEL_TABLE_ADD_MAX	24U

/**
 * struct schannel_ring_at - the place of a flow's ring in the sender's pool
 * @segment:	number of the segment. Check: announced and mapped; if not, the
 *		receiver refuses or resets the flow.
 * @page:	first page of the ring within the segment. Check: @page +
 *		(1 << @order) is not beyond the end of the segment.
 * @order:	the ring has 1 << @order pages. Check: at most the @accept_order of the
 *		receiver.
 * @queue:	the event queue in which the sender of this message wants the
 *		flow's events from now on. Check: less than the number of queues of the
 *		channel. The sender ignores entries for the flow in queues that it has
 *		never named for it.
 * @flags:	SCHANNEL_RING_*. Check: known; if not, the receiver refuses an OPEN as
 *		UNSUPPORTED, resets the flow of an ACCEPT, and answers 0 to a RING.
 */
struct schannel_ring_at {
	__u16	segment;
	__u16	page;
	__u8	order;
	__u8	queue;
	__u16	flags;
};

/*
 * @flags of an OPEN or ACCEPT: the sender's entry for the flow is not the one in its flow
 * table, but a struct schannel_flow at the start of the page behind the ring's last page.
 * Check: that page is not beyond the end of the segment either. So a page that one process
 * may write holds the indexes of that process's flow only. The entry stays there until
 * the flow is over, even if the ring is replaced: the owner does not delete the segment
 * before. The owner zeroes it as it zeroes an entry of the table, before the message that
 * has the flag. Messages and events name the flow by its number in the table, whose entry
 * is not used meanwhile. No effect in a RING.
 */
#define SCHANNEL_RING_INDEX	(1U << 0)
#define SCHANNEL_RING_FLAGS	SCHANNEL_RING_INDEX

/* ------------------------------------------------------------------------
 * Replacing a ring
 *
 * A flow's ring may be replaced by another one, larger or smaller, while bytes are
 * in it and more are being produced. Neither side waits for a program of the other's:
 *
 * 1. The producer offers the new ring with RING.
 * 2. The consumer answers with RING_ANSWER: 1, it can read that ring, or 0, it
 *    cannot or does not want to. For a DGRAM flow the answer is always 0.
 * 3. After a 1 the producer may switch to the new ring at any later time, or never;
 *    only if tx_prod - rx_cons is at most the size of the new ring, for some rx_cons
 *    that it has read. It copies the bytes from that index up to its tx_prod to the
 *    new ring, each from index & (old size - 1) to index & (new size - 1), and adds
 *    one to @tx_switches (release). It leaves the old ring as it is. All bytes that
 *    it produces from then on are in the new ring, and the size of that limits them;
 *    @tx_prod moves after @tx_switches.
 * 4. The consumer reads @tx_prod, and then @tx_switches (acquire). If that has
 *    changed, all that is unread is in the new ring, and the consumer reads only
 *    there. It stores the count in its own @rx_switches (release) as soon as it reads
 *    nothing from the old ring any more, and notifies. It does so promptly after the
 *    notification of the switch, whether or not its program consumes anything.
 * 5. When @rx_switches has become equal to its own @tx_switches (acquire), the
 *    producer may use the pages of the old ring again, and only then may it offer
 *    another ring. Another offer also replaces a ring that was offered and not
 *    switched to.
 *
 * The producer never waits for the answer: it uses the old ring until it switches.
 *
 * Room. Two programs that both send before they receive wait for each other if the rings
 * are too small. So programs are promised that a certain number of bytes fit although the
 * receiver reads nothing: what the producer's program asked for (SO_SNDBUF) and the
 * consumer's @rx_room together. A ring need not have this size all the time. When it is full,
 * and @rx_cons has not moved for a moment, the producer replaces it by one that has, as far
 * as it may use memory for that: the peer's @rx_room gives no right to it. A producer that
 * takes no part in this is valid; its programs may wait for each other.
 *
 * Waiting for more than half of a ring. A producer that has found the ring full may sleep
 * until half of it is free. So a consumer may wait until half of the ring is filled without
 * further ado. In a flow that carries bytes it may wait for more (MSG_PEEK, SO_RCVLOWAT), up to
 * the size of the largest ring:
 *
 * 1. The consumer writes the value that @tx_prod shall reach to @rx_want, and notifies. Then it
 *    executes a full memory barrier, and reads @tx_prod and @tx_full before it waits. There
 *    is nothing to take back: the value loses its meaning when @tx_prod reaches it.
 * 2. While the peer's @rx_want is ahead of @tx_prod, the producer does not wait for more
 *    than one byte of space, and replaces a full ring at once by a larger one, as far as it
 *    may (see "Room").
 * 3. A producer whose ring is full then, and which cannot replace it, writes @tx_prod to
 *    @tx_full (release), and notifies. It looks at @rx_want after each notification, and
 *    whenever it finds the ring full. If the ring is replaced later nevertheless, or the
 *    consumer consumes something, @tx_full loses its meaning.
 * 4. The consumer ends its wait if @tx_full is equal to @tx_prod and the ring is full: no
 *    more will come before it has consumed something.
 */

/**
 * struct schannel_msg_ring - body of SCHANNEL_MSG_RING
 * @ring:	the ring that is offered. Check: as for any ring, but if its segment
 *		is not mapped the answer is 0.
 *
 * A side sends it while its end of the flow is open: after ACCEPT and before its
 * own CLOSE. Check: the previous RING was answered. A receiver that has sent CLOSE
 * does not answer.
 */
struct schannel_msg_ring {
	struct schannel_ring_at ring;
};

/**
 * struct schannel_msg_answer - body of SCHANNEL_MSG_RING_ANSWER
 * @ready:	1 if the sender of the answer can read the ring that was offered, 0 if
 *		not. Check: a RING of the receiver waits for its answer. Any value but
 *		0 counts as 1.
 * @queue:	the event queue in which the sender of the answer wants the flow's
 *		events from now on. Check: as for @queue of struct schannel_ring_at.
 *
 * After a 0 the pages of the ring may be used for something else at once.
 */
struct schannel_msg_answer {
	__u32	ready;
	__u32	queue;
};

/**
 * struct schannel_msg_open - body of SCHANNEL_MSG_OPEN
 * @ring:	the opener's ring.
 * @src_port:	port of the opener's socket. Check: not 0, unless @type is DGRAM.
 * @dst_port:	port to connect to. Check: as for @src_port.
 * @type:	SCHANNEL_TYPE_*. Check: known, and the type of the listener; else the
 *		receiver refuses the flow as UNSUPPORTED.
 * @rx_order:	order that the opener requests for the ring of the other direction;
 *		0xff for no request. The acceptor may choose another order, and may
 *		begin with a smaller ring, which it replaces once bytes fill it.
 * @reserved:	0.
 * @flags:	SCHANNEL_OPEN_*: what the receiver must understand to accept the flow.
 *		Check: known; else the receiver refuses the flow as UNSUPPORTED.
 * @uid:	user id of the process that connects, in its domain's initial user
 *		namespace; SCHANNEL_ID_NONE if there is none. Check: none. It is what the
 *		opener's domain claims: the receiver must not give it the rights of a
 *		user of its own.
 * @gid:	its group id, likewise.
 * @src_addr:	TCP: the opener's address, IPv6 or v4-mapped. Check: an address that
 *		the control domain published for the opener; else the receiver refuses
 *		the flow as SOURCE.
 * @dst_addr:	TCP: the address to connect to, v4-mapped if @src_addr is. Check: an
 *		address of the receiver's domain.
 * @seq:	TCP: the sequence number of the first byte that the opener sent in this
 *		connection: that of its SYN plus 1. See "TCP connections" for the check. In
 *		other flows 0, ignored.
 * @ack:	TCP: the sequence number of the first byte that it received, likewise.
 * @nonce:	TCP: random bits that identify the flow in a marker. In other flows 0,
 *		ignored.
 * @label:	the security label of the process that connects, text, padded with 0;
 *		all 0 if there is none. Check: none; a claim, as @uid.
 */
struct schannel_msg_open {
	struct schannel_ring_at ring;
	__u32	src_port;
	__u32	dst_port;
	__u8	type;
	__u8	rx_order;
	__u16	reserved;
	__u32	flags;
	__u32	uid;
	__u32	gid;
	__u8	src_addr[16];
	__u8	dst_addr[16];
	__u32	seq;
	__u32	ack;
	__u32	nonce[2];
	__u8	label[32];
};

/* Version 1 defines no bit of @flags. */
#define SCHANNEL_OPEN_FLAGS	0U

#define SCHANNEL_ID_NONE	0xffffffffU

#define SCHANNEL_TYPE_STREAM	1U	/* the rings carry bytes */
#define SCHANNEL_TYPE_SEQPACKET	2U	/* the rings carry records */
#define SCHANNEL_TYPE_DGRAM	3U	/* see "Datagrams" */
#define SCHANNEL_TYPE_TCP	4U	/* see "TCP connections"; ports are TCP ports */

/**
 * struct schannel_msg_accept - body of SCHANNEL_MSG_ACCEPT
 * @ring:	the acceptor's ring.
 * @uid:	user id of the process that listens, as @uid of an OPEN.
 * @gid:	its group id, likewise.
 * @label:	its security label, as @label of an OPEN.
 */
struct schannel_msg_accept {
	struct schannel_ring_at ring;
	__u32	uid;
	__u32	gid;
	__u8	label[32];
};

enum schannel_reason {
	/* CLOSE: orderly. The receiver may still consume what was produced. */
	SCHANNEL_REASON_DONE		= 0,
	/* CLOSE: the connection is reset. It may follow DONE. */
	SCHANNEL_REASON_RESET		= 1,
	/* CLOSE: reset, because a value in the receiver's shared memory was invalid. */
	SCHANNEL_REASON_PROTOCOL	= 2,
	/* REFUSE: no socket listens at the port. */
	SCHANNEL_REASON_NO_LISTENER	= 3,
	/* REFUSE: the backlog of the listener is full. */
	SCHANNEL_REASON_BACKLOG		= 4,
	/* REFUSE: no memory for the flow or its ring. */
	SCHANNEL_REASON_NO_MEMORY	= 5,
	/* REFUSE: the type is unknown, or not that of the listener. */
	SCHANNEL_REASON_UNSUPPORTED	= 6,
	/* REFUSE, TCP: the socket is not in an attached cgroup, or not plain TCP. */
	SCHANNEL_REASON_NOT_ATTACHED	= 7,
	/* REFUSE, TCP: the opener does not own the source of the connection. */
	SCHANNEL_REASON_SOURCE		= 8,
	/* REFUSE, TCP: not now, the opener may try again. */
	SCHANNEL_REASON_RETRY		= 9,
	/* CLOSE, TCP: the connection goes on without the flow. */
	SCHANNEL_REASON_RETURNED	= 10,
};

/**
 * struct schannel_msg_reason - body of SCHANNEL_MSG_REFUSE and _CLOSE
 * @reason:	enum schannel_reason. Check: none; an unknown value counts as RESET in
 *		a CLOSE, and as NO_LISTENER in a REFUSE.
 *
 * With CLOSE a side has finished with the flow: it reads nothing of the flow any more, posts
 * no events for it, and sends no other message about it, but for a RESET after a DONE.
 * Before a CLOSE with the reason DONE the sender has set SCHANNEL_TX_FIN and
 * SCHANNEL_RX_SHUT; if it has not, the CLOSE counts as RESET. An opener can only send CLOSE
 * after ACCEPT: if it has given up, it answers ACCEPT with RESET.
 *
 * The receiver of a CLOSE sends its own when it has finished with the flow, too:
 * - after DONE, as soon or as late as its program wants. Meanwhile the bytes that were
 *   produced can be consumed.
 * - after RESET, within a time that its program cannot extend. What was produced before may
 *   still be consumed meanwhile.
 * - after RESET that follows DONE, at once. Bytes that were not consumed are lost. A receiver
 *   that has consumed all of them sees the end of the bytes, as without the RESET.
 *
 * RESET follows DONE if the receiver takes too long: @rx_cons does not move, or it has
 * reached @tx_prod, and its CLOSE does not come. It is sent at most once per flow, and only
 * while the receiver's CLOSE has not arrived. It may cross that CLOSE. Therefore a CLOSE with
 * the reason RESET is ignored, instead of ending the channel, if the check of @dst_flow or
 * @src_flow fails because the flow is not in use, has no other end yet, or has another one.
 * It cannot be mistaken for one about a later flow: its sender does not reuse the entry
 * @src_flow before it has received that CLOSE.
 *
 * A side that has both sent and received CLOSE may use the flow's entry and ring for
 * something else. REFUSE stands for both: the opener may reuse its entry and ring at once.
 */
struct schannel_msg_reason {
	__u32	reason;
};

/**
 * struct schannel_msg_table - body of SCHANNEL_MSG_TABLE_ADD and _TABLE_ANSWER
 * @first:	number of the first page. Check of an ADD: equal to the number of pages
 *		announced before; or @first to @first + @nr - 1 were announced before and
 *		answered with 0 since.
 * @nr:		number of pages. Check of an ADD: 1 to SCHANNEL_TABLE_ADD_MAX, and
 *		(@first + @nr) * SCHANNEL_FLOWS_PER_PAGE is at most the @accept_flows of
 *		the receiver. Check of an ANSWER: not 0, and each of the pages waits for
 *		an answer.
 * @mapped:	ANSWER: 1 if the pages are mapped, 0 if they are not. Any value but 0
 *		counts as 1. ADD: 0, ignored.
 * @reserved:	0.
 * @ref:	ADD: grant references of the pages.
 *
 * The receiver answers each page once for each ADD that it is in; one ANSWER may be about
 * pages of several ADDs, or about some pages of one. The owner may use the entries of a
 * page from the ADD on. The receiver refuses, or resets, a flow in a page that it could
 * not map. After a 0 the owner opens and accepts no more flows in these pages, until it
 * has announced them again: not at once, since the receiver is short of memory.
 */
struct schannel_msg_table {
	__u16	first;
	__u16	nr;
	__u16	mapped;
	__u16	reserved;
	__u32	ref[SCHANNEL_TABLE_ADD_MAX];
};

/* ------------------------------------------------------------------------
 * Segments
 *
 *	owner			receiver
 *	SEGMENT_ADD	->			maps the segment, if it can
 *			<-	SEGMENT_ANSWER	1: mapped, 0: not
 *	SEGMENT_DEL	->			once the owner has no ring in the segment
 *			<-	SEGMENT_GONE	once the receiver has unmapped the segment
 *
 * The owner may use a segment from SEGMENT_ADD on. The receiver refuses, or resets, a flow
 * that has a ring in a segment that is not mapped, and answers 0 to a RING there. After a
 * SEGMENT_ANSWER of 0 the owner puts no more rings into the segment and deletes it once
 * there are none; it adds no other one at once, since the receiver is short of memory.
 *
 * SEGMENT_DEL says that no ring is in the segment, and that none will be. If a flow still
 * has a ring there, the receiver does not unmap the segment before that flow is closed or
 * has switched: an owner that deletes a segment in use waits.
 *
 * After SEGMENT_GONE the owner may free the pages, and use the number again. A
 * segment counts against the receiver's @accept_pages from SEGMENT_ADD to
 * SEGMENT_GONE, mapped or not, with its @nr_pages: the page with the list does not
 * count. A receiver that sends SEGMENT_GONE while it has a page of the segment, or
 * the page with the list, mapped breaks the protocol: this ends the channel.
 */

/**
 * struct schannel_msg_segment - body of SCHANNEL_MSG_SEGMENT_*
 * @segment:	number of the segment. Check: ADD: less than the @accept_segments of the
 *		receiver, and not in use. ANSWER: a SEGMENT_ADD of it waits for the
 *		answer. DEL: in use, answered, and not deleted already. GONE: a
 *		SEGMENT_DEL was sent for it.
 * @nr_pages:	ADD: number of its pages. Check: 1 to SCHANNEL_SEGMENT_PAGES_MAX; with the
 *		pages of the segments in use at most the @accept_pages of the receiver.
 * @list_ref:	ADD: grant reference of a page that begins with the @nr_pages grant
 *		references (__u32) of the segment. Constant while the segment exists.
 * @mapped:	ANSWER: 1 if the segment is mapped, 0 if it is not. Any value but 0 counts
 *		as 1.
 *
 * A member that the text does not name for a message is 0 there, and ignored.
 */
struct schannel_msg_segment {
	__u16	segment;
	__u16	nr_pages;
	__u32	list_ref;
	__u32	mapped;
};

/**
 * struct schannel_msg - one message
 * @type:	enum schannel_msg_type. Check: known.
 * @reserved:	0.
 * @dst_flow:	ACCEPT, REFUSE, CLOSE, RING, RING_ANSWER, RETURN: the receiver's flow. Check: in
 *		use, in a state in which the message is valid, and @src_flow is its
 *		other end; for a RESET see struct schannel_msg_reason. In other messages
 *		SCHANNEL_FLOW_NONE.
 * @src_flow:	OPEN, ACCEPT, CLOSE, RING, RING_ANSWER, RETURN: the sender's flow. Check: not
 *		SCHANNEL_FLOW_CTL, and inside the sender's table. In other messages
 *		SCHANNEL_FLOW_NONE.
 * @reserved2:	0.
 * @open:	body of OPEN.
 * @accept:	body of ACCEPT.
 * @reason:	body of REFUSE and CLOSE.
 * @table:	body of TABLE_ADD and TABLE_ANSWER.
 * @segment:	body of SEGMENT_ADD, SEGMENT_ANSWER, SEGMENT_DEL and SEGMENT_GONE.
 * @ring:	body of RING.
 * @answer:	body of RING_ANSWER.
 * @space:	makes the message SCHANNEL_MSG_SIZE bytes long.
 */
struct schannel_msg {
	__u16	type;
	__u16	reserved;
	__u32	dst_flow;
	__u32	src_flow;
	__u32	reserved2;
	union {
		struct schannel_msg_open	open;
		struct schannel_msg_accept	accept;
		struct schannel_msg_reason	reason;
		struct schannel_msg_table	table;
		struct schannel_msg_segment	segment;
		struct schannel_msg_ring	ring;
		struct schannel_msg_answer	answer;
		__u8				space[112];
	};
};

/* ------------------------------------------------------------------------
 * Records
 *
 * A ring of a SEQPACKET or DGRAM flow is a sequence of records. A record is a header,
 * @len bytes, and padding up to a multiple of SCHANNEL_RECORD_ALIGN; the next header
 * follows, so that no header crosses a page. The sender produces a record as a whole:
 * @tx_prod moves from the end of one record to the end of a later one. Therefore the
 * largest record is the size of the ring less the header; for a larger record the
 * sender replaces the ring first.
 */
#define SCHANNEL_RECORD_ALIGN	16U

/* @flags: the sender set MSG_EOR. */
#define SCHANNEL_RECORD_EOR	(1U << 0)
/* @flags: the record is a notice, see "Datagrams". */
#define SCHANNEL_RECORD_NO_PORT	(1U << 1)

/**
 * struct schannel_record - the header of a record
 * @len:	number of bytes that follow. Check: header, bytes and padding are within
 *		what was produced; in a DGRAM flow, at most SCHANNEL_DGRAM_MAX.
 * @flags:	SCHANNEL_RECORD_*. Check: none; unknown bits are ignored.
 * @src_port:	DGRAM: the sender's port. Check: not 0. In other flows 0, ignored.
 * @dst_port:	DGRAM: the receiver's port. Check: not 0. In other flows 0, ignored.
 */
struct schannel_record {
	__u32	len;
	__u32	flags;
	__u32	src_port;
	__u32	dst_port;
};

/* ------------------------------------------------------------------------
 * Datagrams
 *
 * One flow of type DGRAM carries all datagrams from one domain to the other. The
 * sending side opens it for its first datagram; both ports of the OPEN are 0. A side
 * accepts one such flow at a time and refuses others as BACKLOG. The opener's ring
 * carries the datagrams. The acceptor's ring carries notices: records without bytes,
 * with SCHANNEL_RECORD_NO_PORT and with the ports of a datagram whose destination port
 * no socket was bound to. The acceptor may omit notices, for example for want of space.
 */
#define SCHANNEL_DGRAM_MAX	65536U

/* ------------------------------------------------------------------------
 * TCP connections
 *
 * A flow of type TCP carries bytes of a TCP connection that exists: TCP sets it up, over the
 * network, and ends it. Each direction moves from TCP to the ring and back by itself, as
 * often as its sender wants, and its bytes keep their order:
 *
 * 1. The end that accepted the established connection sends OPEN: one of the other end could
 *    overtake the last packet of TCP's handshake. The receiver looks for the TCP socket with
 *    these addresses and ports, source and destination exchanged, and refuses the flow: as
 *    SOURCE if @src_addr is not one of the opener's, or if @seq or @ack differs from what
 *    that socket knows of its connection, so that no domain claims one that is not its own
 *    (numbers of the connection's start, since both ends go on meanwhile); as NO_LISTENER
 *    if there is no such socket; as NOT_ATTACHED if the connection must stay with TCP; as
 *    RETRY if the opener may try again later.
 * 2. To move to the ring, the sender writes @tcp_base, the sequence number of the next byte
 *    that it would give to TCP, and @tcp_pos, its @tx_prod, then adds one to @tcp_gen
 *    (release), and notifies. From then on it gives nothing to TCP.
 * 3. The receiver reads @tcp_gen (acquire) and stores it in its own @tcp_ack (release), and
 *    notifies: it will read from TCP up to @tcp_base, and after that from the ring, from
 *    @tcp_pos on. Only then may the sender produce. If the receiver has bytes from TCP beyond
 *    @tcp_base by then, the sender has moved back without waiting: the receiver stores @tcp_ack
 *    and stays with TCP. A sender moves again only after @tcp_ack is its @tcp_gen.
 * 4. To move back, for whatever reason, the sender produces no more. It sends over TCP a
 *    struct schannel_tcp_marker, then the bytes of the ring from position @from to @to, and
 *    then what the program sends. @from is the peer's @rx_cons as the sender last read it.
 *    The receiver consumes the marker, skips the bytes that it had consumed beyond @from,
 *    stores @to in @rx_cons, and reads TCP. The sender need not send the marker before it
 *    has something to send behind it, in the ring or from the program. The marker may come
 *    after the channel's end. A sender that has not read the acknowledgment has produced
 *    nothing, and sends no marker. So bytes beyond @tcp_base that are no marker are data, if
 *    the receiver has consumed nothing since @tcp_pos. A FIN without a marker ends the
 *    direction: all of the ring had been consumed.
 *
 * RETURN has no body. It asks its receiver to move back what it sends (Check: the flow is
 * of type TCP, and its sender has not sent CLOSE). CLOSE with the reason
 * RETURNED says that its sender has moved back, and that the TCP connection lives on.
 * When a channel ends, all flows of this type move back. A CLOSE with any other reason
 * resets the connection, as in any flow.
 */

/**
 * struct schannel_flow_tcp - the first of @type_words in a flow of type TCP
 * @tcp_gen:	number of times that the owner has moved to the ring. Check: unchanged, or
 *		one more if the owner has moved back since.
 * @tcp_base:	TCP sequence number at which the owner moved last. Check: none; one behind what
 *		was received from TCP means that the owner has moved back, see 3. It may be
 *		beyond the window, by what the owner has queued.
 * @tcp_pos:	the owner's @tx_prod at that moment. Check: not behind own consumer index.
 * @tcp_ack:	the peer's @tcp_gen that the owner has read last. Check: equal to own
 *		@tcp_gen, or one less.
 */
struct schannel_flow_tcp {
	__u32	tcp_gen;
	__u32	tcp_base;
	__u32	tcp_pos;
	__u32	tcp_ack;
};

#define SCHANNEL_TCP_MAGIC	0x4e524353U	/* "SCRN" */

/**
 * struct schannel_tcp_marker - where a direction goes on in TCP's stream of bytes
 * @magic:	SCHANNEL_TCP_MAGIC. Check: equal, as @nonce; else it is no marker, see 4, or the
 *		connection is reset.
 * @gen:	the sender's @tcp_gen. Check: equal to what was read last.
 * @nonce:	@nonce of the OPEN.
 * @from:	position in the ring of the first byte that follows. Check: not ahead of own
 *		consumer index, nor behind it by more than the largest ring.
 * @to:		position behind the last byte of the ring. Check: from the own consumer
 *		index on, and @to - @from is at most the size of the largest ring.
 *
 * It comes from TCP, so from the same peer, but it is little endian as all of the ABI.
 */
struct schannel_tcp_marker {
	__u32	magic;
	__u32	gen;
	__u32	nonce[2];
	__u32	from;
	__u32	to;
};

/* ------------------------------------------------------------------------
 * Xenstore
 *
 * A pair of domains is a xenbus device of type "schannel". The domain with the
 * higher id is the frontend, so that a pair has only one device. The number of the
 * device is the backend's domain id in the frontend's directory. In the backend's
 * directory it is 0: there the frontend's id identifies the device, and both ids
 * together can be longer than a bus id.
 *
 *	/local/domain/<fe>/device/schannel/<be>/...
 *	/local/domain/<be>/backend/schannel/<fe>/0/...
 *
 * Besides the keys of xenbus itself, each side writes in its own directory:
 *
 *	abi		the newest ABI version that its driver speaks, decimal, not 0.
 *			The key exists as long as the driver does: it tells the peer
 *			that there is a driver. The driver writes it before the state,
 *			or together with it. The directory pages, not this key, decide
 *			which version a channel uses.
 *	dir-ref		grant reference of its directory page, decimal
 *	port-<i>	(frontend only) event channel i, unbound, for the backend to
 *			bind: the notification path of queue i; i from 0 up
 *	error		why its driver cannot serve the pair, for the control domain: "watches"
 *			or "nodes" if xenstored allows its domain no more of them, or empty.
 *			The control domain creates the key.
 *
 * The control domain, which creates the directories, writes into each one what
 * that side may know of its peer:
 *
 *	peer-name	the name of the peer; at most 127 bytes
 *	peer-uuid	the UUID of the peer, as text
 *	peer-addresses	the IP addresses of the peer, IPv4 or IPv6, separated by spaces
 *
 * and how much memory that side may use for its own rings of this channel:
 *
 *	pool-mib	in MiB, decimal; the side may have a lower limit of its own
 *
 * Each of these keys may be missing or empty, and may change at any time.
 *
 * States. A side without the key abi has no driver, whatever its state is: the
 * control domain writes Initialising before there is a driver. In Initialising on
 * both sides the pair may talk, but no channel is set up. The frontend starts a
 * channel: it writes its keys and goes to Initialised. The backend requests one by
 * going to InitWait. When the frontend is Initialised, the backend maps the
 * frontend's pages, binds its event channels, writes its own key and goes to
 * Connected; then the frontend maps the backend's pages and goes to Connected.
 *
 * Closing or Closed of either side, or its disappearance, ends the channel. A side
 * that takes its channel down goes to Closing, at any time; the other side follows.
 * The frontend leaves Closing, for Initialising, when the backend is not Connected;
 * the backend leaves it when the frontend is in Initialising or gone. Then another
 * channel may be set up.
 */
#define SCHANNEL_XENBUS_TYPE	"schannel"
#define SCHANNEL_KEY_ABI	"abi"
#define SCHANNEL_KEY_DIR	"dir-ref"
#define SCHANNEL_KEY_PORT	"port-%u"
#define SCHANNEL_KEY_ERROR	"error"
#define SCHANNEL_ERROR_WATCHES	"watches"
#define SCHANNEL_ERROR_NODES	"nodes"
#define SCHANNEL_KEY_PEER_NAME	"peer-name"
#define SCHANNEL_KEY_PEER_UUID	"peer-uuid"
#define SCHANNEL_KEY_PEER_ADDRESSES "peer-addresses"
#define SCHANNEL_KEY_POOL	"pool-mib"

#endif /* _UAPI_XEN_SCHANNEL_H */
