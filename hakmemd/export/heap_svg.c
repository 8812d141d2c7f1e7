#include "hakmemd/export/heap_svg.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hakmemd/export/flame.h"

#define BUDGET_BYTES (128u << 20)
#define WIDTH	     1200.0
#define PAD	     10.0
#define INNER	     (WIDTH - 2 * PAD)
#define HEAD	     86.0 /* above the flames */
#define FOOT	     12.0
#define ROW	     18.0
#define NARROW	     0.1 /* pixels; what is narrower is left out */
#define LETTER	     7.0

/* flame.js as it is, ended by a NUL. */
extern const char heap_svg_script[];
__asm__(".pushsection .rodata\n"
	".globl heap_svg_script\n"
	".hidden heap_svg_script\n"
	"heap_svg_script:\n"
	".incbin \"hakmemd/export/flame.js\"\n"
	".byte 0\n"
	".popsection\n");

static const struct age {
	double below_s;
	const char *label, *fill;
} heap_svg_ages[] = {
	{1, "< 1 s", "#fff3b0"},
	{10, "< 10 s", "#ffe08a"},
	{60, "< 1 min", "#ffc766"},
	{600, "< 10 min", "#ffa95c"},
	{3600, "< 1 h", "#f58a5e"},
	{86400, "< 1 d", "#e0706c"},
	{INFINITY, "1 d or more", "#c4688f"},
};
#define AGES	   (sizeof(heap_svg_ages) / sizeof(heap_svg_ages[0]))
#define FILL_EMPTY "#d5d5d5" /* nothing lives */

struct canvas {
	const struct heap_profile *profile;
	struct flame flame;
	struct buf *out;
	double height, scale; /* pixels per byte */
};

/* What XML forbids or a reader obeys becomes '?'. */
static bool heap_svg_put_text(struct buf *out, const char *text, size_t letters)
{
	bool good = true;

	for (; good && *text && letters > 0; letters--) {
		unsigned char byte = (unsigned char)*text;
		size_t length = byte < 0x80   ? 1
				: byte < 0xe0 ? 2
				: byte < 0xf0 ? 3
					      : 4;

		if (byte == '&')
			good = buf_print(out, "&amp;");
		else if (byte == '<')
			good = buf_print(out, "&lt;");
		else if (byte == '>')
			good = buf_print(out, "&gt;");
		else if (byte < 0x20 || byte == 0x7f ||
			 (byte == 0xc2 && (unsigned char)text[1] < 0xa0) ||
			 strncmp(text, "\xef\xbf\xbe", 3) == 0 ||
			 strncmp(text, "\xef\xbf\xbf", 3) == 0)
			good = buf_print(out, "?");
		else
			good = buf_append(out, text, strnlen(text, length));
		text += strnlen(text, length);
	}
	return good;
}

struct words {
	char text[32];
};

static struct words heap_svg_bytes_text(double bytes)
{
	static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	struct words words;
	unsigned unit = 0;

	while (fabs(bytes) >= 1000 && unit < 5) {
		bytes /= 1024;
		unit++;
	}
	snprintf(words.text, sizeof(words.text), "%.*f %s",
		 unit == 0 || fabs(bytes) >= 100 ? 0
		 : fabs(bytes) >= 10		 ? 1
						 : 2,
		 fmin(bytes, 1e9), units[unit]);
	return words;
}

static struct words heap_svg_age_text(double seconds)
{
	static const struct {
		double seconds;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	struct words words;
	unsigned at = 0;

	while (at < 3 && seconds < 2 * units[at].seconds)
		at++;
	snprintf(words.text, sizeof(words.text), "%.1f %s",
		 fmin(seconds / units[at].seconds, 1e9), units[at].unit);
	return words;
}

static const char *heap_svg_fill_of(double age_s)
{
	for (size_t i = 0; i < AGES; i++)
		if (age_s >= 0 && age_s < heap_svg_ages[i].below_s)
			return heap_svg_ages[i].fill;
	return FILL_EMPTY;
}

static const char *heap_svg_sample_text(enum heap_profile_sample sample)
{
	static const char *const texts[] = {"live bytes",
					    "bytes allocated since the start",
					    "live bytes at the heap's peak"};

	return texts[sample];
}

static bool heap_svg_put_head(const struct canvas *canvas)
{
	const struct heap_profile *profile = canvas->profile;
	const struct baseline *baseline = profile->options.baseline;
	struct buf *out = canvas->out;

	return buf_print(out, "<text class=\"h\" x=\"%g\" y=\"22\">%s of ", PAD,
			 heap_svg_sample_text(profile->options.sample)) &&
	       heap_svg_put_text(out, profile->model->command, 100) &&
	       buf_print(out,
			 " (pid %d)</text>\n<text x=\"%g\" y=\"40\">"
			 "%s &#177; %s (one standard error) in %u sites, ",
			 (int)profile->options.process->pid, PAD,
			 heap_svg_bytes_text(profile->bytes).text,
			 heap_svg_bytes_text(sqrt(profile->bytes_var)).text,
			 profile->row_count) &&
	       buf_print(out, "a sample every %s",
			 heap_svg_bytes_text(
				 (double)model_sample_bytes(profile->model))
				 .text) &&
	       (!baseline ||
		(buf_print(out, ", since the baseline ") &&
		 heap_svg_put_text(out, baseline->name, BASELINE_NAME_MAX))) &&
	       (canvas->flame.shrunk >= 0 ||
		buf_print(out, "; not shown: sites that shrank, %s",
			  heap_svg_bytes_text(canvas->flame.shrunk).text)) &&
	       buf_print(out, "</text>\n");
}

static bool heap_svg_put_legend(const struct canvas *canvas)
{
	struct buf *out = canvas->out;
	bool good = buf_print(out,
			      "<text x=\"%g\" y=\"57\">mean age of what lives:"
			      "</text>\n",
			      PAD);

	for (unsigned i = 0; good && i <= AGES; i++) {
		double x = PAD + 180 + 112 * i;

		good = buf_print(out,
				 "<rect x=\"%g\" y=\"47\" width=\"12\" "
				 "height=\"12\" fill=\"%s\"/>"
				 "<text x=\"%g\" y=\"57\">",
				 x,
				 i < AGES ? heap_svg_ages[i].fill : FILL_EMPTY,
				 x + 16) &&
		       heap_svg_put_text(out,
					 i < AGES ? heap_svg_ages[i].label
						  : "nothing lives",
					 SIZE_MAX) &&
		       buf_print(out, "</text>\n");
	}
	return good;
}

static bool heap_svg_put_title(const struct canvas *canvas,
			       const struct flame_node *node, double age_s)
{
	double whole = canvas->flame.nodes[0].bytes;
	struct buf *out = canvas->out;

	return buf_print(out, "<title>") &&
	       heap_svg_put_text(out, node->name, SIZE_MAX) &&
	       buf_print(out, "\n%s", heap_svg_bytes_text(node->bytes).text) &&
	       buf_print(out, " &#177; %s",
			 heap_svg_bytes_text(sqrt(node->bytes_var)).text) &&
	       buf_print(out, ", %.2f %%\n%.*f objects",
			 whole > 0 ? 100 * node->bytes / whole : 0,
			 node->objects < 10 ? 1 : 0,
			 fmin(node->objects, 1e18)) &&
	       (age_s < 0 || buf_print(out, "\nmean age %s",
				       heap_svg_age_text(age_s).text)) &&
	       buf_print(out, "</title>");
}

static bool heap_svg_put_node(const struct canvas *canvas,
			      const struct flame_node *node, double x)
{
	double age_s = flame_age(node, canvas->profile->time_ns);
	double width = node->bytes * canvas->scale;
	double y = HEAD + ROW * node->depth; /* a browser opens at the top */
	double letters = floor((width - 4) / LETTER);
	struct buf *out = canvas->out;
	size_t shown = letters >= 3 ? (size_t)letters : 0;
	size_t length = strlen(node->name);

	if (length > shown && shown >= 2)
		shown -= 2;
	return buf_print(out, "<g class=\"f\" data-x=\"%.9f\" data-w=\"%.9f\">",
			 (x - PAD) / INNER, width / INNER) &&
	       heap_svg_put_title(canvas, node, age_s) &&
	       buf_print(out,
			 "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" "
			 "height=\"%.0f\" fill=\"%s\"/>"
			 "<text x=\"%.2f\" y=\"%.0f\">",
			 x, y, width, ROW - 1, heap_svg_fill_of(age_s), x + 3,
			 y + 13) &&
	       heap_svg_put_text(out, node->name, shown) &&
	       buf_print(out, "%s</text></g>\n",
			 shown > 0 && length > shown ? ".." : "");
}

/*
 * All nodes, each before its children; the way back up is on a stack of our
 * own, as deep as the tree.
 */
static bool heap_svg_put_nodes(const struct canvas *canvas, struct pool *pool)
{
	struct place {
		uint32_t node;
		double x; /* where the next child begins */
	} *path = pool_array(pool, canvas->flame.depth + 2u, sizeof(*path));
	const struct flame_node *nodes = canvas->flame.nodes;
	uint32_t at = 0;

	if (!path || !heap_svg_put_node(canvas, &nodes[0], PAD))
		return false;
	path[0] = (struct place){nodes[0].child, PAD};
	for (;;) {
		const struct flame_node *node = &nodes[path[at].node];
		double x = path[at].x;

		/* Largest first: the others are narrower still. */
		if (path[at].node == 0 ||
		    node->bytes * canvas->scale < NARROW) {
			if (at == 0)
				return true;
			at--;
			continue;
		}
		if (!heap_svg_put_node(canvas, node, x))
			return false;
		path[at].node = node->sibling;
		path[at].x = x + node->bytes * canvas->scale;
		at++;
		path[at] = (struct place){node->child, x};
	}
}

static bool heap_svg_put_frame(const struct canvas *canvas)
{
	struct buf *out = canvas->out;

	return buf_print(out,
			 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			 "<svg xmlns=\"http://www.w3.org/2000/svg\" "
			 "width=\"%g\" height=\"%g\" ",
			 WIDTH, canvas->height) &&
	       buf_print(out, "data-width=\"%g\" data-pad=\"%g\">\n", WIDTH,
			 PAD) &&
	       buf_print(out,
			 "<style>text { font: 12px monospace; fill: #222; } "
			 ".h { font-size: 15px; font-weight: bold; } "
			 ".f, .b { cursor: pointer; } ") &&
	       buf_print(out, ".f:hover rect { stroke: #222; } .f text { "
			      "pointer-events: none; } .b { fill: #1f5fbf; }"
			      "</style>\n") &&
	       buf_print(
		       out,
		       "<rect width=\"%g\" height=\"%g\" fill=\"#fcfcfc\"/>\n",
		       WIDTH, canvas->height);
}

static bool heap_svg_put_hands(const struct canvas *canvas)
{
	struct buf *out = canvas->out;
	double y = HEAD - 10;

	return buf_print(out,
			 "<text id=\"details\" x=\"%g\" y=\"%g\"></text>\n"
			 "<text id=\"matched\" x=\"%g\" y=\"22\" "
			 "text-anchor=\"end\"></text>\n",
			 PAD, y, WIDTH - 220) &&
	       buf_print(out,
			 "<text id=\"search\" class=\"b\" x=\"%g\" y=\"22\" "
			 "text-anchor=\"end\">search (Ctrl-F)</text>\n",
			 WIDTH - PAD) &&
	       buf_print(out,
			 "<text id=\"reset\" class=\"b\" x=\"%g\" y=\"40\" "
			 "text-anchor=\"end\" style=\"display: none\">"
			 "whole graph (Esc)</text>\n",
			 WIDTH - PAD) &&
	       buf_print(out, "<script><![CDATA[\n") &&
	       buf_append(out, heap_svg_script, strlen(heap_svg_script)) &&
	       buf_print(out, "]]></script>\n</svg>\n");
}

bool heap_svg(const struct heap_profile *profile, struct buf *out)
{
	struct canvas canvas = {.profile = profile, .out = out};
	struct pool pool;
	bool good;

	pool_init(&pool, BUDGET_BYTES);
	good = flame_build(&canvas.flame, profile, &pool);
	if (good) {
		double whole = canvas.flame.nodes[0].bytes;

		canvas.height = HEAD + FOOT + ROW * (canvas.flame.depth + 1);
		canvas.scale = whole > 0 ? INNER / whole : 0;
		good = heap_svg_put_frame(&canvas) &&
		       heap_svg_put_head(&canvas) &&
		       heap_svg_put_legend(&canvas) &&
		       heap_svg_put_nodes(&canvas, &pool) &&
		       heap_svg_put_hands(&canvas);
	}
	pool_free(&pool);
	return good;
}
