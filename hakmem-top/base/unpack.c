#include "hakmem-top/base/unpack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define REAL_MAX 1e18

/* An allocator for protobuf-c that gives no more than its budget. */
struct budget {
	size_t left;
};

static void *unpack_budget_alloc(void *data, size_t size)
{
	struct budget *budget = data;

	if (size > budget->left)
		return NULL;
	budget->left -= size;
	return malloc(size ? size : 1);
}

static void unpack_budget_free(void *data, void *memory)
{
	(void)data; /* memory given back is not counted: one frame is brief */
	free(memory);
}

ProtobufCMessage *unpack_frame(const struct frame *frame,
			       const ProtobufCMessageDescriptor *descriptor)
{
	struct budget budget = {.left = UNPACK_BUDGET_BYTES};
	ProtobufCAllocator allocator = {unpack_budget_alloc, unpack_budget_free,
					&budget};

	return protobuf_c_message_unpack(descriptor, &allocator, frame->length,
					 frame->payload);
}

void unpack_discard(void *message)
{
	struct budget budget = {.left = 0};
	ProtobufCAllocator allocator = {unpack_budget_alloc, unpack_budget_free,
					&budget};

	if (message)
		protobuf_c_message_free_unpacked(message, &allocator);
}

char *unpack_copy(const char *text, size_t most)
{
	return strndup(text ? text : "", most);
}

double unpack_real(double value)
{
	if (isnan(value))
		return 0;
	return value > REAL_MAX	   ? REAL_MAX
	       : value < -REAL_MAX ? -REAL_MAX
				   : value;
}
