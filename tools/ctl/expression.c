// SPDX-License-Identifier: GPL-2.0-only
/*
 * libpcap compiles the expressions. It is loaded when there is one, and not linked: in Debian it
 * brings half of systemd's libraries with it, which guests need not have.
 */
#include <dlfcn.h>
#include <err.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "expression.h"

/* The same ABI: the name in Debian, and everywhere else. */
static const char * const libraries[] = { "libpcap.so.0.8", "libpcap.so.1" };

#define PACKET_MAX	65536

static void *load_library(void)
{
	void *library = NULL;
	size_t i;

	for (i = 0; i < sizeof(libraries) / sizeof(*libraries) && !library; i++)
		library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		errx(EXIT_FAILED, "a filter requires libpcap (%s), which is not installed",
		     libraries[0]);
	return library;
}

static void *find_function(void *library, const char *name)
{
	void *function = dlsym(library, name);

	if (!function)
		errx(EXIT_FAILED, "libpcap lacks %s", name);
	return function;
}

char *expression_join(char **words)
{
	size_t size = 1;
	char **word, *text;

	if (!*words)
		return NULL;
	for (word = words; *word; word++)
		size += strlen(*word) + 1;
	text = calloc(1, size);
	if (!text)
		err(EXIT_FAILED, "the filter");
	for (word = words; *word; word++) {
		if (word > words)
			strcat(text, " ");
		strcat(text, *word);
	}
	return text;
}

struct sock_fprog expression_compile(const char *text)
{
	void *library = load_library();
	__typeof__(pcap_open_dead) *open_dead = find_function(library, "pcap_open_dead");
	__typeof__(pcap_compile) *compile = find_function(library, "pcap_compile");
	__typeof__(pcap_geterr) *geterr = find_function(library, "pcap_geterr");
	struct bpf_program program;
	pcap_t *pcap = open_dead(DLT_RAW, PACKET_MAX);

	if (!pcap)
		err(EXIT_FAILED, "the filter");
	if (compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN))
		errx(EXIT_USAGE, "invalid filter '%s': %s", text, geterr(pcap));
	/* libpcap's instructions are the kernel's */
	return (struct sock_fprog){
		.len = program.bf_len,
		.filter = (struct sock_filter *)program.bf_insns,
	};
}
