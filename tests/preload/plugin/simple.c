/* Allocates for its host, keeps a block of its own from load to unload. */
#include <stdlib.h>
#include <string.h>

static char *own;

__attribute__((constructor)) static void loaded(void)
{
	own = malloc(3000);
	memset(own, 1, 3000);
}

__attribute__((destructor)) static void unloaded(void)
{
	free(own);
	free(malloc(100));
}

__attribute__((visibility("default"))) char *plugin_text(size_t n);
__attribute__((visibility("default"))) void plugin_release(void *block);

/* A text of n bytes from this plugin's malloc; release with free. */
char *plugin_text(size_t n)
{
	char *text = malloc(n + 1);

	memset(text, 'p', n);
	text[n] = '\0';
	return text;
}

void plugin_release(void *block)
{
	free(block);
}
