/*
 * Judging estimates: two thousand runs of a program whose allocations are
 * known. The intervals of 1.96 standard errors that the samples give must cover
 * the truth in 93 to 97 of 100 runs, z must stay within 3 as often as a normal
 * error does, and the errors must cancel out.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_TRUTH_H
#define TESTS_UNIT_LIBHAKMEM_TRUTH_H

#include "libhakmem/profile/profile.h"
#include "libhakmem/profile/sampler.h"
#include "tests/unit/libhakmem/counts.h"

#include <math.h>

#define RUNS 2000

/* What a program did, or what its samples say of it. */
enum { ALLOC_OBJECTS, ALLOC_BYTES, LIVE_OBJECTS, LIVE_BYTES, TRUTHS };
static const char *const names[TRUTHS] = {"objects", "bytes", "live objects",
					  "live bytes"};

struct estimate {
	double value[TRUTHS];
	double variance[TRUTHS];
};

struct score {
	unsigned runs[TRUTHS], covered[TRUTHS], beyond_3[TRUTHS];
	double error[TRUTHS], variance[TRUTHS];
};

static inline void add_class(struct estimate *to, const struct site_class *from)
{
	to->value[ALLOC_OBJECTS] += from->alloc_objects;
	to->value[ALLOC_BYTES] += from->alloc_bytes;
	to->value[LIVE_OBJECTS] += from->live_objects;
	to->value[LIVE_BYTES] += from->live_bytes;
	to->variance[ALLOC_OBJECTS] += from->alloc_objects_var;
	to->variance[ALLOC_BYTES] += from->alloc_bytes_var;
	to->variance[LIVE_OBJECTS] += from->live_objects_var;
	to->variance[LIVE_BYTES] += from->live_bytes_var;
}

/* Over all sites, or one. */
static inline struct estimate estimate_of(uint32_t site)
{
	static struct site_class classes[SITE_CLASSES];
	struct estimate sum = {0};
	struct site_view view;
	uint32_t cursor = 0;

	site_unread_all();
	while (site_read(&cursor, &view, classes))
		for (unsigned i = 0; i < view.classes; i++)
			if (site == 0 || site == view.id)
				add_class(&sum, &classes[i]);
	return sum;
}

static inline void judge(struct score *score, const struct estimate *before,
			 const struct estimate *after,
			 const double truth[TRUTHS])
{
	for (int i = 0; i < TRUTHS; i++) {
		double error = after->value[i] - before->value[i] - truth[i];
		double variance = after->variance[i] - before->variance[i];
		double z = error / sqrt(variance > 1e-12 ? variance : 1e-12);

		if (fabs(error) <= 1e-6 * (1 + truth[i]))
			z = 0; /* known exactly */
		score->runs[i]++;
		score->covered[i] += fabs(z) <= 1.96;
		score->beyond_3[i] += fabs(z) > 3;
		score->error[i] += error;
		score->variance[i] += variance;
	}
}

static inline void assert_score(const char *what, const struct score *score)
{
	for (int i = 0; i < TRUTHS; i++) {
		double runs = score->runs[i];
		double covered = score->covered[i] / runs;
		double bias = score->error[i] / sqrt(score->variance[i]);

		print_message("%s, %s: %.1f %% covered, %.2f %% beyond 3, "
			      "z of the mean %.2f\n",
			      what, names[i], 100 * covered,
			      100 * score->beyond_3[i] / runs, bias);
		assert_true(covered >= 0.93 && covered <= 0.97);
		assert_true(score->beyond_3[i] / runs <= 0.01);
		assert_true(fabs(bias) < 4);
	}
}

static inline void set_intervals(uint64_t histogram, uint64_t stack)
{
	sampler_init(histogram, stack);
	sampler_note(0); /* no rate is known: it does not adapt */
}

static inline void *count(void *ptr, size_t n, double truth[TRUTHS])
{
	must(ptr != NULL);
	truth[ALLOC_OBJECTS]++;
	truth[ALLOC_BYTES] += (double)n;
	return ptr;
}

#endif
