#include "proto/figures.h"

#include <string.h>

const char figures_names[] =
#define FIGURE(id, name, unit, kind, group, level, trend, label, help) name " "
#include "proto/figures.def"
#undef FIGURE
	;

const struct figure_row figures_table[FIGURES] = {
#define FIGURE(id, name, unit, kind, group, level, trend, label, help)         \
	{name,		label,		help,		FIGURE_##unit,         \
	 FIGURE_##kind, FIGURE_##group, FIGURE_##level, FIGURE_##trend},
#include "proto/figures.def"
#undef FIGURE
};

const char *const figures_reject_text[REJECT_KINDS] = {
#define REJECT(id, name, text, label, help) text,
#include "proto/rejects.def"
#undef REJECT
};

static bool figures_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The figure of a name of `length` bytes. */
static enum figure figures_find(const char *name, size_t length)
{
	const char *at = figures_names;

	for (unsigned i = 0; i < FIGURES; i++) {
		const char *end = strchr(at, ' ');

		if ((size_t)(end - at) == length &&
		    memcmp(at, name, length) == 0)
			return (enum figure)i;
		at = end + 1;
	}
	return FIGURES;
}

bool figures_map(const char *names, struct figures_map *out)
{
	bool seen[FIGURES] = {false};

	out->count = 0;
	while (*names) {
		size_t length = 0;
		enum figure figure;

		while (figures_letter(names[length]))
			length++;
		if (length == 0 || (names[length] && names[length] != ' ') ||
		    out->count == FIGURES_NAMES_MAX)
			return false;
		figure = figures_find(names, length);
		if (figure != FIGURES && seen[figure])
			return false;
		if (figure != FIGURES)
			seen[figure] = true;
		out->figure[out->count++] = (uint16_t)figure;
		names += length + (names[length] == ' ');
	}
	return true;
}

void figures_take(const struct figures_map *map, const uint64_t *values,
		  size_t count, uint64_t out[FIGURES])
{
	for (size_t i = 0; i < FIGURES; i++)
		out[i] = FIGURE_UNKNOWN;
	for (size_t i = 0; i < count && i < map->count; i++)
		if (map->figure[i] != FIGURES)
			out[map->figure[i]] = values[i];
}
