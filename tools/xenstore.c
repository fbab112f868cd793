// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wrappers with the names of the functions of libxenstore, which call the library once it is
 * loaded. A program with these wrappers is not linked with the library, so it also runs in
 * guests, where the library is not installed.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <unistd.h>
#include <xenstore.h>

#include "xenstore.h"

/* The version of the ABI that <xenstore.h> declares. */
#define LIBRARY	"libxenstore.so.4"

static struct {
	__typeof__(xs_open) *open;
	__typeof__(xs_close) *close;
	__typeof__(xs_read) *read;
	__typeof__(xs_write) *write;
	__typeof__(xs_mkdir) *mkdir;
	__typeof__(xs_rm) *rm;
	__typeof__(xs_directory) *directory;
	__typeof__(xs_set_permissions) *set_permissions;
	__typeof__(xs_transaction_start) *transaction_start;
	__typeof__(xs_transaction_end) *transaction_end;
} real;

static const struct {
	const char *name;
	void *function;
} symbols[] = {
	{ "xs_open", &real.open },
	{ "xs_close", &real.close },
	{ "xs_read", &real.read },
	{ "xs_write", &real.write },
	{ "xs_mkdir", &real.mkdir },
	{ "xs_rm", &real.rm },
	{ "xs_directory", &real.directory },
	{ "xs_set_permissions", &real.set_permissions },
	{ "xs_transaction_start", &real.transaction_start },
	{ "xs_transaction_end", &real.transaction_end },
};

/* In seconds; 0: none. */
static unsigned int time_limit;

void xenstore_time_limit(unsigned int seconds)
{
	time_limit = seconds;
	alarm(seconds);
}

/* A new request begins: it gets its own time. */
static void begin(void)
{
	if (time_limit)
		alarm(time_limit);
}

bool xenstore_load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *symbol;
	size_t i;

	if (!library)
		return false;
	for (i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		symbol = dlsym(library, symbols[i].name);
		if (!symbol)
			return false;
		*(void **)symbols[i].function = symbol;
	}
	return true;
}

struct xs_handle *xs_open(unsigned long flags)
{
	begin();
	return real.open(flags);
}

void xs_close(struct xs_handle *xs)
{
	begin();
	real.close(xs);
}

void *xs_read(struct xs_handle *xs, xs_transaction_t t, const char *path, unsigned int *len)
{
	begin();
	return real.read(xs, t, path, len);
}

bool xs_write(struct xs_handle *xs, xs_transaction_t t, const char *path, const void *data,
	      unsigned int len)
{
	begin();
	return real.write(xs, t, path, data, len);
}

bool xs_mkdir(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	begin();
	return real.mkdir(xs, t, path);
}

bool xs_rm(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	begin();
	return real.rm(xs, t, path);
}

char **xs_directory(struct xs_handle *xs, xs_transaction_t t, const char *path,
		    unsigned int *count)
{
	begin();
	return real.directory(xs, t, path, count);
}

bool xs_set_permissions(struct xs_handle *xs, xs_transaction_t t, const char *path,
			struct xs_permissions *perms, unsigned int count)
{
	begin();
	return real.set_permissions(xs, t, path, perms, count);
}

xs_transaction_t xs_transaction_start(struct xs_handle *xs)
{
	begin();
	return real.transaction_start(xs);
}

bool xs_transaction_end(struct xs_handle *xs, xs_transaction_t t, bool abort)
{
	begin();
	return real.transaction_end(xs, t, abort);
}
