/*
 * A viewer's requests and their answers. Main thread only.
 */
#ifndef HAKMEMD_QUERY_H
#define HAKMEMD_QUERY_H

#include "hakmemd/query/request.h"

/*
 * Answers one QUERY frame. A request about what is not there is answered by
 * ERROR and the connection goes on; what is no request ends it. `context` must
 * last as long as the connection.
 */
void query_frame(struct conn *conn, struct query_context *context,
		 const struct frame *frame);

/* The viewer is about to go. */
void query_closed(struct conn *conn, struct query_context *context);

#endif
