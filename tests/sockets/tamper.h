/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A peer that changes what it has sent: tamper/sc_tamper.ko. Skips the case where that cannot be
 * loaded. The connection must be open, and nothing must have been sent since.
 */
#ifndef TAMPER_H
#define TAMPER_H

/* Call it before what is sent. */
void tamper_start(void);
/* Inverts all bytes of the last send(). */
void tamper_bytes(void);
/* Changes the length of the last record. */
void tamper_length(unsigned int length);

#endif
