#include "hakmem-top/commands/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/data/bounds.h"
#include "hakmem-top/data/dump_sites.h"
#include "hakmem-top/data/fetch.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/base/save.h"
#include "hakmem-top/base/text.h"

#define NAMES_NS  2000000000u /* that names may take */
#define TEXT_ROWS 20u	      /* of sites, unless -n says otherwise */

static int print(const char *data, size_t length, char *why, size_t size)
{
	if (fwrite(data, 1, length, stdout) == length && fflush(stdout) == 0)
		return 0;
	if (errno == EPIPE) /* whoever reads has had enough */
		return 0;
	snprintf(why, size, "cannot write to stdout: %s", strerror(errno));
	return -1;
}

static int run_export(const struct opts *opts, struct client *client, char *why,
		      size_t size)
{
	const struct client_query query = {
		.what = CLIENT_EXPORT,
		.pid = opts->pid,
		.export_what = opts->what,
		.export_format = opts->format == OPTS_NO_FORMAT
					 ? "csv"
					 : opts_format_name(opts->format),
		.export_sample = opts->sample,
		.mark = opts->diff,
	};
	char *data = NULL;
	size_t length = 0;
	int result;

	if (!fetch_export(client, &query, &data, &length, why, size))
		return -1;
	if (opts->output)
		result = save_file(opts->output, data, length, why, size);
	else
		result = print(data, length, why, size);
	free(data);
	return result;
}

static int tell(struct client *client, const struct client_query *query,
		char *why, size_t size)
{
	char line[256];

	if (!fetch_done(client, query, why, size))
		return -1;
	text_clean(line, sizeof(line), why, sizeof(line), true);
	puts(line);
	return print("", 0, why, size);
}

static int run_mark(const struct opts *opts, struct client *client, char *why,
		    size_t size)
{
	const struct client_query query = {
		.what = CLIENT_MARK,
		.pid = opts->pid,
		.mark = opts->mark,
	};

	return tell(client, &query, why, size);
}

static int run_set(const struct opts *opts, struct client *client, char *why,
		   size_t size)
{
	const struct client_query query = {
		.what = CLIENT_CONTROL,
		.pid = opts->pid,
		.sample_bytes = opts->sample_bytes,
		.sampling_off = opts->sampling_off,
		.interval_ms = opts->interval_ms,
	};

	return tell(client, &query, why, size);
}

/* A word of a site in `columns` columns; a locale is not asked for. */
static const char *clean(char out[256], const char *text, size_t columns)
{
	text_clean(out, 256, text, columns, false);
	return out;
}

static void print_site(FILE *out, const struct site *site, double sample_bytes)
{
	char live[BOUNDS_MAX], blocks[BOUNDS_MAX], rate[BOUNDS_MAX];
	char growth[FMT_MAX] = "", text[FMT_MAX], age[FMT_MAX];
	char function[256], location[256], rough[FMT_MAX + 1];
	const char *where =
		*site->location ? sites_location(site) : site->module;

	snprintf(rough, sizeof(rough), "%s%s",
		 site->live.samples && estimate_few(&site->live) ? "~" : "",
		 site->live.samples ? fmt_age(age, fmt_ns(site->mean_age_s))
				    : "-");
	if (site->growing)
		snprintf(growth, sizeof(growth), "^%s/m",
			 fmt_bytes(text, fmt_whole(site->growth * 60)));
	fprintf(out, "%-15s  %-14s %7s %6s %8s  %s%s%s\n",
		bounds_bytes(live, &site->live, sample_bytes, false),
		bounds_count(blocks, &site->live_objects, false),
		bounds_rate(rate, site->rate, sample_bytes), rough, growth,
		clean(function, sites_name(site), 60), *where ? "  " : "",
		clean(location, where, 60));
}

static void print_sites(FILE *out, const struct sites *sites, size_t count)
{
	double mean = (double)sites->sample_bytes;
	char live[BOUNDS_MAX], sampled[FMT_MAX];

	fprintf(out, "1 sample in %s  live %s  z %+.1f%s\n",
		sites->sample_bytes ? fmt_bytes(sampled, sites->sample_bytes)
				    : "- (off)",
		bounds_bytes(live, &sites->live, mean, false), sites->z,
		sites->pending ? "  names are being looked up" : "");
	fprintf(out, "%-15s  %-14s %7s %6s %8s  %s\n", "LIVE", "BLOCKS",
		"ALLOC/S", "AGE", "GROWTH", "FUNCTION, LOCATION");
	for (size_t i = 0; i < count; i++)
		print_site(out, &sites->rows[i], mean);
	if (count < sites->count + sites->omitted)
		fprintf(out, "%zu more\n",
			sites->count + sites->omitted - count);
}

static bool write_sites(FILE *out, const struct opts *opts,
			const struct sites *sites)
{
	const struct site **list = calloc(sites->count + 1, sizeof(*list));
	size_t count = sites->count;

	if (!list)
		return false;
	for (size_t i = 0; i < count; i++)
		list[i] = &sites->rows[i];
	if (opts->count && opts->count < count)
		count = (size_t)opts->count;
	if (opts->format == OPTS_JSON)
		dump_sites_table_json(out, opts->pid, sites, list, count);
	else if (opts->format == OPTS_CSV)
		dump_sites_table_csv(out, list, count);
	else
		print_sites(out, sites,
			    opts->count || count < TEXT_ROWS ? count
							     : TEXT_ROWS);
	free(list);
	return true;
}

static int run_sites(const struct opts *opts, struct client *client, char *why,
		     size_t size)
{
	struct sites *sites = fetch_sites(
		client, 0, opts->pid, client_now_ns() + NAMES_NS, why, size);
	bool done;

	if (!sites)
		return -1;
	done = write_sites(stdout, opts, sites);
	sites_free(sites);
	if (!done) {
		snprintf(why, size, "out of memory");
		return -1;
	}
	return print("", 0, why, size);
}

verbs_run verbs_find(enum opts_mode mode)
{
	switch (mode) {
	case OPTS_EXPORT:
		return run_export;
	case OPTS_SITES:
		return run_sites;
	case OPTS_MARK:
		return run_mark;
	case OPTS_SET:
		return run_set;
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
