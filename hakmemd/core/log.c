#include "hakmemd/core/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"

static struct {
	uint64_t second; /* in which `lines` were written */
	unsigned lines;
	uint64_t omitted;
	uint64_t limit_bytes, written_bytes;
} log_state;

void log_limit(uint64_t bytes)
{
	log_state.limit_bytes = bytes;
}

size_t log_escape(char *out, size_t room, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	size_t used = 0;

	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		bool plain = byte >= 0x20 && byte < 0x7f && byte != '\\';

		if (used + (plain ? 1 : 4) >= room)
			break;
		if (plain) {
			out[used++] = (char)byte;
			continue;
		}
		out[used++] = '\\';
		out[used++] = 'x';
		out[used++] = digits[byte >> 4];
		out[used++] = digits[byte & 15];
	}
	out[used] = '\0';
	return used;
}

static void log_put(const char *text)
{
	char line[LOG_LINE_BYTES + 16] = "hakmemd: ";
	size_t used = strlen(line);

	used += log_escape(line + used, LOG_LINE_BYTES, text);
	line[used++] = '\n';
	if (log_state.limit_bytes &&
	    log_state.written_bytes + used > log_state.limit_bytes)
		return;
	log_state.written_bytes += used;
	/* A log that cannot be written is no reason to stop. */
	if (write(STDERR_FILENO, line, used) < 0)
		return;
}

/* True when this second still has room for a line. */
static bool log_admit(void)
{
	uint64_t second = clock_ns() / CLOCK_SECOND;
	char text[64];

	if (second != log_state.second) {
		log_state.second = second;
		log_state.lines = 0;
		if (log_state.omitted) {
			snprintf(text, sizeof(text),
				 "%llu messages left out: too many a second",
				 (unsigned long long)log_state.omitted);
			log_state.omitted = 0;
			log_state.lines = 1;
			log_put(text);
		}
	}
	if (log_state.lines == LOG_BURST) {
		log_state.omitted++;
		return false;
	}
	log_state.lines++;
	return true;
}

void log_line(const char *format, ...)
{
	char text[LOG_LINE_BYTES];
	va_list arguments;

	if (!log_admit())
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_put(text);
}
