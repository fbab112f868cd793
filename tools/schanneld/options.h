/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. */
#ifndef SCHANNELD_OPTIONS_H
#define SCHANNELD_OPTIONS_H

struct options {
	const char *policy;
	const char *lock;
	int scan_ms;		/* time between two full scans */
};

/* Read the command line. Exits on --help, --version, or an error. */
void options_parse(struct options *options, int argc, char **argv);

#endif
