#include "hakmemd/model/check.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "proto/bins.h"

/* The length of the UTF-8 sequence at `at`; 0 when there is none. */
static size_t check_sequence(const unsigned char *at)
{
	uint32_t value;
	size_t length;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	value = at[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (at[i] & 0x3fu);
	}
	if ((length == 3 && value < 0x800) ||
	    (length == 4 && value < 0x10000) ||
	    (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
		return 0;
	return length;
}

void check_string(char *text, size_t limit)
{
	unsigned char *at = (unsigned char *)text;
	size_t used = 0, length;

	while (at[used]) {
		length = check_sequence(at + used);
		if (length == 0) {
			at[used] = '?';
			length = 1;
		}
		if (used + length > limit)
			break;
		used += length;
	}
	text[used] = '\0';
}

static void check_strings(Hakmem__Hello *hello)
{
	/* Defaults are constants of protobuf-c, and empty: not written to. */
	char *strings[] = {hello->library_version, hello->executable,
			   hello->command};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (*strings[i])
			check_string(strings[i],
				     i ? CHECK_STRING_MAX : CHECK_ERROR_MAX);
	if (hello->n_config_errors > CHECK_ERRORS_MAX)
		hello->n_config_errors = CHECK_ERRORS_MAX;
	for (size_t i = 0; i < hello->n_config_errors; i++)
		if (*hello->config_errors[i])
			check_string(hello->config_errors[i], CHECK_ERROR_MAX);
}

static const char *check_classes(const Hakmem__Hello *hello)
{
	if (hello->n_classes > CHECK_CLASSES_MAX)
		return "too many size classes";
	for (size_t i = 0; i < hello->n_classes; i++) {
		const Hakmem__SizeClass *class = hello->classes[i];

		if (class->stride_bytes == 0 ||
		    class->low_bytes > class->high_bytes ||
		    class->high_bytes > class->stride_bytes)
			return "a size class makes no sense";
	}
	return NULL;
}

static const char *check_cells(const Hakmem__Hello *hello)
{
	unsigned char seen[CHECK_CLASSES_MAX][BINS_COUNT / 8 + 1] = {{0}};

	if (hello->n_cells > CHECK_CELLS_MAX)
		return "too many cells";
	for (size_t i = 0; i < hello->n_cells; i++) {
		uint32_t index = hello->cells[i]->class_index;
		uint32_t bin = hello->cells[i]->bin;

		if (index >= hello->n_classes || bin >= BINS_COUNT)
			return "a cell outside the classes and bins";
		if (bin < bins_index(hello->classes[index]->low_bytes) ||
		    bin > bins_index(hello->classes[index]->high_bytes))
			return "a cell's bin is not in its class";
		if (seen[index][bin / 8] & 1u << bin % 8)
			return "a cell is named twice";
		seen[index][bin / 8] |= (unsigned char)(1u << bin % 8);
	}
	return NULL;
}

const char *check_hello(Hakmem__Hello *hello)
{
	const char *why = check_classes(hello);

	if (!why)
		why = check_cells(hello);
	if (!why)
		check_strings(hello);
	return why;
}

static bool check_counts_fit(size_t count, uint64_t *values, size_t wanted)
{
	for (size_t i = 0; i < count; i++)
		if (values[i] > CHECK_COUNT_MAX)
			values[i] = CHECK_COUNT_MAX;
	return count <= wanted;
}

static void check_settle(uint64_t *value)
{
	if (*value > INT64_MAX)
		*value = 0;
}

/* Settles every 64-bit figure of a message, by its description: a field that is
 * added later is not forgotten. */
static void check_settle_all(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	char *base = (char *)message;

	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		uint64_t *values = (uint64_t *)(void *)(base + field->offset);
		size_t count = 1;

		if (field->type != PROTOBUF_C_TYPE_UINT64)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			memcpy(&count, base + field->quantifier_offset,
			       sizeof(count));
			memcpy(&values, base + field->offset, sizeof(values));
		}
		for (size_t at = 0; at < count; at++)
			check_settle(&values[at]);
	}
}

/* What rounding left below zero when all samples were gone is zero. */
static bool check_sums_fit(size_t count, double *values, size_t wanted)
{
	if (count > wanted)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(values[i]) || values[i] > CHECK_SUM_MAX)
			return false;
		if (values[i] < 0)
			values[i] = 0;
	}
	return true;
}

static const char *check_cell_columns(Hakmem__State *state, size_t cells)
{
	if (!check_counts_fit(state->n_cell_samples, state->cell_samples,
			      cells) ||
	    !check_sums_fit(state->n_cell_objects, state->cell_objects,
			    cells) ||
	    !check_sums_fit(state->n_cell_objects_var, state->cell_objects_var,
			    cells) ||
	    !check_sums_fit(state->n_cell_bytes, state->cell_bytes, cells) ||
	    !check_sums_fit(state->n_cell_live_objects,
			    state->cell_live_objects, cells) ||
	    !check_sums_fit(state->n_cell_live_bytes, state->cell_live_bytes,
			    cells) ||
	    !check_sums_fit(state->n_cell_live_objects_var,
			    state->cell_live_objects_var, cells))
		return "a column of cells makes no sense";
	return NULL;
}

static const char *check_large(const Hakmem__State *state)
{
	bool seen[BINS_COUNT] = {false};

	for (size_t i = 0; i < state->n_large_bins; i++) {
		Hakmem__LargeBin *bin = state->large_bins[i];

		check_settle_all(&bin->base);
		if (bin->bin >= BINS_COUNT || seen[bin->bin])
			return "a large bin out of range or twice";
		seen[bin->bin] = true;
		if (bin->requests > CHECK_COUNT_MAX)
			bin->requests = CHECK_COUNT_MAX;
		if (bin->live_objects > bin->requests)
			bin->live_objects = bin->requests;
	}
	return NULL;
}

const char *check_state(Hakmem__State *state, size_t classes, size_t cells)
{
	const char *why;

	check_settle_all(&state->base);
	if (!check_counts_fit(state->n_class_allocs, state->class_allocs,
			      classes) ||
	    !check_counts_fit(state->n_class_frees, state->class_frees,
			      classes) ||
	    !check_counts_fit(state->n_class_slabs, state->class_slabs,
			      classes))
		return "a column of classes makes no sense";
	why = check_cell_columns(state, cells);
	return why ? why : check_large(state);
}
