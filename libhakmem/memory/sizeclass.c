#include "libhakmem/memory/sizeclass.h"

#define CODE		0x80u
#define BATCH_BYTES	(256 * KIB)
#define BATCH_MAX	1024u
#define BATCH_MIN	4u
#define SLAB_BLOCKS_MIN 8u
#define ALIGNED_FROM	64u
#define ALIGNED_TO	8192u

struct sizeclass sizeclass_table[SIZECLASS_MAX];
unsigned sizeclass_count;
uint16_t sizeclass_index[SIZECLASS_SLOTS];
uint16_t sizeclass_aligned_index[SIZECLASS_ALIGNED_LOGS]
				[SIZECLASS_ALIGNED_SLOTS];

/* By stride in units of 16 bytes: the class with a header, for slow paths. */
static uint8_t sizeclass_header_table[(SIZECLASS_SMALL_MAX >> 4) + 1];
static int8_t sizeclass_headerless_by_log2[16];
static unsigned sizeclass_first_headerless; /* from there on by stride */

static uint32_t sizeclass_blocks_in(size_t slab_bytes,
				    const struct sizeclass *class)
{
	/* The last block does not need the byte of a next header. */
	size_t room = slab_bytes - class->first + (class->headerless ? 0 : 1);

	return (uint32_t)(room / class->stride);
}

/* The smallest slab with at least 8 blocks that wastes at most a sixteenth. */
static void sizeclass_choose_slab(struct sizeclass *class)
{
	size_t units = 1, slack;

	for (; units < SIZECLASS_SLAB_MAX; units++) {
		size_t bytes = units * SIZECLASS_UNIT;
		uint32_t blocks = sizeclass_blocks_in(bytes, class);

		if (blocks >= SLAB_BLOCKS_MIN &&
		    bytes - (size_t)blocks * class->stride <= bytes / 16)
			break;
	}
	class->slab_units = (uint16_t)units;
	class->blocks = sizeclass_blocks_in(units * SIZECLASS_UNIT, class);
	slack = units * SIZECLASS_UNIT - class->first -
		(size_t) class->blocks * class->stride;
	class->colors = class->headerless ? 1 : (uint32_t)(slack / 64 + 1);
}

static unsigned sizeclass_add_class(uint32_t stride, uint32_t low,
				    uint32_t high, bool headerless)
{
	struct sizeclass *class = &sizeclass_table[sizeclass_count];
	size_t batch = BATCH_BYTES / stride;

	class->stride = stride;
	class->usable = headerless ? stride : stride - 1;
	class->low = low;
	class->high = high;
	class->headerless = headerless;
	class->align = headerless ? stride & -stride : BLOCK_ALIGN;
	class->mask =
		headerless
			? class->align - 1
			: (uint32_t)min_size(stride & -stride, CACHE_LINE) - 1;
	class->first = headerless ? 0 : BLOCK_ALIGN;
	class->batch =
		(uint32_t)max_size(BATCH_MIN, min_size(batch, BATCH_MAX));
	class->inverse =
		(((uint64_t)1 << SIZECLASS_INVERSE) + stride - 1) / stride;
	sizeclass_choose_slab(class);
	return sizeclass_count++;
}

/* 16-byte steps to 256, then 8 classes per doubling. */
static uint32_t sizeclass_next_stride(uint32_t stride)
{
	uint32_t octave;

	if (stride < 256)
		return stride + 16;
	octave = (uint32_t)round_up_power(stride + 1) / 2;
	return stride + octave / 8;
}

static void sizeclass_add_with_header(void)
{
	uint32_t low = 0;

	for (uint32_t stride = 16; stride <= SIZECLASS_SMALL_MAX;
	     stride = sizeclass_next_stride(stride)) {
		uint32_t high = stride - 1;
		unsigned class = sizeclass_add_class(stride, low, high, false);

		for (uint32_t at = low >> 4;
		     at < stride >> 4 && at <= SIZECLASS_SMALL_MAX >> 4; at++)
			sizeclass_header_table[at] = (uint8_t) class;
		low = high + 1;
	}
}

/* Between `bytes` and its double, for requests that want blocks aligned: eight
 * classes a doubling as elsewhere, four where few requests come. */
static void sizeclass_add_aligned(uint32_t bytes)
{
	bool fine = bytes >= 512 && bytes < SIZECLASS_ALIGNED_MAX;
	uint32_t step = (uint32_t)max_size(bytes / (fine ? 8 : 4), 32);

	for (uint32_t at = bytes + step; at < 2 * bytes; at += step) {
		unsigned class =
			sizeclass_add_class(at, at - step + 1, at, true);

		sizeclass_table[class].aligned_only = true;
	}
}

static void sizeclass_add_headerless(void)
{
	sizeclass_first_headerless = sizeclass_count;
	for (int log2 = 0; log2 < 16; log2++)
		sizeclass_headerless_by_log2[log2] = -1;
	for (int log2 = 4; (1u << log2) <= SIZECLASS_SMALL_MAX; log2++) {
		uint32_t bytes = 1u << log2;

		sizeclass_headerless_by_log2[log2] =
			(int8_t)sizeclass_add_class(bytes, bytes, bytes, true);
		if (bytes >= ALIGNED_FROM && bytes < ALIGNED_TO)
			sizeclass_add_aligned(bytes);
	}
}

/* The class of a request of 16 * `k` bytes. */
static unsigned sizeclass_class_of_exact(size_t k)
{
	int alone = is_power_of_two(k << 4) ? sizeclass_headerless(k << 4) : -1;

	return alone >= 0 ? (unsigned)alone : sizeclass_header_table[k];
}

static uint16_t sizeclass_row_of(unsigned class)
{
	return (uint16_t)((CODE | class) << SIZECLASS_ROW_SHIFT);
}

void sizeclass_init(void)
{
	sizeclass_count = 0;
	sizeclass_add_with_header();
	sizeclass_add_headerless();
	/* Odd slots 2k-1 serve 16k-15 .. 16k-1, even slots 2k serve 16k. */
	for (size_t k = 0; k <= SIZECLASS_SMALL_MAX >> 4; k++) {
		if (k > 0)
			sizeclass_index[2 * k - 1] =
				sizeclass_row_of(sizeclass_header_table[k - 1]);
		sizeclass_index[2 * k] =
			sizeclass_row_of(sizeclass_class_of_exact(k));
	}
}

int sizeclass_headerless(size_t bytes)
{
	int log2 = 63 - __builtin_clzl(bytes | 1);

	return log2 < 16 ? sizeclass_headerless_by_log2[log2] : -1;
}

unsigned sizeclass_with_header(size_t n)
{
	return sizeclass_header_table[n >> 4];
}

int sizeclass_aligned(size_t align, size_t n)
{
	for (unsigned i = sizeclass_first_headerless; i < sizeclass_count;
	     i++) {
		const struct sizeclass *class = &sizeclass_table[i];

		if (class->usable >= n && class->align >= align)
			return class->stride <= n + max_size(align, n / 4)
				       ? (int)i
				       : -1;
	}
	return -1;
}

/* A slot is of one class: usable sizes and alignments of headerless classes are
 * multiples of 16, and up to SIZECLASS_ALIGNED_MAX none is too large. */
void sizeclass_learn(size_t align, size_t n, unsigned class)
{
	size_t log = (size_t)__builtin_ctzl(align) - 5;

	if (log < SIZECLASS_ALIGNED_LOGS && n <= SIZECLASS_ALIGNED_MAX)
		__atomic_store_n(
			&sizeclass_aligned_index[log][sizeclass_slot(n)],
			sizeclass_row_of(class), __ATOMIC_RELAXED);
}

int sizeclass_of_1024(void)
{
	return sizeclass_headerless(1024);
}

unsigned sizeclass_exact(unsigned class)
{
	return (unsigned)sizeclass_headerless(sizeclass_table[class].low);
}
