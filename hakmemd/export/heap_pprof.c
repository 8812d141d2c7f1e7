#include "hakmemd/export/heap_pprof.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/export/pprof.pb-c.h"

#define BUDGET_BYTES (128u << 20)
#define GZIP_WINDOW  (15 + 16) /* zlib's largest, with gzip's header */
#define VALUES	     4u
#define COMMENTS     8u

struct writer {
	const struct heap_profile *profile;
	struct pool pool;
	Pprof__Profile out;
	size_t string_room;
	uint64_t *mapping_ids; /* by module id; 0 = none yet */
	int64_t comments[COMMENTS];
	bool spent; /* memory ran out on the way */
};

/* An array of pointers to `count` messages, each zeroed. */
static void *heap_pprof_messages(struct writer *writer, size_t count,
				 size_t size)
{
	char *block = pool_array(&writer->pool, count, size);
	void **heads = pool_array(&writer->pool, count, sizeof(*heads));

	if (!block || !heads) {
		writer->spent = true;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		heads[i] = block + i * size;
	return heads;
}

/* Adds a string that outlives the writer, or lies in its arena. */
static int64_t heap_pprof_text(struct writer *writer, const char *string)
{
	Pprof__Profile *out = &writer->out;

	if (*string == '\0' && out->n_string_table > 0)
		return 0;
	if (out->n_string_table == writer->string_room) {
		writer->spent = true;
		return 0;
	}
	out->string_table[out->n_string_table] = (char *)(uintptr_t)string;
	return (int64_t)out->n_string_table++;
}

static char *heap_pprof_print(struct writer *writer, size_t room)
{
	static char nothing[1];
	char *place = pool_alloc(&writer->pool, room);

	if (place)
		return place;
	writer->spent = true;
	return nothing;
}

static const char *heap_pprof_build_id(struct writer *writer,
				       const struct sites_module *module)
{
	char *hex = heap_pprof_print(writer, MODULE_BUILD_MAX * 2 + 1);

	for (size_t i = 0; !writer->spent && i < module->build_id_bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", module->build_id[i]);
	return hex;
}

static void heap_pprof_fill_mapping(struct writer *writer,
				    const struct sites_module *module)
{
	Pprof__Profile *out = &writer->out;
	Pprof__Mapping *mapping = out->mapping[out->n_mapping++];

	pprof__mapping__init(mapping);
	mapping->id = out->n_mapping;
	mapping->memory_start = module->start;
	mapping->memory_limit = module->end;
	if (module->text_bytes) {
		mapping->memory_start = module->text_start;
		mapping->memory_limit = module->text_start + module->text_bytes;
		mapping->file_offset = module->text_offset;
	}
	mapping->filename = heap_pprof_text(writer, module->path);
	mapping->build_id =
		heap_pprof_text(writer, heap_pprof_build_id(writer, module));
	mapping->has_functions = mapping->has_filenames =
		mapping->has_line_numbers = mapping->has_inline_frames = 1;
	writer->mapping_ids[module->id] = mapping->id;
}

/* The program's own file, as far as its modules tell which it is. */
static const struct sites_module *
heap_pprof_main_module(const struct model *model)
{
	for (uint32_t i = 0; i < model->sites.module_room; i++) {
		const struct sites_module *module =
			sites_module(&model->sites, i);

		if (module && strcmp(module->path, model->executable) == 0)
			return module;
	}
	return NULL;
}

/* Readers take the first mapping for the program, so that is told, always. */
static void heap_pprof_fill_mappings(struct writer *writer)
{
	const struct heap_profile *profile = writer->profile;
	const struct sites *sites = &profile->model->sites;
	const struct sites_module *module =
		heap_pprof_main_module(profile->model);
	struct sites_module unknown = {
		.path = profile->model->executable}; /* id 0: never asked for */

	writer->mapping_ids = pool_array(&writer->pool, sites->module_room + 1u,
					 sizeof(uint64_t));
	writer->out.mapping = heap_pprof_messages(
		writer, sites->module_count + 1u, sizeof(Pprof__Mapping));
	if (!writer->mapping_ids || writer->spent)
		return;
	heap_pprof_fill_mapping(writer, module ? module : &unknown);
	for (uint32_t i = 0; i < profile->location_count; i++) {
		module = profile->locations[i].module;
		if (module && !writer->mapping_ids[module->id])
			heap_pprof_fill_mapping(writer, module);
	}
}

static void heap_pprof_fill_functions(struct writer *writer)
{
	const struct heap_profile *profile = writer->profile;
	Pprof__Profile *out = &writer->out;

	out->function = heap_pprof_messages(writer, profile->function_count,
					    sizeof(Pprof__Function));
	for (uint32_t i = 0; !writer->spent && i < profile->function_count;
	     i++) {
		Pprof__Function *function = out->function[i];

		pprof__function__init(function);
		function->id = i + 1;
		function->name =
			heap_pprof_text(writer, profile->functions[i].name);
		function->system_name = function->name;
		function->filename =
			heap_pprof_text(writer, profile->functions[i].file);
		out->n_function++;
	}
}

static void heap_pprof_fill_lines(struct writer *writer, Pprof__Location *to,
				  const struct heap_profile_location *from)
{
	to->line = heap_pprof_messages(writer, from->line_count,
				       sizeof(Pprof__Line));
	for (uint32_t i = 0; !writer->spent && i < from->line_count; i++) {
		pprof__line__init(to->line[i]);
		to->line[i]->function_id = from->lines[i].function + 1u;
		to->line[i]->line = from->lines[i].line;
		to->n_line++;
	}
}

static void heap_pprof_fill_locations(struct writer *writer)
{
	const struct heap_profile *profile = writer->profile;
	Pprof__Profile *out = &writer->out;

	out->location = heap_pprof_messages(writer, profile->location_count,
					    sizeof(Pprof__Location));
	for (uint32_t i = 0; !writer->spent && i < profile->location_count;
	     i++) {
		const struct heap_profile_location *from =
			&profile->locations[i];
		Pprof__Location *location = out->location[i];

		pprof__location__init(location);
		location->id = i + 1;
		location->address = from->pc;
		if (from->module)
			location->mapping_id =
				writer->mapping_ids[from->module->id];
		heap_pprof_fill_lines(writer, location, from);
		out->n_location++;
	}
}

/* One of the four values, in the order of the sample types. */
static double heap_pprof_value_of(const struct heap_profile *profile,
				  const struct heap_profile_row *row,
				  unsigned index)
{
	bool peak = profile->options.sample == HEAP_PROFILE_PEAK;

	switch (index) {
	case 0:
		return row->since.alloc_objects;
	case 1:
		return row->since.alloc_bytes;
	case 2:
		return peak ? row->objects : row->since.live_objects;
	default:
		return peak ? row->bytes : row->since.live_bytes;
	}
}

static void heap_pprof_fill_samples(struct writer *writer)
{
	const struct heap_profile *profile = writer->profile;
	Pprof__Profile *out = &writer->out;
	struct heap_profile_round columns[VALUES] = {{0, 0}};

	out->sample = heap_pprof_messages(writer, profile->row_count,
					  sizeof(Pprof__Sample));
	for (uint32_t i = 0; !writer->spent && i < profile->row_count; i++) {
		const struct heap_profile_row *row = &profile->rows[i];
		Pprof__Sample *sample = out->sample[i];

		pprof__sample__init(sample);
		sample->location_id =
			pool_array(&writer->pool, row->depth, sizeof(uint64_t));
		sample->value =
			pool_array(&writer->pool, VALUES, sizeof(int64_t));
		if (!sample->location_id || !sample->value) {
			writer->spent = true;
			return;
		}
		for (uint32_t d = 0; d < row->depth; d++)
			sample->location_id[d] = row->locations[d] + 1u;
		for (unsigned v = 0; v < VALUES; v++)
			sample->value[v] = heap_profile_round(
				&columns[v],
				heap_pprof_value_of(profile, row, v));
		sample->n_location_id = row->depth;
		sample->n_value = VALUES;
		out->n_sample++;
	}
}

static void heap_pprof_fill_type(struct writer *writer, Pprof__ValueType *type,
				 const char *name, const char *unit)
{
	pprof__value_type__init(type);
	type->type = heap_pprof_text(writer, name);
	type->unit = heap_pprof_text(writer, unit);
}

static void heap_pprof_fill_types(struct writer *writer)
{
	static const char *const names[VALUES][2] = {{"alloc_objects", "count"},
						     {"alloc_space", "bytes"},
						     {"inuse_objects", "count"},
						     {"inuse_space", "bytes"}};
	unsigned shown =
		writer->profile->options.sample == HEAP_PROFILE_ALLOC ? 1 : 3;
	Pprof__Profile *out = &writer->out;

	out->sample_type =
		heap_pprof_messages(writer, VALUES, sizeof(Pprof__ValueType));
	out->period_type = pool_alloc(&writer->pool, sizeof(Pprof__ValueType));
	if (writer->spent || !out->period_type) {
		writer->spent = true;
		return;
	}
	for (unsigned i = 0; i < VALUES; i++)
		heap_pprof_fill_type(writer, out->sample_type[i], names[i][0],
				     names[i][1]);
	out->n_sample_type = VALUES;
	out->default_sample_type = out->sample_type[shown]->type;
	heap_pprof_fill_type(writer, out->period_type, "space", "bytes");
	out->period = (int64_t)model_sample_bytes(writer->profile->model);
}

static void heap_pprof_comment(struct writer *writer, const char *string)
{
	if (writer->out.n_comment < COMMENTS)
		writer->comments[writer->out.n_comment++] =
			heap_pprof_text(writer, string);
}

#define COMMENT_BYTES 512u

static void heap_pprof_fill_comments(struct writer *writer)
{
	const struct heap_profile *profile = writer->profile;
	const struct model *model = profile->model;
	char *line = heap_pprof_print(writer, COMMENT_BYTES);
	char *figures = heap_pprof_print(writer, COMMENT_BYTES);

	writer->out.comment = writer->comments;
	if (writer->spent)
		return;
	snprintf(line, COMMENT_BYTES, "hakmem " HAKMEM_VERSION ", pid %d",
		 (int)profile->options.process->pid);
	snprintf(figures, COMMENT_BYTES,
		 "%s: %.0f bytes, one standard error %.0f; z of exact counts "
		 "%.2f",
		 heap_profile_sample_name(profile->options.sample),
		 profile->bytes, sqrt(profile->bytes_var), profile->estimate.z);
	heap_pprof_comment(writer, line);
	heap_pprof_comment(writer, model->command);
	heap_pprof_comment(writer, figures);
	if (profile->options.sample == HEAP_PROFILE_PEAK)
		heap_pprof_comment(writer, "inuse_*: the heap at its highest");
	if (profile->options.baseline)
		heap_pprof_comment(
			writer,
			"figures since a baseline; what lives may be less "
			"than it was");
	if (model->sites.lost)
		heap_pprof_comment(writer,
				   "a lower bound: sites found no room");
}

static void heap_pprof_fill(struct writer *writer)
{
	const struct heap_profile *profile = writer->profile;
	const struct sites *sites = &profile->model->sites;
	uint64_t start_ns = profile->options.process->start_ns;

	pprof__profile__init(&writer->out);
	writer->string_room = (size_t)profile->function_count * 2 +
			      (size_t)sites->module_count * 2 + 32;
	writer->out.string_table =
		pool_array(&writer->pool, writer->string_room,
			   sizeof(*writer->out.string_table));
	if (!writer->out.string_table) {
		writer->spent = true;
		return;
	}
	heap_pprof_text(writer, "");
	writer->out.time_nanos = (int64_t)clock_read(CLOCK_REALTIME);
	if (profile->time_ns > start_ns)
		writer->out.duration_nanos =
			(int64_t)(profile->time_ns - start_ns);
	heap_pprof_fill_types(writer);
	heap_pprof_fill_comments(writer);
	if (!writer->spent)
		heap_pprof_fill_mappings(writer);
	if (!writer->spent)
		heap_pprof_fill_functions(writer);
	if (!writer->spent)
		heap_pprof_fill_locations(writer);
	if (!writer->spent)
		heap_pprof_fill_samples(writer);
}

static bool heap_pprof_compress_to(struct buf *out, uint8_t *bytes,
				   size_t length)
{
	z_stream stream = {.next_in = bytes, .avail_in = (uInt)length};
	uint8_t *place;
	size_t room;
	bool good;

	if (length > UINT32_MAX ||
	    deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
			 GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	room = deflateBound(&stream, (uLong)length);
	place = buf_reserve(out, room);
	stream.next_out = place;
	stream.avail_out = (uInt)room;
	good = place && deflate(&stream, Z_FINISH) == Z_STREAM_END;
	if (good)
		buf_commit(out, stream.total_out);
	deflateEnd(&stream);
	return good;
}

bool heap_pprof(const struct heap_profile *profile, struct buf *out)
{
	struct writer writer = {.profile = profile};
	uint8_t *bytes = NULL;
	bool good = false;

	pool_init(&writer.pool, BUDGET_BYTES);
	heap_pprof_fill(&writer);
	if (!writer.spent)
		bytes = pool_alloc(
			&writer.pool,
			pprof__profile__get_packed_size(&writer.out));
	if (bytes)
		good = heap_pprof_compress_to(
			out, bytes, pprof__profile__pack(&writer.out, bytes));
	pool_free(&writer.pool);
	return good;
}
