#include "hakmemd/query/query_baseline.h"

/* The processes that the request is about, one after the other. */
static struct process *
query_baseline_next_process(const struct request *request,
			    const struct process *before)
{
	if (request->process)
		return before ? NULL : request->process;
	return before ? before->next
		      : registry_first(request->context->registry);
}

static void query_baseline_say_set(const struct request *request, size_t count,
				   const char *dropped)
{
	const char *name = request->query->baseline;

	if (*dropped)
		request_done(
			request,
			"marked '%s'; the oldest baseline '%s' went for it",
			name, dropped);
	else if (request->process)
		request_done(request, "marked '%s'", name);
	else
		request_done(request, "marked '%s' in %zu processes", name,
			     count);
}

void query_baseline_set(const struct request *request)
{
	const struct conn *owner = request->query->mine ? request->conn : NULL;
	char dropped[BASELINE_NAME_MAX + 1] = "";
	struct process *at = NULL;
	const char *why = NULL;
	size_t count = 0;

	while ((at = query_baseline_next_process(request, at))) {
		const char *failed;

		request_refresh(request, at);
		failed = model_baseline(&at->model, request->query->baseline,
					owner, dropped);

		if (failed)
			why = failed;
		else
			count++;
	}
	/* Of all, those for which there was memory are better than none. */
	if (why && count == 0)
		request_refuse(request, "%s", why);
	else
		query_baseline_say_set(request, count, dropped);
}

void query_baseline_drop(const struct request *request)
{
	const char *name = request->query->baseline;
	struct process *at = NULL;
	size_t count = 0;

	while ((at = query_baseline_next_process(request, at)))
		count += baseline_drop(&at->model.baselines, &at->model.sites,
				       name);
	if (count == 0 && request->process)
		request_refuse(request, "no baseline '%.64s' of this process",
			       name);
	else
		request_done(request, "forgot the mark '%.64s'", name);
}

bool query_baseline_find(const struct request *request,
			 const struct baseline **baseline)
{
	const char *name = request->query->baseline;

	*baseline = baseline_find(&request->process->model.baselines, name);
	if (*name == '\0' || *baseline)
		return true;
	request_refuse(request, "no baseline '%.64s' of this process", name);
	return false;
}

void query_baseline_closed(struct registry *registry, const struct conn *conn)
{
	for (struct process *at = registry_first(registry); at; at = at->next)
		baseline_drop_owned(&at->model.baselines, &at->model.sites,
				    conn);
}
