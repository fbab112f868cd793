// SPDX-License-Identifier: GPL-2.0-only
/* The workqueue and the number of the address family. See common.h. */
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include <uapi/linux/schannel.h>
#include "common.h"
#include "namespace.h"

static int family = AF_SCHANNEL_DEFAULT;
module_param(family, int, 0444);
MODULE_PARM_DESC(family, "Number of the address family (default: 18)");

struct workqueue_struct *sc_wq;
EXPORT_SYMBOL_NS_GPL(sc_wq, SC_NS_SOCK);

/* The number of the address family on this system. */
int sc_family(void)
{
	return family;
}

/* Called first in the module's init. 0 or -ENOMEM. */
int __init sc_common_init(void)
{
	sc_wq = alloc_workqueue("schannel", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return sc_wq ? 0 : -ENOMEM;
}

/* Called last in the module's exit. */
void sc_common_exit(void)
{
	destroy_workqueue(sc_wq);
	rcu_barrier();	/* flows drop their channels in a callback of ours, and with them peers */
	rcu_barrier();	/* peers are freed by another one */
}
