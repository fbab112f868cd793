// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance.h"

static void make_folder(const char *path)
{
	char *copy = strdup(path);

	/* If this fails, opening the file reports it. */
	if (copy)
		mkdir(dirname(copy), 0755);
	free(copy);
}

int instance_take(const char *path, const char *policy)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd, error;

	make_folder(path);
	/* The descriptor, and so the lock, is kept until the process ends. */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (!fcntl(fd, F_SETLK, &lock) && !ftruncate(fd, 0) &&
	    write(fd, policy, strlen(policy)) == (ssize_t)strlen(policy))
		return 0;
	error = errno;
	close(fd);
	return error == EAGAIN || error == EACCES ? -EBUSY : -error;
}

pid_t instance_find(const char *path, char *policy, size_t size)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	ssize_t len;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	/* F_GETLK needs no write access, and tells which process holds the lock. */
	len = read(fd, policy, size - 1);
	if (len < 0 || fcntl(fd, F_GETLK, &lock))
		error = errno;
	close(fd);
	if (error)
		return -error;
	policy[len] = 0;
	return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}
