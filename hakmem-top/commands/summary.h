/*
 * What remains of a watched command: one screen of text.
 */
#ifndef HAKMEM_TOP_SUMMARY_H
#define HAKMEM_TOP_SUMMARY_H

#include <stdio.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/base/run.h"

/*
 * Asks the daemon a last time about the command and its children and writes
 * the summary. Waits at most a second for the daemon to see the end.
 */
void summary_print(FILE *out, struct client *client, const struct run *run);

#endif
