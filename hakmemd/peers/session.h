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

/*
 * A frame that was made from the process's memory instead: NULL, or why it is
 * refused. A hello of the session that is known says nothing new.
 */
const char *session_looked(struct process *process, uint16_t type,
			   const uint8_t *payload, size_t length);

/* The connection is about to go. */
void session_closed(struct conn *conn);

#endif
