/*
 * A file is written whole or not at all: into a new file beside it, synced,
 * then renamed. A full disk, a file-size limit (with SIGXFSZ ignored) or a kill
 * leaves the old file as it was.
 */
#ifndef HAKMEM_TOP_SAVE_H
#define HAKMEM_TOP_SAVE_H

#include <stddef.h>

/*
 * Writes `length` bytes to `path`. Only a regular file is replaced: a symbolic
 * link, FIFO, device or directory is refused. 0, or -1 with one line in `why`.
 */
int save_file(const char *path, const void *data, size_t length, char *why,
	      size_t why_size);

#endif
