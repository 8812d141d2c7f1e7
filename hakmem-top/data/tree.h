/*
 * The order of processes as a tree. Pure.
 */
#ifndef HAKMEM_TOP_TREE_H
#define HAKMEM_TOP_TREE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Puts each child behind its parent, siblings in the given order, and sets
 * each row's depth. `rows` are `count` pointers to struct view_row. Parents in
 * a circle are shown flat. False without memory; the order is then as it was.
 */
bool tree_order(void **rows, size_t count);

#endif
