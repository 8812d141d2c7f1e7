#include "libhakmem/stream/sitefeed.h"

#include "libhakmem/unwind/module.h"
#include "libhakmem/profile/site.h"

#include <string.h>

/* A message ends when its estimate passes this; the largest single site is
 * 40 KiB, the largest module 5 KiB. */
#define ENOUGH	    (48 * KIB)
#define SITES_MAX   64u
#define CLASSES_MAX 256u
#define MODULES_MAX 64u

/* Packed bytes at most: tags, varints and eight bytes a double. */
#define SITE_BYTES   96u
#define FRAME_BYTES  14u
#define CLASS_BYTES  (176u + 8u * AGES_COUNT)
#define MODULE_BYTES 160u
_Static_assert(ENOUGH + SITE_BYTES + 256 * FRAME_BYTES +
			       SITE_CLASSES * CLASS_BYTES <
		       SITEFEED_BYTES_MAX,
	       "the last site of a message fits");

static struct {
	Hakmem__Sites message;
	Hakmem__Site site[SITES_MAX];
	Hakmem__Site *sites[SITES_MAX];
	Hakmem__SiteClass class[CLASSES_MAX];
	Hakmem__SiteClass *classes[CLASSES_MAX];
	struct site_view view[SITES_MAX];
	struct site_class figures[CLASSES_MAX];
	unsigned used_sites, used_classes;
	uint32_t cursor;
} sitefeed_feed;

static struct {
	Hakmem__Modules message;
	Hakmem__Module module[MODULES_MAX];
	Hakmem__Module *modules[MODULES_MAX];
	struct module_info info[MODULES_MAX];
	uint64_t sent;		/* generation that the peer has */
	uint64_t upto;		/* that it will have when this round is over */
	uint32_t after, before; /* last id sent; the same a message ago */
	bool under_way;
} sitefeed_module_list;

void sitefeed_restart(void)
{
	sitefeed_module_list.sent = 0;
	sitefeed_module_list.under_way = false;
	sitefeed_feed.cursor = 0;
	site_unread_all();
}

void sitefeed_look(bool all)
{
	if (all)
		sitefeed_restart();
	if (!sitefeed_module_list.under_way) {
		sitefeed_module_list.upto = module_generation();
		sitefeed_module_list.after = 0;
		sitefeed_module_list.under_way = true;
	}
}

static void sitefeed_fill_module(Hakmem__Module *to, struct module_info *from)
{
	hakmem__module__init(to);
	to->module_id = from->id;
	to->path = (char *)(uintptr_t)from->path;
	to->build_id.data = from->build_id;
	to->build_id.len = from->build_id_bytes;
	to->start = from->start;
	to->end = from->end;
	to->bias = from->bias;
	to->text_start = from->text_start;
	to->text_bytes = from->text_bytes;
	to->text_offset = from->text_offset;
	to->unloaded = from->unloaded;
}

static void sitefeed_begin_round(void)
{
	if (sitefeed_module_list.under_way)
		return;
	module_refresh();
	sitefeed_module_list.upto = module_generation();
	sitefeed_module_list.after = 0;
	sitefeed_module_list.under_way = true;
}

Hakmem__Modules *sitefeed_modules(void)
{
	size_t bytes = 0;
	uint32_t id, count = 0;

	sitefeed_begin_round();
	sitefeed_module_list.before = sitefeed_module_list.after;
	while (count < MODULES_MAX && bytes < ENOUGH &&
	       (id = module_changed_since(sitefeed_module_list.sent,
					  sitefeed_module_list.after)) != 0) {
		sitefeed_module_list.after = id;
		if (!module_info(id, &sitefeed_module_list.info[count]))
			continue;
		sitefeed_fill_module(&sitefeed_module_list.module[count],
				     &sitefeed_module_list.info[count]);
		sitefeed_module_list.modules[count] =
			&sitefeed_module_list.module[count];
		bytes += MODULE_BYTES +
			 strlen(sitefeed_module_list.info[count].path);
		count++;
	}
	if (count == 0) {
		sitefeed_module_list.sent = sitefeed_module_list.upto;
		sitefeed_module_list.under_way = false;
		return NULL;
	}
	hakmem__modules__init(&sitefeed_module_list.message);
	sitefeed_module_list.message.n_modules = count;
	sitefeed_module_list.message.modules = sitefeed_module_list.modules;
	return &sitefeed_module_list.message;
}

void sitefeed_modules_again(void)
{
	sitefeed_module_list.after = sitefeed_module_list.before;
}

static size_t sitefeed_used_ages(const struct site_class *from)
{
	size_t count = AGES_COUNT;

	while (count > 0 && from->lifetimes[count - 1] == 0)
		count--;
	return count;
}

static void sitefeed_fill_class(Hakmem__SiteClass *to, struct site_class *from)
{
	hakmem__site_class__init(to);
	to->class_index =
		from->class == SITE_CLASS_LARGE ? sizeclass_count : from->class;
	to->samples = from->samples;
	to->live_samples = from->live_samples;
	to->alloc_objects = from->alloc_objects;
	to->alloc_objects_var = from->alloc_objects_var;
	to->alloc_bytes = from->alloc_bytes;
	to->alloc_bytes_var = from->alloc_bytes_var;
	to->live_objects = from->live_objects;
	to->live_objects_var = from->live_objects_var;
	to->live_bytes = from->live_bytes;
	to->live_bytes_var = from->live_bytes_var;
	to->peak_bytes = from->peak_bytes;
	to->peak_objects = from->peak_objects;
	to->peak_bytes_var = from->peak_bytes_var;
	to->peak_objects_var = from->peak_objects_var;
	to->highest_bytes = from->highest_bytes;
	to->live_birth_seconds = from->birth_seconds;
	to->n_lifetimes = sitefeed_used_ages(from);
	to->lifetimes = from->lifetimes;
}

static void sitefeed_fill_stack(Hakmem__Site *to, const struct site_view *from)
{
	if (!from->with_stack)
		return;
	to->n_pcs = to->n_modules = from->stack.count;
	to->pcs = (uint64_t *)(uintptr_t)from->stack.pcs;
	to->modules = (uint32_t *)(uintptr_t)from->stack.modules;
	to->truncated = from->stack.truncated;
}

static void sitefeed_fill_site(Hakmem__Site *to, struct site_view *from)
{
	unsigned first = sitefeed_feed.used_classes;

	hakmem__site__init(to);
	to->site_id = from->id;
	sitefeed_fill_stack(to, from);
	for (unsigned i = 0; i < from->classes; i++) {
		sitefeed_fill_class(&sitefeed_feed.class[first + i],
				    &sitefeed_feed.figures[first + i]);
		sitefeed_feed.classes[first + i] =
			&sitefeed_feed.class[first + i];
	}
	to->n_classes = from->classes;
	to->classes = &sitefeed_feed.classes[first];
	to->thread_id = from->thread;
	to->thread_name = from->name;
	to->threads = from->threads;
	to->first_ns = from->first_ns;
	to->last_ns = from->last_ns;
}

static size_t sitefeed_bytes_of(const struct site_view *view)
{
	return SITE_BYTES + view->classes * CLASS_BYTES +
	       (view->with_stack ? view->stack.count * FRAME_BYTES : 0);
}

Hakmem__Sites *sitefeed_sites(void)
{
	size_t bytes = 0;
	unsigned count = 0;

	sitefeed_feed.used_classes = 0;
	while (count < SITES_MAX && bytes < ENOUGH &&
	       sitefeed_feed.used_classes + SITE_CLASSES <= CLASSES_MAX &&
	       site_read(&sitefeed_feed.cursor, &sitefeed_feed.view[count],
			 &sitefeed_feed.figures[sitefeed_feed.used_classes])) {
		sitefeed_fill_site(&sitefeed_feed.site[count],
				   &sitefeed_feed.view[count]);
		sitefeed_feed.sites[count] = &sitefeed_feed.site[count];
		sitefeed_feed.used_classes += sitefeed_feed.view[count].classes;
		bytes += sitefeed_bytes_of(&sitefeed_feed.view[count]);
		count++;
	}
	sitefeed_feed.used_sites = count;
	if (count == 0)
		return NULL;
	hakmem__sites__init(&sitefeed_feed.message);
	sitefeed_feed.message.n_sites = count;
	sitefeed_feed.message.sites = sitefeed_feed.sites;
	return &sitefeed_feed.message;
}

void sitefeed_sites_again(void)
{
	for (unsigned i = 0; i < sitefeed_feed.used_sites; i++)
		site_unread(&sitefeed_feed.view[i]);
	sitefeed_feed.used_sites = 0;
}
