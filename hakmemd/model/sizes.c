#include "hakmemd/model/sizes.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A class's range split at the edges of the bins, with what the samples say. */
struct part {
	uint32_t bin;
	uint64_t low, high; /* of the overlap */
	uint64_t possible;  /* sizes in it that no other class serves */
	double weight, variance, mean_bytes, live_weight;
	uint64_t requests, live;
	double error;
};

struct split {
	size_t count;
	uint64_t stride;
	uint64_t samples;
	struct part parts[BINS_COUNT];
};

static uint64_t sizes_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t sizes_multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t sizes_class_allocs(const Hakmem__State *state, size_t index)
{
	return index < state->n_class_allocs ? state->class_allocs[index] : 0;
}

uint64_t sizes_class_live(const Hakmem__State *state, size_t index)
{
	uint64_t allocs = sizes_class_allocs(state, index);
	uint64_t frees =
		index < state->n_class_frees ? state->class_frees[index] : 0;

	/* A reader among running threads may see a free before its malloc. */
	return allocs > frees ? allocs - frees : 0;
}

static double sizes_column(size_t count, const double *values, size_t index)
{
	return index < count ? values[index] : 0;
}

/*
 * Sizes in the part that only this class serves. A size with a class of its own
 * never comes here, so "no sample" must not put requests on it.
 */
static uint64_t sizes_possible(const struct part *part,
			       const Hakmem__Hello *hello, size_t index)
{
	uint64_t count = part->high - part->low + 1;

	for (size_t i = 0; i < hello->n_classes && count > 0; i++) {
		const Hakmem__SizeClass *other = hello->classes[i];

		if (i != index && other->low_bytes == other->high_bytes &&
		    other->low_bytes >= part->low &&
		    other->low_bytes <= part->high)
			count--;
	}
	return count;
}

/* Cuts the class's range into the bins it touches. */
static void sizes_cut(struct split *split, const Hakmem__Hello *hello,
		      size_t index)
{
	const Hakmem__SizeClass *class = hello->classes[index];
	uint32_t first = bins_index(class->low_bytes);
	uint32_t last = bins_index(class->high_bytes);

	split->count = last - first + 1;
	split->stride = class->stride_bytes;
	split->samples = 0;
	for (uint32_t bin = first; bin <= last; bin++) {
		struct part *part = &split->parts[bin - first];
		uint64_t low = bins_low(bin), high = bins_high(bin);

		memset(part, 0, sizeof(*part));
		part->bin = bin;
		part->low = low > class->low_bytes ? low : class->low_bytes;
		part->high =
			high < class->high_bytes ? high : class->high_bytes;
		part->possible = sizes_possible(part, hello, index);
		part->mean_bytes = ((double)part->low + (double)part->high) / 2;
	}
	if (split->count == 1)
		split->parts[0].possible = 1;
}

static void sizes_weigh(struct split *split, const Hakmem__Hello *hello,
			const Hakmem__State *state, size_t index)
{
	for (size_t i = 0; i < hello->n_cells; i++) {
		const Hakmem__SampleCell *cell = hello->cells[i];
		struct part *part;
		double mean;

		if (cell->class_index != index)
			continue;
		part = &split->parts[cell->bin - split->parts[0].bin];
		part->weight = sizes_column(state->n_cell_objects,
					    state->cell_objects, i);
		if (i < state->n_cell_samples)
			split->samples += state->cell_samples[i];
		part->variance = sizes_column(state->n_cell_objects_var,
					      state->cell_objects_var, i);
		part->live_weight = sizes_column(state->n_cell_live_objects,
						 state->cell_live_objects, i);
		if (!(part->weight > 0))
			continue;
		mean = sizes_column(state->n_cell_bytes, state->cell_bytes, i) /
		       part->weight;
		part->mean_bytes =
			fmin(fmax(mean, (double)part->low), (double)part->high);
	}
}

/*
 * Splits `total` by `share` (which sums to 1) into whole numbers that add up:
 * floors first, then one more for the largest remainders.
 */
static void sizes_apportion(uint64_t total, const double *share, size_t count,
			    uint64_t *out)
{
	double rest[BINS_COUNT];
	uint64_t left = total;

	for (size_t i = 0; i < count; i++) {
		double exact = (double)total * share[i];
		uint64_t whole = (uint64_t)exact;

		out[i] = whole < left ? whole : left;
		rest[i] = share[i] > 0 ? exact - (double)out[i] : -1;
		left -= out[i];
	}
	while (left > 0 && count > 0) {
		size_t best = 0;
		uint64_t part;

		for (size_t i = 1; i < count; i++)
			if (rest[i] > rest[best])
				best = i;
		/* More than one only where doubles end: beyond 2^53. */
		part = rest[best] >= 2 ? (uint64_t)rest[best] : 1;
		if (part > left)
			part = left;
		out[best] += part;
		rest[best] -= (double)part;
		left -= part;
	}
}

/*
 * One standard error of a share s = weight / sum. Few samples know less than
 * their own scatter says (one sample has none), so each side is given half a
 * mean sample more. All sampled: no error.
 */
static double sizes_share_error(const struct split *split,
				const struct part *part, double sum,
				double variance)
{
	double samples = split->samples > 0 ? (double)split->samples : 1;
	double w = sum / samples, v = variance / samples;
	double s = (part->weight + w / 2) / (sum + w);
	double others = fmax(variance - part->variance, 0);
	double mine = (1 - s) * (1 - s) * (part->variance + v / 2);

	/* No share can be off by more than all of it. */
	return fmin(1,
		    sqrt((mine + s * s * (others + v / 2)) / sum / (sum + w)));
}

/* Sets the parts' shares and their errors; all of it is 1. */
static void sizes_estimate(struct split *split, double share[BINS_COUNT])
{
	double sum = 0, variance = 0, possible = 0;
	size_t open = 0;

	for (size_t i = 0; i < split->count; i++) {
		const struct part *part = &split->parts[i];

		sum += part->weight;
		variance += part->variance;
		possible += (double)part->possible;
		open += part->possible > 0 || part->weight > 0;
	}
	for (size_t i = 0; i < split->count; i++) {
		struct part *part = &split->parts[i];
		bool closed = part->possible == 0 && !(part->weight > 0);

		if (sum > 0)
			share[i] = part->weight / sum;
		else if (possible > 0)
			share[i] = (double)part->possible / possible;
		else
			share[i] = 1 / (double)split->count;
		if (open <= 1 || (closed && open > 0))
			part->error = 0;
		else
			part->error = sum > 0 ? sizes_share_error(split, part,
								  sum, variance)
					      : 1;
	}
}

static void sizes_share_requests(struct split *split, uint64_t total)
{
	double share[BINS_COUNT] = {0};
	uint64_t requests[BINS_COUNT];

	sizes_estimate(split, share);
	sizes_apportion(total, share, split->count, requests);
	for (size_t i = 0; i < split->count; i++) {
		split->parts[i].requests = requests[i];
		split->parts[i].error *= (double)total;
	}
}

/* No bin holds more live blocks than it had requests: the excess moves on. */
static void sizes_level(struct split *split)
{
	uint64_t excess = 0;

	for (size_t i = 0; i < split->count; i++) {
		struct part *part = &split->parts[i];

		if (part->live > part->requests) {
			excess += part->live - part->requests;
			part->live = part->requests;
		}
	}
	for (size_t i = 0; i < split->count && excess > 0; i++) {
		struct part *part = &split->parts[i];
		uint64_t space = part->requests - part->live;
		uint64_t moved = space < excess ? space : excess;

		part->live += moved;
		excess -= moved;
	}
}

/* By the samples that live; else as the requests are split. */
static void sizes_share_live(struct split *split, uint64_t total,
			     uint64_t requests)
{
	double sum = 0, share[BINS_COUNT] = {0};
	uint64_t live[BINS_COUNT];

	for (size_t i = 0; i < split->count; i++)
		sum += split->parts[i].live_weight;
	for (size_t i = 0; i < split->count; i++) {
		const struct part *part = &split->parts[i];

		share[i] = sum > 0 ? part->live_weight / sum
				   : (double)part->requests / (double)requests;
	}
	sizes_apportion(total, share, split->count, live);
	for (size_t i = 0; i < split->count; i++)
		split->parts[i].live = live[i];
	sizes_level(split);
}

struct sum {
	struct sizes_row row;
	double variance;
};

static uint64_t sizes_bytes_of(const struct part *part)
{
	double bytes = (double)part->requests * part->mean_bytes;
	uint64_t least = sizes_multiply(part->requests, part->low);
	uint64_t most = sizes_multiply(part->requests, part->high);
	uint64_t whole = bytes < 1.8e19 ? (uint64_t)(bytes + 0.5) : UINT64_MAX;

	return whole < least ? least : whole > most ? most : whole;
}

static void sizes_add_class(struct sum *sums, const Hakmem__Hello *hello,
			    const Hakmem__State *state, size_t index)
{
	static struct split split; /* too large for the stack; one thread */
	uint64_t total = sizes_class_allocs(state, index);

	if (total == 0)
		return;
	sizes_cut(&split, hello, index);
	sizes_weigh(&split, hello, state, index);
	sizes_share_requests(&split, total);
	sizes_share_live(&split, sizes_class_live(state, index), total);
	for (size_t i = 0; i < split.count; i++) {
		const struct part *part = &split.parts[i];
		struct sizes_row *row = &sums[part->bin].row;

		row->requests = sizes_add(row->requests, part->requests);
		row->requested_bytes =
			sizes_add(row->requested_bytes, sizes_bytes_of(part));
		row->reserved_bytes =
			sizes_add(row->reserved_bytes,
				  sizes_multiply(part->requests, split.stride));
		row->live_objects = sizes_add(row->live_objects, part->live);
		row->live_bytes =
			sizes_add(row->live_bytes,
				  sizes_multiply(part->live, split.stride));
		sums[part->bin].variance += part->error * part->error;
	}
}

static void sizes_add_large(struct sum *sums, const Hakmem__LargeBin *bin)
{
	struct sizes_row *row = &sums[bin->bin].row;

	row->requests = sizes_add(row->requests, bin->requests);
	row->requested_bytes =
		sizes_add(row->requested_bytes, bin->requested_bytes);
	row->reserved_bytes =
		sizes_add(row->reserved_bytes, bin->reserved_bytes);
	row->live_objects = sizes_add(row->live_objects, bin->live_objects);
	row->live_bytes = sizes_add(row->live_bytes, bin->live_bytes);
}

static bool sizes_is_used(const struct sum *sum)
{
	return sum->row.requests > 0 || sum->row.live_objects > 0 ||
	       sum->variance > 0;
}

size_t sizes_compute(const Hakmem__Hello *hello, const Hakmem__State *state,
		     struct sizes_row rows[BINS_COUNT])
{
	static struct sum sums[BINS_COUNT];
	size_t used = 0;

	memset(sums, 0, sizeof(sums));
	for (size_t i = 0; i < hello->n_classes; i++)
		sizes_add_class(sums, hello, state, i);
	for (size_t i = 0; i < state->n_large_bins; i++)
		sizes_add_large(sums, state->large_bins[i]);
	for (uint32_t bin = 0; bin < BINS_COUNT; bin++) {
		if (!sizes_is_used(&sums[bin]))
			continue;
		rows[used] = sums[bin].row;
		rows[used].low_bytes = bins_low(bin);
		rows[used].high_bytes = bins_high(bin);
		rows[used].requests_stderr = sqrt(sums[bin].variance);
		used++;
	}
	return used;
}
