/* Linked so that there are gaps between the segments of this program, see the
 * Makefile. */
#include "libhakmem/unwind/object.h"

#include "libhakmem/unwind/module.h"
#include "tests/unit/libhakmem/unit.h"

#include <elf.h>
#include <sys/auxv.h>

static int in_data = 1;
static int in_bss;

static uintptr_t start_of(const void *address)
{
	struct dl_find_object found;

	assert_true(object_at((uintptr_t)address, &found));
	assert_true((uintptr_t)found.dlfo_map_start <= (uintptr_t)address);
	assert_true((uintptr_t)found.dlfo_map_end > (uintptr_t)address);
	return (uintptr_t)found.dlfo_map_start;
}

/* As the loader sees it, before object_start. */
static void the_loader_gives_segments(void **unused)
{
	(void)unused;
	assert_int_not_equal(start_of(opaque((void *)start_of)),
			     start_of(&in_data));
}

static void a_program_with_gaps_is_one_object(void **unused)
{
	uintptr_t start;

	(void)unused;
	object_start();
	start = start_of((void *)start_of);
	assert_int_equal(start_of(&in_data), start);
	assert_int_equal(start_of(&in_bss), start);
	assert_int_equal(start_of((void *)getauxval(AT_PHDR)), start);
	assert_memory_equal((const void *)start, ELFMAG, SELFMAG);
}

static void other_objects_are_as_the_loader_says(void **unused)
{
	struct dl_find_object ours, theirs;

	(void)unused;
	assert_true(object_at((uintptr_t)dlsym(RTLD_DEFAULT, "memcpy"), &ours));
	assert_int_equal(
		_dl_find_object(dlsym(RTLD_DEFAULT, "memcpy"), &theirs), 0);
	assert_ptr_equal(ours.dlfo_map_start, theirs.dlfo_map_start);
	assert_ptr_equal(ours.dlfo_map_end, theirs.dlfo_map_end);
	assert_ptr_equal(ours.dlfo_link_map, theirs.dlfo_link_map);
	assert_false(object_at((uintptr_t)&ours, &theirs)); /* the stack */
	assert_false(object_at(1, &theirs));
}

/* So its code has a module, a build-id and descriptions. */
static void its_code_is_known(void **unused)
{
	struct module_frames frames;
	struct module_info info;
	uint32_t id;

	(void)unused;
	module_start();
	id = module_of((uintptr_t)start_of);
	assert_true(module_info(id, &info));
	assert_true(module_stays(id));
	assert_true((uintptr_t)start_of >= info.text_start);
	assert_true((uintptr_t)start_of - info.text_start < info.text_bytes);
	assert_true(module_frames(id, &frames));
	assert_true(module_holds(id, (uintptr_t)&in_data, sizeof(in_data)));
	assert_int_equal(module_of((uintptr_t)&in_data), MODULE_NONE);
	module_refresh();
	assert_true(module_info(id, &info));
	assert_false(info.unloaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loader_gives_segments),
		cmocka_unit_test(a_program_with_gaps_is_one_object),
		cmocka_unit_test(other_objects_are_as_the_loader_says),
		cmocka_unit_test(its_code_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
