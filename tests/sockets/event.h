/* SPDX-License-Identifier: GPL-2.0-only */
/* epoll sets of one socket. */
#ifndef EVENT_H
#define EVENT_H

#include <stdint.h>
#include <sys/epoll.h>

/* A new set. @events are EPOLLIN and so on, with EPOLLET or without. */
int event_watch(int fd, uint32_t events);
/* The pending events, 0 if there are none. */
uint32_t event_now(int set);
/* An event that must come; if it does not, the case fails with @what. */
uint32_t event_next(int set, const char *what);

#endif
