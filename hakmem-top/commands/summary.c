#include "hakmem-top/commands/summary.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "hakmem-top/data/bounds.h"
#include "hakmem-top/data/fetch.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/data/merge.h"
#include "hakmem-top/base/plot.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/data/view.h"

#define DETAILS_MAX  256u /* processes whose sizes are added up */
#define SIZES_SHOWN  8u
#define OTHERS_SHOWN 5u
#define SITES_SHOWN  5u
#define NAMES_NS     2000000000u /* that names may take in all */

/* What is added up over the command and its children. */
struct sum {
	size_t processes, details;
	uint64_t figures[FIGURES], largest_peak;
	size_t size_count;
	struct size_bin sizes[MODEL_SIZES_MAX];
};

static uint64_t summary_peak(const struct view_row *row)
{
	return figure_or_0(row->process->figures, FIGURE_PEAK_LIVE_BYTES);
}

static void summary_add_process(struct sum *sum, const struct view_row *row)
{
	uint64_t peak = summary_peak(row);

	sum->processes++;
	for (unsigned i = 0; i < FIGURES; i++)
		sum->figures[i] += figure_or_0(row->process->figures, i);
	if (peak > sum->largest_peak)
		sum->largest_peak = peak;
}

static void summary_add_size(struct sum *sum, const struct size_bin *bin)
{
	for (size_t i = 0; i < sum->size_count; i++)
		if (sum->sizes[i].low == bin->low) {
			sum->sizes[i].requests += bin->requests;
			sum->sizes[i].requested_bytes += bin->requested_bytes;
			return;
		}
	if (sum->size_count < MODEL_SIZES_MAX)
		sum->sizes[sum->size_count++] = *bin;
}

static void summary_add_detail(struct sum *sum, struct client *client,
			       uint64_t id)
{
	const struct client_query query = {.what = CLIENT_DETAIL,
					   .process_id = id};
	char why[256];
	struct detail *detail;

	if (sum->details == DETAILS_MAX)
		return;
	detail = fetch_answer(client, &query, why, sizeof(why));
	if (!detail)
		return;
	sum->details++;
	for (size_t i = 0; i < detail->size_count; i++)
		summary_add_size(sum, &detail->sizes[i]);
	model_detail_free(detail);
}

/* The list once the command's end is known to the daemon, or after a second. */
static struct processes *summary_last_list(struct client *client,
					   const struct run *run, char *why,
					   size_t size)
{
	const struct client_query query = {.what = CLIENT_PROCESSES};
	const struct timespec pause = {.tv_nsec = 50000000};

	for (int tries = 0;; tries++) {
		struct processes *list =
			fetch_answer(client, &query, why, size);
		const struct process *root;

		if (!list && tries >= 3)
			return NULL;
		root = list ? view_newest(list, (uint32_t)run->command) : NULL;
		if (list && (tries >= 20 || (root && !model_alive(root))))
			return list;
		model_processes_free(list);
		nanosleep(&pause, NULL);
	}
}

static void summary_print_end(FILE *out, const struct run *run)
{
	const char *name = NULL;

	if (!run->ended)
		return;
	if (WIFSIGNALED(run->status)) {
		name = sigabbrev_np(WTERMSIG(run->status));
		fprintf(out, "  ended by     signal %d (SIG%s)%s\n",
			WTERMSIG(run->status), name ? name : "?",
			WCOREDUMP(run->status) ? ", core dumped" : "");
	} else {
		fprintf(out, "  ended with   exit status %d\n",
			WEXITSTATUS(run->status));
	}
}

static int summary_by_requests(const void *a, const void *b)
{
	const struct size_bin *left = a, *right = b;

	return left->requests > right->requests	  ? -1
	       : left->requests < right->requests ? 1
	       : left->low < right->low		  ? -1
						  : 1;
}

static void summary_print_sizes(FILE *out, struct sum *sum)
{
	char range[FMT_MAX], count[FMT_MAX], part[FMT_MAX], bar[PLOT_MAX];
	uint64_t all = 0;

	if (sum->size_count == 0)
		return;
	qsort(sum->sizes, sum->size_count, sizeof(sum->sizes[0]),
	      summary_by_requests);
	for (size_t i = 0; i < sum->size_count; i++)
		all += sum->sizes[i].requests;
	fprintf(out, "  top sizes    %13s %9s %6s\n", "bytes", "requests", "%");
	for (size_t i = 0; i < sum->size_count && i < SIZES_SHOWN; i++) {
		const struct size_bin *bin = &sum->sizes[i];

		fprintf(out, "               %13s %9s %6s  %s\n",
			fmt_range(range, bin->low, bin->high),
			fmt_count(count, bin->requests),
			fmt_percent(part, bin->requests, all),
			plot_bar(bar, bin->requests, sum->sizes[0].requests, 30,
				 false));
	}
	if (sum->details < sum->processes)
		fprintf(out, "               (sizes of %zu of %zu processes)\n",
			sum->details, sum->processes);
}

/* The sites that allocated most, and what they left. */
static void summary_print_sites(FILE *out, const struct merge *merge,
				size_t processes)
{
	char allocated[BOUNDS_MAX], live[BOUNDS_MAX], name[256], where[256];

	if (merge->count == 0)
		return;
	fprintf(out, "  top sites    %-17s %-17s %s\n", "allocated",
		"left live", "function");
	for (size_t i = 0; i < merge->count && i < SITES_SHOWN; i++) {
		const struct merge_row *row = &merge->rows[i];

		text_clean(name, sizeof(name), sites_name(row->site), 44,
			   false);
		text_clean(where, sizeof(where), sites_location(row->site), 40,
			   false);
		fprintf(out, "               %-17s %-17s %s%s%s\n",
			bounds_bytes(allocated, &row->allocated,
				     merge->sample_bytes, false),
			bounds_bytes(live, &row->live, merge->sample_bytes,
				     false),
			name, *where ? "  " : "", where);
	}
	if (merge->table_count < processes)
		fprintf(out, "               (sites of %zu of %zu processes)\n",
			merge->table_count, processes);
}

/* Nothing is said where the daemon or the library knows no sites. */
static void summary_summarize_sites(FILE *out, struct client *client,
				    const struct view_row *rows, size_t count)
{
	uint64_t until_ns = client_now_ns() + NAMES_NS;
	struct merge merge = {.table_count = 0};
	char why[256];

	for (size_t i = 0; i < count && i < MERGE_TABLES; i++) {
		struct sites *sites =
			fetch_sites(client, rows[i].process->id, 0, until_ns,
				    why, sizeof(why));

		if (sites)
			merge_add(&merge, sites);
	}
	merge_finish(&merge);
	summary_print_sites(out, &merge, count);
	merge_clear(&merge);
}

static void summary_print_rejects(FILE *out, const struct sum *sum)
{
	char text[FMT_MAX];
	const char *before = "  (";

	fprintf(out, "  rejects      %s",
		fmt_grouped(text, sum->figures[FIGURE_REJECTS]));
	for (size_t i = 0; i < REJECT_KINDS; i++)
		if (sum->figures[FIGURE_REJECT(i)]) {
			fprintf(out, "%s%s %s", before, figures_reject_text[i],
				fmt_grouped(text,
					    sum->figures[FIGURE_REJECT(i)]));
			before = ", ";
		}
	fprintf(out, "%s\n", *before == ',' ? ")" : "");
}

static void summary_print_totals(FILE *out, const struct sum *sum)
{
	char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];

	fprintf(out, "  peak live    %s%s\n", fmt_bytes(a, sum->largest_peak),
		sum->processes > 1 ? " in the largest process" : "");
	fprintf(out, "  allocations  %s, frees %s\n",
		fmt_grouped(a, sum->figures[FIGURE_ALLOCS]),
		fmt_grouped(b, sum->figures[FIGURE_FREES]));
	fprintf(out, "  left live    %s in %s blocks\n",
		fmt_bytes(a, sum->figures[FIGURE_LIVE_BYTES]),
		fmt_grouped(b, sum->figures[FIGURE_LIVE_OBJECTS]));
	fprintf(out,
		"  1024 bytes   %s requests (%s%% of all), %s left the small "
		"classes\n",
		fmt_grouped(a, sum->figures[FIGURE_REQUESTS_1024]),
		fmt_percent(b, sum->figures[FIGURE_REQUESTS_1024],
			    sum->figures[FIGURE_ALLOCS]),
		fmt_grouped(c, sum->figures[FIGURE_FALLBACK_1024]));
	fprintf(out, "  page bounds  %s frees, %s asked mincore\n",
		fmt_grouped(a, sum->figures[FIGURE_PAGE_BOUNDARY]),
		fmt_grouped(b, sum->figures[FIGURE_MINCORE]));
	summary_print_rejects(out, sum);
	if (sum->figures[FIGURE_DROPPED])
		fprintf(out, "  dropped      %s states\n",
			fmt_grouped(a, sum->figures[FIGURE_DROPPED]));
}

/* With several processes: those that had the most memory. */
static void summary_print_processes(FILE *out, const struct view_row *rows,
				    size_t count)
{
	char peak[FMT_MAX], allocs[FMT_MAX], command[256], state[FMT_MAX];

	if (count < 2)
		return;
	fprintf(out, "  processes    %zu; the largest:\n", count);
	for (size_t i = 0; i < count && i < OTHERS_SHOWN; i++) {
		const struct process *process = rows[i].process;

		text_clean(command, sizeof(command),
			   text_command(process->command), 36, false);
		model_state_text(process, state, sizeof(state));
		fprintf(out, "     %8u  peak %6s  allocs %6s  %-8s %s\n",
			process->pid, fmt_bytes(peak, summary_peak(&rows[i])),
			fmt_count(allocs,
				  figure_or_0(process->figures, FIGURE_ALLOCS)),
			state, command);
	}
}

static int summary_by_peak(const void *a, const void *b)
{
	uint64_t left = summary_peak(a), right = summary_peak(b);

	return left > right ? -1 : left < right;
}

static void summary_print_family(FILE *out, struct client *client,
				 struct view *view, struct sum *sum)
{
	for (size_t i = 0; i < view->count; i++)
		summary_add_process(sum, &view->rows[i]);
	qsort(view->rows, view->count, sizeof(*view->rows), summary_by_peak);
	for (size_t i = 0; i < view->count; i++)
		summary_add_detail(sum, client, view->rows[i].process->id);
	summary_print_totals(out, sum);
	summary_print_processes(out, view->rows, view->count);
	summary_print_sizes(out, sum);
	summary_summarize_sites(out, client, view->rows, view->count);
}

void summary_print(FILE *out, struct client *client, const struct run *run)
{
	char why[256] = "", name[256];
	struct sum *sum = calloc(1, sizeof(*sum));
	struct view view = {.root_pid = (uint32_t)run->command};
	struct processes *list =
		summary_last_list(client, run, why, sizeof(why));

	if (run->daemon) /* all that a private daemon knows is ours */
		view.root_pid = 0;
	text_clean(name, sizeof(name), run->name, 60, false);
	fprintf(out, "hakmem-top: %s (pid %d)\n", name, (int)run->command);
	summary_print_end(out, run);
	if (!list || !sum || !view_update(&view, list))
		fprintf(out, "  no figures: %s\n", *why ? why : "no memory");
	else if (view.count == 0)
		fprintf(out, "  no figures: it never spoke to the daemon (a "
			     "static or setuid program?)\n");
	else
		summary_print_family(out, client, &view, sum);
	if (run->output[0])
		fprintf(out, "  output in    %s\n", run->output);
	fflush(out);
	view_clear(&view);
	model_processes_free(list);
	free(sum);
}
