#include "tests/fuzz/json.h"

#include <string.h>

struct text {
	const uint8_t *at, *end;
};

static bool value(struct text *text, int depth);

static void blanks(struct text *text)
{
	while (text->at < text->end && *text->at &&
	       strchr(" \t\r\n", *text->at))
		text->at++;
}

static bool take(struct text *text, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(text->end - text->at) < length ||
	    memcmp(text->at, word, length) != 0)
		return false;
	text->at += length;
	return true;
}

/* Continuation bytes behind a first byte; -1 when it is none. Overlong forms
 * and surrogates are left to the unit tests. */
static int more_bytes(uint8_t lead)
{
	if (lead < 0x80)
		return 0;
	if (lead < 0xc2 || lead > 0xf4)
		return -1;
	return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

static bool character(struct text *text)
{
	uint8_t lead = *text->at++;
	int more = more_bytes(lead);

	if (lead < 0x20 || lead == 0x7f || more < 0)
		return false;
	for (; more > 0; more--)
		if (text->at == text->end || (*text->at++ & 0xc0) != 0x80)
			return false;
	return true;
}

static bool escape(struct text *text)
{
	if (text->at == text->end || *text->at == '\0')
		return false;
	if (*text->at != 'u')
		return strchr("\"\\/bfnrt", *text->at++) != NULL;
	text->at++;
	for (int i = 0; i < 4; i++, text->at++)
		if (text->at == text->end || *text->at == '\0' ||
		    !strchr("0123456789abcdefABCDEF", *text->at))
			return false;
	return true;
}

static bool string(struct text *text)
{
	if (!take(text, "\""))
		return false;
	while (text->at < text->end) {
		if (take(text, "\""))
			return true;
		if (take(text, "\\") ? !escape(text) : !character(text))
			return false;
	}
	return false;
}

static size_t digits(struct text *text)
{
	size_t count = 0;

	for (; text->at < text->end && *text->at >= '0' && *text->at <= '9';
	     count++)
		text->at++;
	return count;
}

static bool number(struct text *text)
{
	take(text, "-");
	if (!take(text, "0") && digits(text) == 0)
		return false;
	if (take(text, ".") && digits(text) == 0)
		return false;
	if (!take(text, "e") && !take(text, "E"))
		return true;
	if (!take(text, "+"))
		take(text, "-");
	return digits(text) > 0;
}

/* Members or elements up to `close`; a member has a name. */
static bool list(struct text *text, bool names, const char *close, int depth)
{
	blanks(text);
	if (take(text, close))
		return true;
	do {
		blanks(text);
		if (names) {
			if (!string(text))
				return false;
			blanks(text);
			if (!take(text, ":"))
				return false;
		}
		if (!value(text, depth + 1))
			return false;
	} while (take(text, ","));
	return take(text, close);
}

static bool value(struct text *text, int depth)
{
	bool good;

	blanks(text);
	if (depth > 8)
		return false;
	if (take(text, "{"))
		good = list(text, true, "}", depth);
	else if (take(text, "["))
		good = list(text, false, "]", depth);
	else if (text->at < text->end && *text->at == '"')
		good = string(text);
	else
		good = take(text, "true") || take(text, "false") ||
		       take(text, "null") || number(text);
	blanks(text);
	return good;
}

bool json_valid(const uint8_t *text, size_t length)
{
	struct text whole = {.at = text, .end = text + length};

	return value(&whole, 0) && whole.at == whole.end;
}
