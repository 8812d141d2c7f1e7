/*
 * The export of a heap. It may have to wait for names, and may be more than is
 * queued for a viewer at once, so it is a job: the viewer's connection is held,
 * and the job goes on with the event loop until the last frame is queued. Names
 * that do not come within QUERY_HEAP_PATIENCE_NS stay addresses. Main thread
 * only.
 */
#ifndef HAKMEMD_QUERY_HEAP_H
#define HAKMEMD_QUERY_HEAP_H

#include "hakmemd/query/request.h"
#include "proto/formats.h"

#define QUERY_HEAP_PATIENCE_NS UINT64_C(10000000000)
#define QUERY_HEAP_BYTES_MAX   (64u << 20)  /* of one export */
#define QUERY_HEAP_BYTES_ALL   (256u << 20) /* of all that are under way */

/* Answers a request for the export "heap", now or later. */
void query_heap(const struct request *request, enum format format);

/* What a viewer's connection has to tell. */
void query_heap_drained(struct conn *conn);
void query_heap_closed(struct conn *conn);

/* All names that were asked for have come; `context` is what jobs belong to. */
void query_heap_settled(void *context);

/* Goes on with what waits; returns when to come again. */
uint64_t query_heap_tick(struct query_context *context, uint64_t now_ns);

#endif
