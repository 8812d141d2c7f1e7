#include "hakmemd/query/request.h"

#include "hakmemd/core/clock.h"

#include <stdarg.h>
#include <stdio.h>

#include "hakmemd/model/check.h"

#define TEXT_BYTES 256

/* One line of good text: a peer's words may be part of it. */
static void request_settle(char text[TEXT_BYTES])
{
	check_string(text, TEXT_BYTES);
	for (char *at = text; *at; at++) {
		unsigned char first = (unsigned char)at[0];
		unsigned char second = (unsigned char)at[1];

		if (first < 0x20 || first == 0x7f) {
			at[0] = '?';
		} else if (first == 0xc2 && second < 0xa0) {
			at[0] = at[1] = '?';
			at++;
		}
	}
}

#define REFRESH_NS (CLOCK_SECOND / 10)

void request_refuse(const struct request *request, const char *format, ...)
{
	Hakmem__Error error;
	char text[TEXT_BYTES];
	va_list arguments;

	hakmem__error__init(&error);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	request_settle(text);
	error.query_id = request->query->query_id;
	error.text = text;
	conn_send(request->conn, FRAME_ERROR, &error.base);
}

void request_no_memory(const struct request *request)
{
	request_refuse(request,
		       "the daemon is short of memory; ask again later");
}

void request_done(const struct request *request, const char *format, ...)
{
	Hakmem__Done done;
	char text[TEXT_BYTES];
	va_list arguments;

	hakmem__done__init(&done);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	request_settle(text);
	done.query_id = request->query->query_id;
	done.text = text;
	conn_send(request->conn, FRAME_DONE, &done.base);
}

void request_refresh(const struct request *request, struct process *process)
{
	if (request->context->watch)
		watch_refresh(request->context->watch, process,
			      clock_ns() + REFRESH_NS);
}
