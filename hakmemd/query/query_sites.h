/*
 * Requests about a process's sites: the table, one stack; and a word to the
 * program itself. Main thread only.
 */
#ifndef HAKMEMD_QUERY_SITES_H
#define HAKMEMD_QUERY_SITES_H

#include "hakmemd/query/request.h"

#define QUERY_SITES_ROWS 2000u /* of a table */

void query_sites_table(const struct request *request);
void query_sites_stack(const struct request *request);
void query_sites_control(const struct request *request);

#endif
