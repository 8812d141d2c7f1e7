/* What could be wrong with one process: rejects, the machinery, the stream. */
#include "hakmem-top/screens/screen.h"

#include <stdio.h>

#include "hakmem-top/screens/panel.h"
#include "hakmem-top/base/fmt.h"
#include "hakmem-top/term/term.h"

#define ERRORS_SHOWN 6

static const struct panel screen_health_panel = {FIGURE_REJECTED,
						 FIGURE_STREAM};

static bool screen_health_refresh(struct context *context)
{
	return context->detail != NULL;
}

/* Bad settings, or that there are none; returns the rows used. */
static int screen_health_draw_errors(const struct detail *detail, int y,
				     int height, int width)
{
	size_t shown = detail->error_count < ERRORS_SHOWN ? detail->error_count
							  : ERRORS_SHOWN;

	if (height < 2)
		return height;
	term_put(y, 1, width - 1, TERM_DIM, "CONFIGURATION");
	if (shown == 0)
		term_put(y + 1, 2, width - 2, TERM_GOOD,
			 "no bad HAKMEM_* value");
	for (size_t i = 0; i < shown && (int)i + 1 < height; i++)
		term_put(y + 1 + (int)i, 2, width - 2, TERM_BAD,
			 detail->errors[i]);
	if (shown < detail->error_count && (int)shown + 1 < height)
		term_addf(y + 1 + (int)shown++, 2, TERM_BAD, "and %zu more",
			  detail->error_count - ERRORS_SHOWN);
	return 1 + (int)(shown ? shown : 1);
}

static void screen_health_draw(struct context *context, int y, int height,
			       int width)
{
	const struct detail *detail = context->detail;
	int used = 0;

	/* A bad setting is what one must not miss: it comes first. */
	if (detail->error_count)
		used = screen_health_draw_errors(detail, y, height, width) + 1;
	used += panel_draw(&screen_health_panel, context, y + used,
			   height - used, width) +
		1;
	if (detail->error_count == 0)
		used += screen_health_draw_errors(detail, y + used,
						  height - used, width) +
			1;
	if (used < height)
		term_addf(y + used, 1, TERM_DIM, "libhakmem %s in %s",
			  detail->library_version, detail->process.executable);
}

static bool screen_health_save(struct context *context, enum opts_format format,
			       FILE *out)
{
	if (!context->detail)
		return false;
	panel_save(&screen_health_panel, context, format, out);
	return true;
}

const struct screen screen_health = {
	.name = "Health",
	.of_process = true,
	.refresh = screen_health_refresh,
	.draw = screen_health_draw,
	.save = screen_health_save,
};
