#include "proto/formats.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct row {
	const char *name;
	unsigned subjects;
	const char *ending, *help;
} formats_rows[] = {
#define FORMAT(id, name, subjects, ending, help) {name, subjects, ending, help},
#include "proto/formats.def"
};

static const char *const formats_subjects[] = {
#define SUBJECT(id, name, help) name,
#include "proto/formats.def"
};

const char *format_name(enum format format)
{
	return formats_rows[format].name;
}

const char *format_ending(enum format format)
{
	return formats_rows[format].ending;
}

const char *format_help(enum format format)
{
	return formats_rows[format].help;
}

bool format_writes(enum format format, unsigned subject)
{
	return (formats_rows[format].subjects & subject) != 0;
}

enum format format_named(const char *name, unsigned subject)
{
	for (unsigned i = 0; i < COUNT(formats_rows); i++)
		if (strcmp(formats_rows[i].name, name) == 0 &&
		    (formats_rows[i].subjects & subject))
			return (enum format)i;
	return FORMAT_COUNT;
}

static bool formats_format_ends(const char *path, const char *ending)
{
	size_t length = strlen(path), tail = strlen(ending);

	return length >= tail && strcmp(path + length - tail, ending) == 0;
}

enum format format_of_file(const char *path)
{
	const char *dot = strrchr(path, '.');

	for (unsigned i = 0; i < COUNT(formats_rows); i++)
		if (formats_format_ends(path, formats_rows[i].ending) ||
		    (dot && strcmp(dot + 1, formats_rows[i].name) == 0))
			return (enum format)i;
	return FORMAT_COUNT;
}

unsigned format_subject_named(const char *name)
{
	for (unsigned i = 0; i < COUNT(formats_subjects); i++)
		if (strcmp(formats_subjects[i], name) == 0)
			return 1u << i;
	return 0;
}

/* Appends ", NAME" as far as it fits. */
static void formats_format_add(char out[FORMAT_NAMES_MAX], const char *name)
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
	for (unsigned i = 0; i < COUNT(formats_rows); i++)
		if (formats_rows[i].subjects & subject)
			formats_format_add(out, formats_rows[i].name);
}

void format_subject_names(char out[FORMAT_NAMES_MAX])
{
	out[0] = '\0';
	for (unsigned i = 0; i < COUNT(formats_subjects); i++)
		formats_format_add(out, formats_subjects[i]);
}
