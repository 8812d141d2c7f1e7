/*
 * Frames of the daemon into the structs of `model`. Memory for one frame is
 * bounded (base/unpack), whatever its bytes say; columns of unequal
 * length are cut or filled with zeros; numbers out of range are clamped.
 */
#ifndef HAKMEM_TOP_DECODE_H
#define HAKMEM_TOP_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "hakmem-top/data/model.h"
#include "proto/frame.h"

/*
 * Adds the rows of a PROCESSES frame to `*processes`, which is made when NULL.
 * `*more` tells whether another frame of the same answer follows. False when
 * the frame is malformed; `*processes` is then freed and NULL.
 */
bool decode_processes(const struct frame *frame, struct processes **processes,
		      bool *more);

/* The struct of a DETAIL or HISTORY frame, or NULL when it is malformed. */
struct detail *decode_detail(const struct frame *frame);
struct history *decode_history(const struct frame *frame);

/*
 * Hands the data of an EXPORT frame to `append`. False when the frame is
 * malformed or `append` says so.
 */
bool decode_export(const struct frame *frame, bool *last,
		   bool (*append)(void *to, const void *data, size_t length),
		   void *to);

/* The text of an ERROR frame into `out`, always a string. */
void decode_error(const struct frame *frame, char *out, size_t size);

#endif
