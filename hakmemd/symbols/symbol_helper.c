#include "hakmemd/symbols/symbol_helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hakmemd/symbols/binary.h"
#include "hakmemd/core/child.h"
#include "hakmemd/core/clock.h"
#include "hakmemd/symbols/elf.h"
#include "hakmemd/symbols/lines.h"
#include "hakmemd/symbols/symbol_wire.h"

#define OPEN_MAX    32u
#define MANGLED_MAX 4096u
#define SOFT_BYTES  (UINT64_C(512) << 20) /* drops all files */
#define HARD_BYTES  (UINT64_C(768) << 20) /* and if that does not help, ends */
#define DOWNLOAD_NS (60 * CLOCK_SECOND)

/* libstdc++'s; a C program has no header for it. */
extern char *__cxa_demangle(const char *name, char *out, size_t *size,
			    int *status);

static const uint16_t symbol_helper_reasons[] = {
	[BINARY_FOUND] = SYMBOL_UNKNOWN,
	[BINARY_ABSENT] = SYMBOL_ABSENT,
	[BINARY_UNREADABLE] = SYMBOL_UNREADABLE,
	[BINARY_NO_ELF] = SYMBOL_NO_ELF,
	[BINARY_DIFFERS] = SYMBOL_DIFFERS,
	[BINARY_UNSURE] = SYMBOL_UNSURE,
};

/* A file that requests were about. */
struct module {
	uint64_t id, used; /* used: when, by requests; 0 = free */
	struct binary binary, debug;
	struct elf_index *symbols;
	struct lines *lines;
	uint16_t reason; /* what it means when an address has no name */
};

struct helper {
	int channel;
	const struct symbol_helper_settings *settings;
	uint64_t requests;
	struct module modules[OPEN_MAX];
	struct symbol_packet packet;
};

static void symbol_helper_forget(struct module *module)
{
	if (module->used == 0)
		return;
	lines_close(module->lines);
	elf_index_free(module->symbols);
	binary_close(&module->debug);
	binary_close(&module->binary);
	memset(module, 0, sizeof(*module));
}

/* debuginfod's own client library, which need not be installed. */
struct debuginfod {
	void *(*begin)(void);
	int (*find)(void *client, const unsigned char *id, int bytes,
		    char **path);
	void (*end)(void *client);
	void (*on_progress)(void *client,
			    int (*call)(void *client, long a, long b));
};

static bool symbol_helper_load_debuginfod(struct debuginfod *api)
{
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return false;
	*(void **)&api->begin = dlsym(library, "debuginfod_begin");
	*(void **)&api->end = dlsym(library, "debuginfod_end");
	*(void **)&api->find = dlsym(library, "debuginfod_find_debuginfo");
	*(void **)&api->on_progress =
		dlsym(library, "debuginfod_set_progressfn");
	return api->begin && api->end && api->find && api->on_progress;
}

static uint64_t symbol_helper_download_end_ns;

static int symbol_helper_keep_going(void *client, long done, long whole)
{
	(void)client;
	(void)done;
	(void)whole;
	return clock_ns() > symbol_helper_download_end_ns;
}

static bool symbol_helper_download(struct binary *debug,
				   const struct binary_wanted *wanted)
{
	struct debuginfod api;
	void *client;
	int fd;

	if (!symbol_helper_load_debuginfod(&api) || !(client = api.begin()))
		return false;
	symbol_helper_download_end_ns = clock_ns() + DOWNLOAD_NS;
	api.on_progress(client, symbol_helper_keep_going);
	fd = api.find(client, wanted->id, (int)wanted->id_bytes, NULL);
	api.end(client);
	return fd >= 0 && binary_adopt(debug, fd, wanted);
}

static bool symbol_helper_has_lines(const struct binary *binary)
{
	return binary->elf && elf_has_section(binary->elf, ".debug_info");
}

static void symbol_helper_open_module(struct helper *helper,
				      struct module *module,
				      const struct symbol_request *request)
{
	struct binary_wanted wanted = {
		.path = request->path,
		.id = request->id,
		.id_bytes = request->id_bytes,
		.pid = request->pid,
		.started_ns = request->started_ns,
	};
	Elf *files[2];
	size_t count = 0;

	module->id = request->module;
	module->reason =
		symbol_helper_reasons[binary_open(&module->binary, &wanted)];
	module->debug = (struct binary){.fd = -1};
	if (!symbol_helper_has_lines(&module->binary) &&
	    (binary_open_debug(&module->debug, &wanted, &module->binary,
			       helper->settings->debug_path) ||
	     (helper->settings->debuginfod && wanted.id_bytes &&
	      symbol_helper_download(&module->debug, &wanted))))
		module->reason = SYMBOL_UNKNOWN;
	if (module->binary.elf)
		files[count++] = module->binary.elf;
	if (module->debug.elf)
		files[count++] = module->debug.elf;
	if (count)
		module->symbols = elf_index_new(files, count);
	if (symbol_helper_has_lines(&module->debug))
		module->lines = lines_open(module->debug.elf);
	else if (symbol_helper_has_lines(&module->binary))
		module->lines = lines_open(module->binary.elf);
}

/*
 * The file asked about. What could not be opened is tried anew each time: it
 * may be there by then.
 */
static struct module *
symbol_helper_find_module(struct helper *helper,
			  const struct symbol_request *request)
{
	struct module *oldest = &helper->modules[0];

	helper->requests++;
	for (size_t i = 0; i < OPEN_MAX; i++) {
		struct module *module = &helper->modules[i];

		if (module->used && module->id == request->module) {
			if (module->reason == SYMBOL_UNKNOWN) {
				module->used = helper->requests;
				return module;
			}
			oldest = module;
			break;
		}
		if (module->used < oldest->used)
			oldest = module;
	}
	symbol_helper_forget(oldest);
	oldest->used = helper->requests;
	symbol_helper_open_module(helper, oldest, request);
	return oldest;
}

/* What is no part of a name: the version in name@@VERS_1, and what the compiler
 * says of its copies of a function, as in _Zname.isra.0. */
static size_t symbol_helper_name_length(const char *name, bool mangled)
{
	return strcspn(name, mangled ? "@." : "@");
}

static void symbol_helper_put_frame(struct helper *helper, const char *name,
				    const struct lines_frame *place)
{
	char *demangled = NULL;
	char copy[MANGLED_MAX];

	if (name && strnlen(name, sizeof(copy)) < sizeof(copy)) {
		bool mangled = strncmp(name, "_Z", 2) == 0;

		snprintf(copy, sizeof(copy), "%.*s",
			 (int)symbol_helper_name_length(name, mangled), name);
		name = copy;
		if (mangled)
			demangled = __cxa_demangle(copy, NULL, NULL, NULL);
	}
	symbol_wire_put(&helper->packet, demangled ? demangled : name,
			place->file, place->line);
	free(demangled);
}

static size_t symbol_helper_underscores(const char *name)
{
	return strspn(name, "_");
}

/*
 * The name of the frame that is a function of its own. DWARF has no more than
 * "count" for what only its file sees, where the symbol says whose it is; and
 * for the functions of libc their internal names: __GI___malloc.
 */
static void symbol_helper_choose_name(struct lines_frame *frame,
				      const char *symbol)
{
	const char *name = frame->function;

	if (!symbol)
		return;
	if (!name ||
	    (strncmp(symbol, "_Z", 2) == 0
		     ? !frame->linked
		     : symbol_helper_underscores(symbol) <
				       symbol_helper_underscores(name) &&
			       strncmp(name, "_Z", 2) != 0))
		frame->function = symbol;
}

static void symbol_helper_answer(struct helper *helper, struct module *module,
				 uint32_t index, uint64_t address)
{
	struct lines_frame frames[SYMBOL_WIRE_FRAMES] = {{.function = NULL}};
	const char *symbol = NULL;
	size_t count = 0;
	bool named;

	if (module->lines)
		count = lines_find(module->lines, address, frames,
				   SYMBOL_WIRE_FRAMES);
	if (module->symbols)
		symbol = elf_index_find(module->symbols, address);
	if (count == 0 && symbol)
		count = 1;
	if (count)
		symbol_helper_choose_name(&frames[count - 1], symbol);
	named = count && frames[count - 1].function;
	symbol_wire_begin(&helper->packet, index,
			  named ? SYMBOL_NAMED : module->reason);
	for (size_t i = 0; i < count; i++)
		symbol_helper_put_frame(helper, frames[i].function, &frames[i]);
	while (send(helper->channel, helper->packet.bytes,
		    helper->packet.length, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(0);
}

static uint64_t symbol_helper_data_bytes(void)
{
	uint64_t address_bytes, bytes = 0;

	child_measure(&address_bytes, &bytes);
	return bytes;
}

/* libdw gives nothing back until a file is closed. */
static void symbol_helper_stay_small(struct helper *helper,
				     uint64_t begin_bytes)
{
	if (symbol_helper_data_bytes() < begin_bytes + SOFT_BYTES)
		return;
	for (size_t i = 0; i < OPEN_MAX; i++)
		symbol_helper_forget(&helper->modules[i]);
	malloc_trim(0);
	if (symbol_helper_data_bytes() > begin_bytes + HARD_BYTES)
		_exit(0); /* another one is started when there is work */
}

static bool symbol_helper_is_sound(struct symbol_request *request,
				   ssize_t length)
{
	request->path[sizeof(request->path) - 1] = '\0';
	return length == sizeof(*request) &&
	       request->count <= SYMBOL_WIRE_BATCH &&
	       request->id_bytes <= SYMBOL_WIRE_ID;
}

_Noreturn void symbol_helper_run(int channel,
				 const struct symbol_helper_settings *settings)
{
	static struct helper helper;
	static struct symbol_request request;
	uint64_t begin_bytes = symbol_helper_data_bytes();

	helper.channel = channel;
	helper.settings = settings;
	if (!settings->debuginfod)
		unsetenv("DEBUGINFOD_URLS");
	for (;;) {
		ssize_t length = recv(channel, &request, sizeof(request), 0);
		struct module *module;

		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0 || !symbol_helper_is_sound(&request, length))
			_exit(0);
		module = symbol_helper_find_module(&helper, &request);
		for (uint32_t i = 0; i < request.count; i++)
			symbol_helper_answer(&helper, module, i,
					     request.address[i]);
		symbol_helper_stay_small(&helper, begin_bytes);
	}
}
