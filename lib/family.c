// SPDX-License-Identifier: LGPL-2.1-or-later
/* The number of the family, which is a parameter of the module. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "schannel.h"
#include "text.h"

#define NUMBER_FILE	"/sys/module/schannel/parameters/family"

int schannel_family(void)
{
	uint32_t number;
	char text[16];
	ssize_t got;
	int fd;

	fd = open(NUMBER_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOENT)
			errno = EAFNOSUPPORT;
		return -1;
	}
	got = read(fd, text, sizeof(text));
	close(fd);
	if (got > 0 && text[got - 1] == '\n')
		got--;
	if (got <= 0 || !scl_number_parse(text, got, UINT16_MAX, &number)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return number;
}
