#include "libhakmem/unwind/module.h"

#include "libhakmem/base/lock.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/unwind/object.h"
#include "libhakmem/unwind/paths.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHUNK	 64u /* modules allocated at a time */
#define CHUNKS	 (MODULE_MAX / CHUNK)
#define BUCKETS	 1024u
#define SEGMENTS 10u
#define PHDRS	 64u
#define TRIES	 2000
#define PAGE	 ((size_t)4096) /* the least that is mapped of a segment */

struct segment {
	uintptr_t start, end;
	bool executable, readable;
};

/* All but map and the last five never changes once the id is given. */
struct module {
	struct module_info info;
	const void *map; /* the loader's entry */
	struct segment segment[SEGMENTS];
	unsigned segments;
	struct module_frames frames;
	bool has_frames;
	uint32_t id_at; /* the build-id, if it lies in the first page */
	uint64_t print; /* else a sum over the headers */
	uint32_t older; /* the next of the same bucket, 0 at the end */
	bool stays;
	bool unloaded;
	uint64_t changed;
};

struct lock module_lock;
static struct module *module_chunks[CHUNKS];
static uint32_t module_buckets[BUCKETS]; /* newest first */
static uint32_t module_total;
static uint64_t module_current_generation, module_lost_total,
	module_replaced_total;

static struct module *module(uint32_t id)
{
	return &module_chunks[(id - 1) / CHUNK][(id - 1) % CHUNK];
}

static bool module_exists(uint32_t id)
{
	/* acquire: pairs with the release in note */
	return id != 0 &&
	       id <= __atomic_load_n(&module_total, __ATOMIC_ACQUIRE);
}

static unsigned module_bucket_of(uintptr_t start)
{
	return (unsigned)((start >> 12) * 0x9E3779B97F4A7C15u >> 54) % BUCKETS;
}

static bool module_acquire(void)
{
	for (int i = 0; i < TRIES; i++)
		if (lock_try(&module_lock, LOCK_MODULE))
			return true;
	return false;
}

/* Under the lock. The number is raised last: who reads it sees the change. */
static void module_changed(struct module *at)
{
	uint64_t number = module_current_generation + 1;

	__atomic_store_n(&at->changed, number, __ATOMIC_RELAXED);
	/* release: pairs with the acquire in module_generation */
	__atomic_store_n(&module_current_generation, number, __ATOMIC_RELEASE);
}

/* The program headers as they are mapped, which is how nearly every file is
 * laid out; NULL when this one is not. */
static const ElfW(Phdr) * module_headers(uintptr_t start, unsigned *number)
{
	const ElfW(Ehdr) *file = (const ElfW(Ehdr) *)start;

	if (!is_aligned(start, PAGE) ||
	    memcmp(file->e_ident, ELFMAG, SELFMAG) != 0 ||
	    file->e_ident[EI_CLASS] != ELFCLASS64 ||
	    file->e_phentsize != sizeof(ElfW(Phdr)) || file->e_phnum > PHDRS ||
	    file->e_phoff < sizeof(*file) || file->e_phoff % 8 != 0 ||
	    file->e_phoff + file->e_phnum * sizeof(ElfW(Phdr)) > PAGE)
		return NULL;
	*number = file->e_phnum;
	return (const ElfW(Phdr) *)(start + file->e_phoff);
}

static bool module_holds_range(const struct module *at, uintptr_t address,
			       size_t bytes)
{
	for (unsigned i = 0; i < at->segments; i++) {
		const struct segment *segment = &at->segment[i];

		if (segment->readable && address >= segment->start &&
		    address < segment->end && bytes <= segment->end - address)
			return true;
	}
	return false;
}

static bool module_executes(const struct module *at, uintptr_t pc)
{
	for (unsigned i = 0; i < at->segments; i++)
		if (at->segment[i].executable && pc >= at->segment[i].start &&
		    pc < at->segment[i].end)
			return true;
	return false;
}

static void module_add_segment(struct module *at, const ElfW(Phdr) * header)
{
	struct segment *segment = &at->segment[at->segments];

	if (at->segments == SEGMENTS)
		return;
	segment->start = at->info.bias + header->p_vaddr;
	segment->end = segment->start + header->p_memsz;
	segment->executable = (header->p_flags & PF_X) != 0;
	segment->readable = (header->p_flags & PF_R) != 0;
	if (segment->start < at->info.start || segment->end > at->info.end ||
	    segment->end <= segment->start)
		return;
	at->segments++;
	/* The largest, should there be several. */
	if (!segment->executable || header->p_memsz <= at->info.text_bytes)
		return;
	at->info.text_start = segment->start;
	at->info.text_bytes = header->p_memsz;
	at->info.text_offset = header->p_offset;
}

/* A note is three words, a name and a content, each padded to 4 bytes. */
static void module_find_build_id(struct module *at, uintptr_t note,
				 size_t bytes)
{
	while (bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)note;
		size_t name = align_up(head->n_namesz, 4);
		size_t content = align_up(head->n_descsz, 4);
		uintptr_t id = note + sizeof(*head) + name;

		if (name > bytes || content > bytes ||
		    sizeof(*head) + name + content > bytes)
			return;
		if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 &&
		    memcmp(head + 1, "GNU", 4) == 0) {
			at->info.build_id_bytes = (unsigned)min_size(
				head->n_descsz, MODULE_ID_BYTES);
			memcpy(at->info.build_id, (const void *)id,
			       at->info.build_id_bytes);
			if (id + MODULE_ID_BYTES <= at->info.start + PAGE)
				at->id_at = (uint32_t)(id - at->info.start);
			return;
		}
		note += sizeof(*head) + name + content;
		bytes -= sizeof(*head) + name + content;
	}
}

static unsigned module_encoded_bytes(uint8_t encoding)
{
	switch (encoding & 0x0F) {
	case 0x03: /* udata4 */
	case 0x0B: /* sdata4 */
		return 4;
	case 0x04:
	case 0x0C:
		return 8;
	default:
		return 0;
	}
}

/* .eh_frame_hdr: version, three encodings, the section's address, the number
 * of entries, then the table, which is always this kind. */
static void module_find_frames(struct module *at, uintptr_t header,
			       size_t bytes)
{
	const uint8_t *head = (const uint8_t *)header;
	uint32_t entries;
	size_t before;

	if (bytes < 12 || !module_holds_range(at, header, bytes) ||
	    head[0] != 1 || module_encoded_bytes(head[1]) == 0 ||
	    head[2] != 0x03 || head[3] != 0x3B)
		return;
	before = 4 + module_encoded_bytes(head[1]) + 4;
	if (bytes < before)
		return;
	memcpy(&entries, head + before - 4, sizeof(entries));
	if (entries > (bytes - before) / 8)
		return;
	at->frames = (struct module_frames){at->info.start, at->info.end,
					    header, header + before, entries};
	at->has_frames = entries != 0;
}

static uint64_t module_print_of(uintptr_t start)
{
	const uint64_t *word = (const uint64_t *)start;
	unsigned number;
	uint64_t sum = 0;

	if (!module_headers(start, &number))
		return 0;
	for (size_t i = 0; i < (64 + number * sizeof(ElfW(Phdr))) / 8; i++)
		sum = (sum ^ word[i]) * 0x9E3779B97F4A7C15u;
	return sum;
}

static void module_read_headers(struct module *at)
{
	unsigned number;
	const ElfW(Phdr) *header = module_headers(at->info.start, &number);

	for (unsigned i = 0; header && i < number; i++)
		if (header[i].p_type == PT_LOAD)
			module_add_segment(at, &header[i]);
	for (unsigned i = 0; header && i < number; i++) {
		uintptr_t address = at->info.bias + header[i].p_vaddr;
		size_t bytes = header[i].p_memsz;

		if (header[i].p_type == PT_NOTE &&
		    at->info.build_id_bytes == 0 &&
		    module_holds_range(at, address, bytes) &&
		    is_aligned(address, 4))
			module_find_build_id(at, address, bytes);
		if (header[i].p_type == PT_GNU_EH_FRAME)
			module_find_frames(at, address, bytes);
	}
	at->print = module_print_of(at->info.start);
}

/* Is the file that was noted still the one that is mapped there? The first
 * page is there whatever it is. */
static bool module_same_file(const struct module *at)
{
	if (at->stays)
		return true;
	if (at->id_at != 0)
		return memcmp((const void *)(at->info.start + at->id_at),
			      at->info.build_id, at->info.build_id_bytes) == 0;
	return module_print_of(at->info.start) == at->print;
}

static bool module_same_map(const struct module *at,
			    const struct dl_find_object *found)
{
	return __atomic_load_n(&at->map, __ATOMIC_RELAXED) ==
	       found->dlfo_link_map;
}

/* What comes back may have another entry with the loader; a build-id tells
 * that it is the same, headers alone do not. */
static bool module_same_place(const struct module *at,
			      const struct dl_find_object *found)
{
	return (module_same_map(at, found) || at->info.build_id_bytes != 0) &&
	       at->info.start == (uintptr_t)found->dlfo_map_start &&
	       at->info.end == (uintptr_t)found->dlfo_map_end &&
	       at->info.bias == found->dlfo_link_map->l_addr;
}

static uint32_t module_known(const struct dl_find_object *found)
{
	uintptr_t start = (uintptr_t)found->dlfo_map_start;
	/* acquire: pairs with the release in note */
	uint32_t id = __atomic_load_n(&module_buckets[module_bucket_of(start)],
				      __ATOMIC_ACQUIRE);

	for (; id != 0; id = module(id)->older)
		if (module_same_place(module(id), found) &&
		    module_same_file(module(id)))
			return id;
	return 0;
}

/* Whatever was where `fresh` is now has gone. Under the lock. */
static void module_displace(const struct module *fresh)
{
	bool any = false;

	for (uint32_t id = 1; id <= module_total; id++) {
		struct module *old = module(id);

		if (old == fresh || old->info.end <= fresh->info.start ||
		    old->info.start >= fresh->info.end)
			continue;
		any = true;
		if (old->unloaded)
			continue;
		__atomic_store_n(&old->unloaded, true, __ATOMIC_RELAXED);
		module_changed(old);
	}
	if (any)
		count64(&module_replaced_total, 1);
}

static uint32_t module_note(const struct dl_find_object *found)
{
	uint32_t id = module_total + 1;
	uint32_t *bucket = &module_buckets[module_bucket_of(
		(uintptr_t)found->dlfo_map_start)];
	struct module *at;

	if (module_total == MODULE_MAX)
		goto none;
	if (!module_chunks[module_total / CHUNK]) {
		module_chunks[module_total / CHUNK] =
			meta_alloc(CHUNK * sizeof(*at));
		if (!module_chunks[module_total / CHUNK])
			goto none;
	}
	at = module(id);
	memset(at, 0, sizeof(*at));
	at->map = found->dlfo_link_map;
	at->info.id = id;
	at->info.start = (uintptr_t)found->dlfo_map_start;
	at->info.end = (uintptr_t)found->dlfo_map_end;
	at->info.bias = found->dlfo_link_map->l_addr;
	at->info.path = paths_of(found->dlfo_link_map);
	module_read_headers(at);
	at->older = *bucket;
	module_displace(at);
	/* release: pairs with the acquires in exists and known */
	__atomic_store_n(&module_total, id, __ATOMIC_RELEASE);
	__atomic_store_n(bucket, id, __ATOMIC_RELEASE);
	module_changed(at);
	return id;
none:
	count64(&module_lost_total, 1);
	return MODULE_UNKNOWN;
}

static NOINLINE uint32_t module_note_locked(const struct dl_find_object *found)
{
	uint32_t id;

	if (!module_acquire())
		return MODULE_UNKNOWN;
	id = module_known(found);
	if (id == 0) {
		id = module_note(found);
	} else if (module(id)->unloaded ||
		   !module_same_map(module(id), found)) {
		module_displace(module(id));
		__atomic_store_n(&module(id)->map, found->dlfo_link_map,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&module(id)->unloaded, false,
				 __ATOMIC_RELAXED);
		module_changed(module(id));
	}
	lock_release(&module_lock, LOCK_MODULE);
	return id;
}

uint32_t module_of(uintptr_t pc)
{
	struct dl_find_object found;
	uint32_t id;

	if (!object_at(pc, &found))
		return MODULE_NONE;
	id = module_known(&found);
	if (unlikely(id == 0 || !module_same_map(module(id), &found) ||
		     __atomic_load_n(&module(id)->unloaded, __ATOMIC_RELAXED)))
		id = module_note_locked(&found);
	if (id == MODULE_UNKNOWN)
		return id;
	return module_executes(module(id), pc) ? id : MODULE_NONE;
}

static int module_note_loaded(struct dl_phdr_info *info, size_t bytes,
			      void *unused)
{
	(void)bytes;
	(void)unused;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uint32_t id;

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		id = module_of(info->dlpi_addr + header->p_vaddr);
		if (module_exists(id))
			module(id)->stays = true;
		break;
	}
	return 0;
}

void module_start(void)
{
	paths_start();
	object_start();
	dl_iterate_phdr(module_note_loaded, NULL);
}

bool module_info(uint32_t id, struct module_info *out)
{
	if (!module_exists(id))
		return false;
	*out = module(id)->info;
	out->unloaded =
		__atomic_load_n(&module(id)->unloaded, __ATOMIC_RELAXED);
	return true;
}

uint64_t module_generation(void)
{
	/* acquire: pairs with the release in changed */
	return __atomic_load_n(&module_current_generation, __ATOMIC_ACQUIRE);
}

uint32_t module_changed_since(uint64_t since, uint32_t after)
{
	for (uint32_t id = after + 1; module_exists(id); id++)
		if (peek64(&module(id)->changed) > since)
			return id;
	return 0;
}

/* Reads nothing of the module itself, which may be going away right now. */
static bool module_is_loaded(const struct module *at)
{
	struct dl_find_object found;

	return object_at(at->info.text_start, &found) &&
	       found.dlfo_link_map == at->map &&
	       (uintptr_t)found.dlfo_map_start == at->info.start;
}

void module_refresh(void)
{
	if (!module_acquire())
		return;
	for (uint32_t id = 1; id <= module_total; id++) {
		struct module *at = module(id);

		if (at->unloaded || module_is_loaded(at))
			continue;
		__atomic_store_n(&at->unloaded, true, __ATOMIC_RELAXED);
		module_changed(at);
	}
	lock_release(&module_lock, LOCK_MODULE);
}

uint32_t module_count(void)
{
	return __atomic_load_n(&module_total, __ATOMIC_ACQUIRE);
}

uint64_t module_lost(void)
{
	return peek64(&module_lost_total);
}

bool module_stays(uint32_t id)
{
	return module_exists(id) && module(id)->stays;
}

bool module_holds(uint32_t id, uintptr_t address, size_t bytes)
{
	return module_exists(id) &&
	       module_holds_range(module(id), address, bytes);
}

uint64_t module_replaced(void)
{
	return peek64(&module_replaced_total);
}

bool module_frames(uint32_t id, struct module_frames *out)
{
	if (!module_exists(id) || !module(id)->has_frames)
		return false;
	*out = module(id)->frames;
	return true;
}

/* The table lies in a segment: module_find_frames made sure of that. */
bool module_entry(const struct module_frames *frames, uintptr_t pc,
		  uintptr_t *out)
{
	const int32_t(*table)[2] = (const int32_t(*)[2])frames->table;
	int64_t place = (int64_t)(pc - frames->header);
	size_t low = 0, high = frames->entries;

	if (pc < frames->start || pc >= frames->end)
		return false;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (place < table[middle][0])
			high = middle;
		else
			low = middle + 1;
	}
	*out = (uintptr_t)(table + low - 1);
	return low != 0;
}
