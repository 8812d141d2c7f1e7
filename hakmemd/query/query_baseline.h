/*
 * Baselines as viewers set, name and drop them: of one process or of all. Main
 * thread only.
 */
#ifndef HAKMEMD_QUERY_BASELINE_H
#define HAKMEMD_QUERY_BASELINE_H

#include "hakmemd/query/request.h"

/* Both answer DONE; without a process they are about all. */
void query_baseline_set(const struct request *request);
void query_baseline_drop(const struct request *request);

/*
 * The baseline that a request about a process names, NULL if it names none.
 * False after an ERROR: the process has none of that name.
 */
bool query_baseline_find(const struct request *request,
			 const struct baseline **baseline);

/* A viewer goes, and what it called its own with it. */
void query_baseline_closed(struct registry *registry, const struct conn *conn);

#endif
