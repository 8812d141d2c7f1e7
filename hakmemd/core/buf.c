#include "hakmemd/core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096u
#define KEEP_BYTES  16384u /* more than this is given back when empty */

uint8_t *buf_reserve(struct buf *buf, size_t bytes)
{
	size_t length = buf_length(buf), needed, room = buf->room;
	uint8_t *grown;

	if (__builtin_add_overflow(length, bytes, &needed) ||
	    needed > SIZE_MAX / 4 || (buf->limit && needed > buf->limit))
		return NULL;
	if (bytes <= buf->room - buf->end && buf->data)
		return buf->data + buf->end;
	if (buf->begin > 0 && buf->data)
		memmove(buf->data, buf->data + buf->begin, length);
	buf->begin = 0;
	buf->end = length;
	if (needed <= room && buf->data)
		return buf->data + length;
	if (room < FIRST_BYTES)
		room = FIRST_BYTES;
	while (room < needed)
		room *= 2;
	grown = realloc(buf->data, room);
	if (!grown)
		return NULL;
	buf->data = grown;
	buf->room = room;
	return buf->data + length;
}

void buf_commit(struct buf *buf, size_t bytes)
{
	buf->end += bytes;
}

bool buf_append(struct buf *buf, const void *bytes, size_t length)
{
	uint8_t *place;

	if (length == 0)
		return true;
	place = buf_reserve(buf, length);
	if (!place)
		return false;
	memcpy(place, bytes, length);
	buf_commit(buf, length);
	return true;
}

bool buf_print(struct buf *buf, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(text))
		return false;
	return buf_append(buf, text, (size_t)length);
}

void buf_take(struct buf *buf, size_t bytes)
{
	buf->begin += bytes;
	if (buf->begin < buf->end)
		return;
	buf->begin = buf->end = 0;
	if (buf->room > KEEP_BYTES)
		buf_free(buf);
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){.data = NULL};
}
