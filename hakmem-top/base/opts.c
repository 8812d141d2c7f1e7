#include "hakmem-top/base/opts.h"

#include "proto/limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum id {
	SOCKET,
	INTERVAL,
	BATCH,
	COUNT,
	JSON,
	TEXT,
	CSV,
	PID,
	WHAT,
	FORMAT,
	SAMPLE,
	DIFF,
	INTERVAL_MS,
	OUTPUT,
	NO_COLOUR,
	NO_MOUSE,
	ASCII,
	READONLY,
	STAY,
	HELP,
	VERSION,
};

#define IN(mode) (1u << OPTS_##mode)

static const struct option {
	enum id id;
	char letter;
	const char *name;
	const char *argument; /* NULL: none */
	const char *help;
	unsigned modes; /* where it belongs; 0 = anywhere */
} options[] = {
	{SOCKET, 0, "socket", "PATH", "the daemon's socket", 0},
	{INTERVAL, 'd', "interval", "SECONDS", "between two polls, default 1",
	 0},
	{BATCH, 'b', "batch", NULL, "reports on stdout, no screen", 0},
	{COUNT, 'n', "count", "N",
	 "of reports, then end; default endless; rows of sites", 0},
	{JSON, 0, "json", NULL, "batch, sites: JSON, a report a line", 0},
	{TEXT, 0, "text", NULL, "batch, sites: an aligned table (default)", 0},
	{CSV, 0, "csv", NULL, "batch, sites: a line a process or site", 0},
	{PID, 'p', "pid", "PID", "of the process that a verb is about",
	 IN(EXPORT) | IN(SITES) | IN(MARK) | IN(SET)},
	{WHAT, 0, "what", "WHAT", "export: sizes, classes or heap", IN(EXPORT)},
	{FORMAT, 0, "format", "FORMAT",
	 "export: csv or json; heap: also pprof, folded, svg", 0},
	{SAMPLE, 0, "sample", "SAMPLE",
	 "export heap: inuse, alloc or peak; set: BYTES or off",
	 IN(EXPORT) | IN(SET)},
	{DIFF, 0, "diff", "MARK", "export heap: since this mark", IN(EXPORT)},
	{INTERVAL_MS, 0, "interval-ms", "N", "set: between two states sent",
	 IN(SET)},
	{OUTPUT, 'o', "output", "FILE",
	 "export: to this file; with a command: its output", 0},
	{NO_COLOUR, 'C', "no-color", NULL, "no colours; as NO_COLOR=1 does", 0},
	{NO_MOUSE, 0, "no-mouse", NULL, "leave the mouse to the terminal", 0},
	{ASCII, 0, "ascii", NULL, "draw with ASCII characters only", 0},
	{READONLY, 0, "readonly", NULL, "write no files from the screen", 0},
	{STAY, 0, "stay", NULL, "keep the screen when the command ended", 0},
	{HELP, 0, "help", NULL, "this text", 0},
	{VERSION, 'V', "version", NULL, "the version", 0},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* The words that choose a mode, with their usage. */
static const struct verb {
	enum opts_mode mode;
	const char *name, *usage;
} verbs[] = {
	{OPTS_EXPORT, "export",
	 "--pid PID --what sizes|classes|heap [--format FORMAT] [-o FILE]"},
	{OPTS_SITES, "sites", "--pid PID [--text|--json|--csv] [-n ROWS]"},
	{OPTS_MARK, "mark", "--pid PID NAME"},
	{OPTS_SET, "set", "--pid PID [--sample BYTES|off] [--interval-ms N]"},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char *const format_names[OPTS_FORMATS] = {
	[OPTS_NO_FORMAT] = "text", [OPTS_TEXT] = "text",
	[OPTS_JSON] = "json",	   [OPTS_CSV] = "csv",
	[OPTS_PPROF] = "pprof",	   [OPTS_FOLDED] = "folded",
	[OPTS_SVG] = "svg",
};

const char *opts_format_name(enum opts_format format)
{
	return format < OPTS_FORMATS ? format_names[format] : "text";
}

/* A parse in progress. */
struct parse {
	struct opts *opts;
	char *why;
	size_t size;
	bool given[OPTIONS];
};

static bool refuse(struct parse *parse, const char *what, const char *value,
		   const char *wanted)
{
	snprintf(parse->why, parse->size, "%s '%.60s': %s", what, value,
		 wanted);
	return false;
}

static bool set_format(struct parse *parse, enum opts_format format)
{
	if (parse->opts->format != OPTS_NO_FORMAT &&
	    parse->opts->format != format)
		return refuse(parse, "cannot also use format",
			      opts_format_name(format), "one format at a time");
	parse->opts->format = format;
	return true;
}

static bool set_interval(struct parse *parse, const char *value)
{
	char *end;
	double seconds = strtod(value, &end);

	if (end == value || *end || !isfinite(seconds) ||
	    seconds < OPTS_INTERVAL_MIN || seconds > OPTS_INTERVAL_MAX)
		return refuse(parse, "bad interval", value,
			      "want seconds, 0.1 to 3600");
	parse->opts->interval_s = seconds;
	return true;
}

/* A whole number 1 .. most. */
static bool number(const char *value, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(value, &end, 10);
	return *value >= '0' && *value <= '9' && *end == '\0' && errno == 0 &&
	       *out >= 1 && *out <= most;
}

static bool set_named_format(struct parse *parse, const char *value)
{
	for (int format = OPTS_JSON; format < OPTS_FORMATS; format++)
		if (strcmp(value, format_names[format]) == 0)
			return set_format(parse, (enum opts_format)format);
	return refuse(parse, "bad --format", value,
		      "want csv, json, pprof, folded or svg");
}

static bool set_pid(struct parse *parse, const char *value)
{
	uint64_t pid;

	if (!number(value, INT32_MAX, &pid))
		return refuse(parse, "bad pid", value,
			      "want the number of a process");
	parse->opts->pid = (uint32_t)pid;
	return true;
}

static bool set_what(struct parse *parse, const char *value)
{
	parse->opts->what = value;
	return strcmp(value, "sizes") == 0 || strcmp(value, "classes") == 0 ||
	       strcmp(value, "heap") == 0 ||
	       refuse(parse, "bad --what", value,
		      "want sizes, classes or heap");
}

static bool set_interval_ms(struct parse *parse, const char *value)
{
	uint64_t ms;

	if (!number(value, LIMIT_INTERVAL_MS_MAX, &ms) ||
	    ms < LIMIT_INTERVAL_MS_MIN)
		return refuse(
			parse, "bad --interval-ms", value,
			"want " LIMIT_TEXT(
				LIMIT_INTERVAL_MS_MIN) " to " LIMIT_TEXT(LIMIT_INTERVAL_MS_MAX));
	parse->opts->interval_ms = (uint32_t)ms;
	return true;
}

static bool mark_name(struct parse *parse, const char *value)
{
	return (*value && strlen(value) <= OPTS_MARK_MAX) ||
	       refuse(parse, "bad name of a mark", value, "want 1 to 64 bytes");
}

static bool set_valued(struct parse *parse, enum id id, const char *value)
{
	struct opts *opts = parse->opts;

	switch (id) {
	case INTERVAL:
		return set_interval(parse, value);
	case COUNT:
		return number(value, UINT64_MAX, &opts->count) ||
		       refuse(parse, "bad count", value,
			      "want a number from 1");
	case PID:
		return set_pid(parse, value);
	case WHAT:
		return set_what(parse, value);
	case FORMAT:
		return set_named_format(parse, value);
	case SAMPLE:
		opts->sample = value; /* what it may be depends on the verb */
		return true;
	case DIFF:
		opts->diff = value;
		return mark_name(parse, value);
	case INTERVAL_MS:
		return set_interval_ms(parse, value);
	case OUTPUT:
		opts->output = value;
		return *value || refuse(parse, "bad --output", value,
					"want the name of a file");
	default:
		opts->socket = value;
		return *value ||
		       refuse(parse, "bad --socket", value, "want a path");
	}
}

static bool set_flag(struct parse *parse, enum id id)
{
	struct opts *opts = parse->opts;

	switch (id) {
	case BATCH:
		opts->mode = opts->mode == OPTS_WATCH ? OPTS_BATCH : opts->mode;
		return true;
	case JSON:
		return set_format(parse, OPTS_JSON);
	case TEXT:
		return set_format(parse, OPTS_TEXT);
	case CSV:
		return set_format(parse, OPTS_CSV);
	case NO_COLOUR:
		return opts->no_colour = true;
	case NO_MOUSE:
		return opts->no_mouse = true;
	case ASCII:
		return opts->ascii = true;
	case READONLY:
		return opts->readonly = true;
	case STAY:
		return opts->stay = true;
	case HELP:
		opts->mode = OPTS_HELP;
		return true;
	default:
		opts->mode = OPTS_VERSION;
		return true;
	}
}

static const struct option *find(const char *name, size_t length, char letter)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (letter ? options[i].letter == letter
			   : strlen(options[i].name) == length &&
				     memcmp(options[i].name, name, length) == 0)
			return &options[i];
	return NULL;
}

static bool apply(struct parse *parse, const struct option *option,
		  const char *value)
{
	parse->given[option - options] = true;
	if (!option->argument)
		return set_flag(parse, option->id);
	if (value)
		return set_valued(parse, option->id, value);
	snprintf(parse->why, parse->size, "--%s needs %s", option->name,
		 option->argument);
	return false;
}

static bool long_option(struct parse *parse, char **argv, int *at)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find(name, length, 0);

	if (!option || (equals && !option->argument))
		return refuse(parse, "unknown option", argv[*at], "try --help");
	if (equals)
		return apply(parse, option, equals + 1);
	return apply(parse, option, option->argument ? argv[++*at] : NULL);
}

/* A cluster of letters: "-bn5". */
static bool short_options(struct parse *parse, char **argv, int *at)
{
	const char *word = argv[*at];

	for (const char *letter = word + 1; *letter; letter++) {
		const struct option *option = find(NULL, 0, *letter);

		if (!option)
			return refuse(parse, "unknown option", word,
				      "try --help");
		if (option->argument)
			return apply(parse, option,
				     letter[1] ? letter + 1 : argv[++*at]);
		if (!apply(parse, option, NULL))
			return false;
	}
	return true;
}

static bool word(struct parse *parse, char **argv, int *at)
{
	struct opts *opts = parse->opts;
	const char *text = argv[*at];

	if (strncmp(text, "--", 2) == 0)
		return long_option(parse, argv, at);
	if (text[0] == '-' && text[1])
		return short_options(parse, argv, at);
	for (size_t i = 0; i < VERBS && opts->mode == OPTS_WATCH; i++)
		if (strcmp(text, verbs[i].name) == 0) {
			opts->mode = verbs[i].mode;
			return true;
		}
	if (opts->mode == OPTS_MARK && !opts->mark) {
		opts->mark = text;
		return mark_name(parse, text);
	}
	return refuse(parse, "unexpected argument", text,
		      "to run a command write: hakmem-top -- COMMAND");
}

static bool wrong(struct parse *parse, const char *text)
{
	snprintf(parse->why, parse->size, "%s", text);
	return false;
}

/* No option where it means nothing. */
static bool check_places(struct parse *parse)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		unsigned modes = options[i].modes;
		size_t used = 0;

		if (!parse->given[i] || !modes ||
		    (modes & 1u << parse->opts->mode))
			continue;
		used += (size_t)snprintf(parse->why, parse->size,
					 "--%s belongs to: hakmem-top",
					 options[i].name);
		for (size_t v = 0; v < VERBS && used < parse->size; v++)
			if (modes & 1u << verbs[v].mode)
				used += (size_t)snprintf(parse->why + used,
							 parse->size - used,
							 " %s", verbs[v].name);
		return false;
	}
	return true;
}

static bool check_export(struct parse *parse)
{
	struct opts *opts = parse->opts;
	bool heap = opts->what && strcmp(opts->what, "heap") == 0;

	if (!opts->what)
		return wrong(parse, "export needs --what sizes|classes|heap");
	if (opts->format == OPTS_TEXT)
		return wrong(parse, "export knows --format csv and json, of "
				    "the heap also pprof, folded and svg");
	if (heap && opts->sample && strcmp(opts->sample, "inuse") != 0 &&
	    strcmp(opts->sample, "alloc") != 0 &&
	    strcmp(opts->sample, "peak") != 0)
		return refuse(parse, "bad --sample", opts->sample,
			      "want inuse, alloc or peak");
	if (!heap && (opts->sample || opts->diff || opts->format > OPTS_CSV))
		return wrong(parse, "--sample, --diff and --format pprof, "
				    "folded and svg belong to --what heap");
	return true;
}

/* Digits and at most one of K, M, G, as HAKMEM_SAMPLE has them. */
static bool bytes(const char *value, uint64_t *out)
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
	if (!number(digits, LIMIT_SAMPLE_BYTES_MAX, out))
		return false;
	if (found)
		*out <<= 10 * (found - units + 1);
	return *out <= LIMIT_SAMPLE_BYTES_MAX;
}

static bool check_set(struct parse *parse)
{
	struct opts *opts = parse->opts;

	if (!opts->sample && !opts->interval_ms)
		return wrong(parse, "set needs --sample BYTES|off or "
				    "--interval-ms N");
	if (!opts->sample)
		return true;
	opts->sampling_off = strcmp(opts->sample, "off") == 0;
	return opts->sampling_off || bytes(opts->sample, &opts->sample_bytes) ||
	       refuse(parse, "bad --sample", opts->sample,
		      "want bytes, with K, M or G up to 1024G, or off");
}

static bool check_verb(struct parse *parse, const char *name)
{
	struct opts *opts = parse->opts;

	if (opts->command)
		snprintf(parse->why, parse->size, "%s takes no command", name);
	else if (!opts->pid)
		snprintf(parse->why, parse->size, "%s needs --pid PID", name);
	else if (opts->output && opts->mode != OPTS_EXPORT)
		snprintf(parse->why, parse->size,
			 "--output needs export or a command");
	else if (opts->mode == OPTS_EXPORT)
		return check_export(parse);
	else if (opts->mode == OPTS_SET)
		return check_set(parse);
	else if (opts->mode == OPTS_MARK && !opts->mark)
		return wrong(parse, "mark needs a NAME");
	else if (opts->mode == OPTS_SITES && opts->format > OPTS_CSV)
		return wrong(parse, "sites knows --text, --json and --csv");
	else
		return true;
	return false;
}

/* What each mode needs and cannot use. */
static bool check(struct parse *parse)
{
	struct opts *opts = parse->opts;

	if (opts->mode == OPTS_HELP || opts->mode == OPTS_VERSION)
		return true;
	if (!check_places(parse))
		return false;
	for (size_t i = 0; i < VERBS; i++)
		if (verbs[i].mode == opts->mode)
			return check_verb(parse, verbs[i].name);
	if (opts->format > OPTS_CSV)
		return wrong(parse, "--format pprof, folded and svg belong "
				    "to: hakmem-top export");
	if (opts->output && !opts->command)
		return wrong(parse, "--output needs export or a command");
	if (opts->mode == OPTS_WATCH && opts->format != OPTS_NO_FORMAT)
		opts->mode = OPTS_BATCH;
	else if (opts->mode == OPTS_WATCH && opts->count)
		return wrong(parse, "-n belongs to --batch");
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
				return refuse(&parse, "no command behind", "--",
					      "write: hakmem-top -- COMMAND");
			break;
		}
		if (!word(&parse, argv, &at))
			return false;
	}
	return check(&parse);
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
		fprintf(out, "       hakmem-top %s %s\n", verbs[i].name,
			verbs[i].usage);
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *option = &options[i];
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
