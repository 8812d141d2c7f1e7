/*
 * One question, one answer, waiting: for reports and exports. Connects when
 * need be; waits no longer than the client's deadline.
 */
#ifndef HAKMEM_TOP_FETCH_H
#define HAKMEM_TOP_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/client.h"
#include "hakmem-top/model.h"

/* The process list; NULL with one line in `why`. The caller frees it. */
struct processes *fetch_processes(struct client *client, char *why,
				  size_t size);

/* One process; NULL with one line in `why`. The caller frees it. */
struct detail *fetch_detail(struct client *client, uint64_t process_id,
			    char *why, size_t size);

/*
 * An export of at most FETCH_EXPORT_MAX bytes into `*data` (the caller frees
 * it) and `*length`; false with one line in `why`.
 */
#define FETCH_EXPORT_MAX (64u << 20)
bool fetch_export(struct client *client, const struct client_query *query,
		  char **data, size_t *length, char *why, size_t size);

#endif
