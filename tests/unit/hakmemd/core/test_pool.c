#include "hakmemd/core/arena.h"

#include "tests/unit/hakmemd/unit.h"

static struct arena arena;

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = {1, 0, 15, 16, 17, 100, 65536, 200000, 3};
	unsigned char *blocks[COUNT_OF(sizes)];

	(void)state;
	arena_init(&arena, 1u << 20);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		blocks[i] = arena_alloc(&arena, sizes[i]);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(blocks[i][at], 0);
		memset(blocks[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(blocks[i][at], i + 1);
	arena_free(&arena);
}

static void the_budget_is_exact(void **state)
{
	(void)state;
	arena_init(&arena, 64);
	assert_null(arena_alloc(&arena, 65));
	assert_non_null(arena_alloc(&arena, 48));
	assert_null(arena_alloc(&arena, 17));
	assert_non_null(arena_alloc(&arena, 16));
	assert_null(arena_alloc(&arena, 1));
	assert_null(arena_alloc(&arena, 0)); /* nothing is not for nothing */
	assert_null(arena_alloc(&arena, SIZE_MAX));
	arena_free(&arena);
}

/* An odd budget is not overdrawn by the rounding. */
static void rounding_is_paid_for(void **state)
{
	(void)state;
	arena_init(&arena, 40);
	assert_non_null(arena_alloc(&arena, 17));
	assert_null(arena_alloc(&arena, 8));
	assert_int_equal(arena.left_bytes, 8);
	arena_free(&arena);
}

static void a_large_budget_is_not_taken_at_once(void **state)
{
	(void)state;
	arena_init(&arena, (size_t)1 << 50);
	assert_non_null(arena_alloc(&arena, 1000));
	arena_free(&arena);
}

static void arrays_cannot_wrap_around(void **state)
{
	uint64_t *array;

	(void)state;
	arena_init(&arena, 4096);
	assert_null(arena_array(&arena, SIZE_MAX / 8 + 2, 8));
	assert_null(arena_array(&arena, (size_t)1 << 32, (size_t)1 << 32));
	assert_null(arena_array(&arena, 513, 8));
	array = arena_array(&arena, 512, 8);
	assert_non_null(array);
	array[511] = 1;
	arena_free(&arena);
}

static void freed_it_gives_nothing_until_initialized(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	assert_non_null(arena_alloc(&arena, 16));
	arena_free(&arena);
	assert_null(arena_alloc(&arena, 1));
	arena_free(&arena); /* again does no harm */
	arena_init(&arena, 4096);
	assert_non_null(arena_alloc(&arena, 4096));
	arena_free(&arena);
}

static size_t pack_hello(uint8_t *bytes)
{
	static struct unit unit;

	unit_begin(&unit);
	unit_class(&unit, 32, 16, 31, 0, 0);
	unit.hello.session = 77;
	return hakmem__hello__pack(&unit.hello, bytes);
}

static void messages_are_unpacked_into_it(void **state)
{
	uint8_t bytes[4096];
	size_t length = pack_hello(bytes);
	Hakmem__Hello *hello;

	(void)state;
	arena_init(&arena, ARENA_BUDGET_BYTES);
	hello = (Hakmem__Hello *)arena_unpack(
		&arena, &hakmem__hello__descriptor, bytes, length);
	assert_non_null(hello);
	assert_int_equal(hello->session, 77);
	assert_int_equal(hello->n_classes, 1);
	assert_int_equal(hello->classes[0]->stride_bytes, 32);
	assert_true(arena.left_bytes < ARENA_BUDGET_BYTES);
	arena_free(&arena);
}

/* All fields have defaults: nothing at all is a message. */
static void no_bytes_are_an_empty_message(void **state)
{
	Hakmem__Hello *hello;

	(void)state;
	arena_init(&arena, ARENA_BUDGET_BYTES);
	hello = (Hakmem__Hello *)arena_unpack(
		&arena, &hakmem__hello__descriptor, NULL, 0);
	assert_non_null(hello);
	assert_string_equal(hello->command, "");
	arena_free(&arena);
}

static void what_is_no_message_gives_null(void **state)
{
	uint8_t bytes[4096];
	size_t length = pack_hello(bytes);

	(void)state;
	arena_init(&arena, ARENA_BUDGET_BYTES);
	assert_null(arena_unpack(&arena, &hakmem__hello__descriptor, bytes,
				 length - 1));
	memset(bytes, 0xff, sizeof(bytes));
	assert_null(arena_unpack(&arena, &hakmem__hello__descriptor, bytes,
				 sizeof(bytes)));
	arena_free(&arena);
}

/* What costs little to send and much to unpack: empty submessages. */
static void a_frame_cannot_want_more_than_the_budget(void **state)
{
	static uint8_t bytes[256 * 1024];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		bytes[i] = 10 << 3 | 2; /* Hello.classes, 0 bytes long */
	arena_init(&arena, ARENA_BUDGET_BYTES);
	assert_null(arena_unpack(&arena, &hakmem__hello__descriptor, bytes,
				 sizeof(bytes)));
	arena_free(&arena);
	arena_init(&arena, 64u << 20);
	assert_non_null(arena_unpack(&arena, &hakmem__hello__descriptor, bytes,
				     sizeof(bytes)));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(the_budget_is_exact),
		cmocka_unit_test(rounding_is_paid_for),
		cmocka_unit_test(a_large_budget_is_not_taken_at_once),
		cmocka_unit_test(arrays_cannot_wrap_around),
		cmocka_unit_test(freed_it_gives_nothing_until_initialized),
		cmocka_unit_test(messages_are_unpacked_into_it),
		cmocka_unit_test(no_bytes_are_an_empty_message),
		cmocka_unit_test(what_is_no_message_gives_null),
		cmocka_unit_test(a_frame_cannot_want_more_than_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
