/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ALIGN_H
#define SHIM_LINUX_ALIGN_H

/* Calculates in the type of @x, so it overflows where the kernel's does. */
#define ALIGN(x, a) ({					\
	__typeof__(x) mask_ = (__typeof__(x))(a) - 1;	\
	((x) + mask_) & ~mask_; })

#endif
