/*
 * One question, one answer, waiting: for reports and exports. Connects when
 * need be; waits no longer than the client's deadline.
 */
#ifndef HAKMEM_TOP_FETCH_H
#define HAKMEM_TOP_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/data/model.h"
#include "hakmem-top/data/sites.h"

/* The process list; NULL with one line in `why`. The caller frees it. */
struct processes *fetch_processes(struct client *client, char *why,
				  size_t size);

/* One process; NULL with one line in `why`. The caller frees it. */
struct detail *fetch_detail(struct client *client, uint64_t process_id,
			    char *why, size_t size);

/*
 * The sites of a process, by its id or else its pid, largest live bytes first;
 * NULL with one line in `why`. Asks again while names are being looked up,
 * until `until_ns` of client_now_ns(). The caller frees it.
 */
struct sites *fetch_sites(struct client *client, uint64_t process_id,
			  uint32_t pid, uint64_t until_ns, char *why,
			  size_t size);

/* Asks for something to be done; false with one line in `why`, else there is
 * in it what was done. */
bool fetch_done(struct client *client, const struct client_query *query,
		char *why, size_t size);

/*
 * An export of at most PILE_MAX bytes into `*data` (the caller frees it) and
 * `*length`; false with one line in `why`.
 */
bool fetch_export(struct client *client, const struct client_query *query,
		  char **data, size_t *length, char *why, size_t size);

#endif
