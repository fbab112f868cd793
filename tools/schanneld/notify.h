/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State notifications to the service manager, by the protocol of sd_notify(3): a datagram
 * to a socket. Without a service manager, these functions do nothing.
 */
#ifndef SCHANNELD_NOTIFY_H
#define SCHANNELD_NOTIFY_H

/* Send a state such as "READY=1". Blocks until the datagram is queued. */
void notify_state(const char *line);

/* Send a status text for the administrator, unless the queue is full. */
void notify_status(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reset the watchdog: the manager ends a service that does not do this in time. */
void notify_alive(void);

/* The longest time between two calls of notify_alive(), in ms; -1 without a watchdog. */
int notify_interval(void);

#endif
