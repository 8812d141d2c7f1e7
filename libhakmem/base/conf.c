#include "libhakmem/base/conf.h"

#include "proto/path.h"

#include <limits.h>
#include <string.h>

#define DEFAULTS                                                               \
	{                                                                      \
		.stream = true, .corruption_abort = true, .interval_ms = 1000, \
		.tick_ms = 250, .sample_bytes = 512 * KIB,                     \
		.histogram_bytes = 16 * KIB                                    \
	}

struct conf conf = DEFAULTS;

/* Copies: a program that writes its title over its environment, as redis and
 * nginx do, must not change them. What is too long for the system stays so. */
static char socket_path[PATH_SOCKET_MAX + 1];
static char runtime_dir[sizeof(socket_path)];
static char log_path[PATH_MAX + 1];

static const char *copy(char *space, size_t bytes, const char *value)
{
	size_t length = strnlen(value, bytes - 1);

	memcpy(space, value, length);
	space[length] = '\0';
	return space;
}

static void append(char line[CONF_LINE_MAX], const char *text)
{
	size_t used = strlen(line);
	size_t length = strlen(text);

	length = min_size(length, CONF_LINE_MAX - 1 - used);
	for (size_t i = 0; i < length; i++) {
		bool plain = text[i] >= ' ' && text[i] < 127;

		line[used + i] = plain ? text[i] : '?';
	}
	line[used + length] = '\0';
}

static void complain(const char *name, const char *value, const char *wanted)
{
	char *line;

	if (conf.errors == CONF_ERRORS_MAX)
		return;
	line = conf.error[conf.errors++];
	line[0] = '\0';
	append(line, name);
	append(line, "=");
	append(line, value);
	append(line, ": not ");
	append(line, wanted);
	append(line, "; the default is used");
}

/* Digits and at most one of K, M, G; false on anything else or overflow. */
static bool parse_number(const char *text, uint64_t *out)
{
	uint64_t value = 0;
	unsigned shift = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return false;
	if (*text == 'K' || *text == 'k')
		shift = 10;
	else if (*text == 'M' || *text == 'm')
		shift = 20;
	else if (*text == 'G' || *text == 'g')
		shift = 30;
	if (shift != 0)
		text++;
	if (*text != '\0' || value > UINT64_MAX >> shift)
		return false;
	*out = value << shift;
	return true;
}

static void set_choice(const char *name, const char *value, const char *yes,
		       const char *no, const char *wanted, bool *out)
{
	if (strcmp(value, yes) == 0)
		*out = true;
	else if (strcmp(value, no) == 0)
		*out = false;
	else
		complain(name, value, wanted);
}

static void set_milliseconds(const char *name, const char *value, uint32_t low,
			     const char *wanted, uint32_t *out)
{
	uint64_t number;

	if (!parse_number(value, &number) || number < low || number > 3600000)
		complain(name, value, wanted);
	else
		*out = (uint32_t)number;
}

static void set_bytes(const char *name, const char *value, uint64_t *out)
{
	uint64_t number;

	if (!parse_number(value, &number) || number > TIB)
		complain(name, value, "bytes up to 1024G, or 0");
	else
		*out = number;
}

static void set(const char *name, const char *value)
{
	if (strcmp(name, "HAKMEM_STREAM") == 0)
		set_choice(name, value, "on", "off", "on or off", &conf.stream);
	else if (strcmp(name, "HAKMEM_CORRUPTION") == 0)
		set_choice(name, value, "abort", "report", "abort or report",
			   &conf.corruption_abort);
	else if (strcmp(name, "HAKMEM_INTERVAL_MS") == 0)
		set_milliseconds(name, value, 10, "10 to 3600000 milliseconds",
				 &conf.interval_ms);
	else if (strcmp(name, "HAKMEM_TICK_MS") == 0)
		set_milliseconds(name, value, 1, "1 to 3600000 milliseconds",
				 &conf.tick_ms);
	else if (strcmp(name, "HAKMEM_SAMPLE") == 0)
		set_bytes(name, value, &conf.sample_bytes);
	else if (strcmp(name, "HAKMEM_HISTOGRAM") == 0)
		set_bytes(name, value, &conf.histogram_bytes);
	else if (strcmp(name, "HAKMEM_SOCKET") == 0)
		conf.socket = copy(socket_path, sizeof(socket_path), value);
	else if (strcmp(name, "HAKMEM_LOG") == 0)
		conf.log =
			*value ? copy(log_path, sizeof(log_path), value) : NULL;
}

void conf_load(char *const *environment)
{
	static const struct conf defaults = DEFAULTS;

	conf = defaults;
	for (; environment && *environment; environment++) {
		const char *entry = *environment;
		const char *equals = strchr(entry, '=');
		char name[32];
		size_t length = equals ? (size_t)(equals - entry) : 0;

		if (length == 0 || length >= sizeof(name))
			continue;
		memcpy(name, entry, length);
		name[length] = '\0';
		if (strncmp(name, "HAKMEM_", 7) == 0)
			set(name, equals + 1);
		else if (strcmp(name, "XDG_RUNTIME_DIR") == 0)
			conf.xdg_runtime_dir = copy(
				runtime_dir, sizeof(runtime_dir), equals + 1);
	}
	if (conf.sample_bytes == 0)
		conf.histogram_bytes = 0;
}
