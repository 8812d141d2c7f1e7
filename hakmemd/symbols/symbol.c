#include "hakmemd/symbols/symbol.h"

#include <stdlib.h>
#include <string.h>

#include "hakmemd/symbols/binary.h"
#include "hakmemd/core/clock.h"
#include "hakmemd/symbols/symbol_cache.h"
#include "hakmemd/symbols/symbol_helper.h"
#include "hakmemd/symbols/symbol_reader.h"
#include "hakmemd/symbols/symbol_wire.h"

#define CACHE_BYTES (64u << 20)
#define PATIENCE_NS (20 * CLOCK_SECOND)
#define DOWNLOAD_NS (90 * CLOCK_SECOND)
#define IDLE_NS	    (30 * CLOCK_SECOND) /* then the helper ends */
#define RETRY_NS    (60 * CLOCK_SECOND) /* a file may come to be there */

#define RETRY_SHARE    12u /* so much sooner if another process has it */
#define DOWNLOAD_BYTES (UINT64_C(8) << 30)

static const char *const symbol_notes[] = {
	[SYMBOL_NAMED] = "",
	[SYMBOL_ABSENT] = "file not found",
	[SYMBOL_UNREADABLE] = "file not readable",
	[SYMBOL_NO_ELF] = "not an ELF file",
	[SYMBOL_DIFFERS] = "build-id differs",
	[SYMBOL_UNSURE] = "no build-id, and the file has changed",
	[SYMBOL_UNKNOWN] = "no symbol",
	[SYMBOL_BROKEN] = "the file breaks the symbol reader",
	[SYMBOL_NO_HELPER] = "the symbol reader cannot be started",
	[SYMBOL_NO_FILE] = "in no file",
};

struct symbols {
	struct symbol_settings settings;
	struct symbol_cache cache;
	struct symbol_reader reader;
};

size_t symbol_raw(const struct symbol_module *module, uint64_t pc, char *out,
		  size_t room)
{
	return symbol_cache_raw(module ? module->path : "",
				module ? pc - module->bias : pc, out, room);
}

static size_t symbol_tell(struct symbols *symbols, struct symbol_entry *entry,
			  struct symbol_frame *out, size_t max)
{
	size_t count = entry->count < max ? entry->count : max;

	symbol_cache_use(&symbols->cache, entry);
	for (size_t i = 0; i < count; i++) {
		const struct symbol_cache_frame *frame =
			&entry->frames[i + 1 < count ? i : entry->count - 1u];

		out[i] = (struct symbol_frame){
			.function = frame->name,
			.file = frame->file,
			.line = frame->line,
			.inlined = frame->inlined,
			.note = i + 1 < count ? ""
					      : symbol_notes[entry->reason],
		};
	}
	return count;
}

static bool symbol_may_be_better(const struct symbols *symbols,
				 const struct symbol_entry *entry)
{
	uint64_t retry_ns = symbols->settings.retry_ns;
	const struct symbol_file *file = entry->file;
	uint64_t age_ns;

	if (entry->reason == SYMBOL_NAMED || entry->reason == SYMBOL_UNKNOWN ||
	    entry->reason == SYMBOL_BROKEN || entry->reason == SYMBOL_NO_FILE)
		return false;
	age_ns = clock_ns() - entry->known_ns;
	return age_ns >= retry_ns || (age_ns >= retry_ns / RETRY_SHARE &&
				      file->pid != file->tried_pid);
}

static struct symbol_file *symbol_file_of(struct symbols *symbols,
					  const struct symbol_module *module)
{
	struct symbol_file_key key = {.path = ""};
	struct symbol_file *file;

	if (module) {
		key.path = module->path;
		key.id = module->build_id;
		key.id_bytes = module->build_id ? module->build_id_bytes : 0;
		key.uid = module->uid;
		if (key.id_bytes > SYMBOL_CACHE_ID_MAX)
			key.id_bytes = SYMBOL_CACHE_ID_MAX;
		if (key.id_bytes == 0)
			key.started_ns = module->started_ns;
	}
	file = symbol_cache_file(&symbols->cache, &key);
	if (file && module && module->pid > 0)
		file->pid = module->pid;
	return file;
}

/* Why the helper need not be asked about the file; SYMBOL_NAMED: it must. */
static uint8_t symbol_known_reason(const struct symbol_file *file)
{
	if (file->strikes >= SYMBOL_READER_STRIKES)
		return SYMBOL_BROKEN;
	if (*file->path == '/')
		return strlen(file->path) < SYMBOL_WIRE_PATH ? SYMBOL_NAMED
							     : SYMBOL_ABSENT;
	return strcmp(file->path, "[vdso]") == 0 ? SYMBOL_NAMED
						 : SYMBOL_NO_FILE;
}

size_t symbol_lookup(struct symbols *symbols,
		     const struct symbol_module *module, uint64_t pc,
		     bool return_address, struct symbol_frame *out, size_t max)
{
	struct symbol_file *file = symbol_file_of(symbols, module);
	uint64_t address = module ? pc - module->bias : pc;
	struct symbol_entry *entry;
	uint8_t reason;

	if (!file)
		return 0;
	entry = symbol_cache_find(&symbols->cache, file, address,
				  return_address);
	if (entry && entry->known_ns) {
		if (!entry->asked && symbol_may_be_better(symbols, entry))
			symbol_reader_ask(&symbols->reader, entry);
		return symbol_tell(symbols, entry, out, max);
	}
	if (!entry)
		entry = symbol_cache_add(&symbols->cache, file, address,
					 return_address);
	if (symbol_cache_is_over(&symbols->cache))
		symbol_reader_kick(&symbols->reader);
	if (!entry || entry->asked)
		return 0;
	reason = symbol_known_reason(file);
	if (reason == SYMBOL_NAMED) {
		symbol_reader_ask(&symbols->reader, entry);
		return 0;
	}
	symbols->reader.failed_total++;
	entry = symbol_cache_answer_raw(&symbols->cache, entry, reason,
					clock_ns());
	return entry ? symbol_tell(symbols, entry, out, max) : 0;
}

size_t symbols_pending(const struct symbols *symbols)
{
	return symbols->cache.asked;
}

void symbols_figures(const struct symbols *symbols,
		     struct symbols_figures *figures)
{
	const struct symbol_reader *reader = &symbols->reader;
	const struct symbol_cache *cache = &symbols->cache;

	*figures = (struct symbols_figures){
		.answers = cache->entry_count - cache->asked,
		.answer_bytes = cache->bytes,
		.modules = cache->file_count,
		.asked_total = reader->asked_total,
		.failed_total = reader->failed_total,
		.helpers_total = reader->helpers_total,
		.helpers_lost = reader->helpers_lost,
		.helper = reader->child.pid,
	};
}

static void symbol_run_helper(int channel, void *argument)
{
	const struct symbols *symbols = argument;
	struct symbol_helper_settings settings = {
		.debuginfod = symbols->settings.debuginfod,
		.debug_path = symbols->settings.debug_path,
	};

	symbol_helper_run(channel, &settings);
}

static void symbol_set_defaults(struct symbol_settings *settings)
{
	if (!settings->debug_path)
		settings->debug_path = BINARY_DEBUG_PATH;
	if (!settings->patience_ns)
		settings->patience_ns =
			settings->debuginfod ? DOWNLOAD_NS : PATIENCE_NS;
	if (!settings->idle_ns)
		settings->idle_ns = IDLE_NS;
	if (!settings->retry_ns)
		settings->retry_ns = RETRY_NS;
	if (!settings->cache_bytes)
		settings->cache_bytes = CACHE_BYTES;
}

static bool symbol_start(struct symbols *symbols, struct loop *loop)
{
	const struct symbol_settings *from = &symbols->settings;
	const struct symbol_reader_settings settings = {
		.run = symbol_run_helper,
		.argument = symbols,
		.patience_ns = from->patience_ns,
		.idle_ns = from->idle_ns,
		.file_bytes = from->debuginfod ? DOWNLOAD_BYTES : 0,
		.settled = from->settled,
		.settled_argument = from->argument,
	};

	return symbol_cache_init(&symbols->cache, from->cache_bytes) &&
	       symbol_reader_init(&symbols->reader, loop, &symbols->cache,
				  &settings);
}

struct symbols *symbols_new(struct loop *loop,
			    const struct symbol_settings *settings)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->settings = *settings;
	symbol_set_defaults(&symbols->settings);
	if (symbol_start(symbols, loop))
		return symbols;
	symbols_free(symbols);
	return NULL;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	symbol_reader_close(&symbols->reader);
	symbol_cache_free(&symbols->cache);
	free(symbols);
}
