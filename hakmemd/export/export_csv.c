#include "hakmemd/export/export_csv.h"

/* A control character of ASCII, or one of two bytes above it. */
static bool export_csv_is_control(const char *at)
{
	unsigned char first = (unsigned char)at[0];
	unsigned char second = (unsigned char)at[1];

	return first < 0x20 || first == 0x7f ||
	       (first == 0xc2 && second >= 0x80 && second < 0xa0);
}

static bool export_csv_put_text(struct buf *out, const char *text)
{
	bool good = buf_append(out, "\"", 1);

	for (; good && *text; text++) {
		if (*text == '"')
			good = buf_append(out, "\"\"", 2);
		else if (export_csv_is_control(text))
			good = buf_append(out, "?", 1);
		else
			good = buf_append(out, text, 1);
		text += (unsigned char)*text == 0xc2 &&
			export_csv_is_control(text);
	}
	return good && buf_append(out, "\"", 1);
}

static bool export_csv_put(struct buf *out, enum export_kind kind,
			   union export_value value)
{
	if (kind == EXPORT_TEXT)
		return export_csv_put_text(out, value.text);
	if (kind == EXPORT_REAL)
		return buf_print(out, "%.3f", value.real);
	if (kind == EXPORT_SIGNED)
		return buf_print(out, "%lld", (long long)value.signed_count);
	if (kind == EXPORT_FLAG)
		return buf_print(out, "%d", value.flag);
	return buf_print(out, "%llu", (unsigned long long)value.count);
}

static bool export_csv_put_header(const struct export_table *table,
				  struct buf *out)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!buf_print(out, "%s%s", i ? "," : "",
			       table->columns[i].name))
			return false;
	return buf_append(out, "\n", 1);
}

static bool export_csv_put_row(const struct export_table *table,
			       const void *row, struct buf *out)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const struct export_column *column = &table->columns[i];

		if ((i && !buf_append(out, ",", 1)) ||
		    !export_csv_put(out, column->kind, column->get(row)))
			return false;
	}
	return buf_append(out, "\n", 1);
}

bool export_csv(const struct export_table *table, struct buf *out)
{
	const void *row;

	if (!export_csv_put_header(table, out))
		return false;
	for (size_t i = 0; (row = table->row(table, i)); i++)
		if (!export_csv_put_row(table, row, out))
			return false;
	return true;
}
