#include "hakmem-top/base/text.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

#define REPLACEMENT 0xFFFDu

/* The code point at `at` and its length; length 0 when it is not UTF-8. */
static size_t text_decode(const unsigned char *at, uint32_t *out)
{
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = at[0] < 0x80   ? 1
			: at[0] < 0xC2 ? 0
			: at[0] < 0xE0 ? 2
			: at[0] < 0xF0 ? 3
			: at[0] < 0xF5 ? 4
				       : 0;
	uint32_t point;

	if (length <= 1) {
		*out = at[0];
		return length;
	}
	point = at[0] & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3Fu);
	}
	if (point < least[length] || point > 0x10FFFF ||
	    (point >= 0xD800 && point <= 0xDFFF))
		return 0;
	*out = point;
	return length;
}

/* Characters that show nothing of their own but change what others show. */
static bool text_invisible(uint32_t point)
{
	return (point >= 0x80 && point < 0xA0) || point == 0xAD ||
	       point == 0x061C || (point >= 0x200B && point <= 0x200F) ||
	       (point >= 0x2028 && point <= 0x202E) ||
	       (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF ||
	       (point >= 0xE0000 && point <= 0xE0FFF) || point >= 0xF0000;
}

/* What one character becomes: its bytes and columns. */
struct glyph {
	char bytes[5];
	size_t length, columns;
};

static void text_replace(struct glyph *glyph, bool utf8)
{
	memcpy(glyph->bytes, utf8 ? "\xEF\xBF\xBD" : "?", utf8 ? 4 : 2);
	glyph->length = utf8 ? 3 : 1;
	glyph->columns = 1;
}

/* Shows the character at `at`; returns how many bytes of the text it took. */
static size_t text_show(const unsigned char *at, bool utf8, struct glyph *glyph)
{
	uint32_t point = 0;
	size_t length = text_decode(at, &point);
	int columns;

	if (length == 1 && (point < 0x20 || point == 0x7F)) {
		glyph->bytes[0] = '^';
		glyph->bytes[1] = (char)(point ^ 0x40);
		glyph->length = glyph->columns = 2;
		return 1;
	}
	columns = length > 1 ? wcwidth((wchar_t)point) : 1;
	if (length == 0 || (length > 1 && !utf8) || text_invisible(point) ||
	    columns < 0) {
		text_replace(glyph, utf8);
		return length ? length : 1;
	}
	memcpy(glyph->bytes, at, length);
	glyph->length = columns ? length : 0; /* no stacks of accents */
	glyph->columns = (size_t)columns;
	return length;
}

size_t text_clean(char *out, size_t size, const char *text, size_t columns,
		  bool utf8)
{
	const unsigned char *at = (const unsigned char *)text;
	const char *mark = utf8 ? "\xE2\x80\xA6" : "~";
	size_t used = 0, width = 0, safe = 0, safe_width = 0;
	struct glyph glyph;

	/* `safe` is the longest prefix that leaves room for the mark. */
	while (*at != '\0') {
		at += text_show(at, utf8, &glyph);
		if (width + glyph.columns > columns ||
		    used + glyph.length + 4 > size) {
			memcpy(out + safe, mark, strlen(mark) + 1);
			return columns ? safe_width + 1 : (*out = '\0');
		}
		memcpy(out + used, glyph.bytes, glyph.length);
		used += glyph.length;
		width += glyph.columns;
		if (width < columns) {
			safe = used;
			safe_width = width;
		}
	}
	out[used] = '\0';
	return width;
}

/* As JSON writes what must not be seen: UTF-16, in hexadecimal. */
static void text_json_escape(FILE *out, uint32_t point)
{
	if (point < 0x10000)
		fprintf(out, "\\u%04x", (unsigned)point);
	else
		fprintf(out, "\\u%04x\\u%04x",
			(unsigned)(0xD7C0 + (point >> 10)),
			(unsigned)(0xDC00 | (point & 0x3FF)));
}

void text_json(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	fputc('"', out);
	while (*at != '\0') {
		uint32_t point = 0;
		size_t length = text_decode(at, &point);

		if (length == 0)
			fputs("\\ufffd", out);
		else if (point == '"' || point == '\\')
			fprintf(out, "\\%c", (int)point);
		else if (point < 0x20 || point == 0x7F || text_invisible(point))
			text_json_escape(out, point);
		else
			fwrite(at, 1, length, out);
		at += length ? length : 1;
	}
	fputc('"', out);
}

void text_csv(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	bool quote = strpbrk(text, ",\"") != NULL || *text == '\0';

	if (quote)
		fputc('"', out);
	while (*at != '\0') {
		struct glyph glyph = {.length = 0};
		uint32_t point = 0;
		size_t length = text_decode(at, &point);

		if (point == '"' && length == 1)
			fputc('"', out);
		if (length > 1 && !text_invisible(point))
			fwrite(at, 1, length, out);
		else
			length = text_show(at, true, &glyph);
		fwrite(glyph.bytes, 1, glyph.length, out);
		at += length;
	}
	if (quote)
		fputc('"', out);
}

bool text_has(const char *text, const char *needle)
{
	return strcasestr(text, needle) != NULL;
}

const char *text_command(const char *text)
{
	const char *end = text + strcspn(text, " ");

	while (end > text && end[-1] != '/')
		end--;
	return *end == '\0' || *end == ' ' ? text : end;
}
