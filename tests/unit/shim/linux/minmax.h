/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MINMAX_H
#define SHIM_LINUX_MINMAX_H

#include <assert.h>

#define min_t(type, x, y) ({			\
	type x_ = (x);				\
	type y_ = (y);				\
	x_ < y_ ? x_ : y_; })

#define max_t(type, x, y) ({			\
	type x_ = (x);				\
	type y_ = (y);				\
	x_ > y_ ? x_ : y_; })

#define clamp_t(type, x, lo, hi) ({		\
	type x_ = (x);				\
	type lo_ = (lo);			\
	type hi_ = (hi);			\
	x_ < lo_ ? lo_ : x_ > hi_ ? hi_ : x_; })

/* Both must have the same type, as in the kernel. */
#define min(x, y) ({				\
	__typeof__(x) x_ = (x);			\
	__typeof__(y) y_ = (y);			\
	static_assert(__builtin_types_compatible_p(__typeof__(x_),	\
						   __typeof__(y_)),	\
		      "min() of different types");			\
	x_ < y_ ? x_ : y_; })

#define max(x, y) ({				\
	__typeof__(x) x_ = (x);			\
	__typeof__(y) y_ = (y);			\
	static_assert(__builtin_types_compatible_p(__typeof__(x_),	\
						   __typeof__(y_)),	\
		      "max() of different types");			\
	x_ > y_ ? x_ : y_; })

#endif
