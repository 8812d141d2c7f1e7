#include "libhakmem/stream/snapshot.h"

#include "libhakmem/base/clock.h"
#include "libhakmem/memory/arena.h"
#include "libhakmem/heap/boot.h"
#include "libhakmem/base/conf.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/profile/profile.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/heap/thread.h"
#include "libhakmem/unwind/unwind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX     4096
#define CELL_COLUMNS 6u

struct state {
	Hakmem__State message;
	struct thread_sums sums;
	uint64_t slabs[SIZECLASS_MAX];
	uint64_t figures[FIGURES];
	Hakmem__LargeBin bin[BINS_COUNT];
	Hakmem__LargeBin *bins[BINS_COUNT];
	struct profile_cell cells[PROFILE_CELLS];
	uint64_t samples[PROFILE_CELLS];
	double columns[CELL_COLUMNS * PROFILE_CELLS]; /* one behind the other */
};

struct hello {
	Hakmem__Hello message;
	Hakmem__SizeClass class[SIZECLASS_MAX];
	Hakmem__SizeClass *classes[SIZECLASS_MAX];
	Hakmem__SampleCell cell[PROFILE_CELLS];
	Hakmem__SampleCell *cells[PROFILE_CELLS];
	char *errors[CONF_ERRORS_MAX];
	char executable[TEXT_MAX + 1];
	char command[TEXT_MAX + 1];
};

/* One is packed before the other is made: they need the memory of one. */
static union {
	struct state state;
	struct hello hello;
} snapshot_space;

static uint64_t snapshot_peak;

/* Requests of exactly 1024 bytes and what came of them. */
static uint64_t snapshot_requests_1024(const struct thread_sums *sums)
{
	return sums->allocs[sizeclass_of_1024()] - peek64(&stats.aligned_1024) +
	       stats_get(FIGURE_FALLBACK_1024);
}

static void snapshot_total(const struct thread_sums *sums,
			   struct snapshot_totals *out)
{
	struct stats_large large = stats_large();

	out->allocs = large.allocs;
	out->frees = large.frees;
	out->live_objects = large.allocs - large.frees;
	out->live_bytes = large.live_bytes;
	for (unsigned i = 0; i < sizeclass_count; i++) {
		int64_t live = (int64_t)(sums->allocs[i] - sums->frees[i]);

		out->allocs += sums->allocs[i];
		out->frees += sums->frees[i];
		out->live_objects += (uint64_t)live;
		out->live_bytes += (uint64_t)live * sizeclass_table[i].stride;
	}
}

void snapshot_totals(struct snapshot_totals *out)
{
	struct thread_sums sums;

	thread_sum(&sums);
	snapshot_total(&sums, out);
}

/* Reads a small file with raw calls; the bytes read, 0 on failure. */
static size_t snapshot_read_file(const char *path, char *out, size_t size)
{
	int saved = errno;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t got = 0;

	while (fd >= 0 && used < size) {
		got = read(fd, out + used, size - used);
		if (got <= 0)
			break;
		used += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	errno = saved;
	return used;
}

uint64_t snapshot_rss_bytes(void)
{
	char text[128];
	size_t length =
		snapshot_read_file("/proc/self/statm", text, sizeof(text));
	uint64_t pages = 0;
	size_t at = 0;

	while (at < length && text[at] != ' ')
		at++;
	for (at++; at < length && text[at] >= '0' && text[at] <= '9'; at++)
		pages = pages * 10 + (uint64_t)(text[at] - '0');
	return pages * 4096;
}

static void snapshot_fill_classes(Hakmem__State *message)
{
	for (unsigned i = 0; i < sizeclass_count; i++) {
		snapshot_space.state.slabs[i] = central_slabs(i);
		snapshot_space.state.sums.cached_bytes +=
			central_cached_blocks(i) * sizeclass_table[i].stride;
	}
	message->n_class_allocs = message->n_class_frees =
		message->n_class_slabs = sizeclass_count;
	message->class_allocs = snapshot_space.state.sums.allocs;
	message->class_frees = snapshot_space.state.sums.frees;
	message->class_slabs = snapshot_space.state.slabs;
}

static void snapshot_fill_large(Hakmem__State *message)
{
	size_t count = 0;

	for (uint32_t i = 0; i < BINS_COUNT; i++) {
		const struct stats_bin *from = &stats.large[i];
		Hakmem__LargeBin *bin = &snapshot_space.state.bin[count];
		uint64_t frees = peek64(&from->frees);
		uint64_t freed_bytes = peek64(&from->freed_bytes);

		if (peek64(&from->requests) == 0)
			continue;
		hakmem__large_bin__init(bin);
		bin->bin = i;
		bin->requests = peek64(&from->requests);
		bin->requested_bytes = peek64(&from->requested_bytes);
		bin->reserved_bytes = peek64(&from->reserved_bytes);
		bin->live_objects = bin->requests - frees;
		bin->live_bytes = bin->reserved_bytes - freed_bytes;
		snapshot_space.state.bins[count++] = bin;
	}
	message->n_large_bins = count;
	message->large_bins = snapshot_space.state.bins;
}

/* Up to the last cell that ever had a sample: small programs use few, and of
 * small programs every page counts. */
static void snapshot_fill_cells(Hakmem__State *message)
{
	double *column = snapshot_space.state.columns;
	size_t count = 0;

	while (profile_cell((unsigned)count,
			    &snapshot_space.state.cells[count]))
		count++;
	for (size_t i = 0; i < count; i++) {
		const struct profile_cell *cell =
			&snapshot_space.state.cells[i];

		snapshot_space.state.samples[i] = cell->samples;
		column[i] = cell->objects;
		column[count + i] = cell->objects_var;
		column[2 * count + i] = cell->bytes;
		column[3 * count + i] = cell->live_objects;
		column[4 * count + i] = cell->live_objects_var;
		column[5 * count + i] = cell->live_bytes;
	}
	message->n_cell_samples = message->n_cell_objects =
		message->n_cell_objects_var = message->n_cell_bytes =
			message->n_cell_live_objects =
				message->n_cell_live_objects_var =
					message->n_cell_live_bytes = count;
	message->cell_samples = snapshot_space.state.samples;
	message->cell_objects = column;
	message->cell_objects_var = column + count;
	message->cell_bytes = column + 2 * count;
	message->cell_live_objects = column + 3 * count;
	message->cell_live_objects_var = column + 4 * count;
	message->cell_live_bytes = column + 5 * count;
}

static void snapshot_fill_sampling(uint64_t *figures)
{
	figures[FIGURE_SAMPLE_BYTES] = sampler_stack_interval();
	figures[FIGURE_SAMPLE_CONFIGURED_BYTES] = sampler_stack_configured();
	figures[FIGURE_LIMITER_RAISED] = sampler_limiter_raised();
	figures[FIGURE_HISTOGRAM_BYTES] = sampler_histogram_interval();
	figures[FIGURE_SAMPLES_LIVE] = profile_live_samples();
	figures[FIGURE_SAMPLES_UNTRACKED] = profile_untracked();
}

static void snapshot_fill_stacks(uint64_t *figures)
{
	struct site_totals sites;
	struct unwind_counts stacks;

	site_totals(&sites);
	unwind_counts(&stacks);
	figures[FIGURE_STACK_SAMPLES] = sites.samples;
	figures[FIGURE_STACK_SAMPLES_LIVE] = sites.live_samples;
	figures[FIGURE_STACK_PEAK_BYTES] = (uint64_t)sites.peak_bytes;
	figures[FIGURE_SITES_LIVE] = sites.sites;
	figures[FIGURE_SITES_MAX] = SITE_MAX - 1;
	figures[FIGURE_SITE_OVERFLOW] = sites.overflow;
	figures[FIGURE_NO_STACK] = sites.no_stack;
	figures[FIGURE_UNWIND_HITS] = stacks.hit;
	figures[FIGURE_UNWIND_MISSES] = stacks.miss;
	figures[FIGURE_UNWIND_TRUNCATED] = stacks.truncated;
	figures[FIGURE_UNWIND_NS] = stacks.ns;
	figures[FIGURE_MODULES_LOST] = module_lost();
}

static void snapshot_fill_heap(uint64_t *figures,
			       const struct thread_sums *sums)
{
	struct snapshot_totals totals;

	snapshot_total(sums, &totals);
	if (totals.live_bytes > snapshot_peak)
		snapshot_peak = totals.live_bytes;
	figures[FIGURE_ALLOCS] = totals.allocs;
	figures[FIGURE_FREES] = totals.frees;
	figures[FIGURE_LIVE_OBJECTS] = totals.live_objects;
	figures[FIGURE_LIVE_BYTES] = totals.live_bytes;
	figures[FIGURE_PEAK_LIVE_BYTES] = snapshot_peak;
	figures[FIGURE_REQUESTS_1024] = snapshot_requests_1024(sums);
	figures[FIGURE_CACHED_BYTES] = sums->cached_bytes;
	figures[FIGURE_THREADS_LIVE] = sums->live_threads;
	figures[FIGURE_THREADS_TOTAL] = sums->total_threads;
}

static void snapshot_fill_memory(uint64_t *figures)
{
	figures[FIGURE_RSS_BYTES] = FIGURE_UNKNOWN;
	figures[FIGURE_COMMITTED_BYTES] =
		arena.committed[0] + arena.committed[1];
	figures[FIGURE_METADATA_BYTES] = meta_bytes() + profile_bytes();
	figures[FIGURE_REFILLS] = central_refills();
	figures[FIGURE_FLUSHES] = central_flushes();
}

/* What slow paths count stands in `stats`; the rest is put together here. */
static void snapshot_fill_figures(Hakmem__State *message)
{
	uint64_t *figures = snapshot_space.state.figures;

	for (unsigned i = 0; i < FIGURES; i++)
		figures[i] = stats_get((enum figure)i);
	figures[FIGURE_REJECTS] = 0;
	for (unsigned i = 0; i < REJECT_KINDS; i++)
		figures[FIGURE_REJECTS] += figures[FIGURE_REJECT(i)];
	snapshot_fill_heap(figures, &snapshot_space.state.sums);
	snapshot_fill_memory(figures);
	snapshot_fill_sampling(figures);
	snapshot_fill_stacks(figures);
	message->n_figures = FIGURES;
	message->figures = figures;
}

Hakmem__State *snapshot_state(void)
{
	Hakmem__State *message = &snapshot_space.state.message;

	hakmem__state__init(message);
	thread_sum(&snapshot_space.state.sums);
	message->time_ns = clock_now();
	snapshot_fill_classes(message);
	snapshot_fill_large(message);
	snapshot_fill_cells(message);
	snapshot_fill_figures(message);
	return message;
}

static void snapshot_describe_classes(Hakmem__Hello *message)
{
	for (unsigned i = 0; i < sizeclass_count; i++) {
		const struct sizeclass *from = &sizeclass_table[i];
		Hakmem__SizeClass *class = &snapshot_space.hello.class[i];

		hakmem__size_class__init(class);
		class->stride_bytes = from->stride;
		class->low_bytes = from->low;
		class->high_bytes = from->high;
		class->usable_bytes = from->usable;
		class->slab_bytes =
			(uint32_t)(from->slab_units * SIZECLASS_UNIT);
		class->headerless = from->headerless;
		class->aligned_only = from->aligned_only;
		snapshot_space.hello.classes[i] = class;
	}
	message->n_classes = sizeclass_count;
	message->classes = snapshot_space.hello.classes;
}

static void snapshot_describe_cells(Hakmem__Hello *message)
{
	unsigned count = profile_cells();

	for (unsigned i = 0; i < count; i++) {
		struct profile_place place = profile_place(i);
		Hakmem__SampleCell *cell = &snapshot_space.hello.cell[i];

		hakmem__sample_cell__init(cell);
		cell->class_index = place.class;
		cell->bin = place.bin;
		snapshot_space.hello.cells[i] = cell;
	}
	message->n_cells = count;
	message->cells = snapshot_space.hello.cells;
}

/* "/proc/PID/NAME". */
static char *snapshot_proc_path(uint32_t pid, const char *name, char out[32])
{
	char digits[10];
	size_t count = 0;
	char *at = stpcpy(out, "/proc/");

	do
		digits[count++] = (char)('0' + pid % 10);
	while ((pid /= 10) != 0);
	while (count > 0)
		*at++ = digits[--count];
	*at++ = '/';
	strcpy(at, name);
	return out;
}

/* protobuf strings are UTF-8: what is not ASCII or valid is the daemon's to
 * judge; NULs between arguments become blanks. */
static void snapshot_describe_program(Hakmem__Hello *message)
{
	int saved = errno;
	char path[32];
	ssize_t length;
	size_t used;

	/* The kernel writes to no page that a look has not touched yet. */
	memset(snapshot_space.hello.executable, 0, TEXT_MAX + 1);
	memset(snapshot_space.hello.command, 0, TEXT_MAX + 1);
	length = readlink(snapshot_proc_path(message->pid, "exe", path),
			  snapshot_space.hello.executable, TEXT_MAX);
	used = snapshot_read_file(
		snapshot_proc_path(message->pid, "cmdline", path),
		snapshot_space.hello.command, TEXT_MAX);

	errno = saved;
	snapshot_space.hello.executable[length > 0 ? length : 0] = '\0';
	while (used > 0 && snapshot_space.hello.command[used - 1] == '\0')
		used--;
	for (size_t i = 0; i < used; i++)
		if (snapshot_space.hello.command[i] == '\0')
			snapshot_space.hello.command[i] = ' ';
	snapshot_space.hello.command[used] = '\0';
	message->executable = snapshot_space.hello.executable;
	message->command = snapshot_space.hello.command;
}

Hakmem__Hello *snapshot_hello(const struct snapshot_identity *identity)
{
	static char version[] = HAKMEM_VERSION;
	Hakmem__Hello *message = &snapshot_space.hello.message;

	hakmem__hello__init(message);
	message->library_version = version;
	message->pid = identity->pid;
	message->parent_pid = identity->parent_pid;
	message->session = identity->session;
	message->parent_session = identity->parent_session;
	message->start_ns = boot_time_ns();
	message->page_bytes = 4096;
	message->interval_ms = conf.interval_ms;
	message->figure_names = (char *)(uintptr_t)figures_names;
	for (unsigned i = 0; i < conf.errors; i++)
		snapshot_space.hello.errors[i] = conf.error[i];
	message->n_config_errors = conf.errors;
	message->config_errors = snapshot_space.hello.errors;
	snapshot_describe_program(message);
	snapshot_describe_classes(message);
	snapshot_describe_cells(message);
	return message;
}
