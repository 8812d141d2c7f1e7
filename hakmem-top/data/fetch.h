/*
 * One query, one answer, waiting: for verbs, reports and the summary. Connects
 * when need be; waits no longer than the client's deadline.
 */
#ifndef HAKMEM_TOP_FETCH_H
#define HAKMEM_TOP_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/data/source.h"
#include "hakmem-top/data/sites.h"

/*
 * The answer to a query, one of data/source.h, to be freed with source_free;
 * NULL with one line in `why`.
 */
void *fetch_answer(struct client *client, const struct client_query *query,
		   char *why, size_t size);

/*
 * The sites of a process, by its id or else its pid, largest live bytes first;
 * NULL with one line in `why`. Asks again while names are being looked up,
 * until `until_ns` of client_now_ns(). The caller frees it.
 */
struct sites *fetch_sites(struct client *client, uint64_t process_id,
			  uint32_t pid, uint64_t until_ns, char *why,
			  size_t size);

#endif
