#include "hakmemd/symbols/lines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#define UNITS_MAX     (1u << 20)
#define RANGES_MAX    (8u << 20)
#define FUNCTIONS_MAX (1u << 20) /* of one unit */
#define NESTING_MAX   64	 /* of namespaces, blocks, inlined calls */
#define BACK_MAX      16

struct range {
	uint64_t low, high;
	uint32_t what; /* index of a unit or of a function */
};

struct ranges {
	struct range *all; /* by low, once sorted */
	size_t count, room;
};

struct unit {
	Dwarf_Die die;	  /* has the line table */
	Dwarf_Die inside; /* has the functions; another with split DWARF */
	bool walked;
	struct ranges functions;
	Dwarf_Die *dies;
	size_t count, room;
};

struct lines {
	Dwarf *dwarf;
	struct unit *units;
	size_t count, room;
	struct ranges ranges;
};

static bool lines_add_range(struct ranges *ranges, uint64_t low, uint64_t high,
			    size_t what)
{
	/* What the linker threw away is left at 0. */
	if (low == 0 || low >= high)
		return true;
	if (ranges->count == ranges->room) {
		size_t room = ranges->room ? ranges->room * 2 : 64;
		struct range *all;

		if (room > RANGES_MAX)
			return false;
		all = realloc(ranges->all, room * sizeof(*all));
		if (!all)
			return false;
		ranges->all = all;
		ranges->room = room;
	}
	ranges->all[ranges->count++] =
		(struct range){low, high, (uint32_t)what};
	return true;
}

static bool lines_add_ranges_of(struct ranges *ranges, Dwarf_Die *die,
				size_t what)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &low, &high)) > 0)
		if (!lines_add_range(ranges, low, high, what))
			return false;
	return true;
}

static int lines_by_low(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return a->what < b->what ? -1 : a->what > b->what;
}

static void lines_sort_ranges(struct ranges *ranges)
{
	if (ranges->count)
		qsort(ranges->all, ranges->count, sizeof(*ranges->all),
		      lines_by_low);
}

static const struct range *lines_find_range(const struct ranges *ranges,
					    uint64_t address)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->all[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (int i = 0; i < BACK_MAX && low > 0; i++)
		if (address < ranges->all[--low].high)
			return &ranges->all[low];
	return NULL;
}

static bool lines_add_unit(struct lines *lines, Dwarf_Die *die,
			   Dwarf_Die *inside)
{
	if (lines->count == lines->room) {
		size_t room = lines->room ? lines->room * 2 : 64;
		struct unit *units;

		if (room > UNITS_MAX)
			return false;
		units = realloc(lines->units, room * sizeof(*units));
		if (!units)
			return false;
		lines->units = units;
		lines->room = room;
	}
	lines->units[lines->count] =
		(struct unit){.die = *die, .inside = *inside};
	return lines_add_ranges_of(&lines->ranges, die, lines->count++);
}

static void lines_find_units(struct lines *lines)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die, split;
	uint8_t type;

	while (dwarf_get_units(lines->dwarf, unit, &unit, NULL, &type, &die,
			       &split) == 0) {
		bool is_split = type == DW_UT_skeleton &&
				dwarf_tag(&split) == DW_TAG_compile_unit;

		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (!lines_add_unit(lines, &die, is_split ? &split : &die))
			break;
	}
	lines_sort_ranges(&lines->ranges);
}

struct lines *lines_open(Elf *file)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return NULL;
	lines->dwarf = dwarf_begin_elf(file, DWARF_C_READ, NULL);
	if (lines->dwarf)
		lines_find_units(lines);
	if (lines->ranges.count)
		return lines;
	lines_close(lines);
	return NULL;
}

void lines_close(struct lines *lines)
{
	if (!lines)
		return;
	for (size_t i = 0; i < lines->count; i++) {
		free(lines->units[i].functions.all);
		free(lines->units[i].dies);
	}
	free(lines->units);
	free(lines->ranges.all);
	dwarf_end(lines->dwarf);
	free(lines);
}

static bool lines_add_function(struct unit *unit, Dwarf_Die *die)
{
	if (unit->count == unit->room) {
		size_t room = unit->room ? unit->room * 2 : 32;
		Dwarf_Die *dies;

		if (room > FUNCTIONS_MAX)
			return false;
		dies = realloc(unit->dies, room * sizeof(*dies));
		if (!dies)
			return false;
		unit->dies = dies;
		unit->room = room;
	}
	unit->dies[unit->count] = *die;
	return lines_add_ranges_of(&unit->functions, die, unit->count++);
}

/* What can hold functions, besides a unit: dwarf_getscopes would not look. */
static bool lines_holds_functions(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
	       tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most NESTING_MAX deep */
static bool lines_walk(struct unit *unit, Dwarf_Die *parent, int depth)
{
	Dwarf_Die die;
	int more = dwarf_child(parent, &die);

	if (depth > NESTING_MAX)
		return true;
	for (; more == 0; more = dwarf_siblingof(&die, &die)) {
		int tag = dwarf_tag(&die);

		if (tag == DW_TAG_subprogram && !lines_add_function(unit, &die))
			return false;
		if (lines_holds_functions(tag) &&
		    !lines_walk(unit, &die, depth + 1))
			return false;
	}
	return true;
}

/* The child of `die` that covers the address and is a call or a block. */
static bool lines_step_into(Dwarf_Die *die, uint64_t address, Dwarf_Die *child)
{
	int more = dwarf_child(die, child);

	for (; more == 0; more = dwarf_siblingof(child, child)) {
		int tag = dwarf_tag(child);

		if ((tag == DW_TAG_inlined_subroutine ||
		     tag == DW_TAG_lexical_block || tag == DW_TAG_subprogram) &&
		    dwarf_haspc(child, address) == 1)
			return true;
	}
	return false;
}

static void lines_take_name(Dwarf_Die *die, struct lines_frame *frame)
{
	static const unsigned names[] = {DW_AT_linkage_name,
					 DW_AT_MIPS_linkage_name, DW_AT_name};
	Dwarf_Attribute memory;

	frame->function = NULL;
	for (size_t i = 0; i < 3 && !frame->function; i++) {
		frame->function = dwarf_formstring(
			dwarf_attr_integrate(die, names[i], &memory));
		frame->linked = names[i] != DW_AT_name;
	}
}

/* Where an inlined function was called: a place in the frame around it. */
static void lines_call_place(struct unit *unit, Dwarf_Die *call,
			     struct lines_frame *frame)
{
	Dwarf_Attribute memory;
	Dwarf_Word value;
	Dwarf_Files *files;

	frame->file = NULL;
	frame->line = 0;
	if (dwarf_formudata(dwarf_attr(call, DW_AT_call_line, &memory),
			    &value) == 0 &&
	    value <= UINT32_MAX)
		frame->line = (uint32_t)value;
	if (dwarf_formudata(dwarf_attr(call, DW_AT_call_file, &memory),
			    &value) == 0 &&
	    dwarf_getsrcfiles(&unit->die, &files, NULL) == 0)
		frame->file = dwarf_filesrc(files, value, NULL, NULL);
}

static void lines_line_place(struct unit *unit, uint64_t address,
			     struct lines_frame *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, address);
	int number;

	if (!line)
		return;
	frame->file = dwarf_linesrc(line, NULL, NULL);
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		frame->line = (uint32_t)number;
}

/* From the function inwards: chain[0] is the function, then inlined calls. */
static size_t lines_find_chain(Dwarf_Die *function, uint64_t address,
			       Dwarf_Die chain[NESTING_MAX])
{
	Dwarf_Die at = *function, child;
	size_t count = 1;

	chain[0] = at;
	for (int i = 0; i < NESTING_MAX; i++) {
		if (!lines_step_into(&at, address, &child))
			break;
		at = child;
		if (dwarf_tag(&at) == DW_TAG_subprogram)
			count = 0; /* a nested function: it is the frame */
		if (dwarf_tag(&at) != DW_TAG_lexical_block &&
		    count < NESTING_MAX)
			chain[count++] = at;
	}
	return count;
}

static size_t lines_tell_chain(struct unit *unit, Dwarf_Die *chain,
			       size_t count, uint64_t address,
			       struct lines_frame *out, size_t max)
{
	struct lines_frame frame = {.inlined = count > 1};
	size_t told = 0;

	lines_line_place(unit, address, &frame);
	for (size_t i = count; i-- > 0;) {
		lines_take_name(&chain[i], &frame);
		frame.inlined = i > 0;
		if (told < max - 1 || i == 0)
			out[told++] = frame;
		if (i > 0)
			lines_call_place(unit, &chain[i], &frame);
	}
	return told;
}

size_t lines_find(struct lines *lines, uint64_t address,
		  struct lines_frame *out, size_t max)
{
	const struct range *range = lines_find_range(&lines->ranges, address);
	Dwarf_Die chain[NESTING_MAX];
	struct unit *unit;

	if (!range || max == 0)
		return 0;
	unit = &lines->units[range->what];
	if (!unit->walked) {
		unit->walked = true;
		lines_walk(unit, &unit->inside, 0);
		lines_sort_ranges(&unit->functions);
	}
	range = lines_find_range(&unit->functions, address);
	if (range)
		return lines_tell_chain(
			unit, chain,
			lines_find_chain(&unit->dies[range->what], address,
					 chain),
			address, out, max);
	*out = (struct lines_frame){.function = NULL};
	lines_line_place(unit, address, out);
	return out->file ? 1 : 0;
}
