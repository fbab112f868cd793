// SPDX-License-Identifier: GPL-2.0-only
/*
 * grants - counts the pages that domains grant to each other
 *
 *	grants DOMID...
 *
 * Prints a line "FROM TO SHARED MAPPED" for each domain TO that one of the domains grants
 * pages to: how many pages, and how many of them TO has mapped. The numbers come from the
 * grant tables, so they include leaked grants. Xen does not give out the table of dom0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenctrl.h>

#define DOMAINS_MAX	64

struct count {
	unsigned int shared;
	unsigned int mapped;
};

static void count_entry(const grant_entry_v1_t *entry, struct count *to)
{
	if ((entry->flags & GTF_type_mask) != GTF_permit_access || entry->domid >= DOMAINS_MAX)
		return;
	to[entry->domid].shared++;
	if (entry->flags & (GTF_reading | GTF_writing))
		to[entry->domid].mapped++;
}

int main(int argc, char **argv)
{
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);

	if (!xc) {
		perror("grants");
		return 1;
	}
	for (int arg = 1; arg < argc; arg++) {
		struct count to[DOMAINS_MAX] = { 0 };
		int entries, from = atoi(argv[arg]);
		grant_entry_v1_t *table = xc_gnttab_map_table_v1(xc, from, &entries);

		if (!table) {
			fprintf(stderr, "grants: domain %d: %m\n", from);
			return 1;
		}
		for (int i = 0; i < entries; i++)
			count_entry(&table[i], to);
		munmap(table, entries * sizeof(*table));
		for (int id = 0; id < DOMAINS_MAX; id++)
			if (to[id].shared)
				printf("%d %d %u %u\n", from, id, to[id].shared, to[id].mapped);
	}
	return 0;
}
