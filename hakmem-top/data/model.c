#include "hakmem-top/data/model.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void model_clear(struct process *process)
{
	free(process->command);
	free(process->executable);
}

void model_processes_free(struct processes *processes)
{
	if (!processes)
		return;
	for (size_t i = 0; i < processes->count; i++)
		model_clear(&processes->rows[i]);
	free(processes->rows);
	free(processes->daemon_version);
	free(processes);
}

void model_detail_free(struct detail *detail)
{
	if (!detail)
		return;
	model_clear(&detail->process);
	for (size_t i = 0; i < detail->error_count; i++)
		free(detail->errors[i]);
	free(detail->errors);
	free(detail->sizes);
	free(detail->classes);
	free(detail->base_sizes);
	free(detail->base_classes);
	free(detail->library_version);
	free(detail);
}

void model_history_free(struct history *history)
{
	if (!history)
		return;
	free(history->time_ns);
	for (size_t i = 0; i < FIGURES; i++)
		free(history->figures[i]);
	free(history);
}

const char *model_state_name(enum model_state state)
{
	static const char *const names[MODEL_STATES] = {
		[MODEL_RUNNING] = "running",
		[MODEL_DISCONNECTED] = "disconnected",
		[MODEL_EXITED] = "exited",
		[MODEL_SIGNALLED] = "signalled",
		[MODEL_OOM_KILLED] = "oom-killed",
		[MODEL_ENDED] = "ended",
	};

	return state < MODEL_STATES ? names[state] : "unknown";
}

void model_state_text(const struct process *process, char *out, size_t size)
{
	const char *name = NULL;

	if (process->state == MODEL_SIGNALLED)
		name = sigabbrev_np(process->exit_signal);
	if (name)
		snprintf(out, size, "SIG%s", name);
	else if (process->state == MODEL_SIGNALLED)
		snprintf(out, size, "SIG %d", process->exit_signal);
	else if (process->state == MODEL_EXITED && process->exit_known)
		snprintf(out, size, "exit %d", process->exit_status);
	else if (process->state == MODEL_OOM_KILLED)
		snprintf(out, size, "OOM");
	else if (process->state == MODEL_DISCONNECTED)
		snprintf(out, size, "no link");
	else
		snprintf(out, size, "%s", model_state_name(process->state));
}

bool model_alive(const struct process *process)
{
	return process->state == MODEL_RUNNING ||
	       process->state == MODEL_DISCONNECTED;
}
