#include "hakmemd/export_json.h"

/* A string with its quotes. */
static bool put_string(struct buf *out, const char *text)
{
	bool good = buf_append(out, "\"", 1);

	while (good && *text) {
		/* As they are: up to what must be escaped. */
		size_t plain = 0;

		while ((unsigned char)text[plain] >= 0x20 &&
		       text[plain] != '"' && text[plain] != '\\' &&
		       text[plain] != 0x7f)
			plain++;
		good = buf_append(out, text, plain);
		text += plain;
		if (!good || !*text)
			break;
		good = buf_print(out, "\\u%04x", (unsigned char)*text++);
	}
	return good && buf_append(out, "\"", 1);
}

static bool put(struct buf *out, enum export_kind kind,
		const union export_value *value)
{
	switch (kind) {
	case EXPORT_REAL:
		return buf_print(out, "%.3f", value->real);
	case EXPORT_FLAG:
		return buf_print(out, "%s", value->count ? "true" : "false");
	case EXPORT_COUNT:
		break;
	}
	return buf_print(out, "%llu", (unsigned long long)value->count);
}

static bool put_row(const struct export_table *table,
		    const union export_value *values, struct buf *out)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (!buf_print(out, "%s\"%s\":", i ? "," : "{",
			       table->columns[i].name) ||
		    !put(out, table->columns[i].kind, &values[i]))
			return false;
	return buf_append(out, "}", 1);
}

static bool write_json(const struct export_table *table, struct buf *out)
{
	union export_value values[EXPORT_COLUMNS_MAX];

	if (!buf_print(out, "{\"pid\":%d,\"command\":", (int)table->pid) ||
	    !put_string(out, table->command) ||
	    !buf_print(out, ",\"what\":\"%s\",\"rows\":[", table->name))
		return false;
	for (size_t row = 0; table->row(table, row, values); row++)
		if ((row && !buf_append(out, ",", 1)) ||
		    !buf_append(out, "\n", 1) || !put_row(table, values, out))
			return false;
	return buf_append(out, "\n]}\n", 4);
}

const struct export_format export_json = {.name = "json", .write = write_json};
