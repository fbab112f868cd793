/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by cases about TCP, diverted or not. */
#ifndef TCP_H
#define TCP_H

#include <stddef.h>
/* glibc's struct tcp_info ends where it did in Linux 2.6 */
#include <linux/tcp.h>

int tcp_get(int fd, int option);	/* of level IPPROTO_TCP */
void tcp_set(int fd, int option, int value);

struct tcp_info tcp_info(int fd);
/* Waits until TCP_INFO reports this state, of the enum in net/tcp_states.h. */
void tcp_await_state(int fd, int state);

/* A byte each way: between the two sides, or two sockets here. */
void tcp_talk(int fd);
void tcp_talk_pair(int left, int right);

/*
 * Sockets made by the calling process from here on belong to a cgroup that is not
 * attached, or to its own again. Plain TCP is not affected.
 */
void tcp_leave_cgroup(void);
void tcp_return_to_cgroup(void);
/* The one that the calling process is in. */
int tcp_open_cgroup(void);

#endif
