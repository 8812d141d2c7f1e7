/*
 * Baselines as viewers set, name and drop them: of one process or of all. Main
 * thread only.
 */
#ifndef HAKMEMD_QUERY_BASELINE_H
#define HAKMEMD_QUERY_BASELINE_H

#include "hakmemd/query/question.h"

/* Both answer DONE; without a process they are about all. */
void query_baseline_set(const struct question *question);
void query_baseline_drop(const struct question *question);

/*
 * The baseline that a question about a process names, NULL if it names none.
 * False after an ERROR: the process has none of that name.
 */
bool query_baseline_find(const struct question *question,
			 const struct baseline **baseline);

/* A viewer goes, and what it called its own with it. */
void query_baseline_closed(struct registry *registry, const struct conn *conn);

#endif
