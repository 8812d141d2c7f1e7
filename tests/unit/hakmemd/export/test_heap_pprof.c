#include "hakmemd/export/heap_pprof.h"

#include <zlib.h>

#include "hakmemd/export/pprof.pb-c.h"
#include "tests/unit/hakmemd/unit_heap.h"

static struct unit_heap unit;
static Pprof__Profile *file;

static void unpack(enum heap_profile_sample sample)
{
	static uint8_t bytes[1 << 20];
	z_stream stream = {.next_out = bytes, .avail_out = sizeof(bytes)};

	unit_heap_build(&unit, sample, "");
	unit_heap_write(&unit, heap_pprof);
	stream.next_in = unit.text.data;
	stream.avail_in = (uInt)buf_length(&unit.text) - 1;
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	file = pprof__profile__unpack(NULL, stream.total_out, bytes);
	assert_non_null(file);
	inflateEnd(&stream);
}

static const char *text(int64_t index)
{
	assert_in_range(index, 0, file->n_string_table - 1);
	return file->string_table[index];
}

static void begin(enum heap_profile_sample sample)
{
	unit_heap_begin(&unit);
	unpack(sample);
}

static void end(void)
{
	pprof__profile__free_unpacked(file, NULL);
	unit_heap_end(&unit);
}

static void types_are_in_order(void **state)
{
	(void)state;
	begin(HEAP_PROFILE_INUSE);
	assert_string_equal(text(0), "");
	assert_int_equal(file->n_sample_type, 4);
	assert_string_equal(text(file->sample_type[0]->type), "alloc_objects");
	assert_string_equal(text(file->sample_type[0]->unit), "count");
	assert_string_equal(text(file->sample_type[1]->type), "alloc_space");
	assert_string_equal(text(file->sample_type[2]->type), "inuse_objects");
	assert_string_equal(text(file->sample_type[3]->type), "inuse_space");
	assert_string_equal(text(file->sample_type[3]->unit), "bytes");
	assert_string_equal(text(file->default_sample_type), "inuse_space");
	assert_string_equal(text(file->period_type->type), "space");
	assert_int_equal(file->period, 1000);
	end();
}

static void ids_lead_somewhere(void **state)
{
	(void)state;
	begin(HEAP_PROFILE_INUSE);
	for (size_t i = 0; i < file->n_sample; i++)
		for (size_t d = 0; d < file->sample[i]->n_location_id; d++)
			assert_in_range(file->sample[i]->location_id[d], 1,
					file->n_location);
	for (size_t i = 0; i < file->n_location; i++) {
		Pprof__Location *location = file->location[i];
		Pprof__Mapping *mapping;

		assert_int_equal(location->id, i + 1);
		assert_int_equal(location->n_line, 1);
		assert_in_range(location->line[0]->function_id, 1,
				file->n_function);
		if (!location->mapping_id)
			continue;
		mapping = file->mapping[location->mapping_id - 1];
		assert_true(location->address >= mapping->memory_start &&
			    location->address < mapping->memory_limit);
	}
	for (size_t i = 0; i < file->n_function; i++)
		text(file->function[i]->name);
	end();
}

static void the_program_is_the_first_mapping(void **state)
{
	(void)state;
	begin(HEAP_PROFILE_INUSE);
	assert_int_equal(file->n_mapping, 1); /* the other one is not used */
	assert_string_equal(text(file->mapping[0]->filename), "/bin/a;b<c>");
	assert_string_equal(text(file->mapping[0]->build_id), "abcd01");
	assert_int_equal(file->mapping[0]->memory_start, UNIT_BIAS + 0x1000);
	assert_int_equal(file->mapping[0]->file_offset, 0x1000);
	assert_true(file->mapping[0]->has_functions);
	end();
	/* Also when it holds no address. */
	unit_heap_begin(&unit);
	strcpy(unit.process.model.executable, "/bin/no");
	unpack(HEAP_PROFILE_INUSE);
	assert_int_equal(file->n_mapping, 2);
	assert_string_equal(text(file->mapping[0]->filename), "/bin/no");
	assert_string_equal(text(file->mapping[1]->filename), "/bin/a;b<c>");
	end();
}

static int64_t total(unsigned value)
{
	int64_t sum = 0;

	for (size_t i = 0; i < file->n_sample; i++)
		sum += file->sample[i]->value[value];
	return sum;
}

static void totals_are_ours(void **state)
{
	(void)state;
	begin(HEAP_PROFILE_INUSE);
	assert_int_equal(total(0), 280);
	assert_int_equal(total(1), 28000);
	assert_int_equal(total(2), 95);
	assert_int_equal(total(3), 9501);
	end();
	begin(HEAP_PROFILE_PEAK);
	assert_int_equal(total(3), 19002);
	end();
	begin(HEAP_PROFILE_ALLOC);
	assert_string_equal(text(file->default_sample_type), "alloc_space");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_are_in_order),
		cmocka_unit_test(ids_lead_somewhere),
		cmocka_unit_test(the_program_is_the_first_mapping),
		cmocka_unit_test(totals_are_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
