/* SPDX-License-Identifier: MIT */
/*
 * SChannel: what two domains share.
 *
 * A channel joins two domains. Each of the two owns a set of pages which it
 * alone writes and which it grants to the other READ-ONLY:
 *
 *	directory	what else there is, written before it is announced and
 *			never changed afterwards
 *	queue pages	the event queue this side fills, and how far it has
 *			emptied the other side's
 *	flow table	one entry per flow: how far this side has produced and
 *			consumed
 *	control ring	messages: opening and closing flows, announcing pages
 *	pool		segments, from which the flows' rings are carved
 *
 * All integers are little endian and naturally aligned; SCHANNEL_PAGE_SIZE is
 * the unit of every "page" and every grant. Sizes and positions in a ring are
 * in bytes unless another unit is named.
 *
 * Indexes are free-running: they count from 0 and wrap at 2^32; the place in
 * a ring of (power of two) size S is index & (S - 1).
 *
 * THE OWNER MAY BE HOSTILE. Every field can hold anything and can change at any
 * moment. A reader copies a field once into private memory, checks the copy as
 * the field's comment says, and uses only the copy. A value that fails its
 * check ends the flow it belongs to, or the channel when it belongs to none.
 *
 * Event indexes. Next to each index stands an event index, written by whoever
 * reads the index: "tell me when yours passes this". The one who moves an index
 * from OLD to NOW stores it, executes a full memory barrier, reads the event
 * index E and sends an event if schannel_need_event(E, NOW, OLD). The one who
 * is about to wait stores E, executes a full memory barrier, and reads the
 * index once more before it does wait. A side that does not wait leaves a stale E
 * behind and costs nobody a notification.
 */
#ifndef _UAPI_XEN_SCHANNEL_H
#define _UAPI_XEN_SCHANNEL_H

#include <linux/types.h>

#define SCHANNEL_PAGE_SHIFT	12
#define SCHANNEL_PAGE_SIZE	(1U << SCHANNEL_PAGE_SHIFT)

/* Has an index that moved from @old to @now passed @event? */
static __inline__ int schannel_need_event(__u32 event, __u32 now, __u32 old)
{
	return (__u32)(now - event - 1U) < (__u32)(now - old);
}

/* ------------------------------------------------------------------------
 * Versions
 *
 * A side announces the range of ABI versions it speaks; the channel uses the
 * highest both have. Without a common one the channel is refused by the side
 * that notices. Within a version, an addition that an older peer can ignore is
 * a feature bit in @features; one that it cannot is a bit in @required as
 * well. The channel uses the bits which both sides announce; a side that finds
 * a bit in the peer's @required that it does not know refuses the channel.
 */
#define SCHANNEL_ABI_VERSION	1U
#define SCHANNEL_ABI_OLDEST	1U

/* Bits of @features and @required: none are defined by version 1. */
#define SCHANNEL_FEATURES	0U

/* ------------------------------------------------------------------------
 * Directory: one page, found through the transport (see xenstore below)
 *
 * The first 24 bytes (up to and including @required) keep their place and
 * meaning in every version to come.
 */
#define SCHANNEL_MAGIC		0x4e484353U	/* "SCHN" */
#define SCHANNEL_QUEUES_MAX	8U
#define SCHANNEL_CTL_ORDER_MAX	3U

/**
 * struct schannel_dir - a side's directory
 * @magic:	SCHANNEL_MAGIC. Check: equal.
 * @abi:	newest ABI version the owner speaks.
 * @abi_oldest:	oldest one. Check: the two ranges meet.
 * @reserved:	0; readers ignore it.
 * @features:	feature bits the owner has. Check: unknown ones are ignored.
 * @required:	feature bits the owner cannot do without. Check: all known.
 * @nr_queues:	how many of @queue_ref are valid. Check: 1 to
 *		SCHANNEL_QUEUES_MAX. The channel uses the smaller of the two
 *		sides' numbers.
 * @ctl_order:	the control ring has 1 << @ctl_order pages. Check: at most
 *		SCHANNEL_CTL_ORDER_MAX.
 * @flow_ref:	grant reference of page 0 of the flow table (entries 0 to
 *		SCHANNEL_FLOWS_PER_PAGE - 1).
 * @queue_ref:	grant references of the queue pages.
 * @ctl_ref:	grant references of the control ring's pages, in order.
 *
 * Written by the owner before the directory is announced, then constant. Read
 * once by the peer, when the channel comes up. References need no check: a
 * wrong one fails to map, which refuses the channel.
 */
struct schannel_dir {
	__u32	magic;
	__u16	abi;
	__u16	abi_oldest;
	__u32	reserved[2];
	__u32	features;
	__u32	required;
	__u32	nr_queues;
	__u32	ctl_order;
	__u32	flow_ref;
	__u32	queue_ref[SCHANNEL_QUEUES_MAX];
	__u32	ctl_ref[1U << SCHANNEL_CTL_ORDER_MAX];
};

/* ------------------------------------------------------------------------
 * Event queues: which flows need attention
 *
 * Queue i is a pair of pages, one of each side. A side posts the number of a
 * flow *of the peer's table* in its own page i and notifies the peer over
 * notification path i of the transport. An entry says "look at this flow", no more:
 * a superfluous one is harmless, and one for a flow that is not in use is
 * ignored.
 *
 * A poster leaves out an entry for a flow whose previous one has not been
 * consumed, judged by the peer's @cons. A consumer therefore stores @cons,
 * executes a full memory barrier, and only then looks at the flows whose
 * entries it took.
 *
 * When the queue is full, the poster increments @overflow instead: "look at all
 * your flows that use this queue".
 */
#define SCHANNEL_QUEUE_ENTRIES	512U

/**
 * struct schannel_queue - a side's page of one event queue
 * @prod:	entries posted so far; unit: entries. Written by the poster
 *		after the entry itself (release). Check: at most
 *		SCHANNEL_QUEUE_ENTRIES ahead of the reader's own consumer index.
 * @overflow:	changes each time an entry did not fit. Check: none.
 * @cons:	entries of the *peer's* queue page that this side has consumed.
 *		Check: not behind the value seen before, not ahead of the
 *		reader's own @prod. (A reader that finds nonsense here gains
 *		nothing from believing it: it only posts more, or overflows.)
 * @event:	notify this side when the peer's @prod passes this.
 * @entry:	numbers of flows in the peer's table; entry n is in
 *		@entry[n % SCHANNEL_QUEUE_ENTRIES]. Check: a flow in use.
 */
struct schannel_queue {
	__u32	prod;
	__u32	overflow;
	__u32	pad0[14];

	__u32	cons;
	__u32	event;
	__u32	pad1[14];

	__u32	pad2[480];
	__u32	entry[SCHANNEL_QUEUE_ENTRIES];
};

/* ------------------------------------------------------------------------
 * Flow table
 *
 * A flow is one entry in each side's table. The two entries have different
 * numbers: each side chooses its own, and names the peer's in what it sends.
 * Entry 0 is the control ring's; entries from 1 on are connections.
 */
#define SCHANNEL_FLOWS_PER_PAGE	32U
#define SCHANNEL_FLOW_PAGES_MAX	512U
#define SCHANNEL_FLOWS_MAX	(SCHANNEL_FLOWS_PER_PAGE * SCHANNEL_FLOW_PAGES_MAX)
#define SCHANNEL_FLOW_CTL	0U
#define SCHANNEL_FLOW_NONE	0xffffffffU

/* @tx_flags: @tx_prod is final, nothing more will be produced. */
#define SCHANNEL_TX_FIN		(1U << 0)
/* @rx_flags: nothing more will be consumed, producing is in vain. */
#define SCHANNEL_RX_SHUT	(1U << 0)

/**
 * struct schannel_flow - a side's entry for one flow
 *
 * Producer line, about the ring in the owner's pool:
 * @tx_prod:	bytes produced. Written after the bytes themselves (release).
 *		Check: tx_prod - own consumer index <= size of the ring; of the new
 *		one once @tx_switches has changed.
 * @tx_flags:	SCHANNEL_TX_*; written after the last change of @tx_prod
 *		(release), a bit once set stays. Check: unknown bits ignored.
 * @tx_event:	notify the owner when the peer's @rx_cons passes this.
 * @tx_switches:	how often the owner has gone on in another ring, see "Moving a
 *		ring". Check: as last seen, or one more if a ring that was
 *		offered and answered with 1 waits for that.
 * @tx_switch:	where it last did: the first byte in the new ring. Written before
 *		@tx_switches (release), which is written before a @tx_prod beyond
 *		it. Check, when @tx_switches is seen to have changed: not behind any
 *		@tx_prod seen before it did, and no further ahead of the own
 *		consumer index than either ring holds.
 *
 * Consumer line, about the ring in the peer's pool:
 * @rx_cons:	bytes consumed: their place in the ring may be overwritten.
 *		Check: own tx_prod - rx_cons is not more than it was for the
 *		value read before.
 * @rx_flags:	SCHANNEL_RX_*; a bit once set stays. Check: as @tx_flags.
 * @rx_event:	notify the owner when the peer's @tx_prod passes this.
 *
 * A notification about a flow is its number, posted in the flow's event
 * queue. A change of @tx_flags or @rx_flags is always notified.
 */
struct schannel_flow {
	__u32	tx_prod;
	__u32	tx_flags;
	__u32	tx_event;
	__u32	tx_switches;
	__u32	tx_switch;
	__u32	pad0[11];

	__u32	rx_cons;
	__u32	rx_flags;
	__u32	rx_event;
	__u32	pad1[13];
};

/* ------------------------------------------------------------------------
 * Control ring: messages of SCHANNEL_MSG_SIZE bytes
 *
 * A ring like any flow's, with flow entry 0 of each side for its indexes; every
 * index in it is a multiple of SCHANNEL_MSG_SIZE (check). Messages take effect
 * in order. A message with an unknown @type ends the channel.
 */
#define SCHANNEL_MSG_SIZE	128U

enum schannel_msg_type {
	SCHANNEL_MSG_OPEN	= 1,	/* open a flow to a port */
	SCHANNEL_MSG_ACCEPT	= 2,	/* it is open */
	SCHANNEL_MSG_REFUSE	= 3,	/* it is not */
	SCHANNEL_MSG_CLOSE	= 4,	/* the sender is done with the flow */
	SCHANNEL_MSG_TABLE_ADD	= 5,	/* the flow table has more pages */
	SCHANNEL_MSG_SEGMENT_ADD = 6,	/* the pool has one more segment */
	SCHANNEL_MSG_SEGMENT_DEL = 7,	/* it shall have one less */
	SCHANNEL_MSG_SEGMENT_GONE = 8,	/* the receiver's segment is mapped no more */
	SCHANNEL_MSG_RING	= 9,	/* another ring for a flow */
	SCHANNEL_MSG_RING_ANSWER = 10,	/* whether that will be followed to */
};

/* Largest ring: 1 << SCHANNEL_RING_ORDER_MAX pages. */
#define SCHANNEL_RING_ORDER_MAX	10U
/* Pages in one segment; their references fill at most one page. */
#define SCHANNEL_SEGMENT_PAGES_MAX (SCHANNEL_PAGE_SIZE / 4U)
#define SCHANNEL_SEGMENTS_MAX	256U
#define SCHANNEL_TABLE_ADD_MAX	24U

/**
 * struct schannel_ring_at - where in the sender's pool a flow's ring is
 * @segment:	number of the segment. Check: announced and mapped.
 * @page:	first page within the segment. Check: @page + (1 << @order) is
 *		not beyond the segment's end.
 * @order:	the ring has 1 << @order pages. Check: at most
 *		SCHANNEL_RING_ORDER_MAX.
 * @queue:	the event queue in which the sender of this message wants the
 *		flow's events. Check: less than the channel's queues. An entry
 *		for the flow in another queue is ignored.
 */
struct schannel_ring_at {
	__u16	segment;
	__u16	page;
	__u8	order;
	__u8	queue;
	__u16	reserved;
};

/* ------------------------------------------------------------------------
 * Moving a ring
 *
 * A flow's ring may be replaced by another, larger or smaller, while bytes are in
 * it and more are being produced:
 *
 * 1. The producer's side offers the other ring with RING.
 * 2. The receiver answers: 1, it can read that ring, or 0, it cannot, or will not.
 *    It always answers 0 for a DGRAM flow.
 * 3. After a 1 the producer may turn, at any time from then on, or never. To turn it
 *    stores its producer index in @tx_switch, and then adds one to @tx_switches
 *    (release). What is before that index stays in the old ring, what comes from there
 *    on is in the new one, at index & (its size - 1). A record lies
 *    in one of the two as a whole. From then on tx_prod - rx_cons must not exceed
 *    the new ring's size, and when it switches it already must not.
 * 4. The consumer, once it has read @tx_prod, reads @tx_switches (acquire): if that
 *    has changed it reads the old ring up to @tx_switch, and then the new one.
 * 5. As soon as the peer's @rx_cons is not before @tx_switch, the old ring may be used
 *    for something else. Only then may the next one be offered, which
 *    takes the place of one that was offered before and not turned to.
 *
 * So nobody waits: until it has turned, the producer goes on in the old ring.
 */

/**
 * struct schannel_msg_ring - body of SCHANNEL_MSG_RING
 * @ring:	the ring offered. Check: as ever; @ring.queue means nothing. If its
 *		segment is not mapped the answer is 0.
 *
 * Sent while the sender's side of the flow is open: after ACCEPT and before its own
 * CLOSE, and not before the previous RING was answered (check). A
 * receiver that has sent CLOSE does not answer.
 */
struct schannel_msg_ring {
	struct schannel_ring_at ring;
};

/**
 * struct schannel_msg_answer - body of SCHANNEL_MSG_RING_ANSWER
 * @ready:	whether the receiver will follow to the ring that was offered. Check: a
 *		RING waits for its answer. Anything but 0 is taken as 1.
 *
 * After a 0 the ring may be used for something else at once.
 */
struct schannel_msg_answer {
	__u32	ready;
};

/**
 * struct schannel_msg_open - body of SCHANNEL_MSG_OPEN
 * @ring:	the opener's ring.
 * @src_port:	port of the opener's socket. Check: not 0, unless @type is DGRAM.
 * @dst_port:	port it wants. Check: as @src_port.
 * @type:	SCHANNEL_TYPE_*. Check: known, and what listens is of that type, else
 *		refuse as UNSUPPORTED.
 * @rx_order:	order the opener would like the other direction's ring to have; a
 *		limits, 0xff for none.
 * @src_addr:	INET: the opener's address, IPv6 or v4-mapped. Check: one that the
 *		control domain published for the peer, else refuse as SOURCE.
 * @dst_addr:	INET: the address it wants, of the same kind (v4-mapped or not).
 *		Check: an address of this domain's.
 */
struct schannel_msg_open {
	struct schannel_ring_at ring;
	__u32	src_port;
	__u32	dst_port;
	__u8	type;
	__u8	rx_order;
	__u16	reserved;
	__u8	src_addr[16];
	__u8	dst_addr[16];
};

#define SCHANNEL_TYPE_STREAM	1U	/* the rings carry bytes */
#define SCHANNEL_TYPE_SEQPACKET	2U	/* the rings carry records */
#define SCHANNEL_TYPE_DGRAM	3U	/* see "Datagrams" */
#define SCHANNEL_TYPE_INET	4U	/* the bytes of a TCP connection; TCP's ports */

/* struct schannel_msg_accept - body of SCHANNEL_MSG_ACCEPT: the acceptor's ring */
struct schannel_msg_accept {
	struct schannel_ring_at ring;
};

enum schannel_reason {
	/* CLOSE: in order. What was produced may still be consumed. */
	SCHANNEL_REASON_DONE		= 0,
	/* CLOSE: the connection is reset. */
	SCHANNEL_REASON_RESET		= 1,
	/* CLOSE: reset, since the receiver's shared memory made no sense. */
	SCHANNEL_REASON_PROTOCOL	= 2,
	/* REFUSE */
	SCHANNEL_REASON_NO_LISTENER	= 3,
	SCHANNEL_REASON_BACKLOG		= 4,
	SCHANNEL_REASON_NO_MEMORY	= 5,
	SCHANNEL_REASON_UNSUPPORTED	= 6,
	/* REFUSE of an INET OPEN: */
	/* a listener, but not in an attached cgroup, or no plain TCP's */
	SCHANNEL_REASON_NOT_ATTACHED	= 7,
	SCHANNEL_REASON_SOURCE		= 8,	/* not the opener's address */
	SCHANNEL_REASON_DENIED		= 9,	/* a security module says no */
};

/**
 * struct schannel_msg_reason - body of SCHANNEL_MSG_REFUSE and _CLOSE
 * @reason:	enum schannel_reason. Check: unknown ones are taken as RESET, or
 *		as NO_LISTENER in a REFUSE.
 *
 * CLOSE is the last message its sender sends about the flow, and after it the
 * sender reads nothing of the flow and posts no event for it. With reason DONE it
 * has set SCHANNEL_TX_FIN and SCHANNEL_RX_SHUT before; without, it is taken as RESET.
 * A side that has both sent and received CLOSE may use entry and ring for something else. REFUSE
 * stands for both: the opener may reuse its entry and ring at once.
 */
struct schannel_msg_reason {
	__u32	reason;
};

/**
 * struct schannel_msg_table - body of SCHANNEL_MSG_TABLE_ADD
 * @first:	first new page's number. Check: the number of pages known so far.
 * @nr:		how many. Check: 1 to SCHANNEL_TABLE_ADD_MAX, and the sum at most
 *		SCHANNEL_FLOW_PAGES_MAX.
 * @ref:	their grant references.
 */
struct schannel_msg_table {
	__u16	first;
	__u16	nr;
	__u32	ref[SCHANNEL_TABLE_ADD_MAX];
};

/**
 * struct schannel_msg_segment - body of SCHANNEL_MSG_SEGMENT_ADD
 * @segment:	the segment's number. Check: not in use, below
 *		SCHANNEL_SEGMENTS_MAX.
 * @nr_pages:	its pages. Check: 1 to SCHANNEL_SEGMENT_PAGES_MAX.
 * @list_ref:	grant reference of a page that lists the @nr_pages references
 *		(__u32 each) from its start. Constant while the segment is there.
 *
 * A receiver that cannot map a segment keeps quiet; it refuses, or resets, the
 * flows that have a ring in it, and answers 0 to a RING there.
 *
 * SEGMENT_DEL, with @segment only (Check: announced, and not deleted already), says that no
 * ring is in the segment any more, nor will be. The receiver unmaps it and then
 * sends SEGMENT_GONE, again with @segment only (Check: one that a SEGMENT_DEL was sent
 * for). The owner frees pages and number after that. While a flow has a ring there
 * after all, the receiver does not unmap it: who deletes what it uses waits.
 */
struct schannel_msg_segment {
	__u16	segment;
	__u16	nr_pages;
	__u32	list_ref;
};

/**
 * struct schannel_msg - one message
 * @type:	enum schannel_msg_type. Check: known.
 * @reserved:	0; readers ignore it.
 * @dst_flow:	ACCEPT, REFUSE, CLOSE, RING, RING_ANSWER: the receiver's flow. Check: in use, in a
 *		state where the message makes sense, and @src_flow is its other
 *		end. Else SCHANNEL_FLOW_NONE.
 * @src_flow:	OPEN, ACCEPT, CLOSE, RING, RING_ANSWER: the sender's flow. Check: not
 *		SCHANNEL_FLOW_CTL, inside the sender's table. Else
 *		SCHANNEL_FLOW_NONE.
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
 * A ring of a SEQPACKET or DGRAM flow is a sequence of records: a header, @len
 * bytes, and padding up to a multiple of SCHANNEL_RECORD_ALIGN, where the next
 * header stands (so that none crosses a page). A record is produced as a whole: @tx_prod
 * moves from the end of one to the end of a later one. The largest record is
 * therefore what the ring holds, less the header; for a larger one the ring is moved.
 */
#define SCHANNEL_RECORD_ALIGN	16U

/* @flags: the sender's MSG_EOR. */
#define SCHANNEL_RECORD_EOR	(1U << 0)
/* @flags: a notice, see "Datagrams". */
#define SCHANNEL_RECORD_NO_PORT	(1U << 1)

/**
 * struct schannel_record - what stands before each record
 * @len:	bytes that follow. Check: header, bytes and padding are within what
 *		was produced; in a DGRAM flow, at most SCHANNEL_DGRAM_MAX.
 * @flags:	SCHANNEL_RECORD_*. Check: unknown bits ignored.
 * @src_port:	DGRAM: the sender's port. Check: not 0. Else 0, ignored.
 * @dst_port:	DGRAM: the receiver's port. Check: not 0. Else 0, ignored.
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
 * All datagrams from one domain to the other travel in one flow of type DGRAM, which
 * the sending side opens when it has the first one to send; both ports of its OPEN
 * are 0. A side accepts one such flow at a time and refuses others as BACKLOG.
 * The opener's ring carries the datagrams. The acceptor's ring carries notices: records
 * without bytes, with SCHANNEL_RECORD_NO_PORT and the ports of a datagram that
 * nobody was bound to receive. Notices may be left out, when there is no
 * room for them or at will.
 */
#define SCHANNEL_DGRAM_MAX	65536U

/* ------------------------------------------------------------------------
 * Xenstore
 *
 * A pair of domains is a xenbus device of type "schannel". The domain with the
 * higher id is the frontend, so that a pair has only one; the device's number
 * there is the backend's domain id. (At the backend it is 0: the frontend's id
 * tells devices apart, and both together can be longer than a bus id.)
 *
 *	/local/domain/<fe>/device/schannel/<be>/...
 *	/local/domain/<be>/backend/schannel/<fe>/0/...
 *
 * Beside xenbus's own keys, each side writes in its own directory:
 *
 *	abi		as long as its driver is there: the newest ABI version that
 *			speaks, decimal, not 0. Which one a channel uses is settled
 *			by the directories; this tells the peer that there is
 *			somebody, so it is written before the state, or with it.
 *	dir-ref		grant reference of its directory, decimal
 *	port-<i>	(frontend only) event channel i, unbound, for the backend
 *			to bind; notification path of queue i; i from 0 up
 *
 * and the control domain, which made the directories, tells each side who the other is:
 *
 *	peer-name	its name; at most 127 bytes
 *	peer-uuid	its UUID, as text
 *	peer-addresses	its IP addresses, IPv4 or IPv6, separated by spaces
 *
 * and what memory the one told may take for its own rings of this channel:
 *
 *	pool-mib	in MiB, decimal; it may have a lower limit of its own
 *
 * Each may be missing or empty, and may change at any time.
 *
 * States: a side without abi is not there, whatever its state: the control domain
 * writes Initialising before there is a driver. Both
 * Initialising: the pair may talk but no channel is set up. The
 * frontend starts one by writing its keys and going to Initialised; the backend
 * asks for that by going to InitWait. The backend then maps, binds, writes its
 * key and goes to Connected; the frontend maps and goes to Connected. Closing
 * or Closed of either side, or its disappearance, ends the channel; when both
 * are back at Initialising, another may follow.
 */
#define SCHANNEL_XENBUS_TYPE	"schannel"
#define SCHANNEL_KEY_ABI	"abi"
#define SCHANNEL_KEY_DIR	"dir-ref"
#define SCHANNEL_KEY_PORT	"port-%u"
#define SCHANNEL_KEY_PEER_NAME	"peer-name"
#define SCHANNEL_KEY_PEER_UUID	"peer-uuid"
#define SCHANNEL_KEY_PEER_ADDRESSES "peer-addresses"
#define SCHANNEL_KEY_POOL	"pool-mib"

#endif /* _UAPI_XEN_SCHANNEL_H */
