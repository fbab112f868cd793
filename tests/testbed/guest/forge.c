// SPDX-License-Identifier: GPL-2.0-only
/*
 * forge - offers a channel with an invalid directory
 *
 *	forge DOMID [FIELD=VALUE...]
 *
 * Grants DOMID a directory page (include/uapi/xen/schannel.h) and allocates an event channel
 * for it. The fields are valid unless given; the grant references in the page are not. FIELD
 * is dir-ref, magic, abi, abi-oldest, required, queues or order. Prints "DIR-REF PORT" and
 * keeps both until killed.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#include "../../../include/uapi/xen/schannel.h"

static void *shared_page(uint16_t domid, uint32_t *ref)
{
	struct ioctl_gntalloc_alloc_gref grant = { .domid = domid, .count = 1 };
	int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	void *page;

	if (fd < 0 || ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &grant)) {
		perror("forge: gntalloc");
		exit(1);
	}
	page = mmap(NULL, SCHANNEL_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, grant.index);
	if (page == MAP_FAILED) {
		perror("forge: mmap");
		exit(1);
	}
	*ref = grant.gref_ids[0];
	return page;
}

static int event_channel(uint16_t domid)
{
	struct ioctl_evtchn_bind_unbound_port bind = { .remote_domain = domid };
	int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	int port = fd < 0 ? -1 : ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);

	if (port < 0) {
		perror("forge: evtchn");
		exit(1);
	}
	return port;
}

static void set(struct schannel_dir *dir, uint32_t *dir_ref, char *assignment)
{
	char *value = strchr(assignment, '=');
	uint32_t number = value ? strtoul(value + 1, NULL, 0) : 0;

	if (value)
		*value = '\0';
	if (!strcmp(assignment, "dir-ref"))
		*dir_ref = number;
	else if (!strcmp(assignment, "magic"))
		dir->magic = number;
	else if (!strcmp(assignment, "abi"))
		dir->abi = number;
	else if (!strcmp(assignment, "abi-oldest"))
		dir->abi_oldest = number;
	else if (!strcmp(assignment, "required"))
		dir->required = number;
	else if (!strcmp(assignment, "queues"))
		dir->nr_queues = number;
	else if (!strcmp(assignment, "order"))
		dir->ctl_order = number;
	else
		exit(2);
}

int main(int argc, char **argv)
{
	struct schannel_dir *dir;
	uint16_t domid;
	uint32_t dir_ref;

	if (argc < 2)
		return 2;
	domid = atoi(argv[1]);
	dir = shared_page(domid, &dir_ref);
	memset(dir, 0xff, SCHANNEL_PAGE_SIZE);
	dir->magic = SCHANNEL_MAGIC;
	dir->abi = SCHANNEL_ABI_VERSION;
	dir->abi_oldest = SCHANNEL_ABI_OLDEST;
	dir->features = 0;
	dir->required = 0;
	dir->nr_queues = 1;
	dir->ctl_order = 0;
	for (int i = 2; i < argc; i++)
		set(dir, &dir_ref, argv[i]);
	printf("%u %d\n", dir_ref, event_channel(domid));
	fflush(stdout);
	pause();
	return 0;
}
