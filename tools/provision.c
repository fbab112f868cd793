// SPDX-License-Identifier: GPL-2.0-only
/*
 * Provisioning: pairs of domains in xenstore.
 *
 * Who may write what. A domain owns the directory of its end and the state in
 * it, since its driver creates keys there and says how far it is; the peer
 * may read both. What the toolstack says (who the peer is and where it is
 * found, and whether the device is wanted) is owned by the control domain and
 * readable by the domain it is told to, so no guest can alter it. The
 * directories above belong to the control domain as well: a guest can neither
 * make itself a device nor name another peer.
 *
 * What remains to a malicious guest: it owns its directory, so it may remove
 * it as a whole, and cannot make it again. It then has taken its own channel
 * away, which it could have done by closing it. It may write any state and
 * any key of its own: the peer's driver checks those anyway. Where a domain
 * was given other directories than these by its toolstack (a driver domain
 * may own all of its backend directory) and does rewrite its peer, it misleads
 * itself only: memory is granted by the other side, to the domain that its own
 * nodes name, and those the guest cannot write.
 *
 * Nothing here follows a path found in xenstore. Paths are made from domain
 * ids alone, so a guest cannot have the control domain remove or read anything
 * on its behalf.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xenbus.h>
#include <xen/schannel.h>

#include "domain.h"
#include "provision.h"

#define CONTROL_DOMAIN	0
#define PATH_SIZE	96
#define FRONT_ROOT	"/local/domain/%u/device"
#define BACK_ROOT	"/local/domain/%u/backend"
#define TYPE		"/" SCHANNEL_XENBUS_TYPE
#define KEPT_PATH	"/tool/schanneld/pairs"
#define KEPT_NAME	"%u-%u"

/* A guest that keeps writing can make a transaction fail, but not for ever. */
#define TRIES_MAX	100

/*
 * What is done to one pair inside of a transaction. The first error sticks,
 * and nothing is done after it.
 */
struct work {
	struct xs_handle *xs;
	xs_transaction_t t;
	int error;
	unsigned int fe;
	unsigned int be;
	char front[PATH_SIZE];
	char back[PATH_SIZE];
	char kept[PATH_SIZE];	/* there if the pair is the broker's */
	const struct pair_terms *terms;
	enum pair_change change;
	bool making;		/* none of it is there yet */
};

static void work_init(struct work *w, struct xs_handle *xs, unsigned int a, unsigned int b)
{
	*w = (struct work){ .xs = xs, .fe = a > b ? a : b, .be = a > b ? b : a };
	snprintf(w->front, PATH_SIZE, FRONT_ROOT TYPE "/%u", w->fe, w->be);
	snprintf(w->back, PATH_SIZE, BACK_ROOT TYPE "/%u/0", w->be, w->fe);
	snprintf(w->kept, PATH_SIZE, KEPT_PATH "/" KEPT_NAME, w->fe, w->be);
}

static void work_done(struct work *w, bool ok)
{
	if (!ok && !w->error)
		w->error = -errno;
}

/*
 * Others see all of it or nothing. It is done again when somebody else changed
 * what it was based on.
 */
static int work_commit(struct work *w, void (*body)(struct work *w))
{
	unsigned int tries;

	for (tries = 0; tries < TRIES_MAX; tries++) {
		w->error = 0;
		w->t = xs_transaction_start(w->xs);
		if (w->t == XBT_NULL)
			return -errno;
		body(w);
		if (xs_transaction_end(w->xs, w->t, w->error) || w->error)
			return w->error;
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

static bool node_exists(struct work *w, const char *path)
{
	bool found;
	char *value;

	if (w->error)
		return false;
	value = xs_read(w->xs, w->t, path, NULL);
	found = value;
	work_done(w, found || errno == ENOENT);
	free(value);
	return found;
}

/* The owner may read and write, the reader may read, all others nothing. */
static void node_permit(struct work *w, const char *path, unsigned int owner,
			unsigned int reader)
{
	struct xs_permissions perms[] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	if (w->error)
		return;
	work_done(w, xs_set_permissions(w->xs, w->t, path, perms, owner == reader ? 1 : 2));
}

static void node_make(struct work *w, const char *path, unsigned int owner, unsigned int reader)
{
	if (w->error)
		return;
	work_done(w, xs_mkdir(w->xs, w->t, path));
	node_permit(w, path, owner, reader);
}

static void node_write(struct work *w, const char *dir, const char *key, const char *value,
		       unsigned int owner, unsigned int reader)
{
	char path[PATH_SIZE];

	if (w->error)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	work_done(w, xs_write(w->xs, w->t, path, value, strlen(value)));
	node_permit(w, path, owner, reader);
}

static void node_write_number(struct work *w, const char *dir, const char *key,
			      unsigned int number, unsigned int owner, unsigned int reader)
{
	char value[16];

	snprintf(value, sizeof(value), "%u", number);
	node_write(w, dir, key, value, owner, reader);
}

static void node_remove(struct work *w, const char *path)
{
	if (!w->error)
		work_done(w, xs_rm(w->xs, w->t, path));
}

/* A directory above the devices, which its domain's xenbus lists and watches. */
struct parent {
	unsigned int domid;
	bool ours;		/* other devices have no use for it */
	char path[PATH_SIZE];
};

#define PARENTS	5

/* In an order in which they can be made. */
static void parents_name(const struct work *w, struct parent parent[PARENTS])
{
	parent[0] = (struct parent){ .domid = w->fe };
	snprintf(parent[0].path, PATH_SIZE, FRONT_ROOT, w->fe);
	parent[1] = (struct parent){ .domid = w->fe, .ours = true };
	snprintf(parent[1].path, PATH_SIZE, FRONT_ROOT TYPE, w->fe);
	parent[2] = (struct parent){ .domid = w->be };
	snprintf(parent[2].path, PATH_SIZE, BACK_ROOT, w->be);
	parent[3] = (struct parent){ .domid = w->be, .ours = true };
	snprintf(parent[3].path, PATH_SIZE, BACK_ROOT TYPE, w->be);
	parent[4] = (struct parent){ .domid = w->be, .ours = true };
	snprintf(parent[4].path, PATH_SIZE, BACK_ROOT TYPE "/%u", w->be, w->fe);
}

/* What exists was made by the toolstack or for another pair, and is right. */
static void parents_make(struct work *w)
{
	struct parent parent[PARENTS];
	unsigned int i;

	parents_name(w, parent);
	for (i = 0; i < PARENTS; i++)
		if (!node_exists(w, parent[i].path))
			node_make(w, parent[i].path, CONTROL_DOMAIN, parent[i].domid);
}

static bool node_is_empty(struct work *w, const char *path)
{
	unsigned int entries;
	bool empty;
	char **list;

	if (w->error)
		return false;
	list = xs_directory(w->xs, w->t, path, &entries);
	work_done(w, list || errno == ENOENT);
	empty = list && !entries;
	free(list);
	return empty;
}

static void parents_remove_empty(struct work *w)
{
	struct parent parent[PARENTS];
	unsigned int i;

	parents_name(w, parent);
	for (i = PARENTS; i-- > 0;)
		if (parent[i].ours && node_is_empty(w, parent[i].path))
			node_remove(w, parent[i].path);
}

static bool node_says(struct work *w, const char *dir, const char *key, const char *value)
{
	char path[PATH_SIZE], *now;
	bool same;

	if (w->error)
		return true;
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	now = xs_read(w->xs, w->t, path, NULL);
	work_done(w, now || errno == ENOENT);
	same = now && !strcmp(now, value);
	free(now);
	return same;
}

/* Nobody is told of a value that stays the same. */
static void node_update(struct work *w, const char *dir, const char *key, const char *value,
			unsigned int reader)
{
	if (!w->making && node_says(w, dir, key, value))
		return;
	node_write(w, dir, key, value, CONTROL_DOMAIN, reader);
	w->change = PAIR_UPDATED;
}

/*
 * Empty ones, too: a key that is not there the domain could make itself, and then
 * what stands there is not what the control domain says.
 */
static void terms_write(struct work *w, const char *dir, unsigned int reader,
			const struct pair_party *own, const struct identity *peer)
{
	char pool[16] = "";

	if (own->pool_mib)
		snprintf(pool, sizeof(pool), "%u", own->pool_mib);
	node_update(w, dir, SCHANNEL_KEY_PEER_NAME, peer->name, reader);
	node_update(w, dir, SCHANNEL_KEY_PEER_UUID, peer->uuid, reader);
	node_update(w, dir, SCHANNEL_KEY_PEER_ADDRESSES, peer->addresses, reader);
	node_update(w, dir, SCHANNEL_KEY_POOL, pool, reader);
}

static void front_terms(struct work *w)
{
	terms_write(w, w->front, w->fe, &w->terms->front, w->terms->back.who);
}

static void back_terms(struct work *w)
{
	terms_write(w, w->back, w->be, &w->terms->back, w->terms->front.who);
}

static void front_make(struct work *w)
{
	node_make(w, w->front, w->fe, w->be);
	node_write(w, w->front, "backend", w->back, CONTROL_DOMAIN, w->fe);
	node_write_number(w, w->front, "backend-id", w->be, CONTROL_DOMAIN, w->fe);
	front_terms(w);
	node_write_number(w, w->front, "state", XenbusStateInitialising, w->fe, w->be);
}

static void back_make(struct work *w)
{
	node_make(w, w->back, w->be, w->fe);
	node_write(w, w->back, "frontend", w->front, CONTROL_DOMAIN, w->be);
	node_write_number(w, w->back, "frontend-id", w->fe, CONTROL_DOMAIN, w->be);
	node_write_number(w, w->back, "online", 1, CONTROL_DOMAIN, w->be);
	back_terms(w);
	node_write_number(w, w->back, "state", XenbusStateInitialising, w->be, w->fe);
}

static void require_running(struct work *w, unsigned int domid)
{
	int ret = domain_exists(w->xs, w->t, domid);

	if (ret <= 0 && !w->error)
		w->error = ret ? ret : -ESRCH;
}

/* The ends that are there; halves are of an earlier domain that had one of the ids. */
static void ends_remove(struct work *w)
{
	if (node_exists(w, w->front))
		node_remove(w, w->front);
	if (node_exists(w, w->back))
		node_remove(w, w->back);
}

static bool pair_whole(struct work *w)
{
	return node_exists(w, w->front) && node_exists(w, w->back);
}

static void pair_make(struct work *w)
{
	w->making = true;
	require_running(w, w->fe);
	require_running(w, w->be);
	ends_remove(w);
	parents_make(w);
	front_make(w);
	back_make(w);
}

static void pair_body(struct work *w)
{
	struct identity front, back;
	struct pair_terms terms = { .front.who = &front, .back.who = &back };

	if (pair_whole(w)) {
		w->error = -EEXIST;
		return;
	}
	identity_read(&front, w->xs, w->t, w->fe);
	identity_read(&back, w->xs, w->t, w->be);
	w->terms = &terms;
	pair_make(w);
	w->terms = NULL;
	/* What a person pairs is theirs from then on. */
	if (node_exists(w, w->kept))
		node_remove(w, w->kept);
}

int provision_pair(struct xs_handle *xs, unsigned int a, unsigned int b)
{
	struct work w;

	if (a == b)
		return -EINVAL;
	work_init(&w, xs, a, b);
	return work_commit(&w, pair_body);
}

static void drop_body(struct work *w)
{
	ends_remove(w);
	if (node_exists(w, w->kept))
		node_remove(w, w->kept);
	parents_remove_empty(w);
}

static void unpair_body(struct work *w)
{
	if (!node_exists(w, w->front) && !node_exists(w, w->back) && !w->error)
		w->error = -ENOENT;
	drop_body(w);
}

int provision_unpair(struct xs_handle *xs, unsigned int a, unsigned int b)
{
	struct work w;

	work_init(&w, xs, a, b);
	return work_commit(&w, unpair_body);
}

/* ---- The broker's pairs ------------------------------------------------- */

static void keep_body(struct work *w)
{
	w->change = PAIR_SAME;
	w->making = false;
	if (!pair_whole(w)) {
		pair_make(w);
		/* With the directories above; all are as private as /tool is. */
		work_done(w, w->error || xs_mkdir(w->xs, w->t, w->kept));
		w->change = PAIR_MADE;
	} else if (node_exists(w, w->kept)) {
		front_terms(w);
		back_terms(w);
	}
}

int provision_keep(struct xs_handle *xs, unsigned int fe, unsigned int be,
		   const struct pair_terms *terms)
{
	struct work w;
	int ret;

	work_init(&w, xs, fe, be);
	w.terms = terms;
	ret = work_commit(&w, keep_body);
	return ret ? ret : (int)w.change;
}

static void drop_kept_body(struct work *w)
{
	if (node_exists(w, w->kept))
		drop_body(w);
}

int provision_drop(struct xs_handle *xs, unsigned int fe, unsigned int be)
{
	struct work w;

	work_init(&w, xs, fe, be);
	return work_commit(&w, drop_kept_body);
}

bool provision_whole(struct xs_handle *xs, unsigned int fe, unsigned int be)
{
	struct work w;

	work_init(&w, xs, fe, be);
	return pair_whole(&w);
}

int provision_kept(struct xs_handle *xs, struct pair_ids **ids, size_t *count)
{
	unsigned int names, i;
	char **name;

	*ids = NULL;
	*count = 0;
	name = xs_directory(xs, XBT_NULL, KEPT_PATH, &names);
	if (!name)
		return errno == ENOENT ? 0 : -errno;
	*ids = calloc(names + 1, sizeof(**ids));
	for (i = 0; *ids && i < names; i++) {
		struct pair_ids *id = *ids + *count;

		if (sscanf(name[i], KEPT_NAME, &id->fe, &id->be) == 2)
			++*count;
	}
	free(name);
	return *ids ? 0 : -ENOMEM;
}

/* Read in one transaction, too: no pair is ever seen half-made. */
struct list {
	struct xs_handle *xs;
	xs_transaction_t t;
	struct pair *pairs;
	size_t count;
};

static void end_read(struct work *w, const char *path, unsigned int domid, struct pair_end *end)
{
	char key[PATH_SIZE], *value;

	end->domid = domid;
	end->present = node_exists(w, path);
	end->name = domain_name(w->xs, w->t, domid);

	snprintf(key, sizeof(key), "%s/" SCHANNEL_KEY_ABI, path);
	end->driver = node_exists(w, key);

	snprintf(key, sizeof(key), "%s/state", path);
	value = xs_read(w->xs, w->t, key, NULL);
	end->state = value ? strtoul(value, NULL, 10) : XenbusStateUnknown;
	if (end->state > XenbusStateReconfigured)
		end->state = XenbusStateUnknown;
	free(value);
}

static void pair_free(struct pair *pair)
{
	free(pair->front.name);
	free(pair->back.name);
}

static int list_add(struct list *list, unsigned int fe, unsigned int be)
{
	struct pair *pair;
	struct work w;
	size_t i;

	/* A whole pair is found from both of its ends. */
	for (i = 0; i < list->count; i++)
		if (list->pairs[i].front.domid == fe && list->pairs[i].back.domid == be)
			return 0;

	pair = reallocarray(list->pairs, list->count + 1, sizeof(*pair));
	if (!pair)
		return -ENOMEM;
	list->pairs = pair;
	pair += list->count++;

	work_init(&w, list->xs, fe, be);
	w.t = list->t;
	end_read(&w, w.front, fe, &pair->front);
	end_read(&w, w.back, be, &pair->back);
	/* Both domains may have removed their ends, as they may. */
	if (!pair->front.present && !pair->back.present) {
		pair_free(pair);
		list->count--;
	}
	return w.error;
}

/* Call add for each domain id under a directory that may not be there. */
static int list_each(struct list *list, const char *path, unsigned int domid,
		     int (*add)(struct list *list, unsigned int domid, unsigned int id))
{
	unsigned int count, i, id;
	int ret = 0;
	char **entry;

	entry = xs_directory(list->xs, list->t, path, &count);
	if (!entry)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < count && !ret; i++)
		if (domain_parse(entry[i], &id))
			ret = add(list, domid, id);
	free(entry);
	return ret;
}

static int list_front(struct list *list, unsigned int domid, unsigned int peer)
{
	return peer < domid ? list_add(list, domid, peer) : 0;
}

static int list_back(struct list *list, unsigned int domid, unsigned int peer)
{
	return peer > domid ? list_add(list, peer, domid) : 0;
}

static int list_domain(struct list *list, unsigned int unused, unsigned int domid)
{
	char path[PATH_SIZE];
	int ret;

	(void)unused;
	snprintf(path, sizeof(path), FRONT_ROOT TYPE, domid);
	ret = list_each(list, path, domid, list_front);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), BACK_ROOT TYPE, domid);
	return list_each(list, path, domid, list_back);
}

static int pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->back.domid != y->back.domid)
		return x->back.domid < y->back.domid ? -1 : 1;
	return x->front.domid < y->front.domid ? -1 : 1;
}

int provision_list(struct xs_handle *xs, struct pair **pairs, size_t *count)
{
	struct list list = { .xs = xs };
	int ret;

	list.t = xs_transaction_start(xs);
	if (list.t == XBT_NULL)
		return -errno;
	/* A host has at least the control domain. */
	ret = list_each(&list, "/local/domain", 0, list_domain);
	xs_transaction_end(xs, list.t, true);
	if (ret) {
		provision_list_free(list.pairs, list.count);
		return ret;
	}

	if (list.count)
		qsort(list.pairs, list.count, sizeof(*list.pairs), pair_order);
	*pairs = list.pairs;
	*count = list.count;
	return 0;
}

void provision_list_free(struct pair *pairs, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		pair_free(&pairs[i]);
	free(pairs);
}
