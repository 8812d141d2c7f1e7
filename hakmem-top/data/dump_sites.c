#include "hakmem-top/data/dump_sites.h"

#include <inttypes.h>

#include "hakmem-top/base/text.h"

/* A column: its name, and one way to get it. */
struct field {
	const char *name;
	const char *(*text)(const struct site *site);
	double (*real)(const struct site *site);
	uint64_t (*whole)(const struct site *site);
	bool (*truth)(const struct site *site);
};

#define TEXT(name, value)                                                      \
	static const char *get_##name(const struct site *site)                 \
	{                                                                      \
		return value;                                                  \
	}
#define NUMBER(type, name, value)                                              \
	static type get_##name(const struct site *site)                        \
	{                                                                      \
		return value;                                                  \
	}
#define REAL(name, value)  NUMBER(double, name, value)
#define WHOLE(name, value) NUMBER(uint64_t, name, value)

WHOLE(site_id, site->id)
TEXT(function, sites_name(site))
TEXT(location, site->location)
TEXT(module, site->module)
REAL(live_bytes, site->live.value)
REAL(live_bytes_stderr, site->live.error)
REAL(live_objects, site->live_objects.value)
REAL(live_objects_stderr, site->live_objects.error)
WHOLE(live_samples, site->live.samples)
REAL(alloc_bytes, site->allocated.value)
REAL(alloc_bytes_stderr, site->allocated.error)
REAL(alloc_objects, site->alloc_objects)
WHOLE(samples, site->allocated.samples)
REAL(alloc_bytes_per_s, site->rate)
REAL(peak_bytes, site->peak_bytes)
REAL(peak_bytes_stderr, site->peak_error)
REAL(highest_bytes, site->highest_bytes)
REAL(mean_age_s, site->mean_age_s)
REAL(short_lived_share, site->short_lived)
NUMBER(bool, growing, site->growing)
REAL(growth_bytes_per_s, site->growth)
REAL(growth_minutes, site->growth_minutes)
WHOLE(thread_id, site->thread_id)
TEXT(thread_name, site->thread)
WHOLE(threads, site->threads)

#define FIELD(name, way)                                                       \
	{                                                                      \
#name, .way = get_##name                                       \
	}
static const struct field fields[] = {
	FIELD(site_id, whole),		 FIELD(function, text),
	FIELD(location, text),		 FIELD(module, text),
	FIELD(live_bytes, real),	 FIELD(live_bytes_stderr, real),
	FIELD(live_objects, real),	 FIELD(live_objects_stderr, real),
	FIELD(live_samples, whole),	 FIELD(alloc_bytes, real),
	FIELD(alloc_bytes_stderr, real), FIELD(alloc_objects, real),
	FIELD(samples, whole),		 FIELD(alloc_bytes_per_s, real),
	FIELD(peak_bytes, real),	 FIELD(peak_bytes_stderr, real),
	FIELD(highest_bytes, real),	 FIELD(mean_age_s, real),
	FIELD(short_lived_share, real),	 FIELD(growing, truth),
	FIELD(growth_bytes_per_s, real), FIELD(growth_minutes, real),
	FIELD(thread_id, whole),	 FIELD(thread_name, text),
	FIELD(threads, whole),
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *truth(bool value, bool json)
{
	return value ? (json ? "true" : "1") : json ? "false" : "0";
}

/* One figure, of JSON or CSV. */
static void value(FILE *out, const struct field *field, const struct site *site,
		  bool json)
{
	if (field->text && json)
		text_json(out, field->text(site));
	else if (field->text)
		text_csv(out, field->text(site));
	else if (field->whole)
		fprintf(out, "%" PRIu64, field->whole(site));
	else if (field->truth)
		fputs(truth(field->truth(site), json), out);
	else
		fprintf(out, "%.3f", field->real(site));
}

static void site_json(FILE *out, const struct site *site)
{
	for (size_t i = 0; i < FIELDS; i++) {
		fprintf(out, "%s\"%s\":", i ? "," : "{", fields[i].name);
		value(out, &fields[i], site, true);
	}
	fputc('}', out);
}

void dump_sites_table_csv(FILE *out, const struct site *const *rows,
			  size_t count)
{
	for (size_t i = 0; i < FIELDS; i++)
		fprintf(out, "%s%s", i ? "," : "", fields[i].name);
	fputc('\n', out);
	for (size_t row = 0; row < count; row++) {
		for (size_t i = 0; i < FIELDS; i++) {
			if (i)
				fputc(',', out);
			value(out, &fields[i], rows[row], false);
		}
		fputc('\n', out);
	}
}

void dump_sites_table_json(FILE *out, uint32_t pid, const struct sites *sites,
			   const struct site *const *rows, size_t count)
{
	fprintf(out,
		"{\"pid\":%u,\"sample_bytes\":%" PRIu64
		",\"live_bytes\":%.3f,\"live_bytes_stderr\":%.3f,\"z\":%.3f"
		",\"symbols_pending\":%s,\"sites\":[",
		pid, sites->sample_bytes, sites->live.value, sites->live.error,
		sites->z, truth(sites->pending, true));
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n" : "\n", out);
		site_json(out, rows[i]);
	}
	fputs("\n]}\n", out);
}

void dump_sites_stack_csv(FILE *out, const struct stack_frame *const *frames,
			  size_t count)
{
	fputs("function,file,line,module,module_offset,pc,inlined,note\n", out);
	for (size_t i = 0; i < count; i++) {
		const struct stack_frame *frame = frames[i];

		text_csv(out, frame->function);
		fputc(',', out);
		text_csv(out, frame->file);
		fprintf(out, ",%u,", frame->line);
		text_csv(out, frame->module);
		fprintf(out, ",0x%" PRIx64 ",0x%" PRIx64 ",%s,",
			frame->module_offset, frame->pc,
			truth(frame->inlined, false));
		text_csv(out, frame->note);
		fputc('\n', out);
	}
}

static void frame_json(FILE *out, const struct stack_frame *frame)
{
	fputs("{\"function\":", out);
	text_json(out, frame->function);
	fputs(",\"file\":", out);
	text_json(out, frame->file);
	fprintf(out, ",\"line\":%u,\"module\":", frame->line);
	text_json(out, frame->module);
	fprintf(out,
		",\"module_offset\":\"0x%" PRIx64 "\",\"pc\":\"0x%" PRIx64
		"\",\"inlined\":%s,\"note\":",
		frame->module_offset, frame->pc, truth(frame->inlined, true));
	text_json(out, frame->note);
	fputc('}', out);
}

void dump_sites_stack_json(FILE *out, uint32_t pid, const struct stack *stack,
			   const struct stack_frame *const *frames,
			   size_t count)
{
	fprintf(out, "{\"pid\":%u,\"site\":", pid);
	site_json(out, &stack->site);
	fprintf(out, ",\"truncated\":%s,\n\"lifetimes\":[",
		truth(stack->truncated, true));
	for (size_t i = 0; i < AGES_COUNT; i++)
		fprintf(out, "%s{\"age_us\":%" PRIu64 ",\"objects\":%.3f}",
			i ? "," : "", ages_low_ns((uint32_t)i) / 1000,
			stack->lifetimes[i]);
	fputs("],\n\"frames\":[", out);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? ",\n" : "\n", out);
		frame_json(out, frames[i]);
	}
	fputs("\n]}\n", out);
}
