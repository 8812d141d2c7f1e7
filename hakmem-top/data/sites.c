#include "hakmem-top/data/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sites_clear(struct site *site)
{
	free(site->function);
	free(site->location);
	free(site->module);
	free(site->thread);
}

void sites_free(struct sites *sites)
{
	if (!sites)
		return;
	for (size_t i = 0; i < sites->count; i++)
		sites_clear(&sites->rows[i]);
	free(sites->rows);
	free(sites);
}

static void sites_clear_frame(struct stack_frame *frame)
{
	free(frame->function);
	free(frame->file);
	free(frame->module);
	free(frame->note);
}

void sites_stack_free(struct stack *stack)
{
	if (!stack)
		return;
	sites_clear(&stack->site);
	for (size_t i = 0; i < stack->frame_count; i++)
		sites_clear_frame(&stack->frames[i]);
	free(stack->frames);
	free(stack->classes);
	free(stack);
}

const char *sites_name(const struct site *site)
{
	if (site->function && *site->function)
		return site->function;
	return site->id == SITES_NO_STACK   ? "[no stack]"
	       : site->id == SITES_OVERFLOW ? "[no room for the stack]"
					    : "[not known]";
}

const char *sites_location(const struct site *site)
{
	const char *slash = strrchr(site->location, '/');

	return slash ? slash + 1 : site->location;
}

void sites_thread_text(const struct site *site, char *out, size_t size)
{
	char name[96];

	if (site->thread && *site->thread)
		snprintf(name, sizeof(name), "%.64s", site->thread);
	else if (site->thread_id == 0)
		strcpy(name, "-");
	else
		snprintf(name, sizeof(name), "%llu",
			 (unsigned long long)site->thread_id);
	if (site->threads >= 255)
		snprintf(out, size, "%s +254 or more", name);
	else if (site->threads > 1)
		snprintf(out, size, "%s +%u", name, site->threads - 1);
	else
		snprintf(out, size, "%s", name);
}
