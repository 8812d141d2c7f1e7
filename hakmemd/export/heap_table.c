#include "hakmemd/export/heap_table.h"

#include <math.h>
#include <string.h>

#include "hakmemd/model/check.h"
#include "hakmemd/core/clock.h"
#include "hakmemd/export/export_csv.h"
#include "hakmemd/export/export_json.h"

#define STACK_BYTES 65536u

struct row {
	const struct profile_row *from;
	Hakmem__SiteRow site;
	struct stack_place place;
	char stack[STACK_BYTES]; /* CSV only */
};

/* The last one is CSV's alone: JSON has frames. */
static const struct export_column columns[] = {
#define SITES_COLUMN(name, kind, help) {#name, EXPORT_##kind},
#include "proto/columns.def"
	{"stack", EXPORT_TEXT},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const char *name_of(const struct profile *profile,
			   const struct profile_line *line)
{
	return profile->functions[line->function].name;
}

/* "root;...;leaf" as far as it fits; a ';' in a name is a ':'. */
static void fold(const struct profile *profile, const struct profile_row *row,
		 char *out, size_t room)
{
	size_t used = 0;

	for (uint32_t i = row->depth; i-- > 0;) {
		const struct profile_location *at =
			&profile->locations[row->locations[i]];

		for (uint32_t l = at->line_count; l-- > 0;) {
			const char *name = name_of(profile, &at->lines[l]);

			if (used > 0 && used + 1 < room)
				out[used++] = ';';
			for (; *name && used + 1 < room; name++)
				out[used++] = *name == ';' ? ':' : *name;
		}
	}
	out[used] = '\0';
	check_string(out, room - 1); /* of a character cut in two */
}

/* In the order of the columns. */
static void fill_values(const struct row *row, union export_value *value)
{
	const Hakmem__SiteRow *site = &row->site;
	const struct stack_place *place = &row->place;
	const struct profile_row *from = row->from;
	const struct sites_figures *since = &from->since;

	(value++)->count = site->site_id;
	(value++)->text = place->function;
	(value++)->text = place->location;
	(value++)->text = place->module;
	(value++)->real = site->live_bytes;
	(value++)->real = site->live_bytes_stderr;
	(value++)->real = site->live_objects;
	(value++)->real = site->live_objects_stderr;
	(value++)->change = since->live_samples;
	(value++)->real = site->alloc_bytes;
	(value++)->real = site->alloc_bytes_stderr;
	(value++)->real = site->alloc_objects;
	(value++)->real = site->alloc_objects_stderr;
	(value++)->count = site->samples;
	(value++)->real = site->alloc_bytes_per_s;
	(value++)->real = site->peak_bytes;
	(value++)->real = site->peak_bytes_stderr;
	(value++)->real = site->peak_objects;
	(value++)->real = site->peak_objects_stderr;
	(value++)->real = site->highest_bytes;
	(value++)->real = site->mean_age_s;
	(value++)->real = site->short_lived;
	(value++)->count = site->growing != 0;
	(value++)->real = site->growth_bytes_per_s;
	(value++)->real = site->growth_minutes;
	(value++)->count = site->thread_id;
	(value++)->text = site->thread_name;
	(value++)->count = site->threads;
	(value++)->count = site->truncated != 0;
	(value++)->text = row->stack;
}

static bool table_row(const struct export_table *table, size_t index,
		      union export_value *values)
{
	static struct row row;
	union export_value all[COLUMNS];
	const struct profile *profile = table->prepared;
	struct stack_source source = {profile->wish.symbols,
				      profile->wish.process, true};

	if (index >= profile->row_count)
		return false;
	row.from = &profile->rows[index];
	site_row_fill(&row.site, profile->model, row.from->site,
		      profile->wish.mark);
	stack_innermost(&source, row.from->site, &row.place);
	row.stack[0] = '\0';
	if (table->column_count == COLUMNS)
		fold(profile, row.from, row.stack, sizeof(row.stack));
	fill_values(&row, all);
	memcpy(values, all, table->column_count * sizeof(*values));
	return true;
}

/* What is true of the whole. */
static bool json_head(const struct export_table *table, struct buf *out)
{
	const struct profile *profile = table->prepared;
	const struct mark *mark = profile->wish.mark;

	return buf_print(out, ",\"sample\":\"%s\",\"mark\":",
			 profile_sample_name(profile->wish.sample)) &&
	       (mark ? export_json_string(out, mark->name)
		     : buf_print(out, "null")) &&
	       buf_print(out,
			 ",\"sample_bytes\":%llu,\"bytes\":%.3f,"
			 "\"bytes_stderr\":%.3f,\"objects\":%.3f",
			 (unsigned long long)profile->model->sample_bytes,
			 profile->bytes, sqrt(profile->bytes_var),
			 profile->objects) &&
	       buf_print(out, ",\"z\":%.3f,\"sites_lost\":%llu",
			 profile->estimate.z,
			 (unsigned long long)profile->model->sites.lost);
}

static bool put_frame(const struct profile *profile,
		      const struct profile_location *at,
		      const struct profile_line *line, struct buf *out)
{
	const struct profile_function *function =
		&profile->functions[line->function];
	const char *module = at->module ? at->module->path : "";
	uint64_t bias = at->module ? at->module->bias : 0;

	return buf_print(out, "{\"function\":") &&
	       export_json_string(out, function->name) &&
	       buf_print(out, ",\"file\":") &&
	       export_json_string(out, function->file) &&
	       buf_print(out, ",\"line\":%u,\"module\":", line->line) &&
	       export_json_string(out, module) &&
	       buf_print(out, ",\"module_offset\":\"0x%llx\",\"inlined\":%s",
			 (unsigned long long)(at->pc - bias),
			 line->inlined ? "true" : "false") &&
	       (*line->note == '\0' || (buf_print(out, ",\"note\":") &&
					export_json_string(out, line->note))) &&
	       buf_append(out, "}", 1);
}

/* Leaf first. */
static bool json_more(const struct export_table *table, size_t index,
		      struct buf *out)
{
	const struct profile *profile = table->prepared;
	const struct profile_row *row = &profile->rows[index];
	bool first = true;

	if (!buf_print(out, ",\"frames\":["))
		return false;
	for (uint32_t i = 0; i < row->depth; i++) {
		const struct profile_location *at =
			&profile->locations[row->locations[i]];

		for (uint32_t l = 0; l < at->line_count; l++) {
			if ((!first && !buf_append(out, ",", 1)) ||
			    !put_frame(profile, at, &at->lines[l], out))
				return false;
			first = false;
		}
	}
	return buf_append(out, "]", 1);
}

static bool write_as(const struct export_format *format, size_t column_count,
		     const struct profile *profile, struct buf *out)
{
	struct export_table table = {
		.name = "heap",
		.columns = columns,
		.column_count = column_count,
		.row = table_row,
		.time_s = clock_unix_s(profile->time_ns),
		.pid = profile->wish.process->pid,
		.command = profile->model->command,
		.prepared = profile,
		.json_head = json_head,
		.json_more = json_more,
	};

	_Static_assert(COLUMNS <= EXPORT_COLUMNS_MAX, "columns of a table");
	return format->write(&table, out);
}

static bool write_csv(const struct profile *profile, struct buf *out)
{
	return write_as(&export_csv, COLUMNS, profile, out);
}

static bool write_json(const struct profile *profile, struct buf *out)
{
	return write_as(&export_json, COLUMNS - 1, profile, out);
}

const struct profile_format heap_csv = {.name = "csv", .write = write_csv};
const struct profile_format heap_json = {.name = "json", .write = write_json};
