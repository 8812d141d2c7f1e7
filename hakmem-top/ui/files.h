/*
 * What is on the screen, and the heap of the process that is open, as files.
 * The end of a file's name chooses what is in it: a name without one is CSV,
 * one with an end that the screen does not know is refused.
 */
#ifndef HAKMEM_TOP_FILES_H
#define HAKMEM_TOP_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/ui/feed.h"
#include "hakmem-top/screens/screen.h"

/* The ends that a screen knows, as the label of a prompt. */
const char *files_label(const struct screen *screen);

/* The name to offer for what the screen shows. */
void files_offer(const struct screen *screen, const struct context *context,
		 char *name, size_t size);

/*
 * Writes what the screen shows, or asks the daemon for the heap. False when
 * that failed; what was done, or why not, is one line in `say`.
 */
bool files_write(const struct screen *screen, struct context *context,
		 struct feed *feed, const char *path, char *say, size_t size);

/* Writes the export that the daemon sent (feed.export), likewise. */
bool files_finish(struct feed *feed, char *say, size_t size);

#endif
