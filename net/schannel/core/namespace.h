/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The namespaces of the symbols that schannel.ko exports.
 *
 * Functions named schannel_*() are for transports (transport.h), functions named
 * sc_*() for other socket layers on top of flows, such as schannel_inet.ko.
 */
#ifndef _SCHANNEL_NAMESPACE_H
#define _SCHANNEL_NAMESPACE_H

#include <linux/export.h>

/* The argument of EXPORT_SYMBOL_NS_GPL() and MODULE_IMPORT_NS(): not quoted before Linux 6.13 */
#define SC_NS_TRANSPORT		SCHANNEL
#define SC_NS_SOCK		SCHANNEL_SOCK

#endif /* _SCHANNEL_NAMESPACE_H */
