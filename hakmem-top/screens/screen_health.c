/* What could be wrong with one process: rejects, the machinery, the stream. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>

#include "hakmem-top/screens/figures.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"

#define ERRORS_SHOWN 6

static void add_rejects(struct figures *figures, const struct detail *detail)
{
	static const char *const names[MODEL_REJECTS] = {
		"rejects_double_free",	"rejects_overwritten_header",
		"rejects_unknown_code", "rejects_interior",
		"rejects_misaligned",	"rejects_foreign",
	};
	static const char *const labels[MODEL_REJECTS] = {
		"Double free", "Overwritten", "Unknown code",
		"Interior",    "Misaligned",  "Foreign",
	};

	for (size_t i = 0; i < MODEL_REJECTS; i++) {
		struct figure *figure = figures_add(
			figures, "REJECTED POINTERS", names[i], labels[i],
			detail->rejects[i], FIGURES_COUNT);

		if (figure->value)
			figure->role = TERM_BAD;
	}
}

static void add_machinery(struct figures *figures, const struct detail *detail)
{
	figures_add(figures, "MACHINERY", "refills_total", "Refills",
		    detail->refills, FIGURES_COUNT);
	figures_add(figures, "MACHINERY", "flushes_total", "Flushes",
		    detail->flushes, FIGURES_COUNT);
	figures_add(figures, "MACHINERY", "slabs_live", "Slabs",
		    detail->slabs_live, FIGURES_COUNT);
	figures_add(figures, "MACHINERY", "cached_bytes", "Cached",
		    detail->cached_bytes, FIGURES_BYTES);
	figures_add(figures, "MACHINERY", "metadata_bytes", "Own tables",
		    detail->metadata_bytes, FIGURES_BYTES);
	figures_add(figures, "MACHINERY", "mapped_bytes", "Mapped",
		    detail->mapped_bytes, FIGURES_BYTES);
}

static void add_stream(struct figures *figures, const struct detail *detail)
{
	struct figure *figure;
	char text[FMT_MAX];

	figure = figures_add(figures, "STREAM", "messages_total", "Messages",
			     detail->messages, FIGURES_COUNT);
	figures_note(figure, "every %u ms", detail->interval_ms);
	figure = figures_add(figures, "STREAM", "dropped_total", "Dropped",
			     detail->process.dropped, FIGURES_COUNT);
	if (figure->value)
		figure->role = TERM_WARN;
	figures_add(figures, "STREAM", "reconnects_total", "Reconnects",
		    detail->reconnects, FIGURES_COUNT);
	figure = figures_add(figures, "STREAM", "state_age_ms", "State's age",
			     detail->now_ns > detail->state_ns
				     ? (detail->now_ns - detail->state_ns) /
					       1000000u
				     : 0,
			     FIGURES_COUNT);
	snprintf(figure->text, sizeof(figure->text), "%s",
		 fmt_age(text, figure->value * 1000000u));
}

static void add_sampling(struct figures *figures, const struct detail *detail)
{
	struct figure *figure;

	figure = figures_add(figures, "SAMPLING", "sample_bytes", "Stacks",
			     detail->process.sample_bytes, FIGURES_BYTES);
	figures_note(figure,
		     detail->process.sample_bytes ? "mean between two" : "off");
	figure = figures_add(figures, "SAMPLING", "histogram_bytes", "Sizes",
			     detail->histogram_bytes, FIGURES_BYTES);
	figures_note(figure, "mean between two");
	figures_add(figures, "SAMPLING", "samples_live", "Alive",
		    detail->samples_live, FIGURES_COUNT);
	figure = figures_add(figures, "SAMPLING", "samples_untracked_total",
			     "Untracked", detail->samples_untracked,
			     FIGURES_COUNT);
	if (figure->value)
		figure->role = TERM_WARN;
}

static struct figure *add_stack(struct figures *figures, const char *name,
				const char *label, uint64_t value)
{
	return figures_add(figures, "STACKS", name, label, value,
			   FIGURES_COUNT);
}

/* What makes the figures of sites rougher than they could be is in colour. */
static void add_stacks(struct figures *figures, const struct detail *detail)
{
	struct figure *figure;
	char text[FMT_MAX];

	figure = add_stack(figures, "stack_samples_total", "Samples",
			   detail->stack_samples);
	figures_note(figure, "unwinding took %s",
		     fmt_age(text, detail->unwind_ns));
	figure = add_stack(figures, "sites_live", "Sites", detail->sites_live);
	figures_note(figure, "of %s", fmt_count(text, detail->sites_max));
	figure = add_stack(figures, "site_overflow_total", "No room",
			   detail->site_overflow);
	if (figure->value)
		figure->role = TERM_WARN;
	add_stack(figures, "no_stack_total", "No stack", detail->no_stack);
	add_stack(figures, "unwind_truncated_total", "Cut off",
		  detail->unwind_truncated);
	figure = add_stack(figures, "guard_raised_total", "Guard",
			   detail->guard_raised);
	if (figure->value) {
		figure->role = TERM_WARN;
		figures_note(figure, "times; set to %s",
			     fmt_bytes(text, detail->sample_configured_bytes));
	}
}

static void collect(struct figures *figures, const struct detail *detail)
{
	figures->count = 0;
	add_rejects(figures, detail);
	add_machinery(figures, detail);
	add_stream(figures, detail);
	add_sampling(figures, detail);
	add_stacks(figures, detail);
}

static bool refresh(struct context *context)
{
	return context->detail != NULL;
}

/* Bad settings, or that there are none; returns the rows used. */
static int draw_errors(const struct detail *detail, int y, int height,
		       int width)
{
	size_t shown = detail->error_count < ERRORS_SHOWN ? detail->error_count
							  : ERRORS_SHOWN;

	if (height < 2)
		return height;
	term_put(y, 1, width - 1, TERM_DIM, "CONFIGURATION");
	if (shown == 0)
		term_put(y + 1, 2, width - 2, TERM_GOOD,
			 "no bad HAKMEM_* value");
	for (size_t i = 0; i < shown && (int)i + 1 < height; i++)
		term_put(y + 1 + (int)i, 2, width - 2, TERM_BAD,
			 detail->errors[i]);
	if (shown < detail->error_count && (int)shown + 1 < height)
		term_addf(y + 1 + (int)shown++, 2, TERM_BAD, "and %zu more",
			  detail->error_count - ERRORS_SHOWN);
	return 1 + (int)(shown ? shown : 1);
}

static void draw(struct context *context, int y, int height, int width)
{
	const struct detail *detail = context->detail;
	struct figures figures;
	int used = 0;

	/* A bad setting is what one must not miss: it comes first. */
	if (detail->error_count)
		used = draw_errors(detail, y, height, width) + 1;
	collect(&figures, detail);
	used += figures_draw(&figures, y + used, height - used, width) + 1;
	if (detail->error_count == 0)
		used += draw_errors(detail, y + used, height - used, width) + 1;
	if (used < height)
		term_addf(y + used, 1, TERM_DIM, "libhakmem %s in %s",
			  detail->library_version, detail->process.executable);
}

static bool save(struct context *context, enum opts_format format, FILE *out)
{
	struct figures figures;

	if (!context->detail)
		return false;
	collect(&figures, context->detail);
	figures_save(&figures, format, out);
	return true;
}

const struct screen screen_health = {
	.name = "Health",
	.of_process = true,
	.refresh = refresh,
	.draw = draw,
	.save = save,
};
