/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets of the family under test, of each kind. */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stdint.h>

#include "family.h"
#include "plan.h"

/* The server's ports. Processes that will be killed accept at some of them. */
struct net_ports {
	uint32_t listener[KINDS];
	uint32_t mortal[KINDS];
	uint32_t inbox[2];
};

extern struct net_ports net_ports;

/* Bit mask of the kinds of sockets that this kernel has. */
unsigned int net_kinds(void);
/* All of them do not block. -1 with errno. */
int net_socket(enum kind kind);
int net_listen(enum kind kind);
int net_bind(int fd, uint32_t port);
/* 0, or an error; EINPROGRESS is one. */
int net_connect(int fd, uint32_t port);
uint32_t net_port(int fd);

/* Whether data sent before a reset, or before a kill, is still received. */
bool net_keeps_all(void);
/* A close with SO_LINGER 0 is a reset. */
bool net_linger_resets(void);

#endif
