#include "libhakmem/base/conf.h"

#include "proto/limits.h"
#include "proto/path.h"

#include <limits.h>
#include <string.h>

struct conf conf;

/* Copies: a program that writes its title over its environment, as redis and
 * nginx do, must not change them. What is too long for the system stays so. */
static char conf_socket_path[PATH_SOCKET_MAX + 1];
static char conf_runtime_dir[sizeof(conf_socket_path)];
static char conf_log_path[PATH_MAX + 1];

static const char *conf_copy(char *space, size_t bytes, const char *value)
{
	size_t length = strnlen(value, bytes - 1);

	memcpy(space, value, length);
	space[length] = '\0';
	return space;
}

static void conf_append(char line[CONF_LINE_MAX], const char *text)
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

static void conf_complain(const char *name, const char *value,
			  const char *wanted)
{
	char *line;

	if (conf.errors == CONF_ERRORS_MAX)
		return;
	line = conf.error[conf.errors++];
	line[0] = '\0';
	conf_append(line, name);
	conf_append(line, "=");
	conf_append(line, value);
	conf_append(line, ": not ");
	conf_append(line, wanted);
	conf_append(line, "; the default is used");
}

/* Digits and at most one of K, M, G; false on anything else or overflow. */
static bool conf_parse_number(const char *text, uint64_t *out)
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

static bool conf_read_choice(const char *value, const char *yes, const char *no,
			     bool *out)
{
	*out = strcmp(value, yes) == 0;
	return *out || strcmp(value, no) == 0;
}

static bool conf_read_on(const char *value, void *out)
{
	return conf_read_choice(value, "on", "off", out);
}

static bool conf_read_corruption(const char *value, void *out)
{
	return conf_read_choice(value, "abort", "report", out);
}

static bool conf_read_number(const char *value, uint64_t low, uint64_t high,
			     uint64_t *out)
{
	return conf_parse_number(value, out) && *out >= low && *out <= high;
}

static bool conf_read_interval(const char *value, void *out)
{
	uint64_t number = 0;
	bool good = conf_read_number(value, LIMIT_INTERVAL_MS_MIN,
				     LIMIT_INTERVAL_MS_MAX, &number);

	*(uint32_t *)out = (uint32_t)number;
	return good;
}

static bool conf_read_tick(const char *value, void *out)
{
	uint64_t number = 0;
	bool good = conf_read_number(value, LIMIT_TICK_MS_MIN,
				     LIMIT_TICK_MS_MAX, &number);

	*(uint32_t *)out = (uint32_t)number;
	return good;
}

static bool conf_read_bytes(const char *value, void *out)
{
	return conf_read_number(value, 0, LIMIT_SAMPLE_BYTES_MAX, out);
}

static bool conf_read_socket(const char *value, void *out)
{
	*(const char **)out =
		conf_copy(conf_socket_path, sizeof(conf_socket_path), value);
	return true;
}

static bool conf_read_log(const char *value, void *out)
{
	*(const char **)out =
		*value ? conf_copy(conf_log_path, sizeof(conf_log_path), value)
		       : NULL;
	return true;
}

/* One row a variable; a value that `read` takes is stored at `offset`. */
static const struct conf_row {
	const char *name, *values, *standard;
	bool (*read)(const char *value, void *out);
	size_t offset;
} conf_rows[] = {
#define SETTING(field, kind, name, values, standard, help)                     \
	{name, values, standard, conf_read_##kind,                             \
	 offsetof(struct conf, field)},
#include "proto/settings.def"
#undef SETTING
};

#define CONF_ROWS (sizeof(conf_rows) / sizeof(*conf_rows))

static bool conf_read(const struct conf_row *row, const char *value)
{
	return row->read(value, (char *)&conf + row->offset);
}

static void conf_set(const char *name, const char *value)
{
	for (size_t i = 0; i < CONF_ROWS; i++) {
		if (strcmp(name, conf_rows[i].name) != 0 ||
		    conf_read(&conf_rows[i], value))
			continue;
		conf_complain(name, value, conf_rows[i].values);
		conf_read(&conf_rows[i], conf_rows[i].standard);
	}
}

static void conf_set_defaults(void)
{
	memset(&conf, 0, sizeof(conf));
	for (size_t i = 0; i < CONF_ROWS; i++)
		if (conf_rows[i].standard)
			conf_read(&conf_rows[i], conf_rows[i].standard);
}

void conf_load(char *const *environment)
{
	conf_set_defaults();
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
			conf_set(name, equals + 1);
		else if (strcmp(name, "XDG_RUNTIME_DIR") == 0)
			conf.xdg_runtime_dir =
				conf_copy(conf_runtime_dir,
					  sizeof(conf_runtime_dir), equals + 1);
	}
	if (conf.sample_bytes == 0)
		conf.histogram_bytes = 0;
}
