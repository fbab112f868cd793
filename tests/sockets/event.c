// SPDX-License-Identifier: GPL-2.0-only
#include "event.h"

#include "case.h"

int event_watch(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int set = call(epoll_create1(0));

	call(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	return set;
}

uint32_t event_now(int set)
{
	struct epoll_event event = { 0 };

	return call(epoll_wait(set, &event, 1, 0)) ? event.events : 0;
}

uint32_t event_next(int set, const char *what)
{
	struct epoll_event event;

	if (!call(epoll_wait(set, &event, 1, patience_ms())))
		fail("lost: %s", what);
	return event.events;
}
