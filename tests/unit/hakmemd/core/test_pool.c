#include "hakmemd/core/pool.h"

#include "tests/unit/hakmemd/unit.h"

static struct pool pool;

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = {1, 0, 15, 16, 17, 100, 65536, 200000, 3};
	unsigned char *blocks[COUNT_OF(sizes)];

	(void)state;
	pool_init(&pool, 1u << 20);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		blocks[i] = pool_alloc(&pool, sizes[i]);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(blocks[i][at], 0);
		memset(blocks[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		for (size_t at = 0; at < sizes[i]; at++)
			assert_int_equal(blocks[i][at], i + 1);
	pool_free(&pool);
}

static void the_budget_is_exact(void **state)
{
	(void)state;
	pool_init(&pool, 64);
	assert_null(pool_alloc(&pool, 65));
	assert_non_null(pool_alloc(&pool, 48));
	assert_null(pool_alloc(&pool, 17));
	assert_non_null(pool_alloc(&pool, 16));
	assert_null(pool_alloc(&pool, 1));
	assert_null(pool_alloc(&pool, 0)); /* nothing is not for nothing */
	assert_null(pool_alloc(&pool, SIZE_MAX));
	pool_free(&pool);
}

/* An odd budget is not overdrawn by the rounding. */
static void rounding_is_paid_for(void **state)
{
	(void)state;
	pool_init(&pool, 40);
	assert_non_null(pool_alloc(&pool, 17));
	assert_null(pool_alloc(&pool, 8));
	assert_int_equal(pool.left_bytes, 8);
	pool_free(&pool);
}

static void a_large_budget_is_not_taken_at_once(void **state)
{
	(void)state;
	pool_init(&pool, (size_t)1 << 50);
	assert_non_null(pool_alloc(&pool, 1000));
	pool_free(&pool);
}

static void arrays_cannot_wrap_around(void **state)
{
	uint64_t *array;

	(void)state;
	pool_init(&pool, 4096);
	assert_null(pool_array(&pool, SIZE_MAX / 8 + 2, 8));
	assert_null(pool_array(&pool, (size_t)1 << 32, (size_t)1 << 32));
	assert_null(pool_array(&pool, 513, 8));
	array = pool_array(&pool, 512, 8);
	assert_non_null(array);
	array[511] = 1;
	pool_free(&pool);
}

static void freed_it_gives_nothing_until_initialized(void **state)
{
	(void)state;
	pool_init(&pool, 4096);
	assert_non_null(pool_alloc(&pool, 16));
	pool_free(&pool);
	assert_null(pool_alloc(&pool, 1));
	pool_free(&pool); /* again does no harm */
	pool_init(&pool, 4096);
	assert_non_null(pool_alloc(&pool, 4096));
	pool_free(&pool);
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
	pool_init(&pool, POOL_BUDGET_BYTES);
	hello = (Hakmem__Hello *)pool_unpack(&pool, &hakmem__hello__descriptor,
					     bytes, length);
	assert_non_null(hello);
	assert_int_equal(hello->session, 77);
	assert_int_equal(hello->n_classes, 1);
	assert_int_equal(hello->classes[0]->stride_bytes, 32);
	assert_true(pool.left_bytes < POOL_BUDGET_BYTES);
	pool_free(&pool);
}

/* All fields have defaults: nothing at all is a message. */
static void no_bytes_are_an_empty_message(void **state)
{
	Hakmem__Hello *hello;

	(void)state;
	pool_init(&pool, POOL_BUDGET_BYTES);
	hello = (Hakmem__Hello *)pool_unpack(&pool, &hakmem__hello__descriptor,
					     NULL, 0);
	assert_non_null(hello);
	assert_string_equal(hello->command, "");
	pool_free(&pool);
}

static void what_is_no_message_gives_null(void **state)
{
	uint8_t bytes[4096];
	size_t length = pack_hello(bytes);

	(void)state;
	pool_init(&pool, POOL_BUDGET_BYTES);
	assert_null(pool_unpack(&pool, &hakmem__hello__descriptor, bytes,
				length - 1));
	memset(bytes, 0xff, sizeof(bytes));
	assert_null(pool_unpack(&pool, &hakmem__hello__descriptor, bytes,
				sizeof(bytes)));
	pool_free(&pool);
}

/* What costs little to send and much to unpack: empty submessages. */
static void a_frame_cannot_want_more_than_the_budget(void **state)
{
	static uint8_t bytes[256 * 1024];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		bytes[i] = 10 << 3 | 2; /* Hello.classes, 0 bytes long */
	pool_init(&pool, POOL_BUDGET_BYTES);
	assert_null(pool_unpack(&pool, &hakmem__hello__descriptor, bytes,
				sizeof(bytes)));
	pool_free(&pool);
	pool_init(&pool, 64u << 20);
	assert_non_null(pool_unpack(&pool, &hakmem__hello__descriptor, bytes,
				    sizeof(bytes)));
	pool_free(&pool);
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
