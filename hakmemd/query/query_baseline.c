#include "hakmemd/query/query_baseline.h"

/* The processes that the question is about, one after the other. */
static struct process *next_process(const struct question *question,
				    const struct process *before)
{
	if (question->process)
		return before ? NULL : question->process;
	return before ? before->next
		      : registry_first(question->service->registry);
}

static void say_set(const struct question *question, size_t count,
		    const char *dropped)
{
	const char *name = question->query->baseline;

	if (*dropped)
		question_done(question,
			      "marked '%s'; the oldest mark '%s' went for it",
			      name, dropped);
	else if (question->process)
		question_done(question, "marked '%s'", name);
	else
		question_done(question, "marked '%s' in %zu processes", name,
			      count);
}

void query_baseline_set(const struct question *question)
{
	const struct conn *owner =
		question->query->mine ? question->conn : NULL;
	char dropped[BASELINE_NAME_MAX + 1] = "";
	struct process *at = NULL;
	const char *why = NULL;
	size_t count = 0;

	while ((at = next_process(question, at))) {
		const char *failed = model_baseline(
			&at->model, question->query->baseline, owner, dropped);

		if (failed)
			why = failed;
		else
			count++;
	}
	/* Of all, those for which there was memory are better than none. */
	if (why && count == 0)
		question_refuse(question, "%s", why);
	else
		say_set(question, count, dropped);
}

void query_baseline_drop(const struct question *question)
{
	const char *name = question->query->baseline;
	struct process *at = NULL;
	size_t count = 0;

	while ((at = next_process(question, at)))
		count += baseline_drop(&at->model.baselines, &at->model.sites,
				       name);
	if (count == 0 && question->process)
		question_refuse(question, "no mark '%.64s' of this process",
				name);
	else
		question_done(question, "forgot the mark '%.64s'", name);
}

bool query_baseline_find(const struct question *question,
			 const struct baseline **baseline)
{
	const char *name = question->query->baseline;

	*baseline = baseline_find(&question->process->model.baselines, name);
	if (*name == '\0' || *baseline)
		return true;
	question_refuse(question, "no mark '%.64s' of this process", name);
	return false;
}

void query_baseline_closed(struct registry *registry, const struct conn *conn)
{
	for (struct process *at = registry_first(registry); at; at = at->next)
		baseline_drop_owned(&at->model.baselines, &at->model.sites,
				    conn);
}
