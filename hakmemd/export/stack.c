#include "hakmemd/export/stack.h"

#include <stdio.h>
#include <string.h>

#include "hakmemd/symbols/allocators.h"
#include "hakmemd/model/check.h"

#define ID_NO_STACK 1 /* as Site.site_id says */
#define ID_NO_ROOM  2

const struct sites_module *stack_module(const struct stack_source *source,
					const struct site *site, uint32_t index)
{
	return sites_module(&source->process->model.sites,
			    site->modules[index]);
}

/* NULL when the address is in no module we know. */
static const struct symbol_module *
stack_as_asked(const struct stack_source *source,
	       const struct sites_module *module, struct symbol_module *out)
{
	const struct process *process = source->process;

	if (!module)
		return NULL;
	*out = (struct symbol_module){
		.path = module->path,
		.build_id = module->build_id_bytes ? module->build_id : NULL,
		.build_id_bytes = module->build_id_bytes,
		.bias = module->bias,
		.pid = process->ended_ns ? 0 : process->pid,
		.uid = process->uid,
		.started_ns = process->start_ns,
	};
	return out;
}

size_t stack_frames(const struct stack_source *source, const struct site *site,
		    uint32_t index, struct symbol_frame out[SYMBOL_FRAMES_MAX])
{
	static char raw[STACK_NAME_MAX + 1];
	struct symbol_module room;
	const struct symbol_module *module = stack_as_asked(
		source, stack_module(source, site, index), &room);
	size_t count = 0;

	if (source->symbols)
		count = symbol_lookup(source->symbols, module, site->pcs[index],
				      index > 0, out, SYMBOL_FRAMES_MAX);
	if (count > 0)
		return count < SYMBOL_FRAMES_MAX ? count : SYMBOL_FRAMES_MAX;
	if (source->symbols && !source->impatient)
		return 0;
	symbol_raw(module, site->pcs[index], raw, sizeof(raw));
	out[0] = (struct symbol_frame){
		.function = raw, .file = "", .note = "not looked up in time"};
	return 1;
}

const char *stack_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

const char *stack_missing(const struct site *site)
{
	switch (site->id) {
	case ID_NO_STACK:
		return "[no stack]";
	case ID_NO_ROOM:
		return "[no room for the stack]";
	default:
		return "[stack unknown]";
	}
}

static void stack_copy(char out[STACK_NAME_MAX + 1], const char *text)
{
	snprintf(out, STACK_NAME_MAX + 1, "%s", text);
	check_string(out, STACK_NAME_MAX);
}

static void stack_fill(struct stack_place *out,
		       const struct sites_module *module,
		       const struct symbol_frame *frame)
{
	stack_copy(out->function,
		   *frame->function ? frame->function : "[no name]");
	stack_copy(out->module, module ? stack_base(module->path) : "");
	out->location[0] = '\0';
	if (*frame->file)
		snprintf(out->location, sizeof(out->location), "%.*s:%u",
			 (int)STACK_NAME_MAX - 12, frame->file, frame->line);
	check_string(out->location, STACK_NAME_MAX);
}

static void stack_fill_raw(const struct stack_source *source,
			   const struct site *site, uint32_t index,
			   struct stack_place *out)
{
	const struct sites_module *module = stack_module(source, site, index);
	struct symbol_module room;
	char raw[STACK_NAME_MAX + 1];
	struct symbol_frame frame = {.function = raw, .file = ""};

	symbol_raw(stack_as_asked(source, module, &room), site->pcs[index], raw,
		   sizeof(raw));
	stack_fill(out, module, &frame);
}

/* Goes on with the next frame outwards? Else `out` is the owner. */
static bool stack_pass_over(struct stack_place *out,
			    const struct sites_module *module,
			    const struct symbol_frame *frame)
{
	enum allocators_kind kind = allocators_kind(frame->function);

	/* Allocation functions all the way: the outermost is the owner. */
	if (kind != ALLOCATORS_BEGINS || !*out->function)
		stack_fill(out, module, frame);
	return kind == ALLOCATORS_ALLOCATES;
}

bool stack_innermost(const struct stack_source *source, const struct site *site,
		     struct stack_place *out)
{
	struct symbol_frame frames[SYMBOL_FRAMES_MAX];

	out->function[0] = out->location[0] = out->module[0] = '\0';
	if (site->depth == 0)
		stack_copy(out->function, stack_missing(site));
	for (uint32_t i = 0; i < site->depth; i++) {
		const struct sites_module *module =
			stack_module(source, site, i);
		size_t count;

		if (module && i + 1 < site->depth &&
		    allocators_module(module->path))
			continue;
		count = stack_frames(source, site, i, frames);
		if (count == 0) {
			stack_fill_raw(source, site, i, out);
			return false;
		}
		for (size_t f = 0; f < count; f++)
			if (!stack_pass_over(out, module, &frames[f]))
				return true;
	}
	return true;
}
