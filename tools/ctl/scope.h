/* SPDX-License-Identifier: GPL-2.0-only */
/* Which connections of an attached cgroup are to be diverted. */
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
 * struct scope - included is what both its port and the longest of the prefixes include
 * @ports:	bits, as in struct scope_rodata
 * @rules:	each prefix once, in order; 0.0.0.0/0 and ::/0 are among them
 * @rules_nr:	how many
 */
struct scope {
	uint64_t ports[SCOPE_PORT_WORDS];
	struct scope_rule *rules;
	size_t rules_nr;
};

/*
 * Of words: "port PORTS", "not port PORTS", "to PREFIXES", "not to PREFIXES". Returns the first
 * word that is none of these; without abbreviations, what follows may be anything. Exits if it
 * makes no sense.
 */
char **scope_parse(struct scope *scope, char **word, bool abbreviations);

/* There must be none for the same prefix yet. */
void scope_add_rule(struct scope *scope, const struct scope_rule *rule);

/* Port 0: any that is included. */
bool scope_includes(const struct scope *scope, const struct in6_addr *to, uint16_t port);

/* Words that make it, or "all". To be freed. */
char *scope_text(const struct scope *scope);

/* Add it to a record: scope (the text), ports, to, not_to. */
void scope_record(const struct scope *scope, struct json_object *record);

void scope_free(struct scope *scope);

#endif
