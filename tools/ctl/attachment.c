// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "attachment.h"
#include "cgroup.h"
#include "command.h"
#include "options.h"
#include "schannel.skel.h"

#define BPFFS	"/sys/fs/bpf"
#define PINS	BPFFS "/schannel"

/* The pins of an attachment are PINS/ID/NAME, with these names. */
static const char * const pin_names[] = { "connect4", "connect6" };

#define PINS_NR		(sizeof(pin_names) / sizeof(*pin_names))
#define PIN_PATH_SIZE	64

/* The most programs of a cgroup and its ancestors that attachment_verdict() reads. */
#define PROGRAMS_MAX	256

static void directory_path(char path[PIN_PATH_SIZE], uint64_t id)
{
	snprintf(path, PIN_PATH_SIZE, PINS "/%" PRIu64, id);
}

static void pin_path(char path[PIN_PATH_SIZE], uint64_t id, unsigned int pin)
{
	snprintf(path, PIN_PATH_SIZE, PINS "/%" PRIu64 "/%s", id, pin_names[pin]);
}

static bool have_bpffs(void)
{
	struct statfs status;

	return !statfs(BPFFS, &status) && status.f_type == BPF_FS_MAGIC;
}

/* The lock is held while pins are created or removed. -1: there is no bpffs. */
static int pins_lock(void)
{
	int fd = open(PINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX))
		err(EXIT_FAILED, "cannot lock " PINS);
	return fd;
}

static void pins_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The messages of libbpf, which -e asks for. */
static int print(enum libbpf_print_level level, const char *format, va_list list)
{
	return options.extended && level != LIBBPF_DEBUG ? vfprintf(stderr, format, list) : 0;
}

/* ---- Reading attachments from the kernel ---- */

static bool is_ours(const struct bpf_prog_info *info)
{
	return !strcmp(info->name, "schannel_conn4") || !strcmp(info->name, "schannel_conn6");
}

static void read_rules(int map, struct scope *scope)
{
	struct scope_rule rule;
	void *previous = NULL;
	uint8_t included;

	while (!bpf_map_get_next_key(map, previous, &rule.to)) {
		previous = &rule.to;
		if (bpf_map_lookup_elem(map, &rule.to, &included))
			continue;
		rule.included = included;
		scope_add_rule(scope, &rule);
	}
}

/* The maps are told apart by their types: a program has one of each. */
static bool read_map(uint32_t id, struct scope *scope, struct scope_rodata *rodata)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info), first = 0;
	int fd = bpf_map_get_fd_by_id(id);
	bool done = false;

	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len)) {
		if (info.type == BPF_MAP_TYPE_ARRAY && info.value_size == sizeof(*rodata)) {
			done = !bpf_map_lookup_elem(fd, &first, rodata);
		} else if (info.type == BPF_MAP_TYPE_LPM_TRIE) {
			read_rules(fd, scope);
			done = true;
		}
	}
	close(fd);
	return done;
}

/* If this is not a program of schannelctl, the scope is left without rules. */
static bool read_program(uint32_t id, struct scope *scope, struct scope_rodata *rodata)
{
	uint32_t maps[2], len, i;
	struct bpf_prog_info info = {
		.map_ids = (uintptr_t)maps,
		.nr_map_ids = 2,
	};
	int fd = bpf_prog_get_fd_by_id(id);
	bool done;

	if (fd < 0)
		return false;
	len = sizeof(info);
	done = !bpf_obj_get_info_by_fd(fd, &info, &len);
	for (i = 0; done && is_ours(&info) && i < info.nr_map_ids && i < 2; i++)
		done = read_map(maps[i], scope, rodata);
	if (done) {
		memcpy(scope->ports, rodata->ports, sizeof(scope->ports));
		scope->ahead = rodata->ahead;
	}
	close(fd);
	return done;
}

static struct attachment *read_pin(uint64_t id, unsigned int pin)
{
	struct scope_rodata rodata = { 0 };
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	struct attachment *attachment;
	char path[PIN_PATH_SIZE];
	bool done;
	int fd;

	pin_path(path, id, pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return NULL;
	done = !bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	attachment = calloc(1, sizeof(*attachment));
	if (!attachment)
		errx(EXIT_FAILED, "out of memory");
	attachment->id = id;
	attachment->gone = !info.cgroup.cgroup_id;
	if (!done || !read_program(info.prog_id, &attachment->scope, &rodata) ||
	    !attachment->scope.rules_nr) {
		attachment_list_free(attachment);
		return NULL;
	}
	rodata.cgroup[sizeof(rodata.cgroup) - 1] = 0;
	attachment->cgroup = strdup(rodata.cgroup);
	if (!attachment->cgroup)
		errx(EXIT_FAILED, "out of memory");
	return attachment;
}

static void insert(struct attachment **list, struct attachment *attachment)
{
	while (*list && strcmp((*list)->cgroup, attachment->cgroup) <= 0)
		list = &(*list)->next;
	attachment->next = *list;
	*list = attachment;
}

struct attachment *attachment_list(void)
{
	struct attachment *list = NULL, *attachment;
	struct dirent *entry;
	unsigned int pin;
	uint64_t id;
	char *end;
	DIR *pins;

	libbpf_set_print(print);
	pins = opendir(PINS);
	if (!pins && errno != ENOENT) {
		if (errno == EACCES)
			errx(EXIT_FAILED, "not permitted: root is required");
		err(EXIT_FAILED, PINS);
	}
	while (pins && (entry = readdir(pins))) {
		id = strtoull(entry->d_name, &end, 10);
		if (*end || end == entry->d_name)
			continue;
		/* Read the first pin that is there: an interrupted attach may leave only one. */
		for (pin = 0, attachment = NULL; pin < PINS_NR && !attachment; pin++)
			attachment = read_pin(id, pin);
		if (attachment)
			insert(&list, attachment);
	}
	if (pins)
		closedir(pins);
	return list;
}

void attachment_list_free(struct attachment *list)
{
	struct attachment *next;

	for (; list; list = next) {
		next = list->next;
		scope_free(&list->scope);
		free(list->cgroup);
		free(list);
	}
}

static enum attachment_verdict program_verdict(uint32_t id, const struct in6_addr *to,
					       uint16_t port)
{
	enum attachment_verdict verdict = ATTACHMENT_NONE;
	struct scope_rodata rodata = { 0 };
	struct scope scope = { 0 };

	if (read_program(id, &scope, &rodata)) {
		if (scope.rules_nr)
			verdict = scope_includes(&scope, to, port) ? ATTACHMENT_INCLUDED :
								     ATTACHMENT_EXCLUDED;
	} else if (errno != ENOENT) {
		verdict = ATTACHMENT_UNKNOWN;
	}
	/* With ENOENT, the program was detached meanwhile. */
	scope_free(&scope);
	return verdict;
}

enum attachment_verdict attachment_verdict(const char *cgroup, const struct in6_addr *to,
					   uint16_t port)
{
	enum bpf_attach_type type = IN6_IS_ADDR_V4MAPPED(to) ? BPF_CGROUP_INET4_CONNECT :
							       BPF_CGROUP_INET6_CONNECT;
	enum attachment_verdict verdict = ATTACHMENT_NONE, one;
	uint32_t programs[PROGRAMS_MAX], count = PROGRAMS_MAX, i;
	int fd = cgroup_open(cgroup), ret, error;

	if (fd < 0)
		return ATTACHMENT_UNKNOWN;
	libbpf_set_print(print);
	ret = bpf_prog_query(fd, type, BPF_F_QUERY_EFFECTIVE, NULL, programs, &count);
	error = errno;
	close(fd);
	errno = error;
	if (ret)
		return ATTACHMENT_UNKNOWN;
	for (i = 0; i < count; i++) {
		one = program_verdict(programs[i], to, port);
		if (one == ATTACHMENT_UNKNOWN || one == ATTACHMENT_INCLUDED)
			return one;
		if (one == ATTACHMENT_EXCLUDED)
			verdict = one;
	}
	return verdict;
}

/* ---- Creating and removing attachments ---- */

static bool prepare(void)
{
	/* Check first: the errors of the kernel would not name the reason. */
	if (geteuid())
		warnx("not permitted: root is required");
	else if (access("/sys/module/schannel_inet", F_OK))
		warnx("the kernel module is not loaded (modprobe schannel_inet)");
	else if (access("/sys/kernel/btf/schannel_inet", F_OK))
		warnx("the kernel has no type information (BTF) of the module");
	else if (!have_bpffs() && mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		warn("cannot mount bpffs on " BPFFS);
	else if (mkdir(PINS, 0700) && errno != EEXIST)
		warn("cannot create " PINS);
	else
		return true;
	return false;
}

static struct schannel_bpf *load(const char *cgroup, const struct scope *scope)
{
	struct schannel_bpf *skel = schannel_bpf__open();
	uint8_t included;
	size_t i;

	if (!skel) {
		warn("cannot open the BPF programs");
		return NULL;
	}
	memcpy(skel->rodata->scope.ports, scope->ports, sizeof(scope->ports));
	snprintf(skel->rodata->scope.cgroup, sizeof(skel->rodata->scope.cgroup), "%s", cgroup);
	skel->rodata->scope.ahead = scope->ahead;
	if (bpf_map__set_max_entries(skel->maps.prefixes, scope->rules_nr) ||
	    schannel_bpf__load(skel))
		goto failed;
	for (i = 0; i < scope->rules_nr; i++) {
		included = scope->rules[i].included;
		if (bpf_map__update_elem(skel->maps.prefixes, &scope->rules[i].to,
					 sizeof(scope->rules[i].to), &included,
					 sizeof(included), BPF_ANY))
			goto failed;
	}
	return skel;
failed:
	warn("the kernel rejected the BPF programs%s",
	     options.extended ? "" : " (-e prints details)");
	schannel_bpf__destroy(skel);
	return NULL;
}

/* Detach explicitly, because another process may hold the link open; then unpin. */
static bool remove_pins(uint64_t id)
{
	char path[PIN_PATH_SIZE];
	struct bpf_link *link;
	unsigned int pin;
	bool done = true;

	for (pin = 0; pin < PINS_NR; pin++) {
		pin_path(path, id, pin);
		link = bpf_link__open(path);
		if (!link && errno == ENOENT)
			continue;
		done &= link && !bpf_link__detach(link) && !bpf_link__unpin(link);
		bpf_link__destroy(link);
	}
	directory_path(path, id);
	return done && !rmdir(path);
}

static bool put_program(const char *path, struct bpf_program *program, int cgroup)
{
	struct bpf_link *link = bpf_link__open(path);
	int ret;

	if (link) {
		ret = bpf_link__update_program(link, program);
	} else {
		link = bpf_program__attach_cgroup(program, cgroup);
		ret = link ? bpf_link__pin(link, path) : -1;
	}
	/* The pinned link stays attached. */
	bpf_link__destroy(link);
	return !ret;
}

/* The caller holds the cgroup open, so its id cannot be reused. */
static bool put_programs(uint64_t id, int cgroup, struct schannel_bpf *skel)
{
	struct bpf_program *const programs[PINS_NR] = {
		skel->progs.schannel_conn4, skel->progs.schannel_conn6,
	};
	char path[PIN_PATH_SIZE];
	unsigned int pin;
	bool fresh;
	int error;

	directory_path(path, id);
	fresh = !mkdir(path, 0700);
	for (pin = 0; pin < PINS_NR; pin++) {
		pin_path(path, id, pin);
		if (!put_program(path, programs[pin], cgroup))
			break;
	}
	if (pin == PINS_NR)
		return true;
	/* Undo an incomplete new attachment; an existing one stays as it is. */
	error = errno;
	if (fresh)
		remove_pins(id);
	errno = error;
	return false;
}

/* A new attachment replaces those of removed cgroups that had the same path. */
static void remove_gone(const char *cgroup)
{
	struct attachment *list = attachment_list(), *a;

	for (a = list; a; a = a->next)
		if (a->gone && !strcmp(a->cgroup, cgroup))
			remove_pins(a->id);
	attachment_list_free(list);
}

bool attachment_put(const char *cgroup, const struct scope *scope)
{
	struct schannel_bpf *skel = NULL;
	struct stat status;
	int fd, lock = -1;
	bool done = false;

	libbpf_set_print(print);
	fd = cgroup_open(cgroup);
	if (fd < 0 || fstat(fd, &status)) {
		warn("%s", cgroup);
		goto out;
	}
	if (!prepare())
		goto out;
	skel = load(cgroup, scope);
	if (!skel)
		goto out;
	lock = pins_lock();
	remove_gone(cgroup);
	done = put_programs(status.st_ino, fd, skel);
	if (!done)
		warn("cannot attach %s", cgroup);
out:
	schannel_bpf__destroy(skel);
	pins_unlock(lock);
	if (fd >= 0)
		close(fd);
	return done;
}

bool attachment_remove(const struct attachment *attachment)
{
	int lock = pins_lock();
	bool done = remove_pins(attachment->id);

	pins_unlock(lock);
	if (!done)
		warn("cannot detach %s", attachment->cgroup);
	return done;
}
