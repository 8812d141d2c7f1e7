/*
 * A viewer's questions and their answers. Main thread only.
 */
#ifndef HAKMEMD_QUERY_H
#define HAKMEMD_QUERY_H

#include "hakmemd/query/question.h"

/*
 * Answers one QUERY frame. A question about what is not there is answered by
 * ERROR and the connection goes on; what is no question ends it. `service` must
 * last as long as the connection.
 */
void query_frame(struct conn *conn, struct service *service,
		 const struct frame *frame);

/* The viewer is about to go. */
void query_closed(struct conn *conn, struct service *service);

#endif
