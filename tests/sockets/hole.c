// SPDX-License-Identifier: GPL-2.0-only
#include "hole.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "case.h"

static int faults = -1;

static unsigned char *map(size_t pages)
{
	void *start = mmap(NULL, pages * HOLE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(start != MAP_FAILED);
	return start;
}

unsigned char *hole_behind_page(void)
{
	unsigned char *pages = map(2);

	call(mprotect(pages + HOLE_PAGE, HOLE_PAGE, PROT_NONE));
	return pages;
}

unsigned char *hole_to_fill(size_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = pages * HOLE_PAGE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	unsigned char *start = map(pages);

	faults = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faults < 0)
		skip("userfaultfd: %s", errno_name(errno));
	call(ioctl(faults, UFFDIO_API, &api));
	range.range.start = (uintptr_t)start;
	call(ioctl(faults, UFFDIO_REGISTER, &range));
	return start;
}

unsigned char *hole_await(void)
{
	struct pollfd ready = { .fd = faults, .events = POLLIN };
	struct uffd_msg message;

	if (!call(poll(&ready, 1, patience_ms())))
		fail("no thread touched a missing page");
	call_gives(read(faults, &message, sizeof(message)), sizeof(message));
	check_equal(message.event, UFFD_EVENT_PAGEFAULT);
	return (unsigned char *)(uintptr_t)
	       (message.arg.pagefault.address & ~(HOLE_PAGE - 1ULL));
}

void hole_fill(unsigned char *page, const void *bytes)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)page,
		.src = (uintptr_t)bytes,
		.len = HOLE_PAGE,
	};

	call(ioctl(faults, UFFDIO_COPY, &copy));
}
