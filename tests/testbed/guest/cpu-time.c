// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpu-time - prints every domain's id and CPU time in nanoseconds
 *
 * "xl list" shows the same counter in steps of a tenth of a second.
 */
#include <stdio.h>
#include <xenctrl.h>

#define DOMAINS_MAX	64

int main(void)
{
	static xc_domaininfo_t domains[DOMAINS_MAX];
	xc_interface *xc = xc_interface_open(NULL, NULL, 0);
	int count = xc ? xc_domain_getinfolist(xc, 0, DOMAINS_MAX, domains) : -1;

	if (count < 0) {
		perror("cpu-time");
		return 1;
	}
	for (int i = 0; i < count; i++)
		printf("%u %llu\n", domains[i].domain, (unsigned long long)domains[i].cpu_time);
	return 0;
}
