#include "hakmemd/export/export_json.h"

/* A control character, of those above ASCII too: terminals obey them. */
static unsigned export_json_control(const char *at)
{
	unsigned char first = (unsigned char)at[0];
	unsigned char second = (unsigned char)at[1];

	if (first < 0x20 || first == 0x7f)
		return first;
	return first == 0xc2 && second >= 0x80 && second < 0xa0 ? second : 0;
}

static bool export_json_is_plain(const char *at)
{
	return *at && *at != '"' && *at != '\\' && !export_json_control(at);
}

bool export_json_string(struct buf *out, const char *text)
{
	bool good = buf_append(out, "\"", 1);

	while (good && *text) {
		unsigned code = export_json_control(text);
		size_t plain = 0;

		while (export_json_is_plain(text + plain))
			plain++;
		if (plain > 0) {
			good = buf_append(out, text, plain);
			text += plain;
			continue;
		}
		good = buf_print(out, "\\u%04x", code ? code : (unsigned)*text);
		text += code >= 0x80 ? 2 : 1;
	}
	return good && buf_append(out, "\"", 1);
}

static bool export_json_put(struct buf *out, enum export_kind kind,
			    union export_value value)
{
	switch (kind) {
	case EXPORT_REAL:
		return buf_print(out, "%.3f", value.real);
	case EXPORT_SIGNED:
		return buf_print(out, "%lld", (long long)value.signed_count);
	case EXPORT_FLAG:
		return buf_print(out, "%s", value.flag ? "true" : "false");
	case EXPORT_TEXT:
		return export_json_string(out, value.text);
	case EXPORT_COUNT:
		break;
	}
	return buf_print(out, "%llu", (unsigned long long)value.count);
}

static bool export_json_put_row(const struct export_table *table, size_t index,
				const void *row, struct buf *out)
{
	const char *between = "{";

	for (size_t i = 0; i < table->column_count; i++) {
		const struct export_column *column = &table->columns[i];

		if (column->csv_only)
			continue;
		if (!buf_print(out, "%s\"%s\":", between, column->name) ||
		    !export_json_put(out, column->kind, column->get(row)))
			return false;
		between = ",";
	}
	if (table->json_more && !table->json_more(table, index, out))
		return false;
	return buf_append(out, "}", 1);
}

bool export_json(const struct export_table *table, struct buf *out)
{
	const void *row;

	if (!buf_print(out,
		       "{\"schema\":1,\"time_s\":%.3f,\"pid\":%d,\"command\":",
		       table->time_s, (int)table->pid) ||
	    !export_json_string(out, table->command) ||
	    !buf_print(out, ",\"what\":\"%s\"", table->name) ||
	    (table->json_head && !table->json_head(table, out)) ||
	    !buf_print(out, ",\"rows\":["))
		return false;
	for (size_t i = 0; (row = table->row(table, i)); i++)
		if ((i && !buf_append(out, ",", 1)) ||
		    !export_json_put_row(table, i, row, out))
			return false;
	return buf_append(out, "]}\n", 3);
}
