// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy file: lines of words. Any unknown word makes the whole file invalid, because a
 * policy that ignores a mistyped line may allow too much, or too little.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../domain.h"
#include "../identity.h"
#include "../nearest.h"
#include "policy.h"

#define SIZE_MAX_POLICY	1048576U
#define GROUPS_MAX	256U
#define ITEMS_MAX	4096U
#define POOL_MIB_MIN	1UL
#define POOL_MIB_MAX	256UL
#define BLANK		" \t"

/* One word of a domain, uuid or reach line. */
struct item {
	char *text;
	unsigned int line;
	size_t group;
	bool uuid;
};

struct items {
	struct item *item;
	size_t count;
};

struct policy {
	struct group *group;
	size_t groups;
	struct items members;
	struct items reach;
	bool *allowed;		/* groups * groups, symmetric */
};

struct parser {
	struct policy *policy;
	struct policy_problem *problem;
	unsigned int line;
	char *rest;		/* of the line */
	bool has_addresses;	/* the group had an "addresses" line */
	bool has_memory;	/* the group had a "memory" line */
};

static bool problem_set(struct parser *p, unsigned int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Always returns false, so that callers can return its result. */
static bool problem_set(struct parser *p, unsigned int line, const char *format, ...)
{
	va_list args;

	p->problem->line = line;
	va_start(args, format);
	vsnprintf(p->problem->reason, sizeof(p->problem->reason), format, args);
	va_end(args);
	return false;
}

#define PROBLEM(p, ...)	problem_set(p, (p)->line, __VA_ARGS__)

/* The next word of the line, or NULL; a word that begins with # ends it. */
static char *next_word(struct parser *p)
{
	char *word;

	p->rest += strspn(p->rest, BLANK);
	if (!*p->rest || *p->rest == '#')
		return NULL;
	word = p->rest;
	p->rest += strcspn(p->rest, BLANK);
	if (*p->rest)
		*p->rest++ = 0;
	return word;
}

static bool no_more_words(struct parser *p, const char *keyword)
{
	char *word = next_word(p);

	return !word || PROBLEM(p, "unexpected '%.64s' after '%s'", word, keyword);
}

static struct group *current_group(struct parser *p)
{
	return &p->policy->group[p->policy->groups - 1];
}

static bool item_add(struct parser *p, struct items *to, const char *text, bool uuid)
{
	struct item *item;
	char *copy;

	if (to->count == ITEMS_MAX)
		return PROBLEM(p, "more than %u words of this kind", ITEMS_MAX);
	item = reallocarray(to->item, to->count + 1, sizeof(*item));
	copy = strdup(text);
	if (item)
		to->item = item;
	if (!item || !copy) {
		free(copy);
		return PROBLEM(p, "out of memory");
	}
	item[to->count++] = (struct item){
		.text = copy, .line = p->line, .group = current_group(p)->index, .uuid = uuid,
	};
	return true;
}

/* The second of two equal lines would have no effect, so it is taken for a mistake. */
static bool member_add(struct parser *p, const char *text, bool uuid)
{
	struct items *members = &p->policy->members;
	size_t i;

	for (i = 0; i < members->count; i++) {
		const struct item *m = &members->item[i];

		if (m->uuid == uuid && !(uuid ? strcasecmp : strcmp)(m->text, text))
			return PROBLEM(p, "'%s' is in group '%s' already, by line %u", text,
				       p->policy->group[m->group].name, m->line);
	}
	return item_add(p, members, text, uuid);
}

static bool pattern_valid(const char *text)
{
	const char *open = strchr(text, '[');

	return identity_name_valid(text) && (!open || strchr(open, ']'));
}

static bool parse_domain(struct parser *p, const char *word)
{
	if (!pattern_valid(word))
		return PROBLEM(p, "invalid domain name or pattern '%.64s'", word);
	return member_add(p, word, false);
}

static bool parse_uuid(struct parser *p, const char *word)
{
	if (!domain_uuid_starts(word) || strlen(word) != DOMAIN_UUID_LEN)
		return PROBLEM(p, "invalid UUID '%.64s'", word);
	return member_add(p, word, true);
}

/* Groups may be named before they are defined: see reach_resolve(). */
static bool parse_reach(struct parser *p, const char *word)
{
	return item_add(p, &p->policy->reach, word, false);
}

static bool parse_addresses(struct parser *p, const char *word)
{
	struct group *group = current_group(p);

	if (p->has_addresses)
		return PROBLEM(p, "group '%s' has an 'addresses' line already", group->name);
	p->has_addresses = true;
	if (strcmp(word, "toolstack") && strcmp(word, "announced"))
		return PROBLEM(p, "invalid value '%.64s'; expected: toolstack, announced", word);
	group->trusts_announced = !strcmp(word, "announced");
	return no_more_words(p, "addresses");
}

static bool parse_memory(struct parser *p, const char *word)
{
	struct group *group = current_group(p);
	unsigned long mib;

	if (p->has_memory)
		return PROBLEM(p, "group '%s' has a 'memory' line already", group->name);
	p->has_memory = true;
	if (strspn(word, "0123456789") != strlen(word) || strlen(word) > 6)
		return PROBLEM(p, "invalid number of MiB '%.64s'", word);
	mib = strtoul(word, NULL, 10);
	if (mib < POOL_MIB_MIN || mib > POOL_MIB_MAX)
		return PROBLEM(p, "%lu MiB is out of range, %lu to %lu", mib, POOL_MIB_MIN,
			       POOL_MIB_MAX);
	group->pool_mib = mib;
	return no_more_words(p, "memory");
}

static struct group *group_find(const struct policy *policy, const char *name)
{
	size_t i;

	for (i = 0; i < policy->groups; i++)
		if (!strcmp(policy->group[i].name, name))
			return &policy->group[i];
	return NULL;
}

/* Letters and digits; after the first character, also - _ and a full stop. */
static bool group_name_valid(const char *name)
{
	size_t i, len = strlen(name);

	if (len > 32 || !isalnum((unsigned char)name[0]))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return true;
}

static bool group_has_members(const struct policy *policy, const struct group *group)
{
	size_t i;

	for (i = 0; i < policy->members.count; i++)
		if (policy->members.item[i].group == group->index)
			return true;
	return false;
}

/* A group without domains is most likely a mistake. */
static bool group_end(struct parser *p)
{
	if (!p->policy->groups || group_has_members(p->policy, current_group(p)))
		return true;
	return PROBLEM(p, "group '%s' ends without any domain", current_group(p)->name);
}

static bool parse_group(struct parser *p, const char *word)
{
	struct policy *policy = p->policy;
	struct group *group;

	if (!group_end(p))
		return false;
	if (!group_name_valid(word) || !strcmp(word, "self"))
		return PROBLEM(p, "invalid group name '%.64s'", word);
	if (group_find(policy, word))
		return PROBLEM(p, "group '%s' already exists", word);
	if (policy->groups == GROUPS_MAX)
		return PROBLEM(p, "more than %u groups", GROUPS_MAX);
	group = reallocarray(policy->group, policy->groups + 1, sizeof(*group));
	if (!group)
		return PROBLEM(p, "out of memory");
	policy->group = group;
	group += policy->groups;
	*group = (struct group){ .name = strdup(word), .index = policy->groups };
	if (!group->name)
		return PROBLEM(p, "out of memory");
	policy->groups++;
	p->has_addresses = false;
	p->has_memory = false;
	return no_more_words(p, "group");
}

static const struct keyword {
	const char *name;
	bool (*parse)(struct parser *p, const char *word);
	bool list;		/* takes any number of words */
} keywords[] = {
	{ "group",	parse_group,		false },
	{ "domain",	parse_domain,		true },
	{ "uuid",	parse_uuid,		true },
	{ "reach",	parse_reach,		true },
	{ "addresses",	parse_addresses,	false },
	{ "memory",	parse_memory,		false },
	{ }
};

static bool line_valid(struct parser *p)
{
	const char *c;

	for (c = p->rest; *c; c++)
		if (iscntrl((unsigned char)*c) && *c != '\t')
			return PROBLEM(p, "control character 0x%02x", (unsigned char)*c);
	return true;
}

static bool unknown_keyword(struct parser *p, const char *word)
{
	struct nearest nearest = { .word = word };
	char hint[NEAREST_HINT_SIZE];
	const struct keyword *k;

	for (k = keywords; k->name; k++)
		nearest_try(&nearest, k->name);
	nearest_hint(&nearest, hint);
	return PROBLEM(p, "unknown keyword '%.64s'%s", word, hint);
}

static bool parse_line(struct parser *p)
{
	const struct keyword *k;
	char *word, *keyword;

	if (!line_valid(p))
		return false;
	keyword = next_word(p);
	if (!keyword)
		return true;
	for (k = keywords; k->name && strcmp(k->name, keyword); k++)
		;
	if (!k->name)
		return unknown_keyword(p, keyword);
	if (k->parse != parse_group && !p->policy->groups)
		return PROBLEM(p, "'%s' before the first group", k->name);
	word = next_word(p);
	if (!word)
		return PROBLEM(p, "nothing follows '%s'", k->name);
	do {
		if (!k->parse(p, word))
			return false;
	} while (k->list && (word = next_word(p)));
	return true;
}

static bool unknown_group(struct parser *p, const struct item *reach)
{
	struct nearest nearest = { .word = reach->text };
	char hint[NEAREST_HINT_SIZE];
	size_t i;

	for (i = 0; i < p->policy->groups; i++)
		nearest_try(&nearest, p->policy->group[i].name);
	nearest_hint(&nearest, hint);
	return problem_set(p, reach->line, "unknown group '%.64s'%s", reach->text, hint);
}

/*
 * "reach" is symmetric: a channel has two ends, and both domains may connect through it.
 */
static bool reach_resolve(struct parser *p)
{
	struct policy *policy = p->policy;
	size_t n = policy->groups, i;

	policy->allowed = calloc(n * n + 1, sizeof(*policy->allowed));
	if (!policy->allowed)
		return PROBLEM(p, "out of memory");
	for (i = 0; i < policy->reach.count; i++) {
		const struct item *reach = &policy->reach.item[i];
		const struct group *from = &policy->group[reach->group];
		const struct group *to = group_find(policy, reach->text);

		if (!strcmp(reach->text, "self"))
			to = from;
		if (!to)
			return unknown_group(p, reach);
		policy->allowed[from->index * n + to->index] = true;
		policy->allowed[to->index * n + from->index] = true;
	}
	return true;
}

static bool parse_lines(struct parser *p, char *text, size_t len)
{
	char *end = text + len, *feed;

	for (; text < end; text = feed + 1) {
		p->line++;
		p->rest = text;
		feed = memchr(text, '\n', end - text);
		if (!feed)
			feed = end;
		*feed = 0;
		if (strlen(text) != (size_t)(feed - text))
			return PROBLEM(p, "control character 0x00");
		if (!parse_line(p))
			return false;
	}
	return group_end(p) && reach_resolve(p);
}

struct policy *policy_parse(const char *text, size_t len, struct policy_problem *problem)
{
	struct parser p = { .problem = problem };
	char *copy;
	bool valid;

	p.policy = calloc(1, sizeof(*p.policy));
	copy = malloc(len + 1);
	if (p.policy && copy) {
		memcpy(copy, text, len);
		valid = parse_lines(&p, copy, len);
	} else {
		valid = problem_set(&p, 0, "out of memory");
	}
	free(copy);
	if (valid)
		return p.policy;
	policy_free(p.policy);
	return NULL;
}

/* Read a regular file. Returns its length, or a negative errno. */
static ssize_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	ssize_t ret;

	if (fd < 0)
		return -errno;
	ret = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 1 : -EINVAL;
	while (ret > 0 && len < size) {
		ret = read(fd, text + len, size - len);
		if (ret < 0)
			ret = -errno;
		else
			len += ret;
	}
	close(fd);
	return ret < 0 ? ret : (ssize_t)len;
}

struct policy *policy_load(const char *path, struct policy_problem *problem)
{
	struct parser p = { .problem = problem };
	struct policy *policy = NULL;
	char *text = malloc(SIZE_MAX_POLICY + 1);
	ssize_t len;

	len = text ? file_read(path, text, SIZE_MAX_POLICY + 1) : -ENOMEM;
	if (len < 0)
		problem_set(&p, 0, "%s", strerror(-len));
	else if (len > (ssize_t)SIZE_MAX_POLICY)
		problem_set(&p, 0, "larger than %u bytes", SIZE_MAX_POLICY);
	else
		policy = policy_parse(text, len, problem);
	free(text);
	return policy;
}

static void items_free(struct items *items)
{
	size_t i;

	for (i = 0; i < items->count; i++)
		free(items->item[i].text);
	free(items->item);
}

void policy_free(struct policy *policy)
{
	size_t i;

	if (!policy)
		return;
	for (i = 0; i < policy->groups; i++)
		free(policy->group[i].name);
	free(policy->group);
	items_free(&policy->members);
	items_free(&policy->reach);
	free(policy->allowed);
	free(policy);
}

static bool member_matches(const struct item *member, unsigned int domid, const char *name,
			   const char *uuid)
{
	if (member->uuid)
		return !strcasecmp(member->text, uuid);
	if (!*name)
		return false;
	/* A pattern never includes the control domain: only its full name does. */
	if (!domid)
		return !strcmp(member->text, name);
	return !fnmatch(member->text, name, 0);
}

const struct group *policy_group(const struct policy *policy, unsigned int domid,
				 const char *name, const char *uuid)
{
	size_t i;

	for (i = 0; i < policy->members.count; i++)
		if (member_matches(&policy->members.item[i], domid, name, uuid))
			return &policy->group[policy->members.item[i].group];
	return NULL;
}

bool policy_allows(const struct policy *policy, const struct group *a, const struct group *b)
{
	return a && b && policy->allowed[a->index * policy->groups + b->index];
}
