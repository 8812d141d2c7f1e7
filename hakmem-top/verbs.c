#include "hakmem-top/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hakmem-top/fetch.h"
#include "hakmem-top/save.h"

static int print(const char *data, size_t length, char *why, size_t size)
{
	if (fwrite(data, 1, length, stdout) == length && fflush(stdout) == 0)
		return 0;
	if (errno == EPIPE) /* whoever reads has had enough */
		return 0;
	snprintf(why, size, "cannot write to stdout: %s", strerror(errno));
	return -1;
}

int verbs_export(const struct opts *opts, struct client *client, char *why,
		 size_t size)
{
	const struct client_query query = {
		.what = CLIENT_EXPORT,
		.pid = opts->pid,
		.export_what = opts->what,
		.export_format = opts->format == OPTS_JSON ? "json" : "csv",
	};
	char *data = NULL;
	size_t length = 0;
	int result;

	if (!fetch_export(client, &query, &data, &length, why, size))
		return -1;
	if (opts->output)
		result = save_file(opts->output, data, length, why, size);
	else
		result = print(data, length, why, size);
	free(data);
	return result;
}
