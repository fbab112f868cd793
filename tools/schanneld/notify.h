/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telling the service manager how it goes: sd_notify(3)'s protocol, a datagram
 * to a socket. Without a service manager all of it does nothing.
 */
#ifndef SCHANNELD_NOTIFY_H
#define SCHANNELD_NOTIFY_H

/* A line such as "READY=1", which must arrive. */
void notify_state(const char *line);

/* Words for people, which need not. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The manager ends a service from which it hears nothing for too long. */
void notify_alive(void);

/* How often notify_alive() is to be called at least, in ms, or -1. */
int notify_interval(void);

#endif
