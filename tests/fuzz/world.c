#include "tests/fuzz/world.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"
#include "hakmemd/peers/conn.h"
#include "hakmemd/core/loop.h"
#include "hakmemd/query/query.h"
#include "hakmemd/query/query_heap.h"
#include "hakmemd/peers/registry.h"
#include "hakmemd/peers/session.h"
#include "proto/bins.h"
#include "proto/frame.h"
#include "proto/hakmem.pb-c.h"
#include "tests/fuzz/json.h"
#include "proto/figures.h"

#define PIECES	  512 /* queued */
#define QUIET	  3   /* rounds without an answer: nothing more comes */
#define READ_ROOM 65536u

/* Bytes for one peer, sent in one go as far as the socket takes them. */
struct piece {
	enum world_peer peer;
	uint8_t *bytes;
	size_t length;
};

static struct {
	struct loop *loop;
	struct conns conns;
	struct registry *registry;
	struct query_context context;
	struct conn *conn[WORLD_PEERS]; /* NULL: the daemon closed it */
	int end[WORLD_PEERS];		/* ours */
	uint32_t sent[WORLD_PEERS], received[WORLD_PEERS];
	uint8_t *in[WORLD_PEERS]; /* what came and is no whole frame yet */
	size_t in_used[WORLD_PEERS], in_room[WORLD_PEERS];
	struct piece piece[PIECES];
	size_t pieces, next;
	unsigned quiet;
	uint8_t *text; /* of an export whose last frame has not come */
	size_t text_length;
	struct world_count count;
} world;

void world_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

static void frame_came(struct conn *conn, const struct frame *frame)
{
	if (conn == world.conn[WORLD_PROGRAM])
		session_frame(conn, world.registry, frame);
	else
		query_frame(conn, &world.context, frame);
}

static void conn_closed(struct conn *conn)
{
	if (conn == world.conn[WORLD_PROGRAM]) {
		session_closed(conn);
		world.conn[WORLD_PROGRAM] = NULL;
	} else {
		query_closed(conn, &world.context);
		world.conn[WORLD_VIEWER] = NULL;
	}
}

static void conn_drained(struct conn *conn)
{
	if (conn == world.conn[WORLD_VIEWER])
		query_heap_drained(conn);
}

static const struct conn_ops ops = {
	.frame = frame_came, .closed = conn_closed, .drained = conn_drained};

/* Sums of hostile figures go beyond 64 bits; then rows stop at the largest. */
static void check_sizes(const Hakmem__Detail *detail)
{
	const Hakmem__State *state = detail->state;
	unsigned __int128 wanted = 0, got = 0;
	uint64_t last = 0;

	if (!state)
		return;
	for (size_t i = 0; i < state->n_class_allocs; i++)
		wanted += state->class_allocs[i];
	for (size_t i = 0; i < state->n_large_bins; i++)
		wanted += state->large_bins[i]->requests;
	for (size_t i = 0; i < detail->n_sizes; i++) {
		const Hakmem__SizeBin *row = detail->sizes[i];

		got += row->requests;
		must(i == 0 || row->low_bytes > last);
		must(row->low_bytes <= row->high_bytes);
		must(isfinite(row->requests_stderr));
		must(row->requests_stderr >= 0);
		last = row->high_bytes;
	}
	must(got == wanted || wanted > UINT64_MAX);
}

static const ProtobufCMessageDescriptor *type_of(uint16_t type)
{
	switch (type) {
	case FRAME_PROCESSES:
		return &hakmem__processes__descriptor;
	case FRAME_DETAIL:
		return &hakmem__detail__descriptor;
	case FRAME_HISTORY:
		return &hakmem__history__descriptor;
	case FRAME_EXPORT:
		return &hakmem__export__descriptor;
	case FRAME_SITE_TABLE:
		return &hakmem__site_table__descriptor;
	case FRAME_STACK:
		return &hakmem__stack__descriptor;
	case FRAME_DONE:
		return &hakmem__done__descriptor;
	case FRAME_CONTROL:
		return &hakmem__control__descriptor;
	default:
		return &hakmem__error__descriptor;
	}
}

/* Frames of one export belong together; JSON can be told by its first byte. */
static void check_export(const Hakmem__Export *part)
{
	world.text =
		realloc(world.text, world.text_length + part->data.len + 1);
	must(world.text);
	if (part->data.len)
		memcpy(world.text + world.text_length, part->data.data,
		       part->data.len);
	world.text_length += part->data.len;
	if (!part->last)
		return;
	/* Folded stacks may be none; what is gzipped begins with 1f 8b. */
	if (world.text_length > 0 && world.text[0] != 0x1f) {
		must(world.text[world.text_length - 1] == '\n');
		must(world.text[0] != '{' ||
		     json_valid(world.text, world.text_length));
	}
	world.text_length = 0;
}

static void check_change(const Hakmem__SiteChange *since)
{
	must(isfinite(since->live_bytes) && since->alloc_bytes >= 0);
	must(since->live_bytes_stderr >= 0 && since->alloc_bytes_stderr >= 0);
}

/* What a viewer computes with must be numbers, and in order. */
static void check_sites(const Hakmem__SiteTable *table)
{
	must(isfinite(table->live_bytes) && isfinite(table->z));
	must(table->live_bytes_stderr >= 0);
	for (size_t i = 0; i < table->n_rows; i++) {
		const Hakmem__SiteRow *row = table->rows[i];

		must(row->site_id > 0 && *row->function);
		must(isfinite(row->live_bytes) && isfinite(row->mean_age_s));
		must(row->live_bytes_stderr >= 0 && row->alloc_bytes >= 0);
		must(row->short_lived_share >= 0 &&
		     row->short_lived_share <= 1.000001);
		if (row->since)
			check_change(row->since);
		must(i == 0 ||
		     row->live_bytes <= table->rows[i - 1]->live_bytes);
	}
}

static void check_answer(enum world_peer peer, const struct frame *frame)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(
		type_of(frame->type), NULL, frame->length, frame->payload);

	must(message);
	world.count.answers[peer]++;
	if (frame->type == FRAME_ERROR)
		world.count.errors[peer]++;
	if (frame->type == FRAME_DETAIL)
		check_sizes((const Hakmem__Detail *)message);
	if (frame->type == FRAME_SITE_TABLE)
		check_sites((const Hakmem__SiteTable *)message);
	if (frame->type == FRAME_EXPORT)
		check_export((const Hakmem__Export *)message);
	protobuf_c_message_free_unpacked(message, NULL);
}

/* Cuts what came into frames; true when there was one. */
static bool cut(enum world_peer peer)
{
	uint8_t *at = world.in[peer];
	size_t left = world.in_used[peer];
	struct frame frame;
	bool any = false;

	while (left > 0) {
		enum frame_status status = frame_decode(at, left, &frame);

		if (status == FRAME_MORE)
			break;
		must(status == FRAME_READY);
		must(frame.sequence == world.received[peer]++);
		check_answer(peer, &frame);
		at += FRAME_HEADER_BYTES + frame.length;
		left -= FRAME_HEADER_BYTES + frame.length;
		any = true;
	}
	if (left > 0)
		memmove(world.in[peer], at, left);
	world.in_used[peer] = left;
	return any;
}

/* Reads what has come; true when there was something. */
static bool listen_to(enum world_peer peer)
{
	bool any = false;

	for (;;) {
		ssize_t got;

		if (world.in_room[peer] - world.in_used[peer] < READ_ROOM) {
			world.in_room[peer] += 4 * READ_ROOM;
			world.in[peer] =
				realloc(world.in[peer], world.in_room[peer]);
			must(world.in[peer]);
		}
		got = recv(world.end[peer],
			   world.in[peer] + world.in_used[peer], READ_ROOM, 0);
		if (got <= 0)
			return any;
		world.in_used[peer] += (size_t)got;
		cut(peer);
		any = true;
	}
}

/* Sends of the next piece what fits; false when none is left. */
static bool speak(void)
{
	struct piece *piece = &world.piece[world.next];
	ssize_t done;

	if (world.next == world.pieces)
		return false;
	done = send(world.end[piece->peer], piece->bytes, piece->length,
		    MSG_NOSIGNAL);
	if (done < 0 || (size_t)done == piece->length) {
		world.next++; /* closed is the daemon's right */
		return true;
	}
	piece->length -= (size_t)done;
	memmove(piece->bytes, piece->bytes + done, piece->length);
	return true;
}

/* Between two rounds of the loop: always due, so that no round waits. */
static uint64_t tick(void *argument, uint64_t now_ns, uint64_t late_ns)
{
	bool heard = listen_to(WORLD_PROGRAM);

	(void)argument;
	(void)late_ns;
	query_heap_tick(&world.context, now_ns);
	heard |= listen_to(WORLD_VIEWER);
	if (heard)
		world.quiet = 0;
	else if (++world.quiet >= QUIET) {
		world.quiet = 0;
		if (!speak())
			loop_stop(world.loop, 0);
	}
	return 0;
}

static void connect_peer(enum world_peer peer)
{
	struct ucred self = {
		.pid = getpid(), .uid = geteuid(), .gid = getegid()};
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			ends) == 0);
	world.end[peer] = ends[0];
	world.sent[peer] = world.received[peer] = 0;
	world.in_used[peer] = 0;
	world.conn[peer] = conn_open(&world.conns, ends[1], &self, clock_ns());
	must(world.conn[peer]);
}

void world_open(void)
{
	world.loop = loop_new(tick, NULL);
	must(world.loop);
	world.conns = (struct conns){.loop = world.loop, .ops = &ops};
	world.registry = registry_new(world.loop, CLOCK_SECOND, 64);
	must(world.registry);
	world.context = (struct query_context){.loop = world.loop,
					       .registry = world.registry};
	world.pieces = world.next = 0;
	world.quiet = 0;
	world.count = (struct world_count){{0}, {0}};
	connect_peer(WORLD_PROGRAM);
	connect_peer(WORLD_VIEWER);
}

static uint8_t *piece_for(enum world_peer peer, size_t length)
{
	struct piece *piece = &world.piece[world.pieces];

	if (world.pieces == PIECES)
		return NULL;
	piece->bytes = malloc(length ? length : 1);
	must(piece->bytes);
	piece->peer = peer;
	piece->length = length;
	world.pieces++;
	return piece->bytes;
}

void world_bytes(enum world_peer peer, const void *bytes, size_t length)
{
	uint8_t *at = length ? piece_for(peer, length) : NULL;

	if (at)
		memcpy(at, bytes, length);
}

void world_frame(enum world_peer peer, uint16_t type, const void *payload,
		 size_t length)
{
	uint8_t *at = piece_for(peer, FRAME_HEADER_BYTES + length);

	if (!at)
		return;
	frame_encode(at, type, (uint32_t)length, world.sent[peer]++);
	if (length)
		memcpy(at + FRAME_HEADER_BYTES, payload, length);
}

void world_message(enum world_peer peer, uint16_t type,
		   const ProtobufCMessage *message)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint8_t *at = piece_for(peer, FRAME_HEADER_BYTES + length);

	if (!at)
		return;
	frame_encode(at, type, (uint32_t)length, world.sent[peer]++);
	protobuf_c_message_pack(message, at + FRAME_HEADER_BYTES);
}

void world_hello(void)
{
	static const uint32_t ranges[][3] = {
		{64, 48, 63}, {1024, 1024, 1024}, {1152, 1024, 1151}};
	static const uint32_t places[][2] = {{0, 3}, {1, 64}, {2, 64}, {2, 65}};
	Hakmem__Hello hello;
	Hakmem__SizeClass class[3], *classes[3];
	Hakmem__SampleCell cell[4], *cells[4];
	static char command[] = "fuzzed";

	hakmem__hello__init(&hello);
	hello.session = 1;
	hello.command = command;
	hello.figure_names = (char *)(uintptr_t)figures_names;
	for (int i = 0; i < 3; i++) {
		hakmem__size_class__init(&class[i]);
		class[i].stride_bytes = ranges[i][0];
		class[i].low_bytes = ranges[i][1];
		class[i].high_bytes = class[i].usable_bytes = ranges[i][2];
		classes[i] = &class[i];
	}
	for (int i = 0; i < 4; i++) {
		hakmem__sample_cell__init(&cell[i]);
		cell[i].class_index = places[i][0];
		cell[i].bin = places[i][1];
		cells[i] = &cell[i];
	}
	hello.n_classes = 3;
	hello.classes = classes;
	hello.n_cells = 4;
	hello.cells = cells;
	world_message(WORLD_PROGRAM, FRAME_HELLO, &hello.base);
}

static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

static void fill_class(Hakmem__SiteClass *class, uint32_t index, double bytes)
{
	hakmem__site_class__init(class);
	class->class_index = index;
	class->samples = class->live_samples = 4;
	class->alloc_objects = class->live_objects = bytes / 64;
	class->alloc_objects_var = class->live_objects_var = bytes;
	class->alloc_bytes = class->live_bytes = bytes;
	class->alloc_bytes_var = class->live_bytes_var = bytes * 100;
}

void world_sites(void)
{
	static uint64_t pcs[] = {0x1100, 0x1200, 0x77};
	static uint32_t places[] = {1, 1, 0};
	Hakmem__Modules modules;
	Hakmem__Module module, *one = &module;
	Hakmem__Sites sites;
	Hakmem__Site site[2], *heads[2] = {&site[0], &site[1]};
	Hakmem__SiteClass class[2], *classes[2] = {&class[0], &class[1]};

	hakmem__modules__init(&modules);
	hakmem__module__init(&module);
	hakmem__sites__init(&sites);
	modules.n_modules = 1;
	modules.modules = &one;
	module.module_id = 1;
	module.path = text("/bin/fuzzed");
	module.start = 0x1000;
	module.end = 0x2000;
	sites.n_sites = 2;
	sites.sites = heads;
	for (uint32_t i = 0; i < 2; i++) {
		hakmem__site__init(&site[i]);
		fill_class(&class[i], i, 1000 * (i + 1));
		site[i].site_id = 3 + i;
		site[i].n_classes = 1;
		site[i].classes = &classes[i];
		site[i].pcs = pcs;
		site[i].modules = places;
		site[i].n_pcs = site[i].n_modules = 2 + i;
	}
	world_message(WORLD_PROGRAM, FRAME_MODULES, &modules.base);
	world_message(WORLD_PROGRAM, FRAME_SITES, &sites.base);
}

static void ask(Hakmem__QueryWhat what, const char *table, const char *format,
		const char *sample, const char *baseline)
{
	Hakmem__Query query;

	hakmem__query__init(&query);
	query.what = what;
	query.process_id = 1;
	query.export_what = text(table);
	query.export_format = text(format);
	query.export_sample = text(sample);
	query.baseline = text(baseline);
	query.site_id = 3;
	world_message(WORLD_VIEWER, FRAME_QUERY, &query.base);
}

static void ask_for_tables(void)
{
	ask(HAKMEM__QUERY_WHAT__QUERY_PROCESSES, "", "", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_DETAIL, "", "", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_HISTORY, "", "", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_EXPORT, "sizes", "csv", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_EXPORT, "sizes", "json", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_EXPORT, "classes", "csv", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_EXPORT, "classes", "json", "", "");
}

static void ask_for_heap(const char *sample, const char *baseline)
{
	static const char *const formats[] = {"csv", "json", "folded", "svg",
					      "pprof"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		ask(HAKMEM__QUERY_WHAT__QUERY_EXPORT, "heap", formats[i],
		    sample, baseline);
}

void world_ask(void)
{
	ask_for_tables();
	ask(HAKMEM__QUERY_WHAT__QUERY_SITES, "", "", "", "");
	ask(HAKMEM__QUERY_WHAT__QUERY_STACK, "", "", "", "");
	ask_for_heap("", "");
	ask_for_heap("peak", "");
	/* Since the baseline before, if this is not the first time. */
	ask(HAKMEM__QUERY_WHAT__QUERY_SITES, "", "", "", "mark");
	ask(HAKMEM__QUERY_WHAT__QUERY_DETAIL, "", "", "", "mark");
	ask_for_heap("alloc", "mark");
	ask_for_heap("inuse", "mark");
	ask(HAKMEM__QUERY_WHAT__QUERY_BASELINE_SET, "", "", "", "mark");
	ask(HAKMEM__QUERY_WHAT__QUERY_BASELINE_DROP, "", "", "", "none");
}

struct world_count world_run(void)
{
	must(loop_run(world.loop) == 0);
	for (int peer = 0; peer < WORLD_PEERS; peer++) {
		/* A frame that began has come whole. */
		must(world.in_used[peer] == 0);
		close(world.end[peer]);
	}
	must(world.text_length == 0);
	conn_close_all(&world.conns);
	registry_free(world.registry);
	loop_free(world.loop);
	for (size_t i = 0; i < world.pieces; i++)
		free(world.piece[i].bytes);
	return world.count;
}
