#include "hakmem-top/data/dump.h"

#include <inttypes.h>
#include <stddef.h>

#include "hakmem-top/base/text.h"

/* The whole numbers of a process, in the order of the output. */
static const struct field {
	const char *name;
	size_t offset;
} fields[] = {
#define FIELD(name, member)                                                    \
	{                                                                      \
		name, offsetof(struct process, member)                         \
	}
	FIELD("live_bytes", live_bytes),
	FIELD("live_objects", live_objects),
	FIELD("peak_live_bytes", peak_live_bytes),
	FIELD("rss_bytes", rss_bytes),
	FIELD("allocs_total", allocs),
	FIELD("frees_total", frees),
	FIELD("requests_1024_total", requests_1024),
	FIELD("fallback_1024_total", fallback_1024),
	FIELD("page_boundary_total", page_boundary),
	FIELD("mincore_total", mincore),
	FIELD("header_rejects_total", rejects),
	FIELD("sample_bytes", sample_bytes),
	FIELD("dropped_total", dropped),
	FIELD("start_ticks", start_ticks),
	FIELD("process_id", id),
	FIELD("parent_process_id", parent_id),
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static uint64_t value(const struct process *process, size_t field)
{
	return *(const uint64_t *)(const void *)((const char *)process +
						 fields[field].offset);
}

static void process_json(FILE *out, const struct process *process)
{
	fprintf(out, "{\"pid\":%u,\"parent_pid\":%u,\"uid\":%u,\"command\":",
		process->pid, process->parent_pid, process->uid);
	text_json(out, process->command);
	fprintf(out, ",\"state\":\"%s\"", model_state_name(process->state));
	if (process->state == MODEL_EXITED && process->exit_known)
		fprintf(out, ",\"exit_status\":%d", process->exit_status);
	if (process->state == MODEL_SIGNALLED)
		fprintf(out, ",\"exit_signal\":%d", process->exit_signal);
	fprintf(out, ",\"age_s\":%.3f", (double)process->age_ns / 1e9);
	for (size_t i = 0; i < FIELDS; i++)
		fprintf(out, ",\"%s\":%" PRIu64, fields[i].name,
			value(process, i));
	fputc('}', out);
}

void dump_report_json(FILE *out, double time_s, const struct view *view)
{
	fprintf(out, "{\"time_s\":%.3f,\"processes\":[", time_s);
	for (size_t i = 0; i < view->count; i++) {
		if (i > 0)
			fputc(',', out);
		process_json(out, view->rows[i].process);
	}
	fputs("]}\n", out);
}

void dump_report_csv_header(FILE *out)
{
	fputs("time_s,pid,parent_pid,uid,command,state,exit_status,"
	      "exit_signal,age_s",
	      out);
	for (size_t i = 0; i < FIELDS; i++)
		fprintf(out, ",%s", fields[i].name);
	fputc('\n', out);
}

void dump_report_csv(FILE *out, double time_s, const struct view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct process *process = view->rows[i].process;

		fprintf(out, "%.3f,%u,%u,%u,", time_s, process->pid,
			process->parent_pid, process->uid);
		text_csv(out, process->command);
		fprintf(out, ",%s,", model_state_name(process->state));
		if (process->state == MODEL_EXITED && process->exit_known)
			fprintf(out, "%d", process->exit_status);
		fputc(',', out);
		if (process->state == MODEL_SIGNALLED)
			fprintf(out, "%d", process->exit_signal);
		fprintf(out, ",%.3f", (double)process->age_ns / 1e9);
		for (size_t f = 0; f < FIELDS; f++)
			fprintf(out, ",%" PRIu64, value(process, f));
		fputc('\n', out);
	}
}

void dump_sizes_csv(FILE *out, const struct size_bin *const *bins, size_t count)
{
	fputs("low_bytes,high_bytes,requests,requested_bytes,reserved_bytes,"
	      "live_objects,live_bytes,requests_stderr\n",
	      out);
	for (size_t i = 0; i < count; i++)
		fprintf(out,
			"%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
			",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.1f\n",
			bins[i]->low, bins[i]->high, bins[i]->requests,
			bins[i]->requested_bytes, bins[i]->reserved_bytes,
			bins[i]->live_objects, bins[i]->live_bytes,
			bins[i]->stderr_requests);
}

/* The process that a file of sizes or classes tells about. */
static void subject(FILE *out, const struct detail *detail, const char *what)
{
	fprintf(out, "{\"pid\":%u,\"command\":", detail->process.pid);
	text_json(out, detail->process.command);
	fprintf(out, ",\"state\":\"%s\",\"%s\":[",
		model_state_name(detail->process.state), what);
}

void dump_sizes_json(FILE *out, const struct detail *detail,
		     const struct size_bin *const *bins, size_t count)
{
	subject(out, detail, "sizes");
	for (size_t i = 0; i < count; i++)
		fprintf(out,
			"%s\n{\"low_bytes\":%" PRIu64 ",\"high_bytes\":%" PRIu64
			",\"requests\":%" PRIu64 ",\"requested_bytes\":%" PRIu64
			",\"reserved_bytes\":%" PRIu64
			",\"live_objects\":%" PRIu64 ",\"live_bytes\":%" PRIu64
			",\"requests_stderr\":%.1f}",
			i ? "," : "", bins[i]->low, bins[i]->high,
			bins[i]->requests, bins[i]->requested_bytes,
			bins[i]->reserved_bytes, bins[i]->live_objects,
			bins[i]->live_bytes, bins[i]->stderr_requests);
	fputs("\n]}\n", out);
}

void dump_classes_csv(FILE *out, const struct class_row *const *classes,
		      size_t count)
{
	fputs("class,stride_bytes,low_bytes,high_bytes,usable_bytes,"
	      "headerless,allocs,frees,slabs,aligned_only\n",
	      out);
	for (size_t i = 0; i < count; i++)
		fprintf(out,
			"%u,%u,%u,%u,%u,%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64
			",%d\n",
			classes[i]->index, classes[i]->stride, classes[i]->low,
			classes[i]->high, classes[i]->usable,
			classes[i]->headerless, classes[i]->allocs,
			classes[i]->frees, classes[i]->slabs,
			classes[i]->aligned_only);
}

void dump_classes_json(FILE *out, const struct detail *detail,
		       const struct class_row *const *classes, size_t count)
{
	subject(out, detail, "classes");
	for (size_t i = 0; i < count; i++)
		fprintf(out,
			"%s\n{\"class\":%u,\"stride_bytes\":%u,\"low_bytes\":%u"
			",\"high_bytes\":%u,\"usable_bytes\":%u"
			",\"headerless\":%s,\"allocs\":%" PRIu64
			",\"frees\":%" PRIu64 ",\"slabs\":%" PRIu64
			",\"aligned_only\":%s}",
			i ? "," : "", classes[i]->index, classes[i]->stride,
			classes[i]->low, classes[i]->high, classes[i]->usable,
			classes[i]->headerless ? "true" : "false",
			classes[i]->allocs, classes[i]->frees,
			classes[i]->slabs,
			classes[i]->aligned_only ? "true" : "false");
	fputs("\n]}\n", out);
}
