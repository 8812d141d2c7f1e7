#include "hakmemd/export/heap_folded.h"

#include <string.h>

static bool heap_folded_put_name(struct buf *out, const char *name)
{
	size_t length = strlen(name);
	char *place = (char *)buf_reserve(out, length + 1);

	if (!place)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)name[i];

		place[i] = byte == ';'			 ? ':'
			   : byte < 0x20 || byte == 0x7f ? '?'
							 : name[i];
	}
	buf_commit(out, length);
	return true;
}

static bool heap_folded_put_stack(const struct heap_profile *profile,
				  const struct heap_profile_row *row,
				  struct buf *out)
{
	bool first = true;

	for (uint32_t i = row->depth; i-- > 0;) {
		const struct heap_profile_location *at =
			&profile->locations[row->locations[i]];

		for (uint32_t l = at->line_count; l-- > 0; first = false)
			if ((!first && !buf_append(out, ";", 1)) ||
			    !heap_folded_put_name(
				    out,
				    profile->functions[at->lines[l].function]
					    .name))
				return false;
	}
	return true;
}

bool heap_folded(const struct heap_profile *profile, struct buf *out)
{
	struct heap_profile_round column = {0, 0};

	for (uint32_t i = 0; i < profile->row_count; i++) {
		const struct heap_profile_row *row = &profile->rows[i];
		int64_t bytes;

		if (row->bytes <= 0)
			continue;
		bytes = heap_profile_round(&column, row->bytes);
		if (bytes > 0 && (!heap_folded_put_stack(profile, row, out) ||
				  !buf_print(out, " %lld\n", (long long)bytes)))
			return false;
	}
	return true;
}
