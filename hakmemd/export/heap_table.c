#include "hakmemd/export/heap_table.h"

#include <math.h>
#include <string.h>

#include "hakmemd/model/check.h"
#include "hakmemd/core/clock.h"
#include "hakmemd/export/export_csv.h"
#include "hakmemd/export/export_json.h"

#define STACK_BYTES 65536u

struct row {
	Hakmem__SiteRow site; /* first: what the shared columns are of */
	struct stack_place place;
	char stack[STACK_BYTES];
};

#define SITES_COLUMN(name, kind, help)                                         \
	EXPORT_GETTER(site, Hakmem__SiteRow, name, kind)
#include "proto/columns.def"
EXPORT_GETTER(row, struct row, stack, TEXT)

/* JSON has frames instead of the last one. */
static const struct export_column heap_table_columns[] = {
#define SITES_COLUMN(name, kind, help)                                         \
	{#name, EXPORT_##kind, site_##name, false},
#include "proto/columns.def"
	{"stack", EXPORT_TEXT, row_stack, true},
};

static const char *heap_table_name_of(const struct heap_profile *profile,
				      const struct heap_profile_line *line)
{
	return profile->functions[line->function].name;
}

/* "root;...;leaf" as far as it fits; a ';' in a name is a ':'. */
static void heap_table_fold(const struct heap_profile *profile,
			    const struct heap_profile_row *row, char *out,
			    size_t room)
{
	size_t used = 0;

	for (uint32_t i = row->depth; i-- > 0;) {
		const struct heap_profile_location *at =
			&profile->locations[row->locations[i]];

		for (uint32_t l = at->line_count; l-- > 0;) {
			const char *name =
				heap_table_name_of(profile, &at->lines[l]);

			if (used > 0 && used + 1 < room)
				out[used++] = ';';
			for (; *name && used + 1 < room; name++)
				out[used++] = *name == ';' ? ':' : *name;
		}
	}
	out[used] = '\0';
	check_string(out, room - 1); /* of a character cut in two */
}

static const void *heap_table_row(const struct export_table *table,
				  size_t index)
{
	static struct row row;
	const struct heap_profile *profile = table->prepared;
	const struct heap_profile_row *from = &profile->rows[index];
	struct stack_source source = {profile->options.symbols,
				      profile->options.process, true};

	if (index >= profile->row_count)
		return NULL;
	site_row_fill(&row.site, profile->model, from->site,
		      profile->options.baseline);
	stack_innermost(&source, from->site, &row.place);
	row.site.function = row.place.function;
	row.site.location = row.place.location;
	row.site.module = row.place.module;
	heap_table_fold(profile, from, row.stack, sizeof(row.stack));
	return &row;
}

/* What is true of the whole. */
static bool heap_table_json_head(const struct export_table *table,
				 struct buf *out)
{
	const struct heap_profile *profile = table->prepared;
	const struct baseline *baseline = profile->options.baseline;

	return buf_print(out, ",\"sample\":\"%s\",\"mark\":",
			 heap_profile_sample_name(profile->options.sample)) &&
	       (baseline ? export_json_string(out, baseline->name)
			 : buf_print(out, "null")) &&
	       buf_print(out,
			 ",\"sample_bytes\":%llu,\"bytes\":%.3f,"
			 "\"bytes_stderr\":%.3f,\"objects\":%.3f",
			 (unsigned long long)model_sample_bytes(profile->model),
			 profile->bytes, sqrt(profile->bytes_var),
			 profile->objects) &&
	       buf_print(out, ",\"z\":%.3f,\"sites_lost\":%llu",
			 profile->estimate.z,
			 (unsigned long long)profile->model->sites.lost);
}

static bool heap_table_put_frame(const struct heap_profile *profile,
				 const struct heap_profile_location *at,
				 const struct heap_profile_line *line,
				 struct buf *out)
{
	const struct heap_profile_function *function =
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
static bool heap_table_json_more(const struct export_table *table, size_t index,
				 struct buf *out)
{
	const struct heap_profile *profile = table->prepared;
	const struct heap_profile_row *row = &profile->rows[index];
	bool first = true;

	if (!buf_print(out, ",\"frames\":["))
		return false;
	for (uint32_t i = 0; i < row->depth; i++) {
		const struct heap_profile_location *at =
			&profile->locations[row->locations[i]];

		for (uint32_t l = 0; l < at->line_count; l++) {
			if ((!first && !buf_append(out, ",", 1)) ||
			    !heap_table_put_frame(profile, at, &at->lines[l],
						  out))
				return false;
			first = false;
		}
	}
	return buf_append(out, "]", 1);
}

static struct export_table heap_table_of(const struct heap_profile *profile)
{
	return (struct export_table){
		.name = "heap",
		.columns = heap_table_columns,
		.column_count = sizeof(heap_table_columns) /
				sizeof(heap_table_columns[0]),
		.row = heap_table_row,
		.time_s = clock_unix_s(profile->time_ns),
		.pid = profile->options.process->pid,
		.command = profile->model->command,
		.prepared = profile,
		.json_head = heap_table_json_head,
		.json_more = heap_table_json_more,
	};
}

bool heap_csv(const struct heap_profile *profile, struct buf *out)
{
	struct export_table table = heap_table_of(profile);

	return export_csv(&table, out);
}

bool heap_json(const struct heap_profile *profile, struct buf *out)
{
	struct export_table table = heap_table_of(profile);

	return export_json(&table, out);
}
