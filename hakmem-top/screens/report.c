#include "hakmem-top/screens/report.h"

#include <time.h>

#include "hakmem-top/base/text.h"

#define TEXT_COLUMNS  110 /* least width of what a line of text holds */
#define FLEXIBLE_MOST 100 /* columns of the text at its end */

double report_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void report_csv_header(FILE *out, const struct screen *screen)
{
	const struct table *table = screen->table();

	if (!screen->of_process) /* one report stands behind another */
		fputs("time_s,", out);
	for (size_t i = 0; i < table->field_count; i++)
		fprintf(out, "%s%s", i ? "," : "", table->fields[i].name);
	fputc('\n', out);
}

void report_csv_rows(FILE *out, const struct screen *screen,
		     const struct context *context, size_t most)
{
	const struct table *table = screen->table();

	for (size_t row = 0; row < table->count && row < most; row++) {
		if (!screen->of_process)
			fprintf(out, "%.3f,", context->time_s);
		for (size_t i = 0; i < table->field_count; i++) {
			struct value value =
				table->fields[i].get(table->rows[row]);

			if (i)
				fputc(',', out);
			value_write(out, &value, false);
		}
		fputc('\n', out);
	}
}

void report_object(FILE *out, const struct field *fields, size_t count,
		   const void *row)
{
	const char *before = "{";

	for (size_t i = 0; i < count; i++) {
		struct value value = fields[i].get(row);

		if (value.kind == VALUE_NONE)
			continue;
		fprintf(out, "%s\"%s\":", before, fields[i].name);
		value_write(out, &value, true);
		before = ",";
	}
	fputc('}', out);
}

/* What is true of the whole, up to its rows. */
static void report_json_head(FILE *out, const struct screen *screen,
			     const struct context *context)
{
	fprintf(out, "{\"schema\":%d,\"time_s\":%.3f", REPORT_SCHEMA,
		context->time_s);
	if (!screen->of_process) {
		fprintf(out, ",\"%s\":[", screen->what);
		return;
	}
	fprintf(out, ",\"pid\":%u,\"command\":", context->detail->process.pid);
	text_json(out, context->detail->process.command);
	fprintf(out, ",\"what\":\"%s\"", screen->what);
	if (screen->head)
		screen->head(context, out);
	fputs(",\"rows\":[", out);
}

static void report_json(FILE *out, const struct screen *screen,
			const struct context *context, size_t most)
{
	const struct table *table = screen->table();

	report_json_head(out, screen, context);
	for (size_t row = 0; row < table->count && row < most; row++) {
		if (row)
			fputc(',', out);
		report_object(out, table->fields, table->field_count,
			      table->rows[row]);
	}
	fputs("]}\n", out);
}

/* True for the columns that text has; the flexible one is `last`. */
static bool report_fits(const struct table *table, size_t index, bool last)
{
	const struct column *column = &table->columns[index];
	int used = 0;

	if (!(column->flags & COLUMN_FLEXIBLE) == last)
		return false;
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].rank <= column->rank)
			used += table->columns[i].width + 1;
	return used <= TEXT_COLUMNS;
}

/* A cell; what stands at the end of a line is not filled with blanks. */
static void report_cell(FILE *out, const struct column *column,
			const char *text)
{
	char clean[VALUE_TEXT_MAX];
	int width = column->width;

	text_clean(clean, sizeof(clean), text,
		   (size_t)(column->flags & COLUMN_FLEXIBLE ? FLEXIBLE_MOST
							    : width),
		   false);
	if (column->flags & COLUMN_FLEXIBLE)
		fprintf(out, "%s\n", clean);
	else if (column->flags & COLUMN_LEFT)
		fprintf(out, "%-*s ", width, clean);
	else
		fprintf(out, "%*s ", width, clean);
}

/* A line of a row, or of titles without one. */
static void report_line(FILE *out, const struct table *table, const void *row)
{
	char text[VALUE_TEXT_MAX];

	for (int last = 0; last <= 1; last++)
		for (size_t i = 0; i < table->column_count; i++) {
			const struct column *column = &table->columns[i];

			if (!report_fits(table, i, last))
				continue;
			if (row)
				table_cell(column, row, 0, text);
			report_cell(out, column, row ? text : column->title);
		}
}

static void report_text(FILE *out, const struct table *table, size_t most)
{
	report_line(out, table, NULL);
	for (size_t row = 0; row < table->count && row < most; row++)
		report_line(out, table, table->rows[row]);
}

/* What a screen needs has come. */
static bool report_ready(const struct screen *screen,
			 const struct context *context)
{
	return (!screen->of_process || context->detail) &&
	       (!(screen->needs & NEEDS(SITES)) || context->sites) &&
	       (!(screen->needs & NEEDS(STACK)) || context->stack);
}

bool report_write(FILE *out, const struct screen *screen,
		  struct context *context, enum opts_format format, size_t most)
{
	if (screen->save)
		return screen->save(context, format, out);
	if (!report_ready(screen, context))
		return false;
	if (format == OPTS_JSON) {
		report_json(out, screen, context, most);
	} else if (format == OPTS_CSV) {
		report_csv_header(out, screen);
		report_csv_rows(out, screen, context, most);
	} else {
		report_text(out, screen->table(), most);
	}
	return true;
}
