/* SPDX-License-Identifier: GPL-2.0-only */
/* Scopes: which connections of an attached cgroup are diverted. */
#ifndef CTL_SCOPE_H
#define CTL_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "../bpf/scope.h"
#include "record.h"

struct scope_rule {
	struct scope_prefix to;
	bool included;
};

/**
 * struct scope - includes a connection if both its port and the longest matching prefix are
 *		  included
 * @ports:	a bitmap of included ports, as in struct scope_rodata
 * @rules:	each prefix once, in order; always has 0.0.0.0/0 and ::/0
 * @rules_nr:	number of rules
 * @ahead:	as in struct scope_rodata: "to" has named some prefixes
 */
struct scope {
	uint64_t ports[SCOPE_PORT_WORDS];
	struct scope_rule *rules;
	size_t rules_nr;
	bool ahead;
};

/*
 * Parse "port PORTS", "not port PORTS", "to PREFIXES" and "not to PREFIXES". With abbreviations,
 * any other keyword is an error; without, it ends the scope. Returns the first word after the
 * scope. Exits if the scope is invalid.
 */
char **scope_parse(struct scope *scope, char **word, bool abbreviations);

/* The scope must not have a rule for the same prefix. */
void scope_add_rule(struct scope *scope, const struct scope_rule *rule);

/* Port 0 stands for any included port. */
bool scope_includes(const struct scope *scope, const struct in6_addr *to, uint16_t port);

/* The words that scope_parse() takes, or "all". To be freed. */
char *scope_text(const struct scope *scope);

/* Add the members scope (the text), ports, to and not_to to a record. */
void scope_record(const struct scope *scope, struct json_object *record);

void scope_free(struct scope *scope);

#endif
