#include "proto/formats.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct row {
	const char *name;
	unsigned subjects;
	const char *ending, *help;
} rows[] = {
#define FORMAT(id, name, subjects, ending, help) {name, subjects, ending, help},
#include "proto/formats.def"
};

static const char *const subjects[] = {
#define SUBJECT(id, name, help) name,
#include "proto/formats.def"
};

const char *format_name(enum format format)
{
	return rows[format].name;
}

const char *format_ending(enum format format)
{
	return rows[format].ending;
}

const char *format_help(enum format format)
{
	return rows[format].help;
}

bool format_writes(enum format format, unsigned subject)
{
	return (rows[format].subjects & subject) != 0;
}

enum format format_named(const char *name, unsigned subject)
{
	for (unsigned i = 0; i < COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0 &&
		    (rows[i].subjects & subject))
			return (enum format)i;
	return FORMAT_COUNT;
}

static bool format_ends(const char *path, const char *ending)
{
	size_t length = strlen(path), tail = strlen(ending);

	return length >= tail && strcmp(path + length - tail, ending) == 0;
}

enum format format_of_file(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (unsigned i = 0; i < COUNT(rows); i++)
		if (format_ends(path, rows[i].ending) ||
		    (dot && strcmp(dot + 1, rows[i].name) == 0))
			return (enum format)i;
	return FORMAT_COUNT;
}

unsigned format_subject_named(const char *name)
{
	for (unsigned i = 0; i < COUNT(subjects); i++)
		if (strcmp(subjects[i], name) == 0)
			return 1u << i;
	return 0;
}

/* Appends ", NAME" as far as it fits. */
static void format_add(char out[FORMAT_NAMES_MAX], const char *name)
{
	size_t used = strlen(out), length = strlen(name);

	if (used + 2 + length >= FORMAT_NAMES_MAX)
		return;
	if (used > 0) {
		memcpy(out + used, ", ", 2);
		used += 2;
	}
	memcpy(out + used, name, length + 1);
}

void format_names(unsigned subject, char out[FORMAT_NAMES_MAX])
{
	out[0] = '\0';
	for (unsigned i = 0; i < COUNT(rows); i++)
		if (rows[i].subjects & subject)
			format_add(out, rows[i].name);
}

void format_subject_names(char out[FORMAT_NAMES_MAX])
{
	out[0] = '\0';
	for (unsigned i = 0; i < COUNT(subjects); i++)
		format_add(out, subjects[i]);
}
