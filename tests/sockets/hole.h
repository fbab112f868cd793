/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is not there, or not yet. */
#ifndef HOLE_H
#define HOLE_H

#include <stddef.h>

#define HOLE_PAGE	4096

/* An address where there is never anything. */
#define HOLE		((void *)0x1000)

/* Two pages, of which the second cannot be touched. */
unsigned char *hole_behind_page(void);

/*
 * Pages that are missing until this program brings them: whoever touches one,
 * the kernel included, sleeps until then. Skips the case where there is no
 * userfaultfd. One run of pages in a process.
 */
unsigned char *hole_to_fill(size_t pages);
/* Waits until somebody sleeps for such a page; returns that page's address. */
unsigned char *hole_await(void);
/* Brings the page, with these bytes, and wakes who waited for it. */
void hole_fill(unsigned char *page, const void *bytes);

#endif
