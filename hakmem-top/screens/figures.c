#include "hakmem-top/screens/figures.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "hakmem-top/base/fmt.h"

#define BLOCK_COLUMNS 40 /* least width of a block */
#define BLOCKS_MAX    6
#define LABEL_COLUMNS 12

struct figure *figures_add(struct figures *figures, const char *group,
			   const char *name, const char *label, uint64_t value,
			   enum figures_kind kind)
{
	struct figure *figure;

	if (figures->count == FIGURES_MAX)
		figures->count--; /* the last one is overwritten */
	figure = &figures->items[figures->count++];
	*figure = (struct figure){.group = group,
				  .name = name,
				  .label = label,
				  .value = value,
				  .role = TERM_STRONG};
	if (kind == FIGURES_BYTES)
		fmt_bytes(figure->text, value);
	else if (value < 10000000)
		fmt_grouped(figure->text, value);
	else
		fmt_count(figure->text, value);
	return figure;
}

void figures_note(struct figure *figure, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(figure->note, sizeof(figure->note), format, arguments);
	va_end(arguments);
}

static void draw_line(const struct figure *figure, int y, int x, int width)
{
	int at = term_put(y, x, LABEL_COLUMNS, TERM_TITLE, figure->label);

	at = term_put_right(y, at, 10, figure->role, figure->text);
	if (figure->note[0])
		term_put(y, at + 1, width - LABEL_COLUMNS - 11, TERM_DIM,
			 figure->note);
}

/* The figures from `first` on that belong to one group. */
static size_t group_length(const struct figures *figures, size_t first)
{
	size_t last = first;

	while (last < figures->count &&
	       strcmp(figures->items[last].group,
		      figures->items[first].group) == 0)
		last++;
	return last - first;
}

static int shortest(const int *used, int blocks)
{
	int best = 0;

	for (int i = 1; i < blocks; i++)
		if (used[i] < used[best])
			best = i;
	return best;
}

int figures_draw(const struct figures *figures, int y, int height, int width)
{
	int used[BLOCKS_MAX] = {0}, most = 0;
	int blocks = width / BLOCK_COLUMNS;
	size_t first, length;

	blocks = blocks < 1 ? 1 : blocks > BLOCKS_MAX ? BLOCKS_MAX : blocks;
	for (first = 0; first < figures->count; first += length) {
		int block = shortest(used, blocks), w = width / blocks;
		int x = block * w + 1;

		length = group_length(figures, first);
		if (used[block] > 0)
			used[block]++;
		if (used[block] < height)
			term_put(y + used[block], x, w - 2, TERM_DIM,
				 figures->items[first].group);
		used[block]++;
		for (size_t i = 0; i < length; i++, used[block]++)
			if (used[block] < height)
				draw_line(&figures->items[first + i],
					  y + used[block], x + 1, w - 2);
	}
	for (int i = 0; i < blocks; i++)
		most = used[i] > most ? used[i] : most;
	return most < height ? most : height;
}

void figures_save(const struct figures *figures, enum opts_format format,
		  FILE *out)
{
	bool json = format == OPTS_JSON;

	fputs(json ? "{" : "name,value\n", out);
	for (size_t i = 0; i < figures->count; i++)
		fprintf(out, json ? "%s\"%s\":%" PRIu64 : "%s%s,%" PRIu64 "\n",
			json && i ? "," : "", figures->items[i].name,
			figures->items[i].value);
	if (json)
		fputs("}\n", out);
}
