#include "hakmemd/question.h"

#include <stdarg.h>
#include <stdio.h>

#include "hakmemd/check.h"

#define TEXT_BYTES 256

void question_refuse(const struct question *question, const char *format, ...)
{
	Hakmem__Error error;
	char text[TEXT_BYTES];
	va_list arguments;

	hakmem__error__init(&error);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	check_string(text, sizeof(text));
	error.query_id = question->query->query_id;
	error.text = text;
	conn_send(question->conn, FRAME_ERROR, &error.base);
}

void question_no_memory(const struct question *question)
{
	question_refuse(question,
			"the daemon is short of memory; ask again later");
}

void question_done(const struct question *question, const char *format, ...)
{
	Hakmem__Done done;
	char text[TEXT_BYTES];
	va_list arguments;

	hakmem__done__init(&done);
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	check_string(text, sizeof(text));
	done.query_id = question->query->query_id;
	done.text = text;
	conn_send(question->conn, FRAME_DONE, &done.base);
}
