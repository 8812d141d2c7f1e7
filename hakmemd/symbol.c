#include "hakmemd/symbol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hakmemd/binary.h"
#include "hakmemd/check.h"
#include "hakmemd/child.h"
#include "hakmemd/clock.h"
#include "hakmemd/log.h"
#include "hakmemd/symbol_cache.h"
#include "hakmemd/symbol_helper.h"
#include "hakmemd/symbol_wire.h"

#define CACHE_BYTES	(64u << 20)
#define PATIENCE_NS	(10 * CLOCK_SECOND)
#define DOWNLOAD_NS	(90 * CLOCK_SECOND)
#define IDLE_NS		(30 * CLOCK_SECOND) /* then the helper ends */
#define LATE_NS		CLOCK_SECOND /* later than this: we stood still */
#define RETRY_NS	(60 * CLOCK_SECOND) /* a file may come to be there */
#define RETRY_ELSE_NS	(5 * CLOCK_SECOND)  /* another process has it */
#define STRIKES_MAX	2u /* a file that broke the helper twice is bad */
#define ANSWERS_A_ROUND 256
#define RAW_MAX		384u

/* Beyond what the helper can say. */
enum { SYMBOL_BROKEN = SYMBOL_REASONS, SYMBOL_NO_HELPER, SYMBOL_NO_FILE };

static const char *const notes[] = {
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

/* What the helper works on: the first questions of one file. */
struct batch {
	struct symbol_file *file; /* NULL = nothing */
	uint32_t count, done;
	struct symbol_entry *entries[SYMBOL_WIRE_BATCH];
};

struct alarm {
	struct loop_source source; /* first: see on_alarm */
	struct symbols *symbols;
};

struct symbols {
	struct loop_source channel; /* first: see on_channel */
	struct alarm alarm;
	struct loop *loop;
	struct symbol_settings settings;
	struct child child;
	bool helped; /* this helper has answered something */
	bool kicked; /* the alarm is set to begin work */
	bool open;   /* something was asked since `settled` was called */
	struct symbol_cache cache;
	struct symbol_files turns[2]; /* files with questions: ours, others' */
	struct batch batch;
	uint64_t progress_ns, due_ns;
	struct symbols_figures figures;
	struct symbol_question question;
	union {
		struct symbol_answer answer;
		uint8_t packet[SYMBOL_WIRE_PACKET];
	};
};

/* --- telling ------------------------------------------------------------ */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static size_t print_raw(const char *path, uint64_t address, char *out,
			size_t room)
{
	if (*path)
		snprintf(out, room, "%.255s+0x%llx", base_of(path),
			 (unsigned long long)address);
	else
		snprintf(out, room, "0x%llx", (unsigned long long)address);
	check_string(out, room - 1);
	return strlen(out);
}

size_t symbol_raw(const struct symbol_module *module, uint64_t pc, char *out,
		  size_t room)
{
	return print_raw(module ? module->path : "",
			 module ? pc - module->bias : pc, out, room);
}

static size_t tell(struct symbols *symbols, struct symbol_entry *entry,
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
			.note = i + 1 < count ? "" : notes[entry->reason],
		};
	}
	return count;
}

/* What is known of the entry is its address, and why there is no more. */
static struct symbol_entry *
answer_raw(struct symbols *symbols, struct symbol_entry *entry, uint8_t reason)
{
	char raw[RAW_MAX];
	struct symbol_cache_frame frame = {.name = raw, .file = ""};

	print_raw(entry->file->path, entry->address, raw, sizeof(raw));
	symbols->figures.failed_total++;
	return symbol_cache_answer(&symbols->cache, entry, reason, &frame, 1,
				   clock_ns());
}

/* --- the queue ---------------------------------------------------------- */

static void arm(struct symbols *symbols, uint64_t wait_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(wait_ns / CLOCK_SECOND),
		.it_value.tv_nsec = (long)(wait_ns % CLOCK_SECOND) + 1,
	};

	symbols->due_ns = clock_ns() + wait_ns;
	timerfd_settime(symbols->alarm.source.fd, 0, &when, NULL);
}

static bool is_trusted(uid_t uid)
{
	return uid == geteuid() || uid == 0;
}

static struct symbol_files *turns_of(struct symbols *symbols,
				     const struct symbol_file *file)
{
	return &symbols->turns[!is_trusted(file->uid)];
}

/* Lets the file of the entry have its turn, once we are back in the loop. */
static bool ask(struct symbols *symbols, struct symbol_entry *entry)
{
	struct symbol_file *file = entry->file;
	bool waits = !TAILQ_EMPTY(&file->asked);

	if (!symbol_cache_ask(&symbols->cache, entry))
		return false;
	symbols->figures.asked_total++;
	symbols->open = true;
	if (!waits)
		TAILQ_INSERT_TAIL(turns_of(symbols, file), file, by_turn);
	if (!symbols->batch.file && !symbols->kicked) {
		symbols->kicked = true;
		arm(symbols, 0);
	}
	return true;
}

static bool may_be_better(const struct symbol_entry *entry)
{
	const struct symbol_file *file = entry->file;
	uint64_t age_ns;

	if (entry->reason == SYMBOL_NAMED || entry->reason == SYMBOL_UNKNOWN ||
	    entry->reason == SYMBOL_BROKEN || entry->reason == SYMBOL_NO_FILE)
		return false;
	age_ns = clock_ns() - entry->known_ns;
	return age_ns >= RETRY_NS ||
	       (age_ns >= RETRY_ELSE_NS && file->pid != file->tried_pid);
}

static struct symbol_file *file_of(struct symbols *symbols,
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
static uint8_t known_reason(const struct symbol_file *file)
{
	if (file->strikes >= STRIKES_MAX)
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
	struct symbol_file *file = file_of(symbols, module);
	uint64_t address = module ? pc - module->bias : pc;
	struct symbol_entry *entry;
	uint8_t reason;

	if (!file)
		return 0;
	entry = symbol_cache_find(&symbols->cache, file, address,
				  return_address);
	if (entry && entry->known_ns) {
		if (!entry->asked && may_be_better(entry))
			ask(symbols, entry);
		return tell(symbols, entry, out, max);
	}
	if (!entry)
		entry = symbol_cache_add(&symbols->cache, file, address,
					 return_address);
	if (!entry || entry->asked)
		return 0;
	reason = known_reason(file);
	if (reason == SYMBOL_NAMED) {
		ask(symbols, entry);
		return 0;
	}
	entry = answer_raw(symbols, entry, reason);
	return entry ? tell(symbols, entry, out, max) : 0;
}

size_t symbols_pending(const struct symbols *symbols)
{
	return symbols->cache.asked;
}

void symbols_figures(const struct symbols *symbols,
		     struct symbols_figures *figures)
{
	*figures = symbols->figures;
	figures->answers = symbols->cache.entry_count - symbols->cache.asked;
	figures->answer_bytes = symbols->cache.bytes;
	figures->modules = symbols->cache.file_count;
	figures->helper = symbols->child.pid;
}

/* --- the helper --------------------------------------------------------- */

static uint64_t patience_ns(const struct symbols *symbols)
{
	if (symbols->settings.patience_ns)
		return symbols->settings.patience_ns;
	return symbols->settings.debuginfod ? DOWNLOAD_NS : PATIENCE_NS;
}

static void run_helper(int channel, void *argument)
{
	const struct symbols *symbols = argument;
	struct symbol_helper_settings settings = {
		.debuginfod = symbols->settings.debuginfod,
		.debug_path = symbols->settings.debug_path,
	};

	symbol_helper_run(channel, &settings);
}

static bool start_helper(struct symbols *symbols)
{
	const struct child_limits limits = {
		.data_bytes = UINT64_C(1) << 30,
		.address_bytes = UINT64_C(16) << 30,
		.file_bytes =
			symbols->settings.debuginfod ? UINT64_C(8) << 30 : 0,
	};

	if (symbols->child.pid)
		return true;
	/* Many that the kernel does not let go of: a file system hangs. */
	if (child_reap() > 2 ||
	    !child_start(&symbols->child, &limits, run_helper, symbols))
		return false;
	symbols->channel.fd = symbols->child.channel;
	if (!loop_add(symbols->loop, &symbols->channel, EPOLLIN)) {
		child_end(&symbols->child);
		return false;
	}
	symbols->helped = false;
	symbols->figures.helpers_total++;
	return true;
}

static int end_helper(struct symbols *symbols)
{
	if (!symbols->child.pid)
		return -1;
	loop_remove(symbols->loop, &symbols->channel);
	return child_end(&symbols->child);
}

/* Nobody will answer what is asked of this file. */
static void give_up(struct symbols *symbols, struct symbol_file *file,
		    uint8_t reason)
{
	struct symbol_entry *entry;

	TAILQ_REMOVE(turns_of(symbols, file), file, by_turn);
	/* A file goes only in symbol_cache_trim, so it outlives the last. */
	while ((entry = TAILQ_FIRST(&file->asked)))
		answer_raw(symbols, entry, reason);
}

static uint64_t realtime_of(uint64_t monotonic_ns)
{
	if (monotonic_ns == 0)
		return 0;
	return clock_read(CLOCK_REALTIME) - clock_ns() + monotonic_ns;
}

static void fill_question(struct symbols *symbols, struct symbol_file *file)
{
	struct symbol_question *question = &symbols->question;
	struct batch *batch = &symbols->batch;
	struct symbol_entry *entry;

	memset(question, 0, sizeof(*question));
	*batch = (struct batch){.file = file};
	question->module = file->number;
	question->started_ns = realtime_of(file->started_ns);
	question->pid = file->pid;
	question->id_bytes = file->id_bytes;
	memcpy(question->id, file->id, file->id_bytes);
	strcpy(question->path, file->path);
	file->tried_pid = file->pid;
	TAILQ_FOREACH(entry, &file->asked, by_turn)
	{
		if (batch->count == SYMBOL_WIRE_BATCH)
			break;
		question->address[batch->count] =
			entry->address - (entry->back ? 1 : 0);
		batch->entries[batch->count++] = entry;
	}
	question->count = batch->count;
}

static struct symbol_file *next_file(const struct symbols *symbols)
{
	struct symbol_file *file = TAILQ_FIRST(&symbols->turns[0]);

	return file ? file : TAILQ_FIRST(&symbols->turns[1]);
}

static bool send_question(struct symbols *symbols)
{
	return send(symbols->channel.fd, &symbols->question,
		    sizeof(symbols->question),
		    MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* Sends the next questions, if there are any. */
static void work(struct symbols *symbols)
{
	struct symbol_file *file;
	int tries = 0;

	symbols->kicked = false;
	while (!symbols->batch.file && (file = next_file(symbols))) {
		if (!start_helper(symbols) || tries > 1) {
			give_up(symbols, file, SYMBOL_NO_HELPER);
			continue;
		}
		fill_question(symbols, file);
		symbols->progress_ns = clock_ns();
		if (send_question(symbols)) {
			arm(symbols, patience_ns(symbols));
			return;
		}
		/* It went while it was idle: no fault of this file. */
		end_helper(symbols);
		symbols->batch.file = NULL;
		tries++;
	}
}

/* After every round with answers. */
static void settle(struct symbols *symbols)
{
	symbol_cache_trim(&symbols->cache);
	if (symbols->cache.asked || !symbols->open)
		return;
	symbols->open = false;
	arm(symbols, IDLE_NS);
	if (symbols->settings.settled)
		symbols->settings.settled(symbols->settings.argument);
}

/* The helper is gone or must go; `strikes` against the file it worked on. */
static void lose_helper(struct symbols *symbols, unsigned strikes)
{
	struct symbol_file *file = symbols->batch.file;
	int status = end_helper(symbols);

	symbols->batch.file = NULL;
	/* It may end by itself, to grow no larger, but not over and over. */
	if (status == 0 && symbols->helped && strikes == 1)
		strikes = 0;
	if (file && strikes) {
		symbols->figures.helpers_lost++;
		file->strikes += strikes;
		if (file->strikes >= STRIKES_MAX) {
			log_line("%s: no symbols, the reader %s", file->path,
				 strikes > 1 ? "hangs" : "breaks");
			give_up(symbols, file, SYMBOL_BROKEN);
		}
	}
	work(symbols);
	settle(symbols);
}

/* --- its answers -------------------------------------------------------- */

/* A string of the packet, made fit to show; NULL when it is not in there. */
static char *take_text(const uint8_t **at, const uint8_t *end, size_t bytes,
		       char *to)
{
	if (bytes > SYMBOL_WIRE_TEXT || bytes > (size_t)(end - *at))
		return NULL;
	memcpy(to, *at, bytes);
	to[bytes] = '\0';
	*at += bytes;
	check_string(to, SYMBOL_TEXT_MAX);
	return to;
}

struct frame_text {
	char name[SYMBOL_WIRE_TEXT + 1], file[SYMBOL_WIRE_TEXT + 1];
};

static bool take_frame(const uint8_t **at, const uint8_t *end,
		       struct symbol_cache_frame *to, struct frame_text *text)
{
	struct symbol_wire_frame frame;

	if ((size_t)(end - *at) < sizeof(frame))
		return false;
	memcpy(&frame, *at, sizeof(frame));
	*at += sizeof(frame);
	to->line = frame.line;
	to->inlined = frame.inlined != 0;
	to->name = take_text(at, end, frame.name_bytes, text->name);
	to->file = take_text(at, end, frame.file_bytes, text->file);
	return to->name && to->file;
}

static void store(struct symbols *symbols, struct symbol_entry *entry,
		  struct symbol_cache_frame *frames, size_t count)
{
	char raw[RAW_MAX];
	uint8_t reason = (uint8_t)symbols->answer.reason;

	print_raw(entry->file->path, entry->address, raw, sizeof(raw));
	if (count == 0)
		frames[count++] = (struct symbol_cache_frame){.file = ""};
	for (size_t i = 0; i < count; i++) {
		frames[i].inlined = i + 1 < count;
		if (!frames[i].name || !*frames[i].name)
			frames[i].name = i + 1 < count ? "[inlined]" : raw;
	}
	if (reason != SYMBOL_NAMED)
		symbols->figures.failed_total++;
	symbol_cache_answer(&symbols->cache, entry, reason, frames, count,
			    clock_ns());
}

/* One answer of `length` bytes; false when it is none to this question. */
static bool take_answer(struct symbols *symbols, size_t length)
{
	static struct frame_text text[SYMBOL_WIRE_FRAMES];
	struct symbol_cache_frame frames[SYMBOL_WIRE_FRAMES];
	const uint8_t *at = symbols->packet + sizeof(symbols->answer);
	const uint8_t *end = symbols->packet + length;
	struct batch *batch = &symbols->batch;

	if (length < sizeof(symbols->answer) || !batch->file ||
	    symbols->answer.index != batch->done ||
	    symbols->answer.reason >= SYMBOL_REASONS ||
	    symbols->answer.frames > SYMBOL_WIRE_FRAMES)
		return false;
	for (size_t i = 0; i < symbols->answer.frames; i++)
		if (!take_frame(&at, end, &frames[i], &text[i]))
			return false;
	store(symbols, batch->entries[batch->done++], frames,
	      symbols->answer.frames);
	symbols->helped = true;
	return true;
}

/* The file has had its turn; what else is asked of it waits for the next. */
static void end_batch(struct symbols *symbols)
{
	struct symbol_file *file = symbols->batch.file;
	struct symbol_files *turns = turns_of(symbols, file);

	symbols->batch.file = NULL;
	TAILQ_REMOVE(turns, file, by_turn);
	if (!TAILQ_EMPTY(&file->asked))
		TAILQ_INSERT_TAIL(turns, file, by_turn);
	work(symbols);
}

static void on_channel(struct loop_source *source, uint32_t events)
{
	struct symbols *symbols = (struct symbols *)source;

	(void)events;
	for (int i = 0; i < ANSWERS_A_ROUND; i++) {
		ssize_t length =
			recv(symbols->channel.fd, symbols->packet,
			     sizeof(symbols->packet), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (length <= 0 || length > (ssize_t)sizeof(symbols->packet) ||
		    !take_answer(symbols, (size_t)length)) {
			lose_helper(symbols, 1);
			return;
		}
		symbols->progress_ns = clock_ns();
		if (symbols->batch.done == symbols->batch.count)
			end_batch(symbols);
	}
	settle(symbols);
}

/* The time for an answer is over, unless it was us who stood still. */
static void check_patience(struct symbols *symbols, uint64_t now_ns)
{
	uint64_t limit_ns = patience_ns(symbols);

	if (now_ns > symbols->due_ns + LATE_NS)
		symbols->progress_ns = now_ns;
	if (now_ns - symbols->progress_ns >= limit_ns)
		lose_helper(symbols, STRIKES_MAX);
	else
		arm(symbols, symbols->progress_ns + limit_ns - now_ns);
}

static void on_alarm(struct loop_source *source, uint32_t events)
{
	struct symbols *symbols = ((struct alarm *)source)->symbols;
	uint64_t times;

	(void)events;
	if (read(source->fd, &times, sizeof(times)) < 0)
		return;
	if (symbols->batch.file)
		check_patience(symbols, clock_ns());
	else if (symbols->cache.asked) {
		work(symbols);
		if (!symbols->batch.file)
			settle(symbols);
	} else {
		end_helper(symbols);
		if (child_reap())
			arm(symbols, IDLE_NS);
	}
}

/* --- beginning and end -------------------------------------------------- */

struct symbols *symbols_new(struct loop *loop,
			    const struct symbol_settings *settings)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->loop = loop;
	symbols->settings = *settings;
	if (!symbols->settings.debug_path)
		symbols->settings.debug_path = BINARY_DEBUG_PATH;
	symbols->alarm.symbols = symbols;
	symbols->child.channel = -1;
	symbols->channel.ready = on_channel;
	symbols->alarm.source.ready = on_alarm;
	TAILQ_INIT(&symbols->turns[0]);
	TAILQ_INIT(&symbols->turns[1]);
	symbols->alarm.source.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (symbol_cache_init(&symbols->cache, settings->cache_bytes
						       ? settings->cache_bytes
						       : CACHE_BYTES) &&
	    symbols->alarm.source.fd >= 0 &&
	    loop_add(loop, &symbols->alarm.source, EPOLLIN))
		return symbols;
	symbols_free(symbols);
	return NULL;
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	end_helper(symbols);
	if (symbols->alarm.source.fd >= 0) {
		loop_remove(symbols->loop, &symbols->alarm.source);
		close(symbols->alarm.source.fd);
	}
	symbol_cache_free(&symbols->cache);
	free(symbols);
}
