#include "hakmemd/symbols/symbol_cache.h"

#include "tests/unit/hakmemd/unit.h"

#include <stdio.h>

static struct symbol_cache cache;
static uint64_t now_ns;

static int begin(void **state)
{
	(void)state;
	now_ns = 1;
	return symbol_cache_init(&cache, 1u << 20) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	symbol_cache_free(&cache);
	return 0;
}

static struct symbol_file *file_of(const char *path, const char *id, uid_t uid,
				   uint64_t started_ns)
{
	const struct symbol_file_key key = {.path = path,
					    .id = (const uint8_t *)id,
					    .id_bytes = id ? strlen(id) : 0,
					    .started_ns = started_ns,
					    .uid = uid};

	return symbol_cache_file(&cache, &key);
}

static struct symbol_entry *add(struct symbol_file *file, uint64_t address)
{
	struct symbol_entry *entry =
		symbol_cache_add(&cache, file, address, false);

	assert_non_null(entry);
	return entry;
}

static struct symbol_entry *know(struct symbol_file *file, uint64_t address,
				 const char *name)
{
	const struct symbol_cache_frame frame = {.name = name, .file = "f.c"};
	struct symbol_entry *entry = symbol_cache_answer(
		&cache, add(file, address), 0, &frame, 1, now_ns++);

	assert_non_null(entry);
	return entry;
}

static bool is_there(struct symbol_file *file, uint64_t address)
{
	return symbol_cache_find(&cache, file, address, false) != NULL;
}

static void what_makes_a_file_the_same(void **state)
{
	static const char id[] = "0123456789abcdef0123";
	static const char twin[] = "0123456789abcdef0124";
	struct symbol_file *file = file_of("/a", id, 1, 5);

	(void)state;
	assert_non_null(file);
	assert_string_equal(file->path, "/a");
	assert_int_equal(file->uid, 1);
	assert_int_equal(file->id_bytes, 20);
	assert_memory_equal(file->id, id, 20);
	assert_ptr_equal(file_of("/a", id, 1, 5), file);
	/* With a build-id it may have been started at any time. */
	assert_ptr_equal(file_of("/a", id, 1, 6), file);
	assert_ptr_not_equal(file_of("/a", id, 2, 5), file);
	assert_ptr_not_equal(file_of("/b", id, 1, 5), file);
	assert_ptr_not_equal(file_of("/a", twin, 1, 5), file);
	assert_ptr_not_equal(file_of("/a", "0123456789abcdef", 1, 5), file);
	assert_ptr_not_equal(file_of("/a", NULL, 1, 5), file);
	assert_int_equal(cache.file_count, 6);
	file = file_of("/a", NULL, 1, 5);
	assert_int_equal(cache.file_count, 6);
	assert_ptr_not_equal(file_of("/a", NULL, 1, 6), file);
	assert_int_equal(cache.file_count, 7);
	assert_int_equal(cache.numbers, 7);
}

static void short_build_ids_count_too(void **state)
{
	struct symbol_file *file = file_of("/a", "abc", 1, 5);

	(void)state;
	assert_ptr_equal(file_of("/a", "abc", 1, 5), file);
	assert_ptr_not_equal(file_of("/a", "abd", 1, 5), file);
}

static void an_answer_is_copied(void **state)
{
	char name[] = "inner", path[] = "/src/a.c";
	const struct symbol_cache_frame frames[] = {
		{.name = name, .file = path, .line = 3, .inlined = true},
		{.name = "outer", .file = "", .line = 0}};
	struct symbol_file *file = file_of("/a", "abc", 1, 0);
	struct symbol_entry *entry = add(file, 0x10);

	(void)state;
	assert_int_equal(entry->known_ns, 0);
	assert_false(entry->asked);
	assert_true(symbol_cache_ask(&cache, entry));
	assert_true(entry->asked);
	assert_ptr_equal(TAILQ_FIRST(&file->asked), entry);
	entry = symbol_cache_answer(&cache, entry, 4, frames, 2, 99);
	assert_non_null(entry);
	memset(name, 'x', sizeof(name) - 1);
	memset(path, 'x', sizeof(path) - 1);
	assert_ptr_equal(symbol_cache_find(&cache, file, 0x10, false), entry);
	assert_false(entry->asked);
	assert_int_equal(cache.asked, 0);
	assert_true(TAILQ_EMPTY(&file->asked));
	assert_int_equal(entry->known_ns, 99);
	assert_int_equal(entry->reason, 4);
	assert_int_equal(entry->count, 2);
	assert_string_equal(entry->frames[0].name, "inner");
	assert_string_equal(entry->frames[0].file, "/src/a.c");
	assert_int_equal(entry->frames[0].line, 3);
	assert_true(entry->frames[0].inlined);
	assert_string_equal(entry->frames[1].name, "outer");
	assert_string_equal(entry->frames[1].file, "");
	/* Asked and answered anew, with less. */
	assert_true(symbol_cache_ask(&cache, entry));
	entry = symbol_cache_answer(&cache, entry, 0, frames + 1, 1, 100);
	assert_string_equal(entry->frames[0].name, "outer");
	assert_int_equal(cache.entry_count, 1);
}

static void addresses_are_apart(void **state)
{
	struct symbol_file *one = file_of("/a", "abc", 1, 0);
	struct symbol_file *two = file_of("/b", "abc", 1, 0);
	struct symbol_entry *entry = add(one, 7);

	(void)state;
	assert_null(symbol_cache_find(&cache, one, 7, true));
	assert_null(symbol_cache_find(&cache, two, 7, false));
	assert_null(symbol_cache_find(&cache, one, 8, false));
	assert_ptr_not_equal(symbol_cache_add(&cache, one, 7, true), entry);
	assert_true(symbol_cache_find(&cache, one, 7, true)->back);
	assert_ptr_equal(symbol_cache_find(&cache, one, 7, false), entry);
}

/* So many that some share a bucket. */
static void keys_of_one_bucket_are_apart(void **state)
{
	const size_t bytes_max = cache.bytes_max;

	(void)state;
	for (uint32_t i = 1; i <= 1000; i++) {
		file_of("/a", NULL, i, 0);
		file_of("/a", NULL, 0, i);
	}
	assert_int_equal(cache.file_count, 2000);
	for (uint64_t i = 0; i < 4000; i++) {
		struct symbol_file *file =
			file_of("/a", NULL, 1 + (uid_t)i % 1000, 0);
		struct symbol_entry *entry =
			symbol_cache_add(&cache, file, i, true);

		assert_non_null(entry);
		assert_false(is_there(file, i));
		assert_non_null(symbol_cache_answer_raw(&cache, entry, 1, 1));
		cache.bytes_max = 0;
		symbol_cache_trim(&cache);
		cache.bytes_max = bytes_max;
		assert_int_equal(cache.entry_count, 0);
	}
}

/* Far more than there are buckets at first. */
static void many_are_found_again(void **state)
{
	static struct symbol_file *files[1500];
	char path[32];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "/lib/%zu", i);
		files[i] = file_of(path, NULL, 1, 0);
		add(files[i], i % 7);
	}
	assert_true(cache.file_buckets >= 1024);
	assert_true(cache.entry_buckets >= 1024);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "/lib/%zu", i);
		assert_ptr_equal(file_of(path, NULL, 1, 0), files[i]);
		assert_true(is_there(files[i], i % 7));
	}
	assert_int_equal(cache.file_count, COUNT_OF(files));
	assert_int_equal(cache.entry_count, COUNT_OF(files));
}

static void requests_wait_in_turn(void **state)
{
	struct symbol_file *file = file_of("/a", "abc", 1, 0);
	struct symbol_entry *entry;
	uint64_t address = 0;

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		assert_true(symbol_cache_ask(&cache, add(file, i)));
	assert_int_equal(cache.asked, 5);
	TAILQ_FOREACH(entry, &file->asked, by_turn)
	assert_int_equal(entry->address, address++);
	assert_int_equal(address, 5);
}

static void of_requests_there_are_only_so_many(void **state)
{
	struct symbol_file *file = file_of("/a", "abc", 1, 0);
	struct symbol_entry *spare = add(file, UINT64_MAX);

	(void)state;
	cache.bytes_max = SIZE_MAX / 4;
	for (uint64_t i = 0; i < SYMBOL_CACHE_REQUESTS; i++)
		assert_true(symbol_cache_ask(&cache, add(file, i)));
	assert_false(symbol_cache_ask(&cache, spare));
	assert_false(spare->asked);
	assert_null(symbol_cache_add(&cache, file, UINT64_MAX - 1, false));
	symbol_cache_answer_raw(&cache, TAILQ_FIRST(&file->asked), 1, 5);
	assert_true(symbol_cache_ask(&cache, spare));
}

static void who_was_not_used_goes_first(void **state)
{
	struct symbol_file *file = file_of("/a", "abc", 1, 0);
	struct symbol_entry *asked;
	size_t each;

	(void)state;
	asked = know(file, 0, "name");
	each = asked->bytes;
	assert_true(symbol_cache_ask(&cache, asked));
	for (uint64_t i = 1; i <= 10; i++)
		know(file, i, "name");
	symbol_cache_use(&cache, symbol_cache_find(&cache, file, 1, false));
	cache.bytes_max = cache.bytes;
	assert_false(symbol_cache_is_over(&cache));
	symbol_cache_trim(&cache);
	assert_int_equal(cache.entry_count, 11);
	cache.bytes_max = cache.bytes - 4 * each;
	assert_true(symbol_cache_is_over(&cache));
	symbol_cache_trim(&cache);
	assert_false(symbol_cache_is_over(&cache));
	/* Not the asked one, nor the one just used: 2 to 5. */
	for (uint64_t i = 0; i <= 10; i++)
		assert_true(is_there(file, i) == (i < 2 || i > 5));
	assert_int_equal(cache.entry_count, 7);
	/* What waits for an answer stays, whatever it costs. */
	add(file, 99);
	cache.bytes_max = 0;
	symbol_cache_trim(&cache);
	assert_int_equal(cache.entry_count, 2);
	assert_true(is_there(file, 0));
	assert_true(is_there(file, 99));
	assert_int_equal(file->entries, 2);
}

static void above_twice_its_bound_nothing_is_added(void **state)
{
	struct symbol_file *file = file_of("/a", "abc", 1, 0);
	uint64_t count = 0;

	(void)state;
	cache.bytes_max = 64u << 10;
	while (symbol_cache_add(&cache, file, count, false))
		count++;
	assert_true(cache.bytes > 2 * cache.bytes_max);
	assert_true(cache.bytes <=
		    2 * cache.bytes_max + sizeof(struct symbol_entry));
	cache.bytes_max = cache.bytes / 2 + 1;
	add(file, count);
}

static void bytes_are_counted_both_ways(void **state)
{
	struct symbol_file *file = file_of("/a", "abc", 1, 0);
	size_t before = cache.bytes;
	struct symbol_entry *entry;

	(void)state;
	assert_true(before > sizeof(*file));
	entry = know(file, 1, "a name");
	assert_int_equal(cache.bytes, before + entry->bytes);
	assert_int_equal(entry->bytes,
			 sizeof(*entry) + sizeof(entry->frames[0]) +
				 sizeof("a name") + sizeof("f.c"));
	cache.bytes_max = 0;
	symbol_cache_trim(&cache);
	assert_int_equal(cache.bytes, before);
	assert_int_equal(cache.entry_count, 0);
}

/* Files without entries go, those looked at longest ago first. */
static void files_are_bounded(void **state)
{
	struct symbol_file *kept, *file = NULL;
	size_t bytes = 0;
	char path[32];

	(void)state;
	cache.bytes_max = SIZE_MAX / 4;
	kept = file_of("/kept", NULL, 1, 0);
	add(kept, 1);
	for (size_t i = 1; i < 2 * SYMBOL_CACHE_FILES; i++) {
		snprintf(path, sizeof(path), "/lib/%05zu", i);
		file = file_of(path, NULL, 1, 0);
		assert_non_null(file);
		if (cache.file_count == SYMBOL_CACHE_FILES)
			bytes = cache.bytes;
		assert_true(symbol_cache_is_over(&cache) ==
			    (i >= SYMBOL_CACHE_FILES));
	}
	assert_null(file_of("/one/more", NULL, 1, 0));
	assert_ptr_equal(file_of("/kept", NULL, 1, 0), kept);
	symbol_cache_trim(&cache);
	assert_int_equal(cache.file_count, SYMBOL_CACHE_FILES);
	assert_int_equal(cache.bytes, bytes);
	assert_ptr_equal(file_of("/kept", NULL, 1, 0), kept);
	assert_true(is_there(kept, 1));
	assert_ptr_equal(file_of(path, NULL, 1, 0), file);
	assert_int_equal(cache.file_count, SYMBOL_CACHE_FILES);
	/* The oldest is made anew, with another number. */
	assert_int_equal(file_of("/lib/00001", NULL, 1, 0)->number,
			 2 * SYMBOL_CACHE_FILES + 1);
}

/* Too many files, all with answers: these go with their files. */
static void files_go_with_their_answers(void **state)
{
	char path[32];

	(void)state;
	cache.bytes_max = SIZE_MAX / 4;
	for (size_t i = 0; i < SYMBOL_CACHE_FILES + 10; i++) {
		snprintf(path, sizeof(path), "/lib/%zu", i);
		know(file_of(path, NULL, 1, 0), 1, "name");
	}
	symbol_cache_trim(&cache);
	assert_int_equal(cache.file_count, SYMBOL_CACHE_FILES);
	assert_int_equal(cache.entry_count, SYMBOL_CACHE_FILES);
	assert_true(is_there(file_of("/lib/10", NULL, 1, 0), 1));
	assert_false(is_there(file_of("/lib/9", NULL, 1, 0), 1));
}

static void an_address_stands_for_a_name(void **state)
{
	struct symbol_entry *entry;
	char out[300], small[8];

	(void)state;
	assert_int_equal(
		symbol_cache_raw("/usr/lib/libx.so", 0x1aF, out, sizeof(out)),
		13);
	assert_string_equal(out, "libx.so+0x1af");
	symbol_cache_raw("", UINT64_MAX, out, sizeof(out));
	assert_string_equal(out, "0xffffffffffffffff");
	symbol_cache_raw("[vdso]", 0, out, sizeof(out));
	assert_string_equal(out, "[vdso]+0x0");
	symbol_cache_raw("/odd/", 1, out, sizeof(out));
	assert_string_equal(out, "/odd/+0x1");
	symbol_cache_raw("/a\xff", 1, out, sizeof(out));
	assert_string_equal(out, "a?+0x1");
	assert_int_equal(
		symbol_cache_raw("/long", 0x123456, small, sizeof(small)), 7);
	assert_string_equal(small, "long+0x");
	entry = symbol_cache_answer_raw(
		&cache, add(file_of("/bin/x", NULL, 1, 0), 0x20), 3, 9);
	assert_int_equal(entry->reason, 3);
	assert_int_equal(entry->known_ns, 9);
	assert_int_equal(entry->count, 1);
	assert_string_equal(entry->frames[0].name, "x+0x20");
	assert_string_equal(entry->frames[0].file, "");
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		WITH(what_makes_a_file_the_same),
		WITH(short_build_ids_count_too),
		WITH(an_answer_is_copied),
		WITH(addresses_are_apart),
		WITH(keys_of_one_bucket_are_apart),
		WITH(many_are_found_again),
		WITH(requests_wait_in_turn),
		WITH(of_requests_there_are_only_so_many),
		WITH(who_was_not_used_goes_first),
		WITH(above_twice_its_bound_nothing_is_added),
		WITH(bytes_are_counted_both_ways),
		WITH(files_are_bounded),
		WITH(files_go_with_their_answers),
		WITH(an_address_stands_for_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
