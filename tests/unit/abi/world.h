/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What two domains have of each other: pages that one of them writes and the other maps
 * read-only, by their grant references, and notifications. A write to a page of the peer's
 * crashes the test.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_PAGE	4096U
#define WORLD_SIDES	2U
#define WORLD_QUEUES	32U

/* Forgets all pages and notifications. */
void world_reset(void);

/* A page of @side's, which is zero, and the reference by which its peer maps it. */
void *world_page(unsigned int side, uint32_t *ref);

/* A page of the peer's of @side; NULL if there is none of this reference, or no memory. */
const void *world_map(unsigned int side, uint32_t ref);
void world_unmap(unsigned int side, uint32_t ref);
/* How often the peer has mapped the page. */
unsigned int world_mapped(unsigned int owner, uint32_t ref);

/* From now on nothing can be mapped in @side, or everything again. */
void world_set_full(unsigned int side, bool full);

/* @side is notified by its peer; and whether it was since the last call. */
void world_notify(unsigned int side, unsigned int queue);
bool world_notified(unsigned int side, unsigned int queue);

/* For records of an exchange: the bytes of a page, and which references are in use. */
uint8_t *world_bytes(unsigned int side, uint32_t ref);
uint32_t world_first(void);
uint32_t world_last(unsigned int side);

#endif
