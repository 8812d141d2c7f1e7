#include "hakmemd/symbols/elf.h"

#include <sys/stat.h>

#include "tests/unit/hakmemd/fixture.h"

static struct elf_index *the_index;

/* The symbol covers all of its bytes, and the name is one of that place. */
static void is_found(const GElf_Sym *symbol, const char *text)
{
	const char *first = elf_index_find(the_index, symbol->st_value);
	const char *last = elf_index_find(
		the_index, symbol->st_value + symbol->st_size - 1);

	assert_non_null(first);
	assert_non_null(last);
	assert_string_equal(first, last);
	assert_string_equal(first, text);
}

static void every_function_is_found_over_all_its_bytes(void **state)
{
	struct fixture_file file = fixture_open("one");

	(void)state;
	the_index = elf_index_new(&file.elf, 1);
	assert_non_null(the_index);
	fixture_functions("one", is_found);
	assert_null(elf_index_find(the_index, 0));
	assert_null(elf_index_find(the_index, UINT64_MAX));
	elf_index_free(the_index);
	fixture_close(&file);
}

static void between_functions_there_is_none(void **state)
{
	struct fixture_file file;
	GElf_Sym hole;

	(void)state;
	fixture_write("hole.s", ".text\n.globl a\n.type a,@function\na: ret\n"
				".size a,.-a\n.zero 64\n.globl b\n"
				".type b,@function\nb: ret\n.size b,.-b\n"
				".globl naked\nnaked: nop\nnop\n"
				".globl a2\n.set a2,a\n.globl __a\n"
				".set __a,a\n.weak later\n"
				".type later,@function\nlater: nop\n"
				".size later,.-later\n.zero 8\n");
	fixture_shell("gcc -shared -nostdlib hole.s -o hole.so");
	hole = fixture_symbol("hole.so", "a");
	file = fixture_open("hole.so");
	the_index = elf_index_new(&file.elf, 1);
	assert_non_null(the_index);
	assert_string_equal(elf_index_find(the_index, hole.st_value), "a");
	assert_null(elf_index_find(the_index, hole.st_value + 1));
	assert_null(elf_index_find(the_index, hole.st_value + 64));
	assert_string_equal(elf_index_find(the_index, hole.st_value + 65), "b");
	/* A label without type or size goes as far as the next symbol. */
	assert_string_equal(elf_index_find(the_index, hole.st_value + 67),
			    "naked");
	assert_string_equal(elf_index_find(the_index, hole.st_value + 68),
			    "later");
	assert_null(elf_index_find(the_index, hole.st_value + 69));
	elf_index_free(the_index);
	fixture_close(&file);
}

static void an_alias_without_underscores_is_preferred(void **state)
{
	struct fixture_file file;
	GElf_Sym symbol;

	(void)state;
	fixture_write("alias.s",
		      ".text\n.globl __libc_take\n.type __libc_take,@function\n"
		      ".weak take\n.type take,@function\n"
		      ".type local_take,@function\n"
		      "__libc_take:\ntake:\nlocal_take: ret\n"
		      ".size __libc_take,.-__libc_take\n"
		      ".size take,.-take\n.size local_take,.-local_take\n");
	fixture_shell("gcc -shared -nostdlib alias.s -o alias.so");
	symbol = fixture_symbol("alias.so", "take");
	file = fixture_open("alias.so");
	the_index = elf_index_new(&file.elf, 1);
	assert_string_equal(elf_index_find(the_index, symbol.st_value), "take");
	elf_index_free(the_index);
	fixture_close(&file);
}

static void a_stripped_program_has_no_symbols(void **state)
{
	struct fixture_file file = fixture_open("one.stripped");
	GElf_Sym outer = fixture_symbol("one", "outer");
	struct elf_index *index = elf_index_new(&file.elf, 1);

	(void)state;
	if (index)
		assert_null(elf_index_find(index, outer.st_value));
	elf_index_free(index);
	fixture_close(&file);
}

static void the_build_id_is_what_readelf_says(void **state)
{
	uint8_t id[ELF_BUILD_ID_MAX], again[ELF_BUILD_ID_MAX];
	char text[2 * ELF_BUILD_ID_MAX + 1] = "", said[128] = "";
	size_t size = fixture_build_id("one", id);
	FILE *file;

	(void)state;
	for (size_t i = 0; i < size; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	fixture_shell("readelf -n one | sed -n 's/.*Build ID: //p' >id");
	file = fopen(fixture_path("id"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%127s", said), 1);
	fclose(file);
	assert_string_equal(text, said);
	/* The segments of a debug file lie; without sections they are all. */
	fixture_shell("objcopy --only-keep-debug one one.debug");
	assert_int_equal(fixture_build_id("one.debug", again), size);
	assert_memory_equal(id, again, size);
	fixture_shell("gcc -shared -nostdlib -Wl,--build-id=0xabcdef01 "
		      "-x c one.c -o odd.so");
	assert_int_equal(fixture_build_id("odd.so", again), 4);
	assert_memory_equal(again, "\xab\xcd\xef\x01", 4);
	fixture_shell("gcc -Wl,--build-id=none one.c -o none");
	assert_int_equal(fixture_build_id("none", again), 0);
}

static void look_at(Elf *elf)
{
	uint8_t id[ELF_BUILD_ID_MAX];
	struct elf_index *index;

	elf_build_id(elf, id);
	elf_has_section(elf, ".debug_info");
	index = elf_index_new(&elf, 1);
	if (!index)
		return;
	for (uint64_t at = 0; at < 0x10000; at += 7) {
		const char *name = elf_index_find(index, at);

		if (name)
			assert_true(strnlen(name, 1 << 20) < 1 << 20);
	}
	elf_index_free(index);
}

/* From memory without slack, so ASan sees every byte too far. */
static void broken_files_do_no_harm(void **state)
{
	struct fixture_file file = fixture_open("one");
	uint32_t random = 4711;
	struct stat info;
	char *whole;

	(void)state;
	assert_int_equal(fstat(file.fd, &info), 0);
	whole = malloc((size_t)info.st_size);
	assert_non_null(whole);
	assert_int_equal(pread(file.fd, whole, (size_t)info.st_size, 0),
			 info.st_size);
	for (int i = 0; i < 2000; i++) {
		size_t size = (size_t)info.st_size;
		char *copy;
		Elf *elf;

		if (i % 4 == 0)
			size = size * (unsigned)i / 2000 + 1;
		copy = malloc(size);
		assert_non_null(copy);
		memcpy(copy, whole, size);
		for (int k = 0; k < i % 16; k++) {
			size_t at;

			random = random * 1664525 + 1013904223;
			/* Half of it where headers are. */
			at = (random >> 8) % (random & 1 ? size : 1024);
			if (at < size)
				copy[at] = (char)(random >> 3);
		}
		elf = elf_memory(copy, size);
		if (elf) {
			look_at(elf);
			elf_end(elf);
		}
		free(copy);
	}
	free(whole);
	fixture_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_function_is_found_over_all_its_bytes),
		cmocka_unit_test(between_functions_there_is_none),
		cmocka_unit_test(an_alias_without_underscores_is_preferred),
		cmocka_unit_test(a_stripped_program_has_no_symbols),
		cmocka_unit_test(the_build_id_is_what_readelf_says),
		cmocka_unit_test(broken_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
