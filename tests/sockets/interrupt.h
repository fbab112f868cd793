/* SPDX-License-Identifier: GPL-2.0-only */
/* Signals that arrive while a system call is blocked. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "blocked.h"

/* Catches the signal that is used here, with SA_RESTART or without. */
void interrupt_catch(int flags);
/* How often the handler has run since. */
int interrupt_count(void);

/* Interrupts the caller once it sleeps in system call @number. */
struct blocked *interrupt_when_blocked(long number);

/* The same; then, once it sleeps there again, tells the other side @line. */
struct blocked *interrupt_then_tell(long number, const char *line);

#endif
