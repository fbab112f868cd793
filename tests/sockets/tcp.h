/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by cases about TCP, in channels or not. */
#ifndef TCP_H
#define TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* How many ends of flows carry the connection here: two if both of its ends are here. */
int tcp_flows(int fd);
/* Waits until a flow carries it. */
void tcp_await_flow(int fd);
/*
 * Takes the flows from the connecting ends of all connections to this port; the accepting ends
 * soon open new ones. False if there was none.
 */
bool tcp_kill_flows(uint32_t port);
/*
 * The two sides make a connection whose bytes are in a channel, both ways, when these return. Skips
 * the case where there are none.
 */
int tcp_reach_moved(void);
int tcp_serve_moved(void);
/* The same where there are channels; elsewhere they only make a connection. */
int tcp_reach(void);
int tcp_serve(void);
/* And for a connection that is there. Both sides call it; returns the socket. */
int tcp_move(int fd);

/*
 * Sockets made by the calling process from here on belong to a cgroup that is not
 * attached, or to its own again. Where nothing can be attached, they change nothing.
 */
void tcp_leave_cgroup(void);
void tcp_return_to_cgroup(void);
/* The one that the calling process is in. */
int tcp_open_cgroup(void);

#endif
