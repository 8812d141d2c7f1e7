/*
 * What the daemon has to say, one line each on stderr: "hakmemd: TEXT".
 *
 * Whatever is not printable ASCII is written as \xNN, so no peer can drive a
 * terminal or forge a line. At most LOG_BURST lines a second; what is left out
 * is counted and said later. Its state belongs to the process, as stderr does.
 * Main thread only.
 */
#ifndef HAKMEMD_LOG_H
#define HAKMEMD_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_BURST      20u
#define LOG_LINE_BYTES 512u

/* Writes one line, cut at LOG_LINE_BYTES. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Stops after so many bytes in all: for a log that is a file. 0 = never. */
void log_limit(uint64_t bytes);

/*
 * Copies `text` to `out` (at least 5 bytes), escaped, cut to fit; ends with a
 * NUL. Returns the length.
 */
size_t log_escape(char *out, size_t room, const char *text);

#endif
