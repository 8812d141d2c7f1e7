/* What libc itself allocates is ours to free and to grow, and back. */
#include <dirent.h>
#include <glob.h>
#include <iconv.h>
#include <regex.h>
#include <search.h>
#include <wchar.h>

#include "tests/preload/check.h"

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void strings(void)
{
	char *p = strdup("hello");

	p = realloc(p, 1000);
	CHECK(p && strcmp(p, "hello") == 0);
	free(p);
	CHECK((p = strndup("hello", 3)) && strcmp(p, "hel") == 0);
	free(p);
	CHECK(asprintf(&p, "%0*d", 5000, 7) == 5000 && p[4999] == '7');
	free(p);
	CHECK((p = realpath("/proc/self/../self/.", NULL)));
	free(p);
	CHECK((p = getcwd(NULL, 0)));
	free(p);
	free(wcsdup(L"wide"));
}

static void streams(void)
{
	char *text = NULL, *line = malloc(1);
	size_t bytes = 0, room = 1;
	FILE *out = open_memstream(&text, &bytes);

	for (int i = 0; i < 10000; i++)
		fprintf(out, "line %d of the text\n", i);
	CHECK(fclose(out) == 0 && bytes > 200000);
	out = fmemopen(text, bytes, "r");
	for (int i = 0; i < 10000; i++)
		CHECK(getline(&line, &room, out) > 0);
	CHECK(strcmp(line, "line 9999 of the text\n") == 0);
	fclose(out);
	free(line);
	free(text);
}

static void collections(void)
{
	static int numbers[300000];
	regex_t pattern;
	glob_t found;
	struct dirent **names;
	int n;
	iconv_t conversion = iconv_open("UTF-16", "UTF-8");

	for (int i = 0; i < 300000; i++)
		numbers[i] = (int)(i * 7919L % 300000);
	qsort(numbers, 300000, sizeof(int), by_value);
	for (int i = 0; i < 300000; i++)
		CHECK(numbers[i] == i);
	CHECK(regcomp(&pattern, "(a|b)*c{2,30}[[:digit:]]+", REG_EXTENDED) ==
	      0);
	CHECK(regexec(&pattern, "ababcc12", 0, NULL, 0) == 0);
	regfree(&pattern);
	CHECK(glob("/etc/p*", 0, NULL, &found) == 0 && found.gl_pathc > 0);
	globfree(&found);
	n = scandir("/etc", &names, NULL, alphasort);
	CHECK(n > 2);
	while (n > 0)
		free(names[--n]);
	free(names);
	CHECK(hcreate(1000));
	hdestroy();
	if (conversion != (iconv_t)-1)
		iconv_close(conversion);
}

static void environment(void)
{
	char name[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "VARIABLE_%d", i);
		CHECK(setenv(name, "value", 1) == 0);
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "VARIABLE_%d", i);
		CHECK(unsetenv(name) == 0);
	}
}

int main(void)
{
	strings();
	streams();
	collections();
	environment();
	return 0;
}
