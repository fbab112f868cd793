// SPDX-License-Identifier: GPL-2.0-only
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES		20000U
/* References begin here, so that a page number is not mistaken for one. */
#define FIRST_REF	8U

static struct {
	uint8_t *bytes;			/* as the owner sees them */
	const uint8_t *seen;		/* as the peer does */
	uint32_t used;
	unsigned int mapped[PAGES];
	bool full;
	bool notified[WORLD_QUEUES];
} sides[WORLD_SIDES];

static void *must(void *memory)
{
	if (memory == MAP_FAILED) {
		perror("mmap");
		abort();
	}
	return memory;
}

static void make_pages(unsigned int side)
{
	size_t size = (size_t)PAGES * WORLD_PAGE;
	int fd = memfd_create("pages", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size)) {
		perror("memfd");
		abort();
	}
	if (sides[side].bytes) {
		munmap(sides[side].bytes, size);
		munmap((void *)sides[side].seen, size);
	}
	sides[side].bytes = must(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	sides[side].seen = must(mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

void world_reset(void)
{
	for (unsigned int side = 0; side < WORLD_SIDES; side++) {
		make_pages(side);
		sides[side].used = 0;
		sides[side].full = false;
		memset(sides[side].mapped, 0, sizeof(sides[side].mapped));
		memset(sides[side].notified, 0, sizeof(sides[side].notified));
	}
}

void *world_page(unsigned int side, uint32_t *ref)
{
	uint32_t page = sides[side].used++;

	if (page >= PAGES) {
		fprintf(stderr, "too many pages\n");
		abort();
	}
	*ref = page + FIRST_REF;
	return sides[side].bytes + (size_t)page * WORLD_PAGE;
}

static bool is_page(unsigned int owner, uint32_t ref)
{
	return ref >= FIRST_REF && ref - FIRST_REF < sides[owner].used;
}

const void *world_map(unsigned int side, uint32_t ref)
{
	if (sides[side].full || !is_page(!side, ref))
		return NULL;
	sides[!side].mapped[ref - FIRST_REF]++;
	return sides[!side].seen + (size_t)(ref - FIRST_REF) * WORLD_PAGE;
}

void world_unmap(unsigned int side, uint32_t ref)
{
	sides[!side].mapped[ref - FIRST_REF]--;
}

unsigned int world_mapped(unsigned int owner, uint32_t ref)
{
	return sides[owner].mapped[ref - FIRST_REF];
}

void world_set_full(unsigned int side, bool full)
{
	sides[side].full = full;
}

void world_notify(unsigned int side, unsigned int queue)
{
	__atomic_store_n(&sides[side].notified[queue], true, __ATOMIC_SEQ_CST);
}

bool world_notified(unsigned int side, unsigned int queue)
{
	return __atomic_exchange_n(&sides[side].notified[queue], false, __ATOMIC_SEQ_CST);
}

uint8_t *world_bytes(unsigned int side, uint32_t ref)
{
	return sides[side].bytes + (size_t)(ref - FIRST_REF) * WORLD_PAGE;
}

uint32_t world_first(void)
{
	return FIRST_REF;
}

uint32_t world_last(unsigned int side)
{
	return sides[side].used + FIRST_REF - 1;
}
