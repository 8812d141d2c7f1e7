/*
 * The answers of the symbol helper, and the requests that wait for one: by
 * file and address. Bounded in bytes and files; what was not looked at for
 * longest goes first. Main thread only.
 */
#ifndef HAKMEMD_SYMBOL_CACHE_H
#define HAKMEMD_SYMBOL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#define SYMBOL_CACHE_FILES    4096u  /* kept while nothing is asked */
#define SYMBOL_CACHE_REQUESTS 65536u /* at the same time */
#define SYMBOL_CACHE_ID_MAX   64u

struct symbol_cache_frame {
	const char *name, *file;
	uint32_t line;
	bool inlined;
};

struct symbol_entry {
	struct symbol_entry *chain;	   /* of its bucket */
	TAILQ_ENTRY(symbol_entry) by_use;  /* when known, newest first */
	TAILQ_ENTRY(symbol_entry) by_turn; /* when asked */
	struct symbol_file *file;
	uint64_t address;  /* in the file's tables */
	uint64_t known_ns; /* when it came; 0 = never */
	uint32_t bytes;
	bool back; /* a return address: one more than the one to look up */
	bool asked;
	uint8_t reason;
	uint8_t count;
	struct symbol_cache_frame frames[]; /* innermost first; then the text */
};

TAILQ_HEAD(symbol_entries, symbol_entry);

/* What makes a file the same one. */
struct symbol_file_key {
	const char *path;
	const uint8_t *id;
	size_t id_bytes;
	uint64_t started_ns; /* counts only without a build-id */
	uid_t uid;
};

struct symbol_file {
	struct symbol_file *chain;
	TAILQ_ENTRY(symbol_file) by_use;  /* when without entries */
	TAILQ_ENTRY(symbol_file) by_turn; /* when something is asked */
	uint64_t number;		  /* never given twice */
	uint64_t started_ns, tried_ns;
	pid_t pid, tried_pid; /* a process that has it mapped; 0 = none */
	uid_t uid;
	uint32_t id_bytes;
	unsigned strikes; /* how often it broke the helper */
	size_t entries;
	struct symbol_entries asked;
	uint8_t id[SYMBOL_CACHE_ID_MAX];
	char path[];
};

TAILQ_HEAD(symbol_files, symbol_file);

struct symbol_cache {
	struct symbol_entry **entries;
	struct symbol_file **files;
	size_t entry_buckets, file_buckets; /* powers of two */
	size_t entry_count, file_count, asked;
	size_t bytes, bytes_max;
	uint64_t numbers;
	struct symbol_entries known; /* newest use first */
	struct symbol_files idle;
};

bool symbol_cache_init(struct symbol_cache *cache, size_t bytes_max);
void symbol_cache_free(struct symbol_cache *cache);

/* Made if it is new; NULL when there is no room now. */
struct symbol_file *symbol_cache_file(struct symbol_cache *cache,
				      const struct symbol_file_key *key);

/* NULL when it was never asked, or is forgotten. */
struct symbol_entry *symbol_cache_find(struct symbol_cache *cache,
				       struct symbol_file *file,
				       uint64_t address, bool back);

/* An entry without an answer; NULL when there is no room now. */
struct symbol_entry *symbol_cache_add(struct symbol_cache *cache,
				      struct symbol_file *file,
				      uint64_t address, bool back);

/* Puts it last in its file's queue; false when the queues are full. */
bool symbol_cache_ask(struct symbol_cache *cache, struct symbol_entry *entry);

/*
 * Gives it these frames, copied, and takes it out of the queue. The entry
 * moves: returns where to; NULL when memory was short, and it is gone.
 */
struct symbol_entry *
symbol_cache_answer(struct symbol_cache *cache, struct symbol_entry *entry,
		    uint8_t reason, const struct symbol_cache_frame *frames,
		    size_t count, uint64_t now_ns);

/* "module+0xoffset", or "0xaddress" for path ""; returns the length. */
size_t symbol_cache_raw(const char *path, uint64_t address, char *out,
			size_t room);

/* Answers with just that, as one frame. */
struct symbol_entry *symbol_cache_answer_raw(struct symbol_cache *cache,
					     struct symbol_entry *entry,
					     uint8_t reason, uint64_t now_ns);

/* Marks it as used just now. */
void symbol_cache_use(struct symbol_cache *cache, struct symbol_entry *entry);

/* Does it want to be trimmed? */
bool symbol_cache_is_over(const struct symbol_cache *cache);

/* Down to the bounds: pointers to answers may be gone afterwards. */
void symbol_cache_trim(struct symbol_cache *cache);

#endif
