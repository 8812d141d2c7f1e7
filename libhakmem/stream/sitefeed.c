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
} feed;

static struct {
	Hakmem__Modules message;
	Hakmem__Module module[MODULES_MAX];
	Hakmem__Module *modules[MODULES_MAX];
	struct module_info info[MODULES_MAX];
	uint64_t sent;		/* generation that the peer has */
	uint64_t upto;		/* that it will have when this round is over */
	uint32_t after, before; /* last id sent; the same a message ago */
	bool under_way;
} modules;

void sitefeed_restart(void)
{
	modules.sent = 0;
	modules.under_way = false;
	feed.cursor = 0;
	site_unread_all();
}

static void fill_module(Hakmem__Module *to, struct module_info *from)
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

static void begin_round(void)
{
	if (modules.under_way)
		return;
	module_refresh();
	modules.upto = module_generation();
	modules.after = 0;
	modules.under_way = true;
}

Hakmem__Modules *sitefeed_modules(void)
{
	size_t bytes = 0;
	uint32_t id, count = 0;

	begin_round();
	modules.before = modules.after;
	while (count < MODULES_MAX && bytes < ENOUGH &&
	       (id = module_changed_since(modules.sent, modules.after)) != 0) {
		modules.after = id;
		if (!module_info(id, &modules.info[count]))
			continue;
		fill_module(&modules.module[count], &modules.info[count]);
		modules.modules[count] = &modules.module[count];
		bytes += MODULE_BYTES + strlen(modules.info[count].path);
		count++;
	}
	if (count == 0) {
		modules.sent = modules.upto;
		modules.under_way = false;
		return NULL;
	}
	hakmem__modules__init(&modules.message);
	modules.message.n_modules = count;
	modules.message.modules = modules.modules;
	return &modules.message;
}

void sitefeed_modules_again(void)
{
	modules.after = modules.before;
}

static size_t used_ages(const struct site_class *from)
{
	size_t count = AGES_COUNT;

	while (count > 0 && from->lifetimes[count - 1] == 0)
		count--;
	return count;
}

static void fill_class(Hakmem__SiteClass *to, struct site_class *from)
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
	to->n_lifetimes = used_ages(from);
	to->lifetimes = from->lifetimes;
}

static void fill_stack(Hakmem__Site *to, const struct site_view *from)
{
	if (!from->with_stack)
		return;
	to->n_pcs = to->n_modules = from->stack.count;
	to->pcs = (uint64_t *)(uintptr_t)from->stack.pcs;
	to->modules = (uint32_t *)(uintptr_t)from->stack.modules;
	to->truncated = from->stack.truncated;
}

static void fill_site(Hakmem__Site *to, struct site_view *from)
{
	unsigned first = feed.used_classes;

	hakmem__site__init(to);
	to->site_id = from->id;
	fill_stack(to, from);
	for (unsigned i = 0; i < from->classes; i++) {
		fill_class(&feed.class[first + i], &feed.figures[first + i]);
		feed.classes[first + i] = &feed.class[first + i];
	}
	to->n_classes = from->classes;
	to->classes = &feed.classes[first];
	to->thread_id = from->thread;
	to->thread_name = from->name;
	to->threads = from->threads;
	to->first_ns = from->first_ns;
	to->last_ns = from->last_ns;
}

static size_t bytes_of(const struct site_view *view)
{
	return SITE_BYTES + view->classes * CLASS_BYTES +
	       (view->with_stack ? view->stack.count * FRAME_BYTES : 0);
}

Hakmem__Sites *sitefeed_sites(void)
{
	size_t bytes = 0;
	unsigned count = 0;

	feed.used_classes = 0;
	while (count < SITES_MAX && bytes < ENOUGH &&
	       feed.used_classes + SITE_CLASSES <= CLASSES_MAX &&
	       site_read(&feed.cursor, &feed.view[count],
			 &feed.figures[feed.used_classes])) {
		fill_site(&feed.site[count], &feed.view[count]);
		feed.sites[count] = &feed.site[count];
		feed.used_classes += feed.view[count].classes;
		bytes += bytes_of(&feed.view[count]);
		count++;
	}
	feed.used_sites = count;
	if (count == 0)
		return NULL;
	hakmem__sites__init(&feed.message);
	feed.message.n_sites = count;
	feed.message.sites = feed.sites;
	return &feed.message;
}

void sitefeed_sites_again(void)
{
	for (unsigned i = 0; i < feed.used_sites; i++)
		site_unread(&feed.view[i]);
	feed.used_sites = 0;
}
