#include "hakmem-top/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/client.h"
#include "hakmem-top/save.h"

const char *files_label(const struct screen *screen)
{
	return screen->heap ? "Write to (.csv .json; heap .pb.gz .folded .svg):"
			    : "Write to (.csv or .json):";
}

void files_offer(const struct screen *screen, const struct context *context,
		 char *name, size_t size)
{
	char lower[16];
	size_t i;

	for (i = 0; screen->name[i] && i + 1 < sizeof(lower); i++)
		lower[i] = (char)(screen->name[i] | 0x20);
	lower[i] = '\0';
	if (screen->of_process && context->detail)
		snprintf(name, size, "hakmem-%u-%s.csv",
			 context->detail->process.pid, lower);
	else
		snprintf(name, size, "hakmem-%s.csv", lower);
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* The format of the heap that a name asks for, NULL for none. */
static const char *heap_format(const char *path)
{
	static const struct {
		const char *end, *format;
	} formats[] = {
		{".pb.gz", "pprof"},
		{".pprof", "pprof"},
		{".folded", "folded"},
		{".svg", "svg"},
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (ends_with(path, formats[i].end))
			return formats[i].format;
	return NULL;
}

static bool keep(const char *path, const void *data, size_t length, char *say,
		 size_t size)
{
	if (save_file(path, data, length, say, size) != 0)
		return false;
	snprintf(say, size, "wrote %s", path);
	return true;
}

static bool ask_heap(struct feed *feed, const char *path, const char *format,
		     char *say, size_t size)
{
	if (feed_export(feed, format, path, client_now_ns())) {
		snprintf(say, size, "waiting for the daemon's %s ...", format);
		return true;
	}
	snprintf(say, size, "no daemon, or an export is under way");
	return false;
}

bool files_write(const struct screen *screen, struct context *context,
		 struct feed *feed, const char *path, char *say, size_t size)
{
	enum opts_format format =
		ends_with(path, ".json") ? OPTS_JSON : OPTS_CSV;
	const char *heap = screen->heap ? heap_format(path) : NULL;
	char *data = NULL;
	size_t length = 0;
	bool done;
	FILE *out;

	if (heap)
		return ask_heap(feed, path, heap, say, size);
	snprintf(say, size, "nothing to write yet");
	out = open_memstream(&data, &length);
	if (!out)
		return false;
	done = screen->save(context, format, out);
	if (fclose(out) != 0)
		done = false;
	if (done)
		done = keep(path, data, length, say, size);
	free(data);
	return done;
}

bool files_finish(struct feed *feed, char *say, size_t size)
{
	struct feed_export *export = &feed->export;
	bool done = false;

	if (export->trouble[0])
		snprintf(say, size, "no export: %.200s", export->trouble);
	else
		done = keep(export->path, export->data.data,
			    export->data.length, say, size);
	feed_export_end(feed);
	return done;
}
