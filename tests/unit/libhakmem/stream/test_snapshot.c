#include "libhakmem/profile/profile.h"
#include "libhakmem/stream/snapshot.h"

#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/memory/reject.h"
#include "libhakmem/profile/sampler.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"
#include "proto/frame.h"
#include "tests/unit/libhakmem/unit.h"
#include "tests/unit/figures.h"

#include <errno.h>

static int boot(void **state)
{
	(void)state;
	if (!boot_ready())
		return -1;
	conf.corruption_abort = false;
	sampler_init(0, 0);
	thread_cache();
	return 0;
}

/* The figures that a program's calls determine. */
struct figures {
	uint64_t allocs, frees, live_objects, live_bytes;
};

static struct figures figures_of(const Hakmem__State *state)
{
	return (struct figures){
		FIGURE_IN(state, ALLOCS), FIGURE_IN(state, FREES),
		FIGURE_IN(state, LIVE_OBJECTS), FIGURE_IN(state, LIVE_BYTES)};
}

static void assert_moved(struct figures before, struct figures by)
{
	Hakmem__State *state = snapshot_state();
	struct snapshot_totals totals;

	assert_int_equal(FIGURE_IN(state, ALLOCS) - before.allocs, by.allocs);
	assert_int_equal(FIGURE_IN(state, FREES) - before.frees, by.frees);
	assert_int_equal(FIGURE_IN(state, LIVE_OBJECTS) - before.live_objects,
			 by.live_objects);
	assert_int_equal(FIGURE_IN(state, LIVE_BYTES) - before.live_bytes,
			 by.live_bytes);
	assert_true(FIGURE_IN(state, PEAK_LIVE_BYTES) >=
		    FIGURE_IN(state, LIVE_BYTES));
	snapshot_totals(&totals);
	assert_int_equal(totals.allocs, FIGURE_IN(state, ALLOCS));
	assert_int_equal(totals.frees, FIGURE_IN(state, FREES));
	assert_int_equal(totals.live_objects, FIGURE_IN(state, LIVE_OBJECTS));
	assert_int_equal(totals.live_bytes, FIGURE_IN(state, LIVE_BYTES));
}

#define HELD 300

static uint64_t reserved(size_t n)
{
	if (n <= SIZECLASS_SMALL_MAX)
		return sizeclass_table[header_class(sizeclass_code(n))].stride;
	return align_up(n + 16, 4096);
}

static void totals_are_those_of_a_shadow(void **unused)
{
	struct figures before = figures_of(snapshot_state()), by = {0};
	static struct {
		void *ptr;
		size_t n;
	} held[HELD];
	uint64_t random = 6;

	(void)unused;
	for (int i = 0; i < 30000; i++) {
		size_t at = draw_below(&random, HELD);

		if (held[at].ptr) {
			heap_free(held[at].ptr);
			held[at].ptr = NULL;
			by.frees++;
			by.live_objects--;
			by.live_bytes -= reserved(held[at].n);
		} else {
			size_t n = draw_below(
				&random,
				(size_t)1 << (i % 1000 ? draw_below(&random, 18)
						       : 26));

			held[at].ptr = heap_malloc(n);
			held[at].n = n;
			by.allocs++;
			by.live_objects++;
			by.live_bytes += reserved(n);
		}
		if (i % 3000 == 0)
			assert_moved(before, by);
	}
	for (size_t at = 0; at < HELD; at++)
		if (held[at].ptr) {
			heap_free(held[at].ptr);
			by.frees++;
			held[at].ptr = NULL;
		}
	by.live_objects = by.live_bytes = 0;
	assert_moved(before, by);
}

static void classes_add_up_to_the_totals(void **unused)
{
	Hakmem__State *state = snapshot_state();
	uint64_t allocs = 0, frees = 0, slabs = 0;

	(void)unused;
	assert_int_equal(state->n_class_allocs, sizeclass_count);
	assert_int_equal(state->n_class_frees, sizeclass_count);
	assert_int_equal(state->n_class_slabs, sizeclass_count);
	for (size_t i = 0; i < sizeclass_count; i++) {
		allocs += state->class_allocs[i];
		frees += state->class_frees[i];
		slabs += state->class_slabs[i];
		assert_true(state->class_allocs[i] >= state->class_frees[i]);
	}
	for (size_t i = 0; i < state->n_large_bins; i++) {
		const Hakmem__LargeBin *bin = state->large_bins[i];

		allocs += bin->requests;
		frees += bin->requests - bin->live_objects;
		assert_true(bin->requests > 0);
		assert_true(i == 0 || bin->bin > state->large_bins[i - 1]->bin);
		assert_true(bin->requested_bytes <= bin->reserved_bytes);
	}
	assert_int_equal(allocs, FIGURE_IN(state, ALLOCS));
	assert_int_equal(frees, FIGURE_IN(state, FREES));
	assert_int_equal(slabs, FIGURE_IN(state, SLABS_LIVE));
}

static void large_blocks_stand_in_their_bin(void **unused)
{
	void *ptr = heap_malloc(777777);
	Hakmem__State *state = snapshot_state();
	bool found = false;

	(void)unused;
	for (size_t i = 0; i < state->n_large_bins; i++)
		if (state->large_bins[i]->bin == bins_index(777777)) {
			const Hakmem__LargeBin *bin = state->large_bins[i];

			found = true;
			assert_true(bin->live_objects >= 1);
			assert_true(bin->live_bytes >= 778240);
		}
	assert_true(found);
	heap_free(ptr);
}

static void the_1024_line_counts_just_those(void **unused)
{
	uint64_t before = FIGURE_IN(snapshot_state(), REQUESTS_1024);
	void *held[10];

	(void)unused;
	for (int i = 0; i < 5; i++)
		held[i] = heap_malloc(1024);
	held[5] = heap_malloc(1023);
	held[6] = heap_malloc(1025);
	held[7] = heap_aligned(1024, 100);
	held[8] = heap_aligned(1024, 1024);
	held[9] = heap_calloc(4, 256);
	assert_int_equal(FIGURE_IN(snapshot_state(), REQUESTS_1024) - before,
			 7);
	assert_int_equal(FIGURE_IN(snapshot_state(), FALLBACK_1024), 0);
	for (int i = 0; i < 10; i++)
		heap_free(held[i]);
	assert_int_equal(FIGURE_IN(snapshot_state(), REQUESTS_1024) - before,
			 7);
}

static void checks_of_pointers_are_counted(void **unused)
{
	void *page = heap_aligned(4096, 40 * MIB);
	char *ptr = heap_malloc(100);
	Hakmem__State *state = snapshot_state();
	uint64_t boundary = FIGURE_IN(state, PAGE_BOUNDARY);
	uint64_t asked = FIGURE_IN(state, MINCORE);
	struct lookup bad;

	(void)unused;
	assert_int_equal(state->n_figures, FIGURES);
	heap_free(page);
	bad = lookup(ptr + 1);
	reject_count(&bad);
	state = snapshot_state();
	assert_int_equal(FIGURE_IN(state, PAGE_BOUNDARY) - boundary, 1);
	assert_int_equal(FIGURE_IN(state, MINCORE) - asked, 1);
	assert_int_equal(FIGURE_IN(state, REJECTS_MISALIGNED), 1);
	assert_int_equal(FIGURE_IN(state, REJECTS), 1);
	heap_free(ptr);
}

static uint64_t rss_now(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * 4096;
}

static void memory_figures_follow_the_memory(void **unused)
{
	Hakmem__State *state = snapshot_state();
	uint64_t mapped = FIGURE_IN(state, MAPPED_BYTES),
		 rss = snapshot_rss_bytes();
	uint64_t returned = FIGURE_IN(state, RETURNED_BYTES);
	char *one, *two;

	(void)unused;
	one = heap_malloc(50 * MIB);
	two = heap_malloc(30 * MIB);
	memset(one, 1, 50 * MIB);
	memset(two, 1, 30 * MIB);
	state = snapshot_state();
	assert_int_equal(FIGURE_IN(state, MAPPED_BYTES) - mapped,
			 50 * MIB + 4096);
	assert_true(FIGURE_IN(state, COMMITTED_BYTES) >= 30 * MIB);
	assert_true(snapshot_rss_bytes() - rss >= 79 * MIB);
	assert_true(snapshot_rss_bytes() <= rss_now() + MIB);
	assert_true(snapshot_rss_bytes() + 8 * MIB >= rss_now());
	/* A state says what is true of any copy of our variables. */
	assert_true(FIGURE_IN(state, RSS_BYTES) == FIGURE_UNKNOWN);
	assert_true(FIGURE_IN(state, METADATA_BYTES) > 0);
	heap_free(one);
	heap_free(two);
	heap_trim();
	state = snapshot_state();
	assert_int_equal(FIGURE_IN(state, MAPPED_BYTES), mapped);
	assert_true(FIGURE_IN(state, RETURNED_BYTES) - returned >= 30 * MIB);
	assert_int_equal(FIGURE_IN(state, CACHED_BYTES), 0);
	assert_int_equal(FIGURE_IN(state, THREADS_LIVE), 1);
}

static void the_peak_is_kept(void **unused)
{
	void *ptr = heap_malloc(100 * MIB);
	uint64_t peak = FIGURE_IN(snapshot_state(), PEAK_LIVE_BYTES);

	(void)unused;
	heap_free(ptr);
	assert_true(peak >= 100 * MIB);
	assert_int_equal(FIGURE_IN(snapshot_state(), PEAK_LIVE_BYTES), peak);
}

static void time_goes_on(void **unused)
{
	uint64_t before = monotonic_ns(), first, second;

	(void)unused;
	first = snapshot_state()->time_ns;
	second = snapshot_state()->time_ns;
	assert_true(before <= first && first <= second);
	assert_true(second <= monotonic_ns());
}

static Hakmem__Hello *hello_of(uint64_t session, uint64_t parent_session)
{
	const struct snapshot_identity identity = {
		.pid = (uint32_t)getpid(),
		.parent_pid = (uint32_t)getppid(),
		.session = session,
		.parent_session = parent_session,
	};

	return snapshot_hello(&identity);
}

static void samples_are_in_the_cells_of_the_hello(void **unused)
{
	Hakmem__Hello *hello = hello_of(1, 0);
	static uint32_t bins[PROFILE_CELLS];
	size_t cells = hello->n_cells;
	uint64_t samples = 0;
	Hakmem__State *state;
	double objects = 0;
	void *ptr;

	(void)unused;
	assert_true(cells <= PROFILE_CELLS);
	for (size_t i = 0; i < cells; i++) {
		assert_true(hello->cells[i]->class_index < hello->n_classes);
		bins[i] = hello->cells[i]->bin;
	}
	sampler_init(1, 0);
	for (unsigned i = 0; i < sizeclass_count; i++)
		thread_redraw(thread_cache(), i);
	ptr = heap_malloc(3000);
	state = snapshot_state();
	assert_int_equal(FIGURE_IN(state, HISTOGRAM_BYTES), 1);
	assert_int_equal(FIGURE_IN(state, SAMPLES_LIVE), 1);
	sampler_init(0, 0);
	for (unsigned i = 0; i < sizeclass_count; i++)
		thread_redraw(thread_cache(), i);
	/* up to the last that was used, all alike */
	assert_in_range(state->n_cell_samples, 1, cells - 1);
	cells = state->n_cell_samples;
	assert_true(state->cell_samples[cells - 1] > 0);
	assert_int_equal(state->n_cell_objects, cells);
	assert_int_equal(state->n_cell_objects_var, cells);
	assert_int_equal(state->n_cell_bytes, cells);
	assert_int_equal(state->n_cell_live_objects, cells);
	assert_int_equal(state->n_cell_live_objects_var, cells);
	assert_int_equal(state->n_cell_live_bytes, cells);
	assert_true(state->cell_bytes[cells - 1] > 2999);
	assert_true(state->cell_live_bytes[cells - 1] > 2999);
	assert_true(state->cell_live_bytes[cells - 1] < 3001);
	for (size_t i = 0; i < cells; i++) {
		samples += state->cell_samples[i];
		objects += state->cell_live_objects[i];
		if (state->cell_samples[i] > 0)
			assert_int_equal(bins[i], bins_index(3000));
	}
	assert_int_equal(samples, 1);
	assert_true(objects > 0.999 && objects < 1.001);
	heap_free(ptr);
}

static void the_hello_says_who_we_are(void **unused)
{
	char *environment[] = {(char *)(uintptr_t) "HAKMEM_STREAM=maybe",
			       (char *)(uintptr_t) "HAKMEM_INTERVAL_MS=250",
			       NULL};
	char executable[4096] = "";
	Hakmem__Hello *hello;

	(void)unused;
	conf_load(environment);
	errno = 77;
	hello = hello_of(5, 4);
	assert_int_equal(errno, 77);
	assert_int_equal(hello->pid, getpid());
	assert_int_equal(hello->parent_pid, getppid());
	assert_int_equal(hello->session, 5);
	assert_int_equal(hello->parent_session, 4);
	assert_string_equal(hello->library_version, HAKMEM_VERSION);
	assert_int_equal(hello->page_bytes, 4096);
	assert_int_equal(hello->interval_ms, 250);
	assert_true(hello->start_ns <= monotonic_ns());
	assert_true(hello->start_ns == boot_time_ns());
	assert_true(readlink("/proc/self/exe", executable,
			     sizeof(executable) - 1) > 0);
	assert_string_equal(hello->executable, executable);
	assert_non_null(strstr(hello->command, "test_snapshot"));
	assert_int_equal(hello->n_config_errors, 1);
	assert_string_equal(hello->config_errors[0],
			    "HAKMEM_STREAM=maybe: not on or off; the default "
			    "is used");
	conf_load(NULL);
	conf.corruption_abort = false;
	assert_int_equal(hello_of(5, 4)->n_config_errors, 0);
}

static void the_hello_has_every_class(void **unused)
{
	Hakmem__Hello *hello = hello_of(1, 0);

	(void)unused;
	assert_int_equal(hello->n_classes, sizeclass_count);
	for (size_t i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *class = &sizeclass_table[i];
		const Hakmem__SizeClass *told = hello->classes[i];

		assert_int_equal(told->stride_bytes, class->stride);
		assert_int_equal(told->low_bytes, class->low);
		assert_int_equal(told->high_bytes, class->high);
		assert_int_equal(told->usable_bytes, class->usable);
		assert_int_equal(told->slab_bytes, class->slab_units * 65536);
		assert_int_equal(told->headerless, class->headerless);
		assert_int_equal(told->aligned_only, class->aligned_only);
	}
}

static char packed[FRAME_PAYLOAD_MAX];

static void messages_survive_the_wire(void **unused)
{
	Hakmem__State *state = snapshot_state(), *state_back;
	Hakmem__Hello *hello, *hello_back;
	size_t length;

	(void)unused;
	length = hakmem__state__pack(state, (uint8_t *)packed);
	state_back =
		hakmem__state__unpack(NULL, length, (const uint8_t *)packed);
	assert_non_null(state_back);
	assert_int_equal(FIGURE_IN(state_back, ALLOCS),
			 FIGURE_IN(state, ALLOCS));
	assert_int_equal(state_back->n_class_allocs, state->n_class_allocs);
	assert_memory_equal(state_back->class_allocs, state->class_allocs,
			    state->n_class_allocs * sizeof(uint64_t));
	assert_int_equal(state_back->n_large_bins, state->n_large_bins);
	assert_int_equal(FIGURE_IN(state_back, RSS_BYTES),
			 FIGURE_IN(state, RSS_BYTES));
	hakmem__state__free_unpacked(state_back, NULL);
	hello = hello_of(77, 0);
	length = hakmem__hello__pack(hello, (uint8_t *)packed);
	hello_back =
		hakmem__hello__unpack(NULL, length, (const uint8_t *)packed);
	assert_non_null(hello_back);
	assert_int_equal(hello_back->session, 77);
	assert_int_equal(hello_back->n_cells, hello->n_cells);
	assert_string_equal(hello_back->command, hello->command);
	hakmem__hello__free_unpacked(hello_back, NULL);
}

static void fill(uint64_t *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = UINT64_MAX;
}

/* Whatever the figures become, both fit the buffer of publish at once. */
static void the_largest_messages_fit(void **unused)
{
	struct stats saved = stats;
	Hakmem__State *state;
	Hakmem__Hello *hello;
	size_t bytes;

	(void)unused;
	memset(&stats, 0xff, sizeof(stats));
	state = snapshot_state();
	stats = saved;
	assert_int_equal(state->n_large_bins, BINS_COUNT);
	fill(state->class_allocs, state->n_class_allocs);
	fill(state->class_frees, state->n_class_frees);
	fill(state->class_slabs, state->n_class_slabs);
	fill(state->cell_samples, state->n_cell_samples);
	bytes = hakmem__state__get_packed_size(state);
	assert_int_equal(hakmem__state__pack(state, (uint8_t *)packed), bytes);
	hello = hello_of(UINT64_MAX, UINT64_MAX);
	memset(hello->command, 'x', 4096);
	memset(hello->executable, 'x', 4096);
	assert_true(bytes + hakmem__hello__get_packed_size(hello) +
			    CONF_ERRORS_MAX * (CONF_LINE_MAX + 4) +
			    2 * FRAME_HEADER_BYTES + 1000 <
		    128 * KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_are_those_of_a_shadow),
		cmocka_unit_test(classes_add_up_to_the_totals),
		cmocka_unit_test(large_blocks_stand_in_their_bin),
		cmocka_unit_test(the_1024_line_counts_just_those),
		cmocka_unit_test(checks_of_pointers_are_counted),
		cmocka_unit_test(memory_figures_follow_the_memory),
		cmocka_unit_test(the_peak_is_kept),
		cmocka_unit_test(time_goes_on),
		cmocka_unit_test(samples_are_in_the_cells_of_the_hello),
		cmocka_unit_test(the_hello_says_who_we_are),
		cmocka_unit_test(the_hello_has_every_class),
		cmocka_unit_test(messages_survive_the_wire),
		cmocka_unit_test(the_largest_messages_fit),
	};

	return cmocka_run_group_tests(tests, boot, NULL);
}
