/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is not there, or not yet. */
#ifndef HOLE_H
#define HOLE_H

#include <stddef.h>

#define HOLE_PAGE	4096

/* An address where there is never anything. */
#define HOLE		((void *)0x1000)

/* Two pages; access to the second one faults. */
unsigned char *hole_behind_page(void);

/*
 * Pages that are missing until this program supplies them: a thread that touches one,
 * the kernel included, sleeps until then. Skips the case where there is no
 * userfaultfd. One run of pages in a process.
 */
unsigned char *hole_to_fill(size_t pages);
/* Waits until a thread faults on such a page; returns the page's address. */
unsigned char *hole_await(void);
/* Supplies the page, with these bytes, and wakes the waiting thread. */
void hole_fill(unsigned char *page, const void *bytes);

#endif
