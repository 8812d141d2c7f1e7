/*
 * Bytes of a frame into a protobuf message, within a budget: whatever the bytes
 * say, one message takes no more than UNPACK_BUDGET_BYTES.
 */
#ifndef HAKMEM_TOP_UNPACK_H
#define HAKMEM_TOP_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "proto/frame.h"

#define UNPACK_BUDGET_BYTES (16u << 20)

/* The message of a frame, NULL when it is malformed or too much. */
ProtobufCMessage *unpack_frame(const struct frame *frame,
			       const ProtobufCMessageDescriptor *descriptor);

/* Frees what unpack_frame returned; NULL is nothing. */
void unpack_discard(void *message);

/* An owned copy of at most `most` bytes of a string; NULL without memory. */
char *unpack_copy(const char *text, size_t most);

/* A number that may be shown and summed: NaN is 0, others at most 1e18. */
double unpack_real(double value);

#endif
