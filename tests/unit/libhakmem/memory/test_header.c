#include "libhakmem/memory/header.h"
#include "libhakmem/base/vm.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>

static _Alignas(64) char memory[4096];

static int set_secret(void **state)
{
	(void)state;
	header_secret = 0x12345679;
	return 0;
}

static void codes_are_told_apart(void **state)
{
	static const uint8_t others[] = {
		HEADER_SAMPLED, HEADER_ALIGNED, HEADER_ALIGNED_BASE,
		HEADER_LARGE,	HEADER_MAPPED,	HEADER_FREED,
	};

	(void)state;
	for (unsigned code = 0; code < HEADER_CODES; code++) {
		bool is_class = code >= 0x80 && code < 0xf0;

		assert_int_equal(header_is_class((uint8_t)code), is_class);
		if (is_class)
			assert_int_equal(header_class((uint8_t)code),
					 code - 0x80);
	}
	for (size_t i = 0; i < sizeof(others); i++)
		for (size_t j = 0; j < i; j++)
			assert_true(others[i] != others[j]);
	for (size_t i = 0; i < sizeof(others); i++)
		assert_true(others[i] >= HEADER_CLASS_END);
}

static void the_last_byte_is_the_header_byte(void **state)
{
	char *ptr = memory + 64;

	(void)state;
	header_write_large(ptr, 12345, HEADER_LARGE);
	assert_ptr_equal(header_byte(ptr), ptr - 1);
	assert_int_equal(*header_byte(ptr), HEADER_LARGE);
	assert_int_equal(header_large(ptr)->bytes, 12345);
	assert_true(header_large_valid(ptr, HEADER_LARGE));
}

/* Whatever single bit changes, it is seen; also of a sample's bit. */
static void every_changed_bit_is_seen(void **state)
{
	char *ptr = memory + 128;

	(void)state;
	for (uint64_t bytes = 1; bytes != 0; bytes <<= 1)
		for (int bit = 0; bit < 128; bit++) {
			header_write_large(ptr, bytes, HEADER_MAPPED);
			if (bit % 3 == 0)
				header_large_set_sampled(ptr, bit % 2,
							 HEADER_CLASS);
			assert_true(header_large_valid(ptr, HEADER_MAPPED));
			ptr[-16 + bit / 8] ^= (char)(1 << bit % 8);
			assert_false(header_large_valid(ptr, HEADER_MAPPED));
		}
}

static void a_copy_elsewhere_is_not_valid(void **state)
{
	(void)state;
	header_write_large(memory + 64, 1000, HEADER_LARGE);
	for (size_t at = 80; at <= sizeof(memory) - 16; at += 16) {
		memcpy(memory + at - 16, memory + 48, 16);
		assert_false(header_large_valid(memory + at, HEADER_LARGE));
		assert_true(header_large_valid(memory + 64, HEADER_LARGE));
	}
}

static void another_code_is_not_valid(void **state)
{
	static const uint8_t codes[] = {HEADER_ALIGNED, HEADER_LARGE,
					HEADER_MAPPED, HEADER_FREED};
	char *ptr = memory + 256;

	(void)state;
	for (size_t i = 0; i < sizeof(codes); i++)
		for (size_t j = 0; j < sizeof(codes); j++) {
			header_write_large(ptr, 4096, codes[i]);
			assert_int_equal(header_large_valid(ptr, codes[j]),
					 i == j);
			/* the byte alone does not make it so */
			header_large(ptr)->code = codes[j];
			assert_int_equal(header_large_valid(ptr, codes[j]),
					 i == j);
		}
}

static void another_secret_is_not_valid(void **state)
{
	uint32_t saved = header_secret;
	char *ptr = memory + 64;

	(void)state;
	header_write_large(ptr, 77, HEADER_LARGE);
	for (int bit = 0; bit < 32; bit++) {
		header_secret = saved ^ (1u << bit);
		assert_false(header_large_valid(ptr, HEADER_LARGE));
	}
	header_secret = saved;
	assert_true(header_large_valid(ptr, HEADER_LARGE));
}

static void random_bytes_are_not_valid(void **state)
{
	uint64_t random = 11;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint64_t words[2] = {draw(&random), draw(&random)};
		char *ptr = memory + 16 + 16 * draw_below(&random, 200);

		memcpy(ptr - 16, words, 16);
		assert_false(header_large_valid(ptr, HEADER_LARGE));
	}
}

static void keys_belong_to_their_address(void **state)
{
	(void)state;
	for (size_t i = 16; i < sizeof(memory); i += 16)
		assert_true(block_key(memory) != block_key(memory + i));
	header_secret ^= 1;
	assert_true(block_key(memory) !=
		    (header_secret ^ 1 ^ (uint32_t)(uintptr_t)memory));
	header_secret ^= 1;
}

/* A page with nothing before it, and one with a page before it. */
static void the_hybrid_check_asks_only_near_a_page_start(void **state)
{
	char *at = vm_map(3 * VM_PAGE);
	char *alone = at + VM_PAGE, *second = at + 2 * VM_PAGE;
	bool asked;

	(void)state;
	vm_unmap(at, VM_PAGE);
	errno = 77;
	for (size_t offset = 1; offset < VM_PAGE; offset++) {
		/* the byte before is on the same page: readable, asked or not
		 */
		assert_true(header_readable(alone + offset, &asked));
		assert_int_equal(asked, offset < 16);
		assert_true(header_readable(second + offset, &asked));
		assert_int_equal(asked, offset < 16);
	}
	assert_false(header_readable(alone, &asked));
	assert_true(asked);
	assert_true(header_readable(second, &asked));
	assert_true(asked);
	/* one past the end of what is mapped: the byte before is there */
	assert_true(header_readable(second + VM_PAGE, &asked));
	assert_true(asked);
	assert_int_equal(errno, 77);
	vm_unmap(alone, 2 * VM_PAGE);
	assert_false(header_readable(second, &asked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_are_told_apart),
		cmocka_unit_test(the_last_byte_is_the_header_byte),
		cmocka_unit_test(every_changed_bit_is_seen),
		cmocka_unit_test(a_copy_elsewhere_is_not_valid),
		cmocka_unit_test(another_code_is_not_valid),
		cmocka_unit_test(another_secret_is_not_valid),
		cmocka_unit_test(random_bytes_are_not_valid),
		cmocka_unit_test(keys_belong_to_their_address),
		cmocka_unit_test(the_hybrid_check_asks_only_near_a_page_start),
	};

	return cmocka_run_group_tests(tests, set_secret, NULL);
}
