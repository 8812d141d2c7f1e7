#include "hakmem-top/data/tree.h"

#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/view.h"

#define DEPTH_MAX 64u /* deeper ones are shown flat at the end */

static int tree_by_id(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* A row of the tree while it is built; chains are indices + 1, 0 = end. */
struct node {
	uint64_t id;
	size_t index; /* into the given order */
};

struct tree {
	void **in, **out;
	size_t count, used;
	struct node *nodes; /* sorted by id */
	size_t *child, *sibling;
	bool *placed;
};

static void tree_place(struct tree *tree, size_t index, unsigned depth)
{
	struct view_row *one = tree->in[index];

	if (tree->placed[index])
		return;
	tree->placed[index] = true;
	one->depth = depth;
	tree->out[tree->used++] = one;
	if (depth == DEPTH_MAX)
		return;
	for (size_t next = tree->child[index]; next != 0;
	     next = tree->sibling[next - 1])
		tree_place(tree, next - 1, depth + 1);
}

/* Chains each row to its parent's children; true for a root. From the last to
 * the first, so that a chain has the given order. */
static bool tree_chain(struct tree *tree, size_t index)
{
	const struct view_row *one = tree->in[index];
	uint64_t parent_id = one->process->parent_id;
	struct node *parent = NULL;

	if (parent_id != 0 && parent_id != one->process->id)
		parent = bsearch(&parent_id, tree->nodes, tree->count,
				 sizeof(*tree->nodes), tree_by_id);
	if (!parent)
		return true;
	tree->sibling[index] = tree->child[parent->index];
	tree->child[parent->index] = index + 1;
	return false;
}

static void tree_build(struct tree *tree, bool *root)
{
	for (size_t i = 0; i < tree->count; i++) {
		const struct view_row *one = tree->in[i];

		tree->nodes[i] = (struct node){one->process->id, i};
	}
	qsort(tree->nodes, tree->count, sizeof(*tree->nodes), tree_by_id);
	for (size_t i = tree->count; i-- > 0;)
		root[i] = tree_chain(tree, i);
	for (size_t i = 0; i < tree->count; i++)
		if (root[i])
			tree_place(tree, i, 0);
	/* What hangs in a circle of parents has no root: show it flat. */
	for (size_t i = 0; i < tree->count; i++)
		tree_place(tree, i, 0);
}

bool tree_order(void **rows, size_t count)
{
	struct tree tree = {
		.in = rows,
		.out = calloc(count + 1, sizeof(void *)),
		.count = count,
		.nodes = calloc(count + 1, sizeof(struct node)),
		.child = calloc(count + 1, sizeof(size_t)),
		.sibling = calloc(count + 1, sizeof(size_t)),
		.placed = calloc(count + 1, sizeof(bool)),
	};
	bool *root = calloc(count + 1, sizeof(bool));
	bool done = tree.out && tree.nodes && tree.child && tree.sibling &&
		    tree.placed && root;

	if (done) {
		tree_build(&tree, root);
		memcpy(rows, tree.out, count * sizeof(*rows));
	}
	free(tree.out);
	free(tree.nodes);
	free(tree.child);
	free(tree.sibling);
	free(tree.placed);
	free(root);
	return done;
}
