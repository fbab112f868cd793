/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an attachment's BPF programs and who loads them share: which connections are
 * to be diverted. Fixed once they are loaded: another scope is another set of programs.
 */
#ifndef BPF_SCOPE_H
#define BPF_SCOPE_H

#include <linux/types.h>

/* Ports, a bit each: port P is bit P % 64 of word P / 64. */
#define SCOPE_PORT_WORDS	(65536 / 64)

/* Of a path below where cgroup2 is mounted, with its end. */
#define SCOPE_PATH_MAX		4096

/**
 * struct scope_rodata - the programs' read-only data
 * @ports:	ports that are included
 * @cgroup:	what they were attached to, not for them but for who looks at them
 */
struct scope_rodata {
	__u64 ports[SCOPE_PORT_WORDS];
	char cgroup[SCOPE_PATH_MAX];
};

/**
 * struct scope_prefix - the key of a trie that says whether a destination is included
 * @length:	in bits
 * @address:	of IPv6, or v4-mapped, in network byte order
 *
 * The longest one that matches decides; 0.0.0.0/0 and ::/0 are there in any case.
 */
struct scope_prefix {
	__u32 length;
	__u32 address[4];
};

#endif
