// SPDX-License-Identifier: GPL-2.0-only
/*
 * Provisioning: pairs of domains in xenstore.
 *
 * Permissions: a domain owns the directory of its end and the state in it, since its driver
 * creates keys there and reports its progress; the peer may read both. It owns the key with
 * the driver's error, too, which the peer may not read. The control domain owns
 * the other nodes (the identity and the path of the peer, and whether the device is wanted);
 * the domain that they are for may only read them. The control domain owns the parent
 * directories as well, so a guest can neither create a device nor name another peer.
 *
 * What a malicious guest can do: it owns its directory, so it may remove it as a whole, and
 * cannot create it again. This takes its own channel away, as closing the channel would. It
 * may write any state and any new key: the peer's driver checks those anyway. A toolstack may
 * give a domain more than this (a driver domain may own all of its backend directory). If that
 * domain rewrites its peer, it misleads only itself: the other side grants its memory to the
 * domain that its own nodes name, and the guest cannot write those.
 *
 * No path is read from xenstore. Paths are made from domain ids alone, so a guest cannot make
 * the control domain remove or read other nodes on its behalf.
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
#define MANAGED_PATH	"/tool/schanneld/pairs"
#define MANAGED_NAME	"%u-%u"

/* A guest that writes all the time can make transactions fail, but only this often. */
#define TRIES_MAX	100

/*
 * The work on one pair inside of a transaction. After the first error, which is kept, all
 * steps do nothing.
 */
struct work {
	struct xs_handle *xs;
	xs_transaction_t t;
	int error;
	unsigned int fe;
	unsigned int be;
	char front[PATH_SIZE];
	char back[PATH_SIZE];
	char managed[PATH_SIZE];	/* exists if the pair is schanneld's */
	const struct pair_terms *terms;
	enum pair_change change;
	bool creating;		/* the pair does not exist yet */
};

static void work_init(struct work *w, struct xs_handle *xs, unsigned int a, unsigned int b)
{
	*w = (struct work){ .xs = xs, .fe = a > b ? a : b, .be = a > b ? b : a };
	snprintf(w->front, PATH_SIZE, FRONT_ROOT TYPE "/%u", w->fe, w->be);
	snprintf(w->back, PATH_SIZE, BACK_ROOT TYPE "/%u/0", w->be, w->fe);
	snprintf(w->managed, PATH_SIZE, MANAGED_PATH "/" MANAGED_NAME, w->fe, w->be);
}

static void work_check(struct work *w, bool ok)
{
	if (!ok && !w->error)
		w->error = -errno;
}

/*
 * Run body in a transaction. It runs again if another client changed nodes that it had read.
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
	work_check(w, found || errno == ENOENT);
	free(value);
	return found;
}

/* The owner may read and write, the reader may read, all others may do nothing. */
static void node_permit(struct work *w, const char *path, unsigned int owner,
			unsigned int reader)
{
	struct xs_permissions perms[] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	if (w->error)
		return;
	work_check(w, xs_set_permissions(w->xs, w->t, path, perms, owner == reader ? 1 : 2));
}

static void node_create(struct work *w, const char *path, unsigned int owner, unsigned int reader)
{
	if (w->error)
		return;
	work_check(w, xs_mkdir(w->xs, w->t, path));
	node_permit(w, path, owner, reader);
}

static void node_write(struct work *w, const char *dir, const char *key, const char *value,
		       unsigned int owner, unsigned int reader)
{
	char path[PATH_SIZE];

	if (w->error)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	work_check(w, xs_write(w->xs, w->t, path, value, strlen(value)));
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
		work_check(w, xs_rm(w->xs, w->t, path));
}

/* A parent directory of devices, which the xenbus driver of its domain lists and watches. */
struct parent {
	unsigned int domid;
	bool schannel;		/* used by SChannel only */
	char path[PATH_SIZE];
};

#define PARENTS	5

/* Each parent comes after the directory that it is in. */
static void parents_name(const struct work *w, struct parent parent[PARENTS])
{
	parent[0] = (struct parent){ .domid = w->fe };
	snprintf(parent[0].path, PATH_SIZE, FRONT_ROOT, w->fe);
	parent[1] = (struct parent){ .domid = w->fe, .schannel = true };
	snprintf(parent[1].path, PATH_SIZE, FRONT_ROOT TYPE, w->fe);
	parent[2] = (struct parent){ .domid = w->be };
	snprintf(parent[2].path, PATH_SIZE, BACK_ROOT, w->be);
	parent[3] = (struct parent){ .domid = w->be, .schannel = true };
	snprintf(parent[3].path, PATH_SIZE, BACK_ROOT TYPE, w->be);
	parent[4] = (struct parent){ .domid = w->be, .schannel = true };
	snprintf(parent[4].path, PATH_SIZE, BACK_ROOT TYPE "/%u", w->be, w->fe);
}

/* An existing directory is from the toolstack or another pair, and stays as it is. */
static void parents_create(struct work *w)
{
	struct parent parent[PARENTS];
	unsigned int i;

	parents_name(w, parent);
	for (i = 0; i < PARENTS; i++)
		if (!node_exists(w, parent[i].path))
			node_create(w, parent[i].path, CONTROL_DOMAIN, parent[i].domid);
}

static bool node_is_empty(struct work *w, const char *path)
{
	unsigned int entries;
	bool empty;
	char **list;

	if (w->error)
		return false;
	list = xs_directory(w->xs, w->t, path, &entries);
	work_check(w, list || errno == ENOENT);
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
		if (parent[i].schannel && node_is_empty(w, parent[i].path))
			node_remove(w, parent[i].path);
}

static bool node_equals(struct work *w, const char *dir, const char *key, const char *value)
{
	char path[PATH_SIZE], *now;
	bool same;

	if (w->error)
		return true;
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	now = xs_read(w->xs, w->t, path, NULL);
	work_check(w, now || errno == ENOENT);
	same = now && !strcmp(now, value);
	free(now);
	return same;
}

/* An unchanged value is not written, since a write would trigger the watches. */
static void node_update(struct work *w, const char *dir, const char *key, const char *value,
			unsigned int reader)
{
	if (!w->creating && node_equals(w, dir, key, value))
		return;
	node_write(w, dir, key, value, CONTROL_DOMAIN, reader);
	w->change = PAIR_UPDATED;
}

/*
 * Write empty values as well: the domain could create a missing key, and its value would
 * look like the control domain's.
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
	terms_write(w, w->front, w->fe, &w->terms->front, w->terms->back.identity);
}

static void back_terms(struct work *w)
{
	terms_write(w, w->back, w->be, &w->terms->back, w->terms->front.identity);
}

/* The domain writes it when xenstored lets it create no more nodes, so it must exist. */
static void error_create(struct work *w, const char *dir, unsigned int owner)
{
	node_write(w, dir, SCHANNEL_KEY_ERROR, "", owner, owner);
}

static void front_create(struct work *w)
{
	node_create(w, w->front, w->fe, w->be);
	node_write(w, w->front, "backend", w->back, CONTROL_DOMAIN, w->fe);
	node_write_number(w, w->front, "backend-id", w->be, CONTROL_DOMAIN, w->fe);
	front_terms(w);
	error_create(w, w->front, w->fe);
	node_write_number(w, w->front, "state", XenbusStateInitialising, w->fe, w->be);
}

static void back_create(struct work *w)
{
	node_create(w, w->back, w->be, w->fe);
	node_write(w, w->back, "frontend", w->front, CONTROL_DOMAIN, w->be);
	node_write_number(w, w->back, "frontend-id", w->fe, CONTROL_DOMAIN, w->be);
	node_write_number(w, w->back, "online", 1, CONTROL_DOMAIN, w->be);
	back_terms(w);
	error_create(w, w->back, w->be);
	node_write_number(w, w->back, "state", XenbusStateInitialising, w->be, w->fe);
}

static void require_running(struct work *w, unsigned int domid)
{
	int ret = domain_exists(w->xs, w->t, domid);

	if (ret <= 0 && !w->error)
		w->error = ret ? ret : -ESRCH;
}

/* A stale pair is left from an earlier domain with one of the ids. */
static void ends_remove(struct work *w)
{
	if (node_exists(w, w->front))
		node_remove(w, w->front);
	if (node_exists(w, w->back))
		node_remove(w, w->back);
}

static bool pair_complete(struct work *w)
{
	return node_exists(w, w->front) && node_exists(w, w->back);
}

static void pair_create(struct work *w)
{
	w->creating = true;
	require_running(w, w->fe);
	require_running(w, w->be);
	ends_remove(w);
	parents_create(w);
	front_create(w);
	back_create(w);
}

static void pair_body(struct work *w)
{
	struct identity front, back;
	struct pair_terms terms = { .front.identity = &front, .back.identity = &back };

	if (pair_complete(w)) {
		w->error = -EEXIST;
		return;
	}
	identity_read(&front, w->xs, w->t, w->fe);
	identity_read(&back, w->xs, w->t, w->be);
	w->terms = &terms;
	pair_create(w);
	w->terms = NULL;
	/* A pair that the administrator creates is no longer schanneld's. */
	if (node_exists(w, w->managed))
		node_remove(w, w->managed);
}

int provision_pair(struct xs_handle *xs, unsigned int a, unsigned int b)
{
	struct work w;

	if (a == b)
		return -EINVAL;
	work_init(&w, xs, a, b);
	return work_commit(&w, pair_body);
}

static void remove_body(struct work *w)
{
	ends_remove(w);
	if (node_exists(w, w->managed))
		node_remove(w, w->managed);
	parents_remove_empty(w);
}

static void unpair_body(struct work *w)
{
	if (!node_exists(w, w->front) && !node_exists(w, w->back) && !w->error)
		w->error = -ENOENT;
	remove_body(w);
}

int provision_unpair(struct xs_handle *xs, unsigned int a, unsigned int b)
{
	struct work w;

	work_init(&w, xs, a, b);
	return work_commit(&w, unpair_body);
}

/* ---- The pairs of schanneld --------------------------------------------- */

static void ensure_body(struct work *w)
{
	w->change = PAIR_SAME;
	w->creating = false;
	if (!pair_complete(w)) {
		pair_create(w);
		/* Creates the parent directories, too; all inherit the permissions of /tool. */
		work_check(w, w->error || xs_mkdir(w->xs, w->t, w->managed));
		w->change = PAIR_CREATED;
	} else if (node_exists(w, w->managed)) {
		front_terms(w);
		back_terms(w);
	}
}

int provision_ensure(struct xs_handle *xs, unsigned int fe, unsigned int be,
		     const struct pair_terms *terms)
{
	struct work w;
	int ret;

	work_init(&w, xs, fe, be);
	w.terms = terms;
	ret = work_commit(&w, ensure_body);
	return ret ? ret : (int)w.change;
}

static void remove_managed_body(struct work *w)
{
	if (node_exists(w, w->managed))
		remove_body(w);
}

int provision_remove(struct xs_handle *xs, unsigned int fe, unsigned int be)
{
	struct work w;

	work_init(&w, xs, fe, be);
	return work_commit(&w, remove_managed_body);
}

bool provision_complete(struct xs_handle *xs, unsigned int fe, unsigned int be)
{
	struct work w;

	work_init(&w, xs, fe, be);
	return pair_complete(&w);
}

int provision_managed(struct xs_handle *xs, struct pair_ids **ids, size_t *count)
{
	unsigned int names, i;
	char **name;

	*ids = NULL;
	*count = 0;
	name = xs_directory(xs, XBT_NULL, MANAGED_PATH, &names);
	if (!name)
		return errno == ENOENT ? 0 : -errno;
	*ids = calloc(names + 1, sizeof(**ids));
	for (i = 0; *ids && i < names; i++) {
		struct pair_ids *id = *ids + *count;

		if (sscanf(name[i], MANAGED_NAME, &id->fe, &id->be) == 2)
			++*count;
	}
	free(name);
	return *ids ? 0 : -ENOMEM;
}

/* The list of all pairs, read in one transaction, so that each pair is complete. */
struct list {
	struct xs_handle *xs;
	xs_transaction_t t;
	struct pair *pairs;
	size_t count;
};

/* The domain may write anything there. */
static enum pair_error error_read(struct work *w, const char *path)
{
	enum pair_error error = PAIR_ERROR_NONE;
	char key[PATH_SIZE], *value;

	snprintf(key, sizeof(key), "%s/" SCHANNEL_KEY_ERROR, path);
	value = xs_read(w->xs, w->t, key, NULL);
	if (value && !strcmp(value, SCHANNEL_ERROR_WATCHES))
		error = PAIR_ERROR_WATCHES;
	else if (value && !strcmp(value, SCHANNEL_ERROR_NODES))
		error = PAIR_ERROR_NODES;
	free(value);
	return error;
}

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
	end->error = error_read(w, path);
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

	/* A complete pair is found from both of its ends. */
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
	/* Both domains may have removed their ends. */
	if (!pair->front.present && !pair->back.present) {
		pair_free(pair);
		list->count--;
	}
	return w.error;
}

/* Call add for each domain id in a directory, which need not exist. */
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
	/* There is at least the control domain. */
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
