/*
 * Initialization and end: what the library does in its constructor and
 * destructor, beyond the lazy boot.
 */
#ifndef LIBHAKMEM_INIT_H
#define LIBHAKMEM_INIT_H

/* Once, from the constructor: configuration, fork handlers, exits, stream. */
void init_begin(void);

/* Once, from the destructor. */
void init_end(void);

#endif
