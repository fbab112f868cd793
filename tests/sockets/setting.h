/* SPDX-License-Identifier: GPL-2.0-only */
/* net.schannel.*, by their names. */
#ifndef SETTING_H
#define SETTING_H

int setting_open(const char *name, int flags);
long setting_read(const char *name);

/* As write(): negative, with errno, if the kernel does not take it. */
int setting_write_text(const char *name, const char *text);
int setting_write(const char *name, long value);

#endif
