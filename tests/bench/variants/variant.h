/*
 * Older designs of the header, each one difference away from its neighbor in
 * this list, compiled from the same source so that `make bench-history` can
 * measure them beside today's. For benchmarks only: what free checks differs,
 * and some of them crash on a pointer that is not theirs.
 *
 *   MINCORE     a byte at ptr-1 in every block; every free asks the kernel
 *               whether it may read it
 *   HYBRID      it asks only for pointers less than 16 bytes into their page
 *   UNCHECKED   it reads the byte and asks nobody
 *   ONCE        it compares the pointer with the arena first
 *   STORED      ditto, and every malloc and free writes a live or free code
 *   PRODUCT     exact powers of two have no byte: their unit tells the class
 *   HEADERLESS  no block has one: the lower bound. Its samples are counted but
 *               nothing is left to mark, so their frees are not seen
 *
 * tests/bench/variants/build copies the library, puts this file and
 * headers.patch into the copy and says which variant it is. The patch tests the
 * constants below with a plain if.
 */
#ifndef LIBHAKMEM_VARIANT_H
#define LIBHAKMEM_VARIANT_H

enum variant {
	VARIANT_PRODUCT,
	VARIANT_MINCORE,
	VARIANT_HYBRID,
	VARIANT_UNCHECKED,
	VARIANT_ONCE,
	VARIANT_STORED,
	VARIANT_HEADERLESS,
};

/* The first line of the copy: #define HAKMEM_VARIANT VARIANT_... */
#ifndef HAKMEM_VARIANT
#define HAKMEM_VARIANT VARIANT_PRODUCT
#endif

enum {
	/* Every small block has a byte at ptr-1. */
	VARIANT_ALL_HEADERS = HAKMEM_VARIANT != VARIANT_PRODUCT &&
			      HAKMEM_VARIANT != VARIANT_HEADERLESS,
	/* None has. */
	VARIANT_NO_HEADERS = HAKMEM_VARIANT == VARIANT_HEADERLESS,
	/* free finds the code without the arena. */
	VARIANT_NO_ARENA_TEST = HAKMEM_VARIANT == VARIANT_MINCORE ||
				HAKMEM_VARIANT == VARIANT_HYBRID ||
				HAKMEM_VARIANT == VARIANT_UNCHECKED,
	/* malloc and free write the header. */
	VARIANT_STORES = HAKMEM_VARIANT == VARIANT_STORED,
};

#endif
