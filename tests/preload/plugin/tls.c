/* Wants static TLS when it is loaded late; there must be some left. */
#include <string.h>

static __thread char room[1024] __attribute__((tls_model("initial-exec")));

__attribute__((visibility("default"))) int plugin_tls(int value);

int plugin_tls(int value)
{
	int old = room[1023];

	memset(room, value, sizeof(room));
	return old;
}
