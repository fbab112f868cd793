/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * AF_SCHANNEL: sockets between two domains of one Xen host.
 *
 * This header is what a program needs to use the family: its number, its
 * address and the names of special domains and ports.
 */
#ifndef _UAPI_LINUX_SCHANNEL_H
#define _UAPI_LINUX_SCHANNEL_H

#include <linux/socket.h>
#include <linux/types.h>

/*
 * AF_MAX is fixed when a kernel is built, so a family that comes as a module
 * borrows a retired number. This is the default; the number in use on a
 * running system is in /sys/module/schannel/parameters/family.
 */
#define AF_SCHANNEL_DEFAULT	18
#define PF_SCHANNEL_DEFAULT	AF_SCHANNEL_DEFAULT

/* sc_domid: the local end of every channel there is (bind only). */
#define SC_DOMID_ANY		0xffffffffU
/*
 * sc_domid: this domain, whatever its number. A socket bound to it is reached
 * over loopback only; connecting to it is connecting to oneself.
 */
#define SC_DOMID_SELF		0x7ff0U

/* sc_port: bind() and connect() choose an unused port. */
#define SC_PORT_ANY		0U
/* Ports below this one are bound only with CAP_NET_BIND_SERVICE. */
#define SC_PORT_RESERVED	1024U
/*
 * The kernel chooses ports from here up to 0x7fffffff, so that it never takes
 * one that a service is known by.
 */
#define SC_PORT_EPHEMERAL	65536U

/**
 * struct sockaddr_sc - the address of an AF_SCHANNEL socket
 * @sc_family:	the family's number, see AF_SCHANNEL_DEFAULT
 * @sc_flags:	0; anything else is EINVAL
 * @sc_domid:	a Xen domain id, SC_DOMID_SELF or SC_DOMID_ANY, host byte order
 * @sc_port:	the port inside that domain, host byte order
 * @sc_zero:	0; anything else is EINVAL
 */
struct sockaddr_sc {
	__kernel_sa_family_t	sc_family;
	__u16			sc_flags;
	__u32			sc_domid;
	__u32			sc_port;
	__u32			sc_zero;
};

#endif /* _UAPI_LINUX_SCHANNEL_H */
