#include "hakmem-top/ui/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/client.h"
#include "hakmem-top/base/save.h"
#include "hakmem-top/screens/report.h"

const char *files_label(const struct screen *screen)
{
	return screen->heap
		       ? "Write to (.csv .json; heap .pb.gz .pprof .folded "
			 ".svg):"
		       : "Write to (.csv or .json):";
}

static const char *files_wanted(const struct screen *screen)
{
	return screen->heap ? "want .csv, .json, .pb.gz, .pprof, .folded or "
			      ".svg at the end of the name"
			    : "want .csv or .json at the end of the name";
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

/* A dot that begins a name begins no end. */
static bool files_has_end(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return *name && strchr(name + 1, '.');
}

/* What a name asks of the screen, OPTS_NO_FORMAT for what it does not know. */
static enum opts_format files_format_of(const struct screen *screen,
					const char *path)
{
	enum opts_format format = opts_format_of_file(path);

	if (format == OPTS_NO_FORMAT)
		return files_has_end(path) ? OPTS_NO_FORMAT : OPTS_CSV;
	return screen->heap || !opts_format_of_heap(format) ? format
							    : OPTS_NO_FORMAT;
}

static bool files_keep(const char *path, const void *data, size_t length,
		       char *say, size_t size)
{
	if (save_file(path, data, length, say, size) != 0)
		return false;
	snprintf(say, size, "wrote %s", path);
	return true;
}

static bool files_ask_heap(struct feed *feed, const char *path,
			   const char *format, char *say, size_t size)
{
	if (feed_export(feed, format, path, client_now_ns())) {
		snprintf(say, size, "waiting for the daemon's %s ...", format);
		return true;
	}
	snprintf(say, size, "no daemon, or an export is under way");
	return false;
}

/* The text of what the screen shows, to be freed; NULL: `say` has why. */
static char *files_text_of(const struct screen *screen, struct context *context,
			   enum opts_format format, size_t *length, char *say,
			   size_t size)
{
	char *data = NULL;
	FILE *out = open_memstream(&data, length);
	bool shown = false, whole = false;

	errno = 0;
	if (out) {
		shown = report_write(out, screen, context, format, SIZE_MAX);
		whole = shown || errno != ENOMEM;
		if (fclose(out) != 0)
			whole = false;
	}
	if (shown && whole)
		return data;
	snprintf(say, size, "%s",
		 whole ? "nothing to write yet" : "out of memory");
	free(data);
	return NULL;
}

static bool files_write_screen(const struct screen *screen,
			       struct context *context, enum opts_format format,
			       const char *path, char *say, size_t size)
{
	size_t length = 0;
	char *data = files_text_of(screen, context, format, &length, say, size);
	bool done = data && files_keep(path, data, length, say, size);

	free(data);
	return done;
}

bool files_write(const struct screen *screen, struct context *context,
		 struct feed *feed, const char *path, char *say, size_t size)
{
	enum opts_format format = files_format_of(screen, path);

	if (format == OPTS_NO_FORMAT) {
		snprintf(say, size, "%s", files_wanted(screen));
		return false;
	}
	if (opts_format_of_heap(format)) /* of the heap: the daemon has it */
		return files_ask_heap(feed, path, opts_format_name(format), say,
				      size);
	return files_write_screen(screen, context, format, path, say, size);
}

bool files_finish(struct feed *feed, char *say, size_t size)
{
	struct feed_export *export = &feed->export;
	bool done = false;

	if (export->trouble[0])
		snprintf(say, size, "no export: %.200s", export->trouble);
	else
		done = files_keep(export->path, export->data.data,
				  export->data.length, say, size);
	feed_export_end(feed);
	return done;
}
