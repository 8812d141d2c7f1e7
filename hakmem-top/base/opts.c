#include "hakmem-top/base/opts.h"

#include "proto/limits.h"
#include "proto/formats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum opts_format opts_format(enum format format)
{
	return format == FORMAT_COUNT
		       ? OPTS_NO_FORMAT
		       : (enum opts_format)(OPTS_TEXT + 1 + (int)format);
}

const char *opts_format_name(enum opts_format format)
{
	return format > OPTS_TEXT && format < OPTS_FORMATS
		       ? format_name((enum format)(format - OPTS_TEXT - 1))
		       : "text";
}

bool opts_format_of_heap(enum opts_format format)
{
	return format > OPTS_TEXT &&
	       !format_writes((enum format)(format - OPTS_TEXT - 1),
			      FORMAT_SIZES | FORMAT_CLASSES);
}

enum opts_format opts_format_of_file(const char *path)
{
	return opts_format(format_of_file(path));
}

#define OPTIONS_MAX 32

/* A parse in progress. */
struct parse {
	struct opts *opts;
	char *why;
	size_t size;
	bool given[OPTIONS_MAX]; /* in the order of the table */
};

static bool opts_refuse(struct parse *parse, const char *what,
			const char *value, const char *wanted)
{
	snprintf(parse->why, parse->size, "%s '%.60s': %s", what, value,
		 wanted);
	return false;
}

static bool opts_set_format(struct parse *parse, enum opts_format format)
{
	if (parse->opts->format != OPTS_NO_FORMAT &&
	    parse->opts->format != format)
		return opts_refuse(parse, "cannot also use format",
				   opts_format_name(format),
				   "one format at a time");
	parse->opts->format = format;
	return true;
}

static bool opts_set_interval(struct parse *parse, const char *value)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !isfinite(seconds) ||
	    seconds < OPTS_INTERVAL_MIN || seconds > OPTS_INTERVAL_MAX)
		return opts_refuse(parse, "bad interval", value,
				   "want seconds, 0.1 to 3600");
	parse->opts->interval_s = seconds;
	return true;
}

/* A whole number 1 .. most. */
static bool opts_number(const char *value, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	return *value >= '0' && *value <= '9' && *end == '\0' && errno == 0 &&
	       *out >= 1 && *out <= most;
}

static bool opts_set_named_format(struct parse *parse, const char *value)
{
	enum opts_format format = opts_format(format_named(value, ~0u));
	char wanted[FORMAT_NAMES_MAX + 8] = "want ";

	if (format != OPTS_NO_FORMAT)
		return opts_set_format(parse, format);
	format_names(~0u, wanted + strlen(wanted));
	return opts_refuse(parse, "bad --format", value, wanted);
}

static bool opts_set_pid(struct parse *parse, const char *value)
{
	uint64_t pid;

	if (!opts_number(value, INT32_MAX, &pid))
		return opts_refuse(parse, "bad pid", value,
				   "want the number of a process");
	parse->opts->pid = (uint32_t)pid;
	return true;
}

static bool opts_set_what(struct parse *parse, const char *value)
{
	parse->opts->what = value;
	return format_subject_named(value) != 0 ||
	       opts_refuse(parse, "bad --what", value,
			   "want sizes, classes or heap");
}

static bool opts_set_interval_ms(struct parse *parse, const char *value)
{
	uint64_t ms;

	if (!opts_number(value, LIMIT_INTERVAL_MS_MAX, &ms) ||
	    ms < LIMIT_INTERVAL_MS_MIN)
		return opts_refuse(
			parse, "bad --interval-ms", value,
			"want " LIMIT_TEXT(
				LIMIT_INTERVAL_MS_MIN) " to " LIMIT_TEXT(LIMIT_INTERVAL_MS_MAX));
	parse->opts->interval_ms = (uint32_t)ms;
	return true;
}

static bool opts_mark_name(struct parse *parse, const char *value)
{
	return (*value && strlen(value) <= OPTS_MARK_MAX) ||
	       opts_refuse(parse, "bad name of a baseline", value,
			   "want 1 to 64 bytes");
}

static bool opts_set_count(struct parse *parse, const char *value)
{
	return opts_number(value, UINT64_MAX, &parse->opts->count) ||
	       opts_refuse(parse, "bad count", value, "want a number from 1");
}

/* What it may be depends on the verb. */
static bool opts_set_sample(struct parse *parse, const char *value)
{
	parse->opts->sample = value;
	return true;
}

static bool opts_set_diff(struct parse *parse, const char *value)
{
	parse->opts->diff = value;
	return opts_mark_name(parse, value);
}

static bool opts_set_output(struct parse *parse, const char *value)
{
	parse->opts->output = value;
	return *value || opts_refuse(parse, "bad --output", value,
				     "want the name of a file");
}

static bool opts_set_socket(struct parse *parse, const char *value)
{
	parse->opts->socket = value;
	return *value ||
	       opts_refuse(parse, "bad --socket", value, "want a path");
}

static bool opts_set_batch(struct parse *parse, const char *value)
{
	(void)value;
	if (parse->opts->mode == OPTS_WATCH)
		parse->opts->mode = OPTS_BATCH;
	return true;
}

#define SETS(name, ...)                                                        \
	static bool opts_set_##name(struct parse *parse, const char *value)    \
	{                                                                      \
		(void)value;                                                   \
		__VA_ARGS__;                                                   \
	}
SETS(json, return opts_set_format(parse, OPTS_JSON))
SETS(text, return opts_set_format(parse, OPTS_TEXT))
SETS(csv, return opts_set_format(parse, OPTS_CSV))
SETS(no_color, return parse->opts->no_color = true)
SETS(no_mouse, return parse->opts->no_mouse = true)
SETS(ascii, return parse->opts->ascii = true)
SETS(readonly, return parse->opts->readonly = true)
SETS(stay, return parse->opts->stay = true)
SETS(help, parse->opts->mode = OPTS_HELP; return true)
SETS(version, parse->opts->mode = OPTS_VERSION; return true)
SETS(figures, parse->opts->mode = OPTS_FIGURES; return true)

#define IN(mode) (1u << OPTS_##mode)

/* In the order of --help. */
static const struct option {
	bool (*set)(struct parse *parse, const char *value);
	char letter;
	const char *name;
	const char *argument; /* NULL: none */
	const char *help;
	unsigned modes; /* where it belongs; 0 = anywhere */
} opts_options[] = {
	{opts_set_socket, 0, "socket", "PATH", "the daemon's socket", 0},
	{opts_set_interval, 'd', "interval", "SECONDS",
	 "between two polls, default 1", 0},
	{opts_set_batch, 'b', "batch", NULL, "reports on stdout, no screen", 0},
	{opts_set_count, 'n', "count", "N",
	 "of reports, then end; default endless; rows of sites", 0},
	{opts_set_json, 0, "json", NULL, "batch, sites: JSON, a report a line",
	 0},
	{opts_set_text, 0, "text", NULL,
	 "batch, sites: an aligned table (default)", 0},
	{opts_set_csv, 0, "csv", NULL, "batch, sites: a line a process or site",
	 0},
	{opts_set_pid, 'p', "pid", "PID", "of the process that a verb is about",
	 IN(EXPORT) | IN(SITES) | IN(MARK) | IN(SET)},
	{opts_set_what, 0, "what", "WHAT", "export: sizes, classes or heap",
	 IN(EXPORT)},
	{opts_set_named_format, 0, "format", "FORMAT",
	 "export: csv or json; heap: also pprof, folded, svg", 0},
	{opts_set_sample, 0, "sample", "SAMPLE",
	 "export heap: inuse, alloc or peak; set: BYTES or off",
	 IN(EXPORT) | IN(SET)},
	{opts_set_diff, 0, "diff", "NAME", "export heap: since this baseline",
	 IN(EXPORT)},
	{opts_set_interval_ms, 0, "interval-ms", "N",
	 "set: between two states sent", IN(SET)},
	{opts_set_output, 'o', "output", "FILE",
	 "export: to this file; with a command: its output", 0},
	{opts_set_no_color, 'C', "no-color", NULL,
	 "no colors; as NO_COLOR=1 does", 0},
	{opts_set_no_mouse, 0, "no-mouse", NULL,
	 "leave the mouse to the terminal", 0},
	{opts_set_ascii, 0, "ascii", NULL, "draw with ASCII characters only",
	 0},
	{opts_set_readonly, 0, "readonly", NULL,
	 "write no files from the screen", 0},
	{opts_set_stay, 0, "stay", NULL,
	 "keep the screen when the command ended", 0},
	{opts_set_help, 0, "help", NULL, "this text", 0},
	{opts_set_version, 'V', "version", NULL, "the version", 0},
	{opts_set_figures, 0, "figures", NULL,
	 "what each figure of a process means", 0},
};
#define OPTIONS (sizeof(opts_options) / sizeof(opts_options[0]))
_Static_assert(OPTIONS <= OPTIONS_MAX, "room for what was given");

static const struct option *opts_find(const char *name, size_t length,
				      char letter)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (letter ? opts_options[i].letter == letter
			   : strlen(opts_options[i].name) == length &&
				     memcmp(opts_options[i].name, name,
					    length) == 0)
			return &opts_options[i];
	return NULL;
}

static bool opts_apply(struct parse *parse, const struct option *option,
		       const char *value)
{
	parse->given[option - opts_options] = true;
	if (!option->argument || value)
		return option->set(parse, value);
	snprintf(parse->why, parse->size, "--%s needs %s", option->name,
		 option->argument);
	return false;
}

static bool opts_long_option(struct parse *parse, char **argv, int *at)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = opts_find(name, length, 0);

	if (!option || (equals && !option->argument))
		return opts_refuse(parse, "unknown option", argv[*at],
				   "try --help");
	if (equals)
		return opts_apply(parse, option, equals + 1);
	return opts_apply(parse, option, option->argument ? argv[++*at] : NULL);
}

/* A cluster of letters: "-bn5". */
static bool opts_short_options(struct parse *parse, char **argv, int *at)
{
	const char *word = argv[*at];

	for (const char *letter = word + 1; *letter; letter++) {
		const struct option *option = opts_find(NULL, 0, *letter);

		if (!option)
			return opts_refuse(parse, "unknown option", word,
					   "try --help");
		if (option->argument)
			return opts_apply(parse, option,
					  letter[1] ? letter + 1 : argv[++*at]);
		if (!opts_apply(parse, option, NULL))
			return false;
	}
	return true;
}

static bool opts_wrong(struct parse *parse, const char *text)
{
	snprintf(parse->why, parse->size, "%s", text);
	return false;
}

static bool opts_check_export(struct parse *parse)
{
	struct opts *opts = parse->opts;
	bool heap = opts->what && strcmp(opts->what, "heap") == 0;

	if (!opts->what)
		return opts_wrong(parse,
				  "export needs --what sizes|classes|heap");
	if (opts->format == OPTS_TEXT)
		return opts_wrong(parse,
				  "export knows --format csv and json, of "
				  "the heap also pprof, folded and svg");
	if (heap && opts->sample && strcmp(opts->sample, "inuse") != 0 &&
	    strcmp(opts->sample, "alloc") != 0 &&
	    strcmp(opts->sample, "peak") != 0)
		return opts_refuse(parse, "bad --sample", opts->sample,
				   "want inuse, alloc or peak");
	if (!heap &&
	    (opts->sample || opts->diff || opts_format_of_heap(opts->format)))
		return opts_wrong(parse,
				  "--sample, --diff and --format pprof, "
				  "folded and svg belong to --what heap");
	return true;
}

/* Digits and at most one of K, M, G, as HAKMEM_SAMPLE has them. */
static bool opts_bytes(const char *value, uint64_t *out)
{
	static const char units[] = "KMG";
	char digits[24], *unit;
	size_t length = strlen(value);
	const char *found;

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, value, length + 1);
	unit = &digits[length - 1];
	found = strchr(units, *unit & ~0x20);
	if (found)
		*unit = '\0';
	if (!opts_number(digits, LIMIT_SAMPLE_BYTES_MAX, out))
		return false;
	if (found)
		*out <<= 10 * (found - units + 1);
	return *out <= LIMIT_SAMPLE_BYTES_MAX;
}

static bool opts_check_set(struct parse *parse)
{
	struct opts *opts = parse->opts;

	if (!opts->sample && !opts->interval_ms)
		return opts_wrong(parse, "set needs --sample BYTES|off or "
					 "--interval-ms N");
	if (!opts->sample)
		return true;
	opts->sampling_off = strcmp(opts->sample, "off") == 0;
	return opts->sampling_off ||
	       opts_bytes(opts->sample, &opts->sample_bytes) ||
	       opts_refuse(parse, "bad --sample", opts->sample,
			   "want bytes, with K, M or G up to 1024G, or off");
}

static bool opts_check_sites(struct parse *parse)
{
	return !opts_format_of_heap(parse->opts->format) ||
	       opts_wrong(parse, "sites knows --text, --json and --csv");
}

static bool opts_check_mark(struct parse *parse)
{
	return parse->opts->baseline || opts_wrong(parse, "mark needs a NAME");
}

/* The words that choose a mode, with their usage and what they need. */
static const struct verb {
	enum opts_mode mode;
	const char *name, *usage;
	bool (*check)(struct parse *parse);
} opts_verbs[] = {
	{OPTS_EXPORT, "export",
	 "--pid PID --what sizes|classes|heap [--format FORMAT] [-o FILE]",
	 opts_check_export},
	{OPTS_SITES, "sites", "--pid PID [--text|--json|--csv] [-n ROWS]",
	 opts_check_sites},
	{OPTS_MARK, "mark", "--pid PID NAME", opts_check_mark},
	{OPTS_SET, "set", "--pid PID [--sample BYTES|off] [--interval-ms N]",
	 opts_check_set},
};
#define VERBS (sizeof(opts_verbs) / sizeof(opts_verbs[0]))

static bool opts_word(struct parse *parse, char **argv, int *at)
{
	struct opts *opts = parse->opts;
	const char *text = argv[*at];

	if (strncmp(text, "--", 2) == 0)
		return opts_long_option(parse, argv, at);
	if (text[0] == '-' && text[1])
		return opts_short_options(parse, argv, at);
	for (size_t i = 0; i < VERBS && opts->mode == OPTS_WATCH; i++)
		if (strcmp(text, opts_verbs[i].name) == 0) {
			opts->mode = opts_verbs[i].mode;
			return true;
		}
	if (opts->mode == OPTS_MARK && !opts->baseline) {
		opts->baseline = text;
		return opts_mark_name(parse, text);
	}
	return opts_refuse(parse, "unexpected argument", text,
			   "to run a command write: hakmem-top -- COMMAND");
}

/* No option where it means nothing. */
static bool opts_check_places(struct parse *parse)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		unsigned modes = opts_options[i].modes;
		size_t used = 0;

		if (!parse->given[i] || !modes ||
		    (modes & 1u << parse->opts->mode))
			continue;
		used += (size_t)snprintf(parse->why, parse->size,
					 "--%s belongs to: hakmem-top",
					 opts_options[i].name);
		for (size_t v = 0; v < VERBS && used < parse->size; v++)
			if (modes & 1u << opts_verbs[v].mode)
				used += (size_t)snprintf(
					parse->why + used, parse->size - used,
					" %s", opts_verbs[v].name);
		return false;
	}
	return true;
}

static bool opts_check_verb(struct parse *parse, const struct verb *verb)
{
	struct opts *opts = parse->opts;

	if (opts->command)
		snprintf(parse->why, parse->size, "%s takes no command",
			 verb->name);
	else if (!opts->pid)
		snprintf(parse->why, parse->size, "%s needs --pid PID",
			 verb->name);
	else if (opts->output && opts->mode != OPTS_EXPORT)
		snprintf(parse->why, parse->size,
			 "--output needs export or a command");
	else
		return verb->check(parse);
	return false;
}

/* What each mode needs and cannot use. */
static bool opts_check(struct parse *parse)
{
	struct opts *opts = parse->opts;

	if (opts->mode == OPTS_HELP || opts->mode == OPTS_VERSION ||
	    opts->mode == OPTS_FIGURES)
		return true;
	if (!opts_check_places(parse))
		return false;
	for (size_t i = 0; i < VERBS; i++)
		if (opts_verbs[i].mode == opts->mode)
			return opts_check_verb(parse, &opts_verbs[i]);
	if (opts_format_of_heap(opts->format))
		return opts_wrong(parse,
				  "--format pprof, folded and svg belong "
				  "to: hakmem-top export");
	if (opts->output && !opts->command)
		return opts_wrong(parse, "--output needs export or a command");
	if (opts->mode == OPTS_WATCH && opts->format != OPTS_NO_FORMAT)
		opts->mode = OPTS_BATCH;
	else if (opts->mode == OPTS_WATCH && opts->count)
		return opts_wrong(parse, "-n belongs to --batch");
	return true;
}

bool opts_parse(struct opts *opts, int argc, char **argv, char *why,
		size_t size)
{
	struct parse parse = {.opts = opts, .why = why, .size = size};

	*opts = (struct opts){.interval_s = 1};
	for (int at = 1; at < argc; at++) {
		if (strcmp(argv[at], "--") == 0) {
			if (at + 1 < argc)
				opts->command = argv + at + 1;
			else
				return opts_refuse(
					&parse, "no command behind", "--",
					"write: hakmem-top -- COMMAND");
			break;
		}
		if (!opts_word(&parse, argv, &at))
			return false;
	}
	return opts_check(&parse);
}

void opts_help(FILE *out)
{
	fputs("Usage: hakmem-top [OPTIONS]                 watch all programs\n"
	      "       hakmem-top [OPTIONS] -- COMMAND ...  run a command under "
	      "hakmem, watch it\n"
	      "       hakmem-top --batch [OPTIONS]         reports without a "
	      "screen\n",
	      out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "       hakmem-top %s %s\n", opts_verbs[i].name,
			opts_verbs[i].usage);
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *option = &opts_options[i];
		char name[64];

		snprintf(name, sizeof(name), "%s--%s%s%s",
			 option->letter ? "  " : "    ", option->name,
			 option->argument ? " " : "",
			 option->argument ? option->argument : "");
		if (option->letter)
			fprintf(out, "  -%c,%-24s%s\n", option->letter,
				name + 1, option->help);
		else
			fprintf(out, "  %-27s%s\n", name, option->help);
	}
}
