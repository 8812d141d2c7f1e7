/*
 * A viewer's questions and their answers. Main thread only.
 */
#ifndef HAKMEMD_QUERY_H
#define HAKMEMD_QUERY_H

#include "hakmemd/conn.h"
#include "hakmemd/registry.h"

/*
 * Answers one QUERY frame. A question about what is not there is answered by
 * ERROR and the connection goes on; what is no question ends it.
 */
void query_frame(struct conn *conn, struct registry *registry,
		 const struct frame *frame);

#endif
