#include "hakmem-top/screens/panel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"

#define PANEL_COLUMNS	    40 /* least width of a block */
#define PANEL_BLOCKS_MAX    6
#define PANEL_LABEL_COLUMNS 12
#define PANEL_VALUE_COLUMNS 10
#define PANEL_NOTE_MAX	    96
/* Numbers of more digits are rounded. */
#define PANEL_GROUPED_MAX 10000000u

static const char *const panel_titles[FIGURE_GROUPS] = {
	[FIGURE_MEMORY] = "MEMORY",
	[FIGURE_REQUESTS] = "REQUESTS",
	[FIGURE_POINTERS] = "POINTERS",
	[FIGURE_REJECTED] = "REJECTED POINTERS",
	[FIGURE_MACHINERY] = "MACHINERY",
	[FIGURE_STREAM] = "STREAM",
	[FIGURE_SAMPLING] = "SAMPLING",
	[FIGURE_STACKS] = "STACKS",
};

static uint64_t panel_value(const struct context *context, enum figure figure)
{
	return context->detail->process.figures[figure];
}

static const char *panel_text(enum figure figure, uint64_t value,
			      char out[FMT_MAX])
{
	if (value == FIGURE_UNKNOWN)
		return strcpy(out, "-");
	switch (figures_table[figure].unit) {
	case FIGURE_BYTES:
		return fmt_bytes(out, value);
	case FIGURE_NS:
		return fmt_age(out, value);
	case FIGURE_COUNT:
		break;
	}
	return value < PANEL_GROUPED_MAX ? fmt_grouped(out, value)
					 : fmt_count(out, value);
}

/* A row whose label has a place for its value is a note, in a word less. */
static bool panel_is_note(enum figure figure)
{
	return strchr(figures_table[figure].label, '%') != NULL;
}

static void panel_percent(const struct context *context, enum figure part,
			  enum figure whole, const char *of, char *out)
{
	uint64_t a = panel_value(context, part),
		 b = panel_value(context, whole);
	char text[FMT_MAX];

	if (a != FIGURE_UNKNOWN && b != FIGURE_UNKNOWN)
		snprintf(out, PANEL_NOTE_MAX, "%s%% of %s",
			 fmt_percent(text, a, b), of);
}

static void panel_note_1024(const struct context *context, char *out)
{
	panel_percent(context, FIGURE_REQUESTS_1024, FIGURE_ALLOCS, "all", out);
}

static void panel_note_fallback(const struct context *context, char *out)
{
	panel_percent(context, FIGURE_FALLBACK_1024, FIGURE_REQUESTS_1024,
		      "them", out);
}

static void panel_note_rejects(const struct context *context, char *out)
{
	if (figure_or_0(context->detail->process.figures, FIGURE_REJECTS))
		strcpy(out, "see Health");
}

static void panel_note_interval(const struct context *context, char *out)
{
	snprintf(out, PANEL_NOTE_MAX, "every %u ms",
		 context->detail->interval_ms);
}

static void panel_note_histogram(const struct context *context, char *out)
{
	strcpy(out, panel_value(context, FIGURE_HISTOGRAM_BYTES) ? "interval"
								 : "off");
}

static void panel_note_returned(const struct context *context, char *out)
{
	(void)context;
	strcpy(out, "to the OS");
}

static void panel_note_sample(const struct context *context, char *out)
{
	uint64_t now = panel_value(context, FIGURE_SAMPLE_BYTES);
	uint64_t set = panel_value(context, FIGURE_SAMPLE_CONFIGURED_BYTES);
	char text[FMT_MAX];

	strcpy(out, now ? "interval" : "off");
	if (now && set != now && set != FIGURE_UNKNOWN)
		snprintf(out, PANEL_NOTE_MAX, "interval, set to %s",
			 fmt_bytes(text, set));
}

static const struct panel_note {
	enum figure figure;
	void (*note)(const struct context *context, char *out);
} panel_notes[] = {
	{FIGURE_REQUESTS_1024, panel_note_1024},
	{FIGURE_FALLBACK_1024, panel_note_fallback},
	{FIGURE_REJECTS, panel_note_rejects},
	{FIGURE_RETURNED_BYTES, panel_note_returned},
	{FIGURE_MESSAGES, panel_note_interval},
	{FIGURE_SAMPLE_BYTES, panel_note_sample},
	{FIGURE_HISTOGRAM_BYTES, panel_note_histogram},
};

/* How fast a counter grows that is kept over time. */
static void panel_rate(const struct context *context, enum figure figure,
		       char *out)
{
	const struct detail *now = context->detail, *before = context->before;
	char text[FMT_MAX];

	if (figures_table[figure].kind != FIGURE_COUNTER ||
	    figures_table[figure].trend != FIGURE_KEPT || !before ||
	    before->state_ns >= now->state_ns ||
	    now->process.figures[figure] == FIGURE_UNKNOWN)
		return;
	fmt_rate(text, view_rate(before->process.figures[figure],
				 now->process.figures[figure],
				 now->state_ns - before->state_ns));
	snprintf(out, PANEL_NOTE_MAX, "%s/s", text);
}

/* What stands behind a figure: a note of its own, or the rows that are notes
 * and not 0. */
static void panel_note(const struct context *context, enum figure figure,
		       char out[PANEL_NOTE_MAX])
{
	char text[FMT_MAX];

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(panel_notes) / sizeof(panel_notes[0]);
	     i++)
		if (panel_notes[i].figure == figure) {
			panel_notes[i].note(context, out);
			return;
		}
	panel_rate(context, figure, out);
	while (++figure < FIGURES && panel_is_note(figure)) {
		const char *label = figures_table[figure].label;
		size_t length = strlen(out);

		if (panel_value(context, figure) == 0)
			continue;
		if (figures_table[figure].unit == FIGURE_COUNT &&
		    panel_value(context, figure) != FIGURE_UNKNOWN)
			fmt_count(text, panel_value(context, figure));
		else
			panel_text(figure, panel_value(context, figure), text);
		snprintf(out + length, PANEL_NOTE_MAX - length, "%s%.*s%s%s",
			 length ? ", " : "", (int)(strchr(label, '%') - label),
			 label, text, strchr(label, '%') + 2);
	}
}

static enum term_role panel_role(enum figure figure, uint64_t value)
{
	if (value == 0 || value == FIGURE_UNKNOWN)
		return TERM_STRONG;
	switch (figures_table[figure].level) {
	case FIGURE_BAD:
		return TERM_BAD;
	case FIGURE_WARN:
		return TERM_WARN;
	case FIGURE_QUIET:
		break;
	}
	return TERM_STRONG;
}

static void panel_line(int y, int x, int width, const char *label,
		       enum term_role role, const char *text, const char *note)
{
	int at = term_put(y, x, PANEL_LABEL_COLUMNS, TERM_TITLE, label);

	at = term_put_right(y, at, PANEL_VALUE_COLUMNS, role, text);
	if (*note)
		term_put(y, at + 1,
			 width - PANEL_LABEL_COLUMNS - PANEL_VALUE_COLUMNS - 1,
			 TERM_DIM, note);
}

/* How old the newest state is, ns. */
static uint64_t panel_state_age(const struct context *context)
{
	const struct detail *detail = context->detail;

	return detail->now_ns > detail->state_ns
		       ? detail->now_ns - detail->state_ns
		       : 0;
}

/* Draws a group from row `y` on, what lies above `end`; its length. */
static int panel_group(const struct context *context, enum figure_group group,
		       int y, int end, int x, int width)
{
	char text[FMT_MAX], note[PANEL_NOTE_MAX];
	int used = 1;

	if (y < end)
		term_put(y, x, width, TERM_DIM, panel_titles[group]);
	for (unsigned i = 0; i < FIGURES; i++) {
		enum figure figure = (enum figure)i;
		uint64_t value = panel_value(context, figure);

		if (figures_table[i].group != group || panel_is_note(figure))
			continue;
		if (y + used < end) {
			panel_note(context, figure, note);
			panel_line(y + used, x + 1, width,
				   figures_table[i].label,
				   panel_role(figure, value),
				   panel_text(figure, value, text), note);
		}
		used++;
	}
	if (group == FIGURE_STREAM && y + used++ < end)
		panel_line(y + used - 1, x + 1, width, "State's age",
			   TERM_STRONG, fmt_age(text, panel_state_age(context)),
			   "");
	return used;
}

static int panel_shortest(const int *used, int blocks)
{
	int best = 0;

	for (int i = 1; i < blocks; i++)
		if (used[i] < used[best])
			best = i;
	return best;
}

int panel_draw(const struct panel *panel, const struct context *context, int y,
	       int height, int width)
{
	int used[PANEL_BLOCKS_MAX] = {0}, most = 0;
	int blocks = width / PANEL_COLUMNS;

	blocks = blocks < 1		     ? 1
		 : blocks > PANEL_BLOCKS_MAX ? PANEL_BLOCKS_MAX
					     : blocks;
	for (unsigned group = panel->first; group <= panel->last; group++) {
		int block = panel_shortest(used, blocks), w = width / blocks;

		if (used[block] > 0)
			used[block]++;
		used[block] += panel_group(context, (enum figure_group)group,
					   y + used[block], y + height,
					   block * w + 1, w - 2);
	}
	for (int i = 0; i < blocks; i++)
		most = used[i] > most ? used[i] : most;
	return most < height ? most : height;
}

static void panel_save_one(const char *name, uint64_t value, bool json,
			   FILE *out)
{
	if (value != FIGURE_UNKNOWN)
		fprintf(out, json ? ",\"%s\":%" PRIu64 : "%s,%" PRIu64 "\n",
			name, value);
	else if (!json)
		fprintf(out, "%s,\n", name);
}

void panel_save(const struct panel *panel, const struct context *context,
		enum opts_format format, FILE *out)
{
	bool json = format == OPTS_JSON;

	fputs(json ? "{\"schema\":1" : "name,value\n", out);
	for (unsigned i = 0; i < FIGURES; i++)
		if (figures_table[i].group >= panel->first &&
		    figures_table[i].group <= panel->last)
			panel_save_one(figures_table[i].name,
				       panel_value(context, (enum figure)i),
				       json, out);
	if (panel->last >= FIGURE_STREAM)
		panel_save_one("state_age_ms",
			       panel_state_age(context) / 1000000u, json, out);
	if (json)
		fputs("}\n", out);
}
