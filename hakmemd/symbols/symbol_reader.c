#include "hakmemd/symbols/symbol_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/core/log.h"

#define LATE_NS		 CLOCK_SECOND /* later than this: we stood still */
#define ANSWERS_A_ROUND	 256
#define BATCHES_IN_A_ROW 256u
#define RAW_MAX		 384u

static void symbol_reader_arm(struct symbol_reader *reader, uint64_t wait_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(wait_ns / CLOCK_SECOND),
		.it_value.tv_nsec = (long)(wait_ns % CLOCK_SECOND) + 1,
	};

	reader->due_ns = clock_ns() + wait_ns;
	timerfd_settime(reader->alarm.fd, 0, &when, NULL);
}

static bool symbol_reader_is_trusted(uid_t uid)
{
	return uid == geteuid() || uid == 0;
}

static struct symbol_files *
symbol_reader_turns_of(struct symbol_reader *reader,
		       const struct symbol_file *file)
{
	return &reader->turns[!symbol_reader_is_trusted(file->uid)];
}

void symbol_reader_kick(struct symbol_reader *reader)
{
	if (reader->batch.file || reader->kicked)
		return;
	reader->kicked = true;
	symbol_reader_arm(reader, 0);
}

bool symbol_reader_ask(struct symbol_reader *reader, struct symbol_entry *entry)
{
	struct symbol_file *file = entry->file;
	bool waits = !TAILQ_EMPTY(&file->asked);

	if (!symbol_cache_ask(reader->cache, entry))
		return false;
	reader->asked_total++;
	reader->open = true;
	if (!waits)
		TAILQ_INSERT_TAIL(symbol_reader_turns_of(reader, file), file,
				  by_turn);
	symbol_reader_kick(reader);
	return true;
}

static void symbol_reader_answer_raw(struct symbol_reader *reader,
				     struct symbol_entry *entry, uint8_t reason)
{
	reader->failed_total++;
	symbol_cache_answer_raw(reader->cache, entry, reason, clock_ns());
}

static int symbol_reader_end_helper(struct symbol_reader *reader)
{
	if (!reader->child.pid)
		return -1;
	loop_remove(reader->loop, &reader->channel);
	return child_end(&reader->child);
}

/*
 * The group of the process that has the file, without which its root is closed
 * to the helper; if it is that user's to look into (else root owns its /proc).
 */
static gid_t symbol_reader_group_of(const struct symbol_file *file)
{
	char path[32];
	struct stat info;

	if (geteuid() != 0 || file->uid == 0 || file->pid <= 0)
		return CHILD_NO_GROUP;
	snprintf(path, sizeof(path), "/proc/%d", (int)file->pid);
	if (stat(path, &info) != 0 || info.st_uid != file->uid)
		return CHILD_NO_GROUP;
	return info.st_gid;
}

/* One that may read the file; false when there is none to be had. */
static bool symbol_reader_start_helper(struct symbol_reader *reader,
				       const struct symbol_file *file)
{
	gid_t gid = symbol_reader_group_of(file);
	const struct child_limits limits = {
		.name = "hakmemd-symbols",
		.nice_by = 5,
		.data_bytes = UINT64_C(1) << 30,
		.address_bytes = UINT64_C(16) << 30,
		.file_bytes = reader->settings.file_bytes,
		.uid = file->uid,
		.gid = gid,
	};

	if (reader->child.pid && reader->uid == file->uid &&
	    (gid == reader->gid || gid == CHILD_NO_GROUP))
		return true;
	symbol_reader_end_helper(reader);
	/* Many that the kernel does not let go of: a file system hangs. */
	if (child_reap() > 2 ||
	    !child_start(&reader->child, &limits, reader->settings.run,
			 reader->settings.argument))
		return false;
	reader->channel.fd = reader->child.channel;
	if (!loop_add(reader->loop, &reader->channel, EPOLLIN)) {
		child_end(&reader->child);
		return false;
	}
	reader->uid = file->uid;
	reader->gid = gid;
	reader->batches = 0;
	reader->helped = false;
	reader->helpers_total++;
	return true;
}

/* Nobody will answer what is asked of this file. */
static void symbol_reader_give_up(struct symbol_reader *reader,
				  struct symbol_file *file, uint8_t reason)
{
	struct symbol_entry *entry;

	TAILQ_REMOVE(symbol_reader_turns_of(reader, file), file, by_turn);
	/* A file goes only in symbol_cache_trim, so it outlives the last. */
	while ((entry = TAILQ_FIRST(&file->asked)))
		symbol_reader_answer_raw(reader, entry, reason);
}

static uint64_t symbol_reader_realtime_of(uint64_t monotonic_ns)
{
	if (monotonic_ns == 0)
		return 0;
	return clock_read(CLOCK_REALTIME) - clock_ns() + monotonic_ns;
}

static void symbol_reader_fill_request(struct symbol_reader *reader,
				       struct symbol_file *file)
{
	struct symbol_request *request = &reader->request;
	struct symbol_batch *batch = &reader->batch;
	struct symbol_entry *entry;

	memset(request, 0, sizeof(*request));
	*batch = (struct symbol_batch){.file = file};
	request->module = file->number;
	request->started_ns = symbol_reader_realtime_of(file->started_ns);
	request->pid = file->pid;
	request->id_bytes = file->id_bytes;
	memcpy(request->id, file->id, file->id_bytes);
	memcpy(request->path, file->path, strlen(file->path) + 1);
	file->tried_pid = file->pid;
	TAILQ_FOREACH(entry, &file->asked, by_turn)
	{
		if (batch->count == SYMBOL_WIRE_BATCH)
			break;
		request->address[batch->count] =
			entry->address - (entry->back ? 1 : 0);
		batch->entries[batch->count++] = entry;
	}
	request->count = batch->count;
}

/* The files of the user whose helper runs come first, but not for ever. */
static struct symbol_file *
symbol_reader_next_file(const struct symbol_reader *reader)
{
	const struct symbol_files *turns =
		&reader->turns[TAILQ_EMPTY(&reader->turns[0])];
	struct symbol_file *file = TAILQ_FIRST(turns);

	if (!reader->child.pid || reader->batches >= BATCHES_IN_A_ROW)
		return file;
	while (file && file->uid != reader->uid)
		file = TAILQ_NEXT(file, by_turn);
	return file ? file : TAILQ_FIRST(turns);
}

static bool symbol_reader_send_request(struct symbol_reader *reader)
{
	return send(reader->channel.fd, &reader->request,
		    sizeof(reader->request), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* Sends the next requests, if there are any. */
static void symbol_reader_work(struct symbol_reader *reader)
{
	struct symbol_file *file;
	int tries = 0;

	reader->kicked = false; /* the alarm has another task from now */
	while (!reader->batch.file &&
	       (file = symbol_reader_next_file(reader))) {
		if (tries > 1 || !symbol_reader_start_helper(reader, file)) {
			symbol_reader_give_up(reader, file, SYMBOL_NO_HELPER);
			continue;
		}
		symbol_reader_fill_request(reader, file);
		reader->progress_ns = clock_ns();
		if (symbol_reader_send_request(reader)) {
			reader->batches++;
			symbol_reader_arm(reader, reader->settings.patience_ns);
			return;
		}
		/* It went while it was idle: no fault of this file. */
		symbol_reader_end_helper(reader);
		reader->batch.file = NULL;
		tries++;
	}
}

/* After every round with answers. */
static void symbol_reader_settle(struct symbol_reader *reader)
{
	symbol_cache_trim(reader->cache);
	if (reader->batch.file)
		return;
	symbol_reader_arm(reader, reader->settings.idle_ns);
	if (!reader->open)
		return;
	reader->open = false;
	if (reader->settings.settled)
		reader->settings.settled(reader->settings.settled_argument);
}

/*
 * The helper is gone or must go; `strikes` against the file it worked on. One
 * that has hung up may have ended by itself, to grow no larger; but not over
 * and over.
 */
static void symbol_reader_lose_helper(struct symbol_reader *reader,
				      unsigned strikes, bool hung_up)
{
	struct symbol_file *file = reader->batch.file;
	int status = symbol_reader_end_helper(reader);

	reader->batch.file = NULL;
	if (hung_up && status == 0 && reader->helped)
		strikes = 0;
	if (file && strikes) {
		reader->helpers_lost++;
		file->strikes += strikes;
		if (file->strikes >= SYMBOL_READER_STRIKES) {
			log_line("%s: no symbols, the reader %s", file->path,
				 strikes > 1 ? "hangs" : "breaks");
			symbol_reader_give_up(reader, file, SYMBOL_BROKEN);
		}
	}
	symbol_reader_work(reader);
	symbol_reader_settle(reader);
}

/* An answer that came; false when it is none to this request. */
static bool symbol_reader_take_answer(struct symbol_reader *reader)
{
	static struct symbol_wire_text text[SYMBOL_WIRE_FRAMES];
	struct symbol_cache_frame frames[SYMBOL_WIRE_FRAMES];
	const struct symbol_answer *answer = &reader->packet.answer;
	struct symbol_batch *batch = &reader->batch;
	struct symbol_entry *entry;
	char raw[RAW_MAX];
	size_t count;

	if (!symbol_wire_take(&reader->packet, text) || !batch->file ||
	    answer->index != batch->done)
		return false;
	entry = batch->entries[batch->done++];
	reader->helped = true;
	count = answer->frames;
	if (count == 0) {
		symbol_reader_answer_raw(reader, entry,
					 (uint8_t)answer->reason);
		return true;
	}
	symbol_cache_raw(entry->file->path, entry->address, raw, sizeof(raw));
	for (size_t i = 0; i < count; i++) {
		frames[i] = (struct symbol_cache_frame){
			.name = text[i].name,
			.file = text[i].file,
			.line = text[i].line,
			.inlined = i + 1 < count,
		};
		if (!*text[i].name)
			frames[i].name = i + 1 < count ? "[inlined]" : raw;
	}
	if (answer->reason != SYMBOL_NAMED)
		reader->failed_total++;
	symbol_cache_answer(reader->cache, entry, (uint8_t)answer->reason,
			    frames, count, clock_ns());
	return true;
}

/* The file has had its turn; what else is asked of it waits for the next. */
static void symbol_reader_end_batch(struct symbol_reader *reader)
{
	struct symbol_file *file = reader->batch.file;
	struct symbol_files *turns = symbol_reader_turns_of(reader, file);

	reader->batch.file = NULL;
	TAILQ_REMOVE(turns, file, by_turn);
	if (!TAILQ_EMPTY(&file->asked))
		TAILQ_INSERT_TAIL(turns, file, by_turn);
	symbol_reader_work(reader);
}

static void symbol_reader_on_channel(void *owner, uint32_t events)
{
	struct symbol_reader *reader = owner;

	(void)events;
	for (int i = 0; i < ANSWERS_A_ROUND; i++) {
		ssize_t length = recv(reader->channel.fd, reader->packet.bytes,
				      sizeof(reader->packet.bytes),
				      MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		reader->packet.length = length > 0 ? (size_t)length : 0;
		if (!symbol_reader_take_answer(reader)) {
			symbol_reader_lose_helper(reader, 1, length <= 0);
			return;
		}
		reader->progress_ns = clock_ns();
		if (reader->batch.done == reader->batch.count)
			symbol_reader_end_batch(reader);
	}
	symbol_reader_settle(reader);
}

/* The time for an answer is over, unless it was us who stood still. */
static void symbol_reader_check_patience(struct symbol_reader *reader,
					 uint64_t now_ns)
{
	uint64_t limit_ns = reader->settings.patience_ns;

	if (now_ns > reader->due_ns + LATE_NS)
		reader->progress_ns = now_ns;
	if (now_ns - reader->progress_ns >= limit_ns)
		symbol_reader_lose_helper(reader, SYMBOL_READER_STRIKES, false);
	else
		symbol_reader_arm(reader,
				  reader->progress_ns + limit_ns - now_ns);
}

static void symbol_reader_on_alarm(void *owner, uint32_t events)
{
	struct symbol_reader *reader = owner;
	uint64_t times;

	(void)events;
	if (read(reader->alarm.fd, &times, sizeof(times)) < 0)
		return;
	if (reader->batch.file) {
		symbol_reader_check_patience(reader, clock_ns());
		return;
	}
	if (reader->kicked || reader->cache->asked) {
		symbol_reader_work(reader);
		symbol_reader_settle(reader);
		return;
	}
	symbol_reader_end_helper(reader);
	if (child_reap())
		symbol_reader_arm(reader, reader->settings.idle_ns);
}

bool symbol_reader_init(struct symbol_reader *reader, struct loop *loop,
			struct symbol_cache *cache,
			const struct symbol_reader_settings *settings)
{
	reader->loop = loop;
	reader->cache = cache;
	reader->settings = *settings;
	reader->alarm.owner = reader->channel.owner = reader;
	reader->alarm.ready = symbol_reader_on_alarm;
	reader->channel.ready = symbol_reader_on_channel;
	reader->child.channel = -1;
	TAILQ_INIT(&reader->turns[0]);
	TAILQ_INIT(&reader->turns[1]);
	reader->alarm.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return reader->alarm.fd >= 0 && loop_add(loop, &reader->alarm, EPOLLIN);
}

void symbol_reader_close(struct symbol_reader *reader)
{
	symbol_reader_end_helper(reader);
	if (!reader->loop || reader->alarm.fd < 0)
		return;
	loop_remove(reader->loop, &reader->alarm);
	close(reader->alarm.fd);
}
