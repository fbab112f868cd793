// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into the real xenstored (LD_PRELOAD), this library replaces the functions of the
 * hypervisor, so that xenstored runs on a machine without Xen. Every domain ID that a client
 * introduces is a running domain; no domain sends requests of its own.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define PAGE		4096UL
#define PROC_XEN	"/proc/xen/"

/* All handles point to this byte; no function reads it. */
static char handle;

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild,
				unsigned int flags)
{
	return (xc_interface *)&handle;
}

int xc_interface_close(xc_interface *xch)
{
	return 0;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
	*info = (xc_dominfo_t){ .domid = first, .running = 1 };
	return 1;
}

xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger, unsigned int flags)
{
	return (xenevtchn_handle *)&handle;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	static int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC);
	return fd;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
						     evtchn_port_t port)
{
	return domid + 2;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
	return 1;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

xengnttab_handle *xengnttab_open(xentoollog_logger *logger, unsigned int flags)
{
	return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t count)
{
	return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start, uint32_t count)
{
	return munmap(start, count * PAGE);
}

/* The files of dom0's kernel: the page that it shares with xenstored, and its event channel. */
static int open_proc_xen(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, PAGE))
		return -1;
	if (!strcmp(name, "xsd_port") && pwrite(fd, "1", 1, 0) != 1)
		return -1;
	return fd;
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...) = dlsym(RTLD_NEXT, "open");
	va_list args;
	mode_t mode;

	if (!strncmp(path, PROC_XEN, strlen(PROC_XEN)))
		return open_proc_xen(path + strlen(PROC_XEN));
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return next(path, flags, mode);
}
