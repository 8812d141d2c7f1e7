#include "hakmem-top/base/plot.h"

#include <string.h>

static const char *const plot_across[9] = {"",	"▏", "▎", "▍", "▌",
					   "▋", "▊", "▉", "█"};
static const char *const plot_upward[9] = {" ", "▁", "▂", "▃", "▄",
					   "▅", "▆", "▇", "█"};
static const char *const plot_ascii_upward[9] = {" ", ".", ".", ":", ":",
						 "|", "|", "#", "#"};

/* part / whole of `steps`, rounded; at least 1 when part is not 0. */
static size_t plot_share(uint64_t part, uint64_t whole, size_t steps)
{
	double exact;

	if (part == 0 || whole == 0)
		return 0;
	if (part >= whole)
		return steps;
	exact = (double)part / (double)whole * (double)steps;
	return exact < 1 ? 1 : (size_t)(exact + 0.5);
}

/* Cells that fit a line, whatever the screen's width. */
static size_t plot_limit(size_t cells)
{
	return cells < (PLOT_MAX - 4) / 3 ? cells : (PLOT_MAX - 4) / 3;
}

char *plot_bar(char out[PLOT_MAX], uint64_t part, uint64_t whole, size_t cells,
	       bool utf8)
{
	char *at = out;
	size_t eighths;

	cells = plot_limit(cells);
	if (!utf8) {
		size_t full = plot_share(part, whole, cells);

		memset(out, '#', full);
		out[full] = '\0';
		return out;
	}
	for (eighths = plot_share(part, whole, cells * 8); eighths >= 8;
	     eighths -= 8)
		at = stpcpy(at, plot_across[8]);
	strcpy(at, plot_across[eighths]);
	return out;
}

char *plot_chart(char out[PLOT_MAX], const uint64_t *values, size_t count,
		 uint64_t top, size_t cells, size_t row, size_t rows, bool utf8)
{
	const char *const *glyphs = utf8 ? plot_upward : plot_ascii_upward;
	size_t skip, blanks;
	char *at;

	cells = plot_limit(cells);
	skip = count > cells ? count - cells : 0;
	blanks = cells - (count - skip);
	memset(out, ' ', blanks);
	at = out + blanks;
	*at = '\0';
	for (size_t i = skip; i < count; i++) {
		size_t eighths = plot_share(values[i], top, rows * 8);
		size_t below = row * 8;
		size_t here = eighths <= below ? 0 : eighths - below;

		at = stpcpy(at, glyphs[here < 8 ? here : 8]);
	}
	return out;
}

size_t plot_resample(const uint64_t *times, const uint64_t *values,
		     size_t count, uint64_t now_ns, uint64_t span_ns,
		     uint64_t *out, size_t cells)
{
	uint64_t slice = cells ? span_ns / cells : 0, newest;
	size_t used = 0, first = cells;

	if (count == 0 || slice == 0)
		return 0;
	memset(out, 0, cells * sizeof(*out));
	newest = times[count - 1] > now_ns ? times[count - 1] : now_ns;
	for (size_t i = count; i-- > 0;) {
		uint64_t back = newest > times[i] ? newest - times[i] : 0;
		size_t cell;

		if (back / slice >= cells)
			break;
		cell = cells - 1 - (size_t)(back / slice);
		for (; first > cell + 1; first--) /* slices without a value */
			out[first - 1] = values[i];
		if (first > cell)
			first = cell;
		if (values[i] > out[cell])
			out[cell] = values[i];
	}
	used = cells - first;
	memmove(out, out + first, used * sizeof(*out));
	return used;
}
