#include "hakmem-top/base/buffer.h"

#include <stdlib.h>
#include <string.h>

bool buffer_append(void *to, const void *data, size_t length)
{
	struct buffer *buffer = to;
	size_t needed = buffer->length + length + 1;

	if (length > BUFFER_MAX - buffer->length)
		return false;
	if (needed > buffer->room) {
		/* Twice as much, or each frame would copy all before it. */
		char *grown = realloc(buffer->data, 2 * needed);

		if (!grown)
			return false;
		buffer->data = grown;
		buffer->room = 2 * needed;
	}
	if (length)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	return true;
}

void buffer_clear(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){.data = NULL};
}
