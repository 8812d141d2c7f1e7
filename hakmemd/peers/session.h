/*
 * A program's connection: HELLO, then STATE again and again, with MODULES and
 * SITES after it. Main thread only.
 */
#ifndef HAKMEMD_SESSION_H
#define HAKMEMD_SESSION_H

#include "hakmemd/peers/conn.h"
#include "hakmemd/peers/registry.h"

/* A frame of a program; the first must be HELLO. */
void session_frame(struct conn *conn, struct registry *registry,
		   const struct frame *frame);

/* The connection is about to go. */
void session_closed(struct conn *conn);

#endif
