// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <asm/byteorder.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "command.h"
#include "scope.h"

#define PORTS		65536
#define V4_MAPPED_BITS	96
#define ADDRESS_BITS	128

/* A prefix as text, or a range of ports. */
#define ITEM_SIZE	(INET6_ADDRSTRLEN + 4)

enum { NOT, PORT, TO };

static const struct choice keywords[] = {
	{ "not", NOT },
	{ "port", PORT },
	{ "to", TO },
	{ }
};

static const struct scope_prefix everything[] = {
	{ .length = 0 },
	{ .length = V4_MAPPED_BITS, .address = { 0, 0, __constant_htonl(0xffff), 0 } },
};

static void out_of_memory(void)
{
	errx(EXIT_FAILED, "out of memory");
}

/* ---- Ports ---- */

static bool has_port(const uint64_t *ports, unsigned int port)
{
	return ports[port / 64] >> (port % 64) & 1;
}

static bool parse_port(const char *text, char **end, unsigned int *port)
{
	unsigned long number;

	errno = 0;
	number = strtoul(text, end, 10);
	*port = number;
	return *text >= '0' && *text <= '9' && !errno && number && number < PORTS;
}

/* Add "PORT" or "FIRST-LAST". */
static void add_ports(uint64_t *ports, const char *text)
{
	unsigned int first, last;
	char *end;

	if (!parse_port(text, &end, &first))
		goto invalid;
	last = first;
	if (*end == '-' && !parse_port(end + 1, &end, &last))
		goto invalid;
	if (*end || first > last)
		goto invalid;
	for (; first <= last; first++)
		ports[first / 64] |= 1ULL << (first % 64);
	return;
invalid:
	errx(EXIT_USAGE, "invalid port or range of ports '%s'", text);
}

/*
 * Find the next range of included, or not included, ports from *port on, and advance *port
 * past it.
 */
static bool next_range(const uint64_t *ports, bool included, unsigned int *port, char *text)
{
	unsigned int first = *port, last;

	while (first < PORTS && has_port(ports, first) != included)
		first++;
	if (first == PORTS)
		return false;
	for (last = first; last + 1 < PORTS && has_port(ports, last + 1) == included; last++)
		;
	snprintf(text, ITEM_SIZE, first == last ? "%u" : "%u-%u", first, last);
	*port = last + 1;
	return true;
}

static unsigned int count_ranges(const uint64_t *ports, bool included)
{
	unsigned int port = 1, count = 0;
	char text[ITEM_SIZE];

	while (next_range(ports, included, &port, text))
		count++;
	return count;
}

/* ---- Destinations ---- */

static bool address_bit(const struct scope_prefix *prefix, unsigned int bit)
{
	return ntohl(prefix->address[bit / 32]) >> (31 - bit % 32) & 1;
}

/* Whether prefix a includes prefix b. */
static bool prefix_matches(const struct scope_prefix *a, const struct scope_prefix *b)
{
	unsigned int bit;

	if (a->length > b->length)
		return false;
	for (bit = 0; bit < a->length; bit++)
		if (address_bit(a, bit) != address_bit(b, bit))
			return false;
	return true;
}

static bool same_prefix(const struct scope_prefix *a, const struct scope_prefix *b)
{
	return a->length == b->length && prefix_matches(a, b);
}

static bool is_everything(const struct scope_prefix *prefix)
{
	return same_prefix(prefix, &everything[0]) || same_prefix(prefix, &everything[1]);
}

static bool is_v4(const struct scope_prefix *prefix)
{
	return prefix_matches(&everything[1], prefix);
}

/* ADDRESS or ADDRESS/LENGTH. */
static bool parse_prefix(const char *text, struct scope_prefix *prefix)
{
	char address[INET6_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "/");
	unsigned long length;
	char *end;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	*prefix = everything[1];
	if (inet_pton(AF_INET, address, &prefix->address[3]) != 1) {
		*prefix = everything[0];
		if (inet_pton(AF_INET6, address, prefix->address) != 1)
			return false;
	}
	length = ADDRESS_BITS - prefix->length;
	if (text[len]) {
		text += len + 1;
		if (*text < '0' || *text > '9')
			return false;
		errno = 0;
		length = strtoul(text, &end, 10);
		if (*end || errno || length > ADDRESS_BITS - prefix->length)
			return false;
	}
	prefix->length += length;
	return true;
}

static bool has_bits_beyond(const struct scope_prefix *prefix)
{
	unsigned int bit;

	for (bit = prefix->length; bit < ADDRESS_BITS; bit++)
		if (address_bit(prefix, bit))
			return true;
	return false;
}

static void prefix_text(const struct scope_prefix *prefix, char *text)
{
	bool v4 = is_v4(prefix);
	size_t len;

	if (v4)
		inet_ntop(AF_INET, &prefix->address[3], text, ITEM_SIZE);
	else
		inet_ntop(AF_INET6, prefix->address, text, ITEM_SIZE);
	len = strlen(text);
	if (prefix->length < ADDRESS_BITS)
		snprintf(text + len, ITEM_SIZE - len, "/%u",
			 prefix->length - (v4 ? V4_MAPPED_BITS : 0));
}

static struct scope_rule *find_rule(const struct scope *scope, const struct scope_prefix *to)
{
	size_t i;

	for (i = 0; i < scope->rules_nr; i++)
		if (same_prefix(&scope->rules[i].to, to))
			return &scope->rules[i];
	return NULL;
}

static int prefix_order(const struct scope_prefix *a, const struct scope_prefix *b)
{
	int order = memcmp(a->address, b->address, sizeof(a->address));

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

void scope_add_rule(struct scope *scope, const struct scope_rule *rule)
{
	size_t i = scope->rules_nr;

	scope->rules = reallocarray(scope->rules, i + 1, sizeof(*scope->rules));
	if (!scope->rules)
		out_of_memory();
	for (; i && prefix_order(&scope->rules[i - 1].to, &rule->to) > 0; i--)
		scope->rules[i] = scope->rules[i - 1];
	scope->rules[i] = *rule;
	scope->rules_nr++;
}

static void add_prefix(struct scope *scope, const char *text, bool included)
{
	struct scope_rule rule = { .included = included }, *same;

	if (!parse_prefix(text, &rule.to))
		errx(EXIT_USAGE, "invalid address or prefix '%s'", text);
	if (has_bits_beyond(&rule.to))
		errx(EXIT_USAGE, "prefix '%s' has bits set beyond its length", text);
	same = find_rule(scope, &rule.to);
	if (same && same->included != included)
		errx(EXIT_USAGE, "'%s' is both included and excluded", text);
	if (!same)
		scope_add_rule(scope, &rule);
}

/* Add the default rules: they include every address, unless "to" has named some. */
static void add_everything(struct scope *scope)
{
	struct scope_rule rule = { .included = !scope->ahead };
	size_t i;

	for (i = 0; i < 2; i++) {
		rule.to = everything[i];
		if (!find_rule(scope, &rule.to))
			scope_add_rule(scope, &rule);
	}
}

/* ---- Scopes ---- */

static int find_keyword(const char *word, bool abbreviations)
{
	const struct choice *c;

	if (abbreviations)
		return choice_get(keywords, "scope keyword", word);
	for (c = keywords; c->name; c++)
		if (!strcmp(c->name, word))
			return c->value;
	return -1;
}

char **scope_parse(struct scope *scope, char **word, bool abbreviations)
{
	uint64_t ports[2][SCOPE_PORT_WORDS] = { 0 };
	bool some_ports = false, any = false, included;
	char *copy, *rest, *item;
	unsigned int i;
	int key;

	*scope = (struct scope){ 0 };
	for (; word[0]; word += 2) {
		key = find_keyword(word[0], abbreviations);
		if (key < 0)
			break;
		included = key != NOT;
		if (!included) {
			word++;
			key = word[0] ? find_keyword(word[0], abbreviations) : -1;
		}
		if ((key != PORT && key != TO) || !word[1] || !*word[1])
			usage_error();
		copy = strdup(word[1]);
		if (!copy)
			out_of_memory();
		for (rest = copy; (item = strsep(&rest, ",")); ) {
			if (key == PORT)
				add_ports(ports[included], item);
			else
				add_prefix(scope, item, included);
		}
		free(copy);
		some_ports |= key == PORT && included;
		scope->ahead |= key == TO && included;
	}
	for (i = 0; i < SCOPE_PORT_WORDS; i++) {
		scope->ports[i] = (some_ports ? ports[1][i] : ~0ULL) & ~ports[0][i];
		any |= scope->ports[i] & ~(i ? 0ULL : 1ULL);
	}
	if (!any)
		errx(EXIT_USAGE, "the scope excludes all ports");
	add_everything(scope);
	return word;
}

bool scope_includes(const struct scope *scope, const struct in6_addr *to, uint16_t port)
{
	struct scope_prefix key = { .length = ADDRESS_BITS };
	const struct scope_rule *rule, *best = NULL;

	if (port && !has_port(scope->ports, port))
		return false;
	memcpy(key.address, to, sizeof(key.address));
	for (rule = scope->rules; rule < scope->rules + scope->rules_nr; rule++)
		if (prefix_matches(&rule->to, &key) && (!best || rule->to.length > best->to.length))
			best = rule;
	return best && best->included;
}

/* Print the included or the excluded ports, whichever takes fewer ranges. */
static void print_ports(FILE *out, const uint64_t *ports)
{
	bool included = count_ranges(ports, true) <= count_ranges(ports, false);
	const char *before = included ? " port " : " not port ";
	char text[ITEM_SIZE];
	unsigned int port = 1;

	if (!count_ranges(ports, false))
		return;
	for (; next_range(ports, included, &port, text); before = ",")
		fprintf(out, "%s%s", before, text);
}

static void print_rules(FILE *out, const struct scope *scope, bool included)
{
	const char *before = included ? " to " : " not to ";
	const struct scope_rule *rule;
	char text[ITEM_SIZE];

	for (rule = scope->rules; rule < scope->rules + scope->rules_nr; rule++) {
		/* the default rules need no words */
		if (rule->included != included ||
		    (is_everything(&rule->to) && included != scope->ahead))
			continue;
		prefix_text(&rule->to, text);
		fprintf(out, "%s%s", before, text);
		before = ",";
	}
}

char *scope_text(const struct scope *scope)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		out_of_memory();
	print_ports(out, scope->ports);
	print_rules(out, scope, true);
	print_rules(out, scope, false);
	if (!ftell(out))
		fputs(" all", out);
	if (fclose(out))
		out_of_memory();
	/* Remove the space before the first word. */
	memmove(text, text + 1, size);
	return text;
}

void scope_record(const struct scope *scope, struct json_object *record)
{
	struct json_object *ports = list_new(), *to[2] = { list_new(), list_new() };
	char *whole = scope_text(scope), text[ITEM_SIZE];
	unsigned int port = 1;
	size_t i;

	while (next_range(scope->ports, true, &port, text))
		list_add(ports, json_object_new_string(text));
	for (i = 0; i < scope->rules_nr; i++) {
		prefix_text(&scope->rules[i].to, text);
		list_add(to[scope->rules[i].included], json_object_new_string(text));
	}
	record_text(record, "scope", whole);
	record_add(record, "ports", ports);
	record_add(record, "to", to[true]);
	record_add(record, "not_to", to[false]);
	free(whole);
}

void scope_free(struct scope *scope)
{
	free(scope->rules);
}
