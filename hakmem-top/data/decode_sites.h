/*
 * SITE_TABLE, STACK and DONE frames into the structs of `sites`: bounded in
 * rows, frames and bytes, whatever the frame says.
 */
#ifndef HAKMEM_TOP_DECODE_SITES_H
#define HAKMEM_TOP_DECODE_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/data/sites.h"
#include "proto/frame.h"

/*
 * Adds the rows of a SITE_TABLE frame to `*sites`, which is made when NULL.
 * `*more` tells whether another frame of the same answer follows. False when
 * the frame is malformed; `*sites` is then freed and NULL.
 */
bool decode_sites(const struct frame *frame, struct sites **sites, bool *more);

/* The struct of a STACK frame, or NULL when it is malformed. */
struct stack *decode_stack(const struct frame *frame);

/* The text of a DONE frame into `out`; false when it is malformed. */
bool decode_done(const struct frame *frame, char *out, size_t size);

#endif
