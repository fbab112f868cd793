/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#define cmpxchg(ptr, old, new) ({					\
	__typeof__(*(ptr)) old_ = (old);				\
	__atomic_compare_exchange_n(ptr, &old_, new, 0, __ATOMIC_SEQ_CST,	\
				    __ATOMIC_SEQ_CST);			\
	old_; })

#endif
