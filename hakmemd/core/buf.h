/*
 * A queue of bytes that grows as they come: append at the end, take from the
 * front. A zeroed struct is an empty queue. Main thread only.
 */
#ifndef HAKMEMD_BUF_H
#define HAKMEMD_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t begin, end, room; /* data[begin..end) is queued */
	size_t limit;		 /* beyond it there is no memory; 0 = none */
};

/*
 * A place for `bytes` more, or NULL when memory is short; the place may move
 * what is queued. What is written there counts after buf_commit.
 */
uint8_t *buf_reserve(struct buf *buf, size_t bytes);
void buf_commit(struct buf *buf, size_t bytes);

/* Appends a copy; false when memory is short, the queue unchanged. */
bool buf_append(struct buf *buf, const void *bytes, size_t length);

/* Appends formatted text without its NUL; false when memory is short. */
bool buf_print(struct buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Drops `bytes` from the front; an empty queue gives large memory back. */
void buf_take(struct buf *buf, size_t bytes);

/* Gives the memory back; the queue is empty and usable. */
void buf_free(struct buf *buf);

static inline size_t buf_length(const struct buf *buf)
{
	return buf->end - buf->begin;
}

static inline const uint8_t *buf_bytes(const struct buf *buf)
{
	return buf->data + buf->begin;
}

#endif
