/*
 * Another linker namespace has a libc with a heap of its own. Its blocks are
 * foreign here: freed by the host they are left alone, never adopted.
 *
 * only: hakmem
 */
#include <dlfcn.h>

#include "tests/preload/check.h"

int main(void)
{
	void *libc = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);
	char *(*their_strdup)(const char *);
	char *copies[100];

	CHECK(libc);
	their_strdup = (char *(*)(const char *))dlsym(libc, "strdup");
	CHECK(their_strdup);
	for (int i = 0; i < 100; i++) {
		copies[i] = their_strdup("a string of another namespace");
		CHECK(copies[i]);
	}
	for (int i = 0; i < 100; i++)
		free(copies[i]);
	for (int i = 0; i < 100; i++) {
		CHECK(strcmp(copies[i], "a string of another namespace") == 0);
		for (int j = 0; j < 20; j++) {
			void *p = malloc(30);

			CHECK(p != copies[i]);
			free(p);
		}
	}
	return 0;
}
