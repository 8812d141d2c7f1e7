#include "hakmemd/export_csv.h"

static bool put(struct buf *out, enum export_kind kind,
		const union export_value *value)
{
	if (kind == EXPORT_REAL)
		return buf_print(out, "%.3f", value->real);
	return buf_print(out, "%llu", (unsigned long long)value->count);
}

static bool put_header(const struct export_table *table, struct buf *out)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!buf_print(out, "%s%s", i ? "," : "",
			       table->columns[i].name))
			return false;
	return buf_append(out, "\n", 1);
}

static bool write_csv(const struct export_table *table, struct buf *out)
{
	union export_value values[EXPORT_COLUMNS_MAX];

	if (!put_header(table, out))
		return false;
	for (size_t row = 0; table->row(table, row, values); row++) {
		for (size_t i = 0; i < table->column_count; i++)
			if ((i && !buf_append(out, ",", 1)) ||
			    !put(out, table->columns[i].kind, &values[i]))
				return false;
		if (!buf_append(out, "\n", 1))
			return false;
	}
	return true;
}

const struct export_format export_csv = {.name = "csv", .write = write_csv};
