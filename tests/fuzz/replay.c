/*
 * Runs a fuzzer's function on files, for compilers without libFuzzer: the kept
 * corpus is a test as well.
 *
 * Usage: PROGRAM FILE...
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/world.h"

#define LARGEST (1u << 20)

int main(int count, char **paths)
{
	static uint8_t room[LARGEST];

	for (int i = 1; i < count; i++) {
		FILE *file = fopen(paths[i], "rb");
		uint8_t *bytes;
		size_t size;

		if (!file) {
			perror(paths[i]);
			return 1;
		}
		size = fread(room, 1, sizeof(room), file);
		fclose(file);
		bytes = malloc(size ? size : 1);
		if (!bytes)
			return 1;
		for (size_t at = 0; at < size; at++)
			bytes[at] = room[at];
		LLVMFuzzerTestOneInput(bytes, size);
		free(bytes);
	}
	printf("%d inputs\n", count - 1);
	return 0;
}
