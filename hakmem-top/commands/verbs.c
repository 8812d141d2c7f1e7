#include "hakmem-top/commands/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/bounds.h"
#include "hakmem-top/data/fetch.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/buffer.h"
#include "hakmem-top/base/save.h"
#include "hakmem-top/base/text.h"
#include "hakmem-top/screens/report.h"

#define NAMES_NS  2000000000u /* that names may take */
#define TEXT_ROWS 20u	      /* of sites, unless -n says otherwise */

static int verbs_print(const char *data, size_t length, char *why, size_t size)
{
	if (fwrite(data, 1, length, stdout) == length && fflush(stdout) == 0)
		return 0;
	if (errno == EPIPE) /* whoever reads has had enough */
		return 0;
	snprintf(why, size, "cannot write to stdout: %s", strerror(errno));
	return -1;
}

static int verbs_run_export(const struct opts *opts, struct client *client,
			    char *why, size_t size)
{
	const struct client_query query = {
		.what = CLIENT_EXPORT,
		.pid = opts->pid,
		.export_what = opts->what,
		.export_format = opts->format == OPTS_NO_FORMAT
					 ? "csv"
					 : opts_format_name(opts->format),
		.export_sample = opts->sample,
		.baseline = opts->diff,
	};
	struct buffer *buffer = fetch_answer(client, &query, why, size);
	int result;

	if (!buffer)
		return -1;
	if (opts->output)
		result = save_file(opts->output, buffer->data, buffer->length,
				   why, size);
	else
		result = verbs_print(buffer->data, buffer->length, why, size);
	source_free(CLIENT_EXPORT, buffer);
	return result;
}

static int verbs_tell(struct client *client, const struct client_query *query,
		      char *why, size_t size)
{
	char line[256], *done = fetch_answer(client, query, why, size);

	if (!done)
		return -1;
	text_clean(line, sizeof(line), done, sizeof(line), true);
	puts(line);
	free(done);
	return verbs_print("", 0, why, size);
}

static int verbs_run_mark(const struct opts *opts, struct client *client,
			  char *why, size_t size)
{
	const struct client_query query = {
		.what = CLIENT_BASELINE,
		.pid = opts->pid,
		.baseline = opts->baseline,
	};

	return verbs_tell(client, &query, why, size);
}

static int verbs_run_set(const struct opts *opts, struct client *client,
			 char *why, size_t size)
{
	const struct client_query query = {
		.what = CLIENT_CONTROL,
		.pid = opts->pid,
		.sample_bytes = opts->sample_bytes,
		.sampling_off = opts->sampling_off,
		.interval_ms = opts->interval_ms,
	};

	return verbs_tell(client, &query, why, size);
}

static void verbs_sites_text(struct context *context, size_t most)
{
	const struct sites *sites = context->sites;
	char live[BOUNDS_MAX], sampled[FMT_MAX];
	size_t shown = sites->count < most ? sites->count : most;

	printf("1 sample in %s  live %s  z %+.1f%s\n",
	       sites->sample_bytes ? fmt_bytes(sampled, sites->sample_bytes)
				   : "- (off)",
	       bounds_bytes(live, &sites->live, (double)sites->sample_bytes,
			    false),
	       sites->z, sites->pending ? "  names are being looked up" : "");
	report_write(stdout, &screen_sites, context, OPTS_TEXT, most);
	if (shown < sites->count + sites->omitted)
		printf("%zu more\n", sites->count + sites->omitted - shown);
}

/* The sites with their process, as the screen of sites has them. */
static bool verbs_fetch_context(const struct opts *opts, struct client *client,
				struct context *context, char *why, size_t size)
{
	struct client_query query = {.what = CLIENT_DETAIL};

	context->sites = fetch_sites(client, 0, opts->pid,
				     client_now_ns() + NAMES_NS, why, size);
	if (!context->sites)
		return false;
	query.process_id = context->sites->process_id;
	context->detail = fetch_answer(client, &query, why, size);
	context->time_s = report_time();
	if (!context->detail)
		return false;
	if (screen_sites.refresh(context))
		return true;
	snprintf(why, size, "out of memory");
	return false;
}

static int verbs_run_sites(const struct opts *opts, struct client *client,
			   char *why, size_t size)
{
	struct context context = {.list = NULL};
	size_t most = opts->count ? (size_t)opts->count : SIZE_MAX;
	bool done = verbs_fetch_context(opts, client, &context, why, size);

	if (done && (opts->format == OPTS_JSON || opts->format == OPTS_CSV))
		report_write(stdout, &screen_sites, &context, opts->format,
			     most);
	else if (done)
		verbs_sites_text(&context, opts->count ? most : TEXT_ROWS);
	sites_free(context.sites);
	model_detail_free(context.detail);
	return done ? verbs_print("", 0, why, size) : -1;
}

verbs_run verbs_find(enum opts_mode mode)
{
	switch (mode) {
	case OPTS_EXPORT:
		return verbs_run_export;
	case OPTS_SITES:
		return verbs_run_sites;
	case OPTS_MARK:
		return verbs_run_mark;
	case OPTS_SET:
		return verbs_run_set;
	default:
		return NULL;
	}
}

bool verbs_unfit(const struct opts *opts, bool terminal, char *why, size_t size)
{
	if (!terminal || opts->mode != OPTS_EXPORT || opts->output ||
	    opts->format != OPTS_PPROF)
		return false;
	snprintf(why, size,
		 "pprof is binary and not for a terminal: use -o FILE or a "
		 "pipe");
	return true;
}
