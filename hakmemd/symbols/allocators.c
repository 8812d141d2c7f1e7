#include "hakmemd/symbols/allocators.h"

#include <stddef.h>
#include <string.h>

static const struct allocators_row {
	const char *pattern;
	enum allocators_kind kind;
} allocators_rows[] = {
#define ALLOCATES(pattern) {pattern, ALLOCATORS_ALLOCATES},
#define BEGINS(pattern)	   {pattern, ALLOCATORS_BEGINS},
#include "hakmemd/symbols/allocators.def"
#undef ALLOCATES
#undef BEGINS
};

/* What may follow a name: arguments, a version, a compiler's mark. */
static bool allocators_ends(const char *text)
{
	return *text == '\0' || strchr("(@. ", *text) != NULL;
}

/* True if `text` is as the pattern. Tried anew from the last '*' only, so that
 * a hostile name costs its length times the pattern's. */
static bool allocators_fits(const char *text, const char *pattern)
{
	const char *star = NULL, *again = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = pattern++;
			again = text;
		} else if (*pattern == '\0' &&
			   (allocators_ends(text) ||
			    (star && star + 1 == pattern))) {
			return true;
		} else if (*text && *pattern == *text) {
			pattern++;
			text++;
		} else if (star && *again) {
			pattern = star + 1;
			text = ++again;
		} else {
			return false;
		}
	}
}

/*
 * Where the qualified name begins: C++ puts a template function's return type
 * before it. Blanks inside of brackets and those of "operator new" do not end a
 * type; Rust's "<T as Trait>" is all bracket.
 */
static const char *allocators_name(const char *text)
{
	const char *begin = text;
	int depth = 0;

	for (const char *at = text; *at; at++) {
		if (depth == 0 && strncmp(at, "operator", 8) == 0)
			return begin;
		if (depth == 0 && *at == '(' && strncmp(at, "(anon", 5) != 0)
			return begin;
		if (depth == 0 && *at == ' ')
			begin = at + 1;
		if (strchr("<({[", *at))
			depth++;
		else if (strchr(">)}]", *at) && depth > 0 &&
			 !(at > text && at[-1] == '-'))
			depth--;
	}
	return text; /* no arguments: no C++ function with a type before it */
}

enum allocators_kind allocators_kind(const char *function)
{
	const char *name = allocators_name(function);

	for (size_t i = 0;
	     i < sizeof(allocators_rows) / sizeof(allocators_rows[0]); i++)
		if (allocators_fits(name, allocators_rows[i].pattern))
			return allocators_rows[i].kind;
	return ALLOCATORS_OWNS;
}

bool allocators_module(const char *path)
{
	const char *base = strrchr(path, '/');

	return strcmp(base ? base + 1 : path, "libhakmem.so") == 0;
}
