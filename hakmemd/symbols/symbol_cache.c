#include "hakmemd/symbols/symbol_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmemd/model/check.h"

#define BUCKETS_MIN 256u
#define RAW_MAX	    384u

static uint64_t symbol_cache_mix(uint64_t value)
{
	value *= UINT64_C(0x9e3779b97f4a7c15);
	return value ^ value >> 29;
}

static size_t symbol_cache_entry_bucket(const struct symbol_cache *cache,
					uint64_t number, uint64_t address,
					bool back)
{
	return symbol_cache_mix(symbol_cache_mix(number << 1 | back) +
				address) &
	       (cache->entry_buckets - 1);
}

static size_t symbol_cache_bucket_of(const struct symbol_cache *cache,
				     const struct symbol_entry *entry)
{
	return symbol_cache_entry_bucket(cache, entry->file->number,
					 entry->address, entry->back);
}

/* The start of a build-id is as good as all of it. */
static uint64_t symbol_cache_hash_key(const struct symbol_file_key *key)
{
	uint64_t hash = key->uid + 1;

	if (key->id_bytes >= sizeof(hash)) {
		uint64_t begin;

		memcpy(&begin, key->id, sizeof(begin));
		return symbol_cache_mix(symbol_cache_mix(hash) + begin);
	}
	for (const char *at = key->path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return symbol_cache_mix(hash + key->started_ns);
}

static struct symbol_file_key
symbol_cache_key_of(const struct symbol_file *file)
{
	return (struct symbol_file_key){file->path, file->id, file->id_bytes,
					file->started_ns, file->uid};
}

static bool symbol_cache_is_same(const struct symbol_file *file,
				 const struct symbol_file_key *key)
{
	if (file->uid != key->uid || file->id_bytes != key->id_bytes)
		return false;
	if (key->id_bytes ? memcmp(file->id, key->id, key->id_bytes) != 0
			  : file->started_ns != key->started_ns)
		return false;
	return strcmp(file->path, key->path) == 0;
}

bool symbol_cache_init(struct symbol_cache *cache, size_t bytes_max)
{
	memset(cache, 0, sizeof(*cache));
	cache->bytes_max = bytes_max;
	cache->entry_buckets = cache->file_buckets = BUCKETS_MIN;
	cache->entries = calloc(BUCKETS_MIN, sizeof(struct symbol_entry *));
	cache->files = calloc(BUCKETS_MIN, sizeof(struct symbol_file *));
	TAILQ_INIT(&cache->known);
	TAILQ_INIT(&cache->idle);
	return cache->entries && cache->files;
}

/* Keeps chains short; without memory they just get longer. */
static void symbol_cache_grow_entries(struct symbol_cache *cache)
{
	struct symbol_entry **old = cache->entries, *entry, *next;
	size_t count = cache->entry_buckets;

	if (cache->entry_count < count)
		return;
	cache->entries = calloc(count * 2, sizeof(struct symbol_entry *));
	if (!cache->entries) {
		cache->entries = old;
		return;
	}
	cache->entry_buckets = count * 2;
	for (size_t i = 0; i < count; i++)
		for (entry = old[i]; entry; entry = next) {
			size_t bucket = symbol_cache_bucket_of(cache, entry);

			next = entry->chain;
			entry->chain = cache->entries[bucket];
			cache->entries[bucket] = entry;
		}
	free(old);
}

static size_t symbol_cache_file_bucket(const struct symbol_cache *cache,
				       const struct symbol_file_key *key)
{
	return symbol_cache_hash_key(key) & (cache->file_buckets - 1);
}

static void symbol_cache_grow_files(struct symbol_cache *cache)
{
	struct symbol_file **old = cache->files, *file, *next;
	size_t count = cache->file_buckets;

	if (cache->file_count < count)
		return;
	cache->files = calloc(count * 2, sizeof(struct symbol_file *));
	if (!cache->files) {
		cache->files = old;
		return;
	}
	cache->file_buckets = count * 2;
	for (size_t i = 0; i < count; i++)
		for (file = old[i]; file; file = next) {
			struct symbol_file_key key = symbol_cache_key_of(file);
			size_t bucket = symbol_cache_file_bucket(cache, &key);

			next = file->chain;
			file->chain = cache->files[bucket];
			cache->files[bucket] = file;
		}
	free(old);
}

static size_t symbol_cache_file_bytes(const struct symbol_file *file)
{
	return sizeof(*file) + strlen(file->path) + 1;
}

static void symbol_cache_drop_file(struct symbol_cache *cache,
				   struct symbol_file *file)
{
	struct symbol_file_key key = symbol_cache_key_of(file);
	struct symbol_file **at =
		&cache->files[symbol_cache_file_bucket(cache, &key)];

	while (*at != file)
		at = &(*at)->chain;
	*at = file->chain;
	TAILQ_REMOVE(&cache->idle, file, by_use);
	cache->file_count--;
	cache->bytes -= symbol_cache_file_bytes(file);
	free(file);
}

static struct symbol_file *
symbol_cache_make_file(struct symbol_cache *cache,
		       const struct symbol_file_key *key)
{
	size_t length = strlen(key->path);
	struct symbol_file *file;
	size_t bucket;

	/* What is asked must stay: only the loop makes room. */
	if (cache->file_count >= 2 * SYMBOL_CACHE_FILES)
		return NULL;
	file = calloc(1, sizeof(*file) + length + 1);
	if (!file)
		return NULL;
	file->number = ++cache->numbers;
	file->uid = key->uid;
	file->started_ns = key->started_ns;
	file->id_bytes = (uint32_t)key->id_bytes;
	if (key->id_bytes)
		memcpy(file->id, key->id, key->id_bytes);
	memcpy(file->path, key->path, length + 1);
	TAILQ_INIT(&file->asked);
	symbol_cache_grow_files(cache);
	bucket = symbol_cache_file_bucket(cache, key);
	file->chain = cache->files[bucket];
	cache->files[bucket] = file;
	cache->file_count++;
	cache->bytes += symbol_cache_file_bytes(file);
	TAILQ_INSERT_HEAD(&cache->idle, file, by_use);
	return file;
}

struct symbol_file *symbol_cache_file(struct symbol_cache *cache,
				      const struct symbol_file_key *key)
{
	struct symbol_file *file =
		cache->files[symbol_cache_file_bucket(cache, key)];

	while (file && !symbol_cache_is_same(file, key))
		file = file->chain;
	return file ? file : symbol_cache_make_file(cache, key);
}

struct symbol_entry *symbol_cache_find(struct symbol_cache *cache,
				       struct symbol_file *file,
				       uint64_t address, bool back)
{
	struct symbol_entry *entry = cache->entries[symbol_cache_entry_bucket(
		cache, file->number, address, back)];

	while (entry && (entry->address != address || entry->file != file ||
			 entry->back != back))
		entry = entry->chain;
	return entry;
}

void symbol_cache_use(struct symbol_cache *cache, struct symbol_entry *entry)
{
	if (TAILQ_FIRST(&cache->known) == entry)
		return;
	TAILQ_REMOVE(&cache->known, entry, by_use);
	TAILQ_INSERT_HEAD(&cache->known, entry, by_use);
}

static void symbol_cache_link_entry(struct symbol_cache *cache,
				    struct symbol_entry *entry)
{
	size_t bucket = symbol_cache_bucket_of(cache, entry);

	entry->chain = cache->entries[bucket];
	cache->entries[bucket] = entry;
	cache->bytes += entry->bytes;
}

static void symbol_cache_unlink_entry(struct symbol_cache *cache,
				      struct symbol_entry *entry)
{
	struct symbol_entry **at =
		&cache->entries[symbol_cache_bucket_of(cache, entry)];

	while (*at != entry)
		at = &(*at)->chain;
	*at = entry->chain;
	cache->bytes -= entry->bytes;
	if (entry->known_ns)
		TAILQ_REMOVE(&cache->known, entry, by_use);
}

static void symbol_cache_drop_entry(struct symbol_cache *cache,
				    struct symbol_entry *entry)
{
	struct symbol_file *file = entry->file;

	symbol_cache_unlink_entry(cache, entry);
	cache->entry_count--;
	free(entry);
	if (--file->entries == 0)
		TAILQ_INSERT_HEAD(&cache->idle, file, by_use);
}

struct symbol_entry *symbol_cache_add(struct symbol_cache *cache,
				      struct symbol_file *file,
				      uint64_t address, bool back)
{
	struct symbol_entry *entry;

	/* Only the loop makes room: see symbol_cache_trim. */
	if (cache->asked >= SYMBOL_CACHE_REQUESTS ||
	    cache->bytes > 2 * cache->bytes_max)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->file = file;
	entry->address = address;
	entry->back = back;
	entry->bytes = sizeof(*entry);
	cache->entry_count++;
	symbol_cache_grow_entries(cache);
	symbol_cache_link_entry(cache, entry);
	if (file->entries++ == 0)
		TAILQ_REMOVE(&cache->idle, file, by_use);
	return entry;
}

bool symbol_cache_ask(struct symbol_cache *cache, struct symbol_entry *entry)
{
	if (cache->asked >= SYMBOL_CACHE_REQUESTS)
		return false;
	cache->asked++;
	entry->asked = true;
	TAILQ_INSERT_TAIL(&entry->file->asked, entry, by_turn);
	return true;
}

static size_t symbol_cache_text_bytes(const struct symbol_cache_frame *frames,
				      size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(frames[i].name) + strlen(frames[i].file) + 2;
	return bytes;
}

static const char *symbol_cache_copy_text(char **to, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = memcpy(*to, text, bytes);

	*to += bytes;
	return copy;
}

struct symbol_entry *
symbol_cache_answer(struct symbol_cache *cache, struct symbol_entry *entry,
		    uint8_t reason, const struct symbol_cache_frame *frames,
		    size_t count, uint64_t now_ns)
{
	size_t fixed = sizeof(*entry) + count * sizeof(*frames);
	size_t bytes = fixed + symbol_cache_text_bytes(frames, count);
	struct symbol_entry *moved = malloc(bytes);
	char *text;

	if (entry->asked) {
		cache->asked--;
		entry->asked = false;
		TAILQ_REMOVE(&entry->file->asked, entry, by_turn);
	}
	if (!moved) {
		symbol_cache_drop_entry(cache, entry);
		return NULL;
	}
	symbol_cache_unlink_entry(cache, entry);
	*moved = *entry;
	free(entry);
	moved->known_ns = now_ns;
	moved->reason = reason;
	moved->count = (uint8_t)count;
	moved->bytes = (uint32_t)bytes;
	text = (char *)moved + fixed;
	for (size_t i = 0; i < count; i++) {
		moved->frames[i] = frames[i];
		moved->frames[i].name =
			symbol_cache_copy_text(&text, frames[i].name);
		moved->frames[i].file =
			symbol_cache_copy_text(&text, frames[i].file);
	}
	symbol_cache_link_entry(cache, moved);
	TAILQ_INSERT_HEAD(&cache->known, moved, by_use);
	return moved;
}

static const char *symbol_cache_base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

size_t symbol_cache_raw(const char *path, uint64_t address, char *out,
			size_t room)
{
	if (*path)
		snprintf(out, room, "%.255s+0x%llx", symbol_cache_base_of(path),
			 (unsigned long long)address);
	else
		snprintf(out, room, "0x%llx", (unsigned long long)address);
	check_string(out, room - 1);
	return strlen(out);
}

struct symbol_entry *symbol_cache_answer_raw(struct symbol_cache *cache,
					     struct symbol_entry *entry,
					     uint8_t reason, uint64_t now_ns)
{
	char raw[RAW_MAX];
	struct symbol_cache_frame frame = {.name = raw, .file = ""};

	symbol_cache_raw(entry->file->path, entry->address, raw, sizeof(raw));
	return symbol_cache_answer(cache, entry, reason, &frame, 1, now_ns);
}

bool symbol_cache_is_over(const struct symbol_cache *cache)
{
	return cache->bytes > cache->bytes_max ||
	       cache->file_count > SYMBOL_CACHE_FILES;
}

void symbol_cache_trim(struct symbol_cache *cache)
{
	struct symbol_entry *entry = TAILQ_LAST(&cache->known, symbol_entries);

	while (cache->file_count > SYMBOL_CACHE_FILES &&
	       !TAILQ_EMPTY(&cache->idle))
		symbol_cache_drop_file(cache,
				       TAILQ_LAST(&cache->idle, symbol_files));
	while (symbol_cache_is_over(cache) && entry) {
		struct symbol_entry *newer =
			TAILQ_PREV(entry, symbol_entries, by_use);
		struct symbol_file *file = entry->file;

		if (!entry->asked)
			symbol_cache_drop_entry(cache, entry);
		if (file->entries == 0 &&
		    cache->file_count > SYMBOL_CACHE_FILES)
			symbol_cache_drop_file(cache, file);
		entry = newer;
	}
}

void symbol_cache_free(struct symbol_cache *cache)
{
	for (size_t i = 0; cache->entries && i < cache->entry_buckets; i++)
		while (cache->entries[i]) {
			struct symbol_entry *entry = cache->entries[i];

			cache->entries[i] = entry->chain;
			free(entry);
		}
	for (size_t i = 0; cache->files && i < cache->file_buckets; i++)
		while (cache->files[i]) {
			struct symbol_file *file = cache->files[i];

			cache->files[i] = file->chain;
			free(file);
		}
	free(cache->entries);
	free(cache->files);
	memset(cache, 0, sizeof(*cache));
}
