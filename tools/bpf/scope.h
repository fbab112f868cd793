/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scope of an attachment, as shared by its BPF programs and their loader. It does not
 * change after the programs are loaded: a new scope needs new programs.
 */
#ifndef BPF_SCOPE_H
#define BPF_SCOPE_H

#include <linux/types.h>

/* A bitmap of ports: port P is bit P % 64 of word P / 64. */
#define SCOPE_PORT_WORDS	(65536 / 64)

/* The longest path relative to the mount point of cgroup2, with its null byte. */
#define SCOPE_PATH_MAX		4096

/**
 * struct scope_rodata - read-only data of the programs
 * @ports:	the included ports
 * @cgroup:	path of the attached cgroup; only for programs that list the attachments
 * @ahead:	also for addresses that are not a peer's yet: the user has named the included
 *		prefixes
 */
struct scope_rodata {
	__u64 ports[SCOPE_PORT_WORDS];
	char cgroup[SCOPE_PATH_MAX];
	__u8 ahead;
};

/**
 * struct scope_prefix - the key of the trie that maps the other end's address to "included"
 * @length:	in bits
 * @address:	IPv6 or v4-mapped, in network byte order
 *
 * The longest matching prefix decides. 0.0.0.0/0 and ::/0 are always in the trie.
 */
struct scope_prefix {
	__u32 length;
	__u32 address[4];
};

#endif
