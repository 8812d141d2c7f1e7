/* Is a text JSON (RFC 8259), in valid UTF-8, without control characters? */
#ifndef TESTS_FUZZ_JSON_H
#define TESTS_FUZZ_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when `text` is one JSON value with white space around it. */
bool json_valid(const uint8_t *text, size_t length);

#endif
