#include "hakmemd/model/estimate.h"

#include <math.h>
#include <string.h>

#include "hakmemd/model/check.h"
#include "proto/figures.h"

struct class_sum {
	double objects, objects_var;
};

/* What N requests of `bytes` scatter when they are sampled. */
static double estimate_scatter(double requests, double bytes,
			       double sample_bytes)
{
	double p = -expm1(-bytes / sample_bytes);

	return requests * (1 - p) / p;
}

static double estimate_deviation(const Hakmem__Hello *hello,
				 const Hakmem__State *state,
				 const struct class_sum *sums)
{
	double difference = 0, variance = 0;
	size_t count = state->n_class_allocs;
	uint64_t interval =
		state->n_figures == FIGURES
			? figure_or_0(state->figures, FIGURE_SAMPLE_BYTES)
			: 0;

	if (interval == 0)
		return 0;
	for (size_t i = 0; i < count && i < hello->n_classes; i++) {
		double stride = hello->classes[i]->stride_bytes;
		double exact = (double)state->class_allocs[i];
		double own = estimate_scatter(
			exact, hello->classes[i]->high_bytes + 1.0,
			(double)interval);

		difference += stride * (exact - sums[i].objects);
		variance += stride * stride * fmax(own, sums[i].objects_var);
	}
	return variance > 0 ? difference / sqrt(variance) : 0;
}

struct estimate estimate_of(const struct sites *sites,
			    const Hakmem__Hello *hello,
			    const Hakmem__State *state)
{
	struct class_sum sums[CHECK_CLASSES_MAX + 1] = {{0, 0}};
	struct estimate estimate = {.z = 0};

	for (uint32_t i = 0; i < sites->count; i++) {
		const struct site *site = sites->list[i];

		sites_add(&estimate.sum, &site->sum);
		for (uint32_t c = 0; c < site->class_count; c++) {
			const struct sites_class *class = &site->classes[c];

			sums[class->index].objects +=
				class->figures.alloc_objects;
			sums[class->index].objects_var +=
				class->figures.alloc_objects_var;
		}
	}
	if (hello && state)
		estimate.z = estimate_deviation(hello, state, sums);
	return estimate;
}
