#include "hakmemd/query/query.h"

#include <time.h>

#include "hakmemd/model/check.h"
#include "tests/unit/hakmemd/asker.h"
#include "tests/unit/figures.h"

static void without_processes_the_list_is_empty(void **state)
{
	uint64_t before_ns = clock_ns();
	Hakmem__Processes *answer;

	(void)state;
	ask(ASK(PROCESSES));
	answer = hear(FRAME_PROCESSES, &hakmem__processes__descriptor);
	assert_int_equal(answer->query_id, 7);
	assert_int_equal(answer->n_processes, 0);
	assert_false(answer->more);
	assert_true(answer->now_ns >= before_ns);
	assert_true(answer->now_ns <= clock_ns());
	assert_string_equal(answer->daemon_version, HAKMEM_VERSION);
	assert_int_equal(answer->daemon_pid, getpid());
	assert_true(answer->refused_total == conns.refused_total);
	let_go(answer);
}

static void set_figures(void)
{
	unit.state.time_ns = clock_ns();
	FIGURE_IN(&unit.state, LIVE_BYTES) = 101;
	FIGURE_IN(&unit.state, LIVE_OBJECTS) = 102;
	FIGURE_IN(&unit.state, RSS_BYTES) = 103;
	FIGURE_IN(&unit.state, ALLOCS) = 104;
	FIGURE_IN(&unit.state, FREES) = 105;
	FIGURE_IN(&unit.state, REQUESTS_1024) = 106;
	FIGURE_IN(&unit.state, FALLBACK_1024) = 107;
	FIGURE_IN(&unit.state, PAGE_BOUNDARY) = 108;
	FIGURE_IN(&unit.state, MINCORE) = 109;
	FIGURE_IN(&unit.state, REJECTS) = 6;
	FIGURE_IN(&unit.state, SAMPLE_BYTES) = 110;
	FIGURE_IN(&unit.state, DROPPED) = 111;
	FIGURE_IN(&unit.state, PEAK_LIVE_BYTES) = 112;
}

static void expect_figures(const Hakmem__Process *row)
{
	assert_int_equal(FIGURE_IN(row, LIVE_BYTES), 101);
	assert_int_equal(FIGURE_IN(row, LIVE_OBJECTS), 102);
	assert_int_equal(FIGURE_IN(row, RSS_BYTES), 103);
	assert_int_equal(FIGURE_IN(row, ALLOCS), 104);
	assert_int_equal(FIGURE_IN(row, FREES), 105);
	assert_int_equal(FIGURE_IN(row, REQUESTS_1024), 106);
	assert_int_equal(FIGURE_IN(row, FALLBACK_1024), 107);
	assert_int_equal(FIGURE_IN(row, PAGE_BOUNDARY), 108);
	assert_int_equal(FIGURE_IN(row, MINCORE), 109);
	assert_int_equal(FIGURE_IN(row, REJECTS), 6);
	assert_int_equal(FIGURE_IN(row, SAMPLE_BYTES), 110);
	assert_int_equal(FIGURE_IN(row, DROPPED), 111);
	assert_int_equal(FIGURE_IN(row, PEAK_LIVE_BYTES), 112);
	assert_int_equal(row->states_total, 1);
	assert_true(row->state_ns == unit.state.time_ns);
}

static void a_row_tells_what_is_known(void **state)
{
	Hakmem__Processes *answer;
	struct process *process = add(getpid());
	const Hakmem__Process *row;

	(void)state;
	set_figures();
	speak(process);
	process->parent_id = 55;
	process->uid = 77;
	ask(ASK(PROCESSES));
	answer = hear(FRAME_PROCESSES, &hakmem__processes__descriptor);
	assert_int_equal(answer->n_processes, 1);
	row = answer->processes[0];
	assert_true(row->process_id == process->id);
	assert_int_equal(row->pid, getpid());
	assert_int_equal(row->parent_pid, getppid());
	assert_int_equal(row->uid, 77);
	assert_true(row->start_ticks == process->start_ticks);
	assert_string_equal(row->command, "program");
	assert_string_equal(row->executable, "/bin/program");
	assert_int_equal(row->state, STATE(RUNNING));
	assert_false(row->exit_known);
	assert_true(row->first_seen_ns == process->first_seen_ns);
	assert_true(row->ended_ns == 0);
	assert_true(row->parent_process_id == 55);
	assert_true(row->age_ns == answer->now_ns - process->start_ns);
	expect_figures(row);
	let_go(answer);
}

static void an_end_stops_the_age(void **state)
{
	Hakmem__Processes *answer;
	struct process *process = add(NOBODY);
	const Hakmem__Process *row;

	(void)state;
	process->state = STATE(SIGNALLED);
	process->exit_known = true;
	process->exit_status = 3;
	process->exit_signal = 9;
	process->ended_ns = process->start_ns + 1234;
	ask(ASK(PROCESSES));
	answer = hear(FRAME_PROCESSES, &hakmem__processes__descriptor);
	row = answer->processes[0];
	assert_int_equal(row->state, STATE(SIGNALLED));
	assert_true(row->exit_known);
	assert_int_equal(row->exit_status, 3);
	assert_int_equal(row->exit_signal, 9);
	assert_true(row->ended_ns == process->ended_ns);
	assert_int_equal(row->age_ns, 1234);
	let_go(answer);
}

/* Reads a whole list; returns how many frames it took. */
static unsigned hear_list(unsigned rows, size_t text_max, size_t *bytes)
{
	unsigned frames = 0;
	size_t seen = 0;
	uint64_t last_id = 0;
	bool more = true;

	*bytes = 0;
	while (more) {
		Hakmem__Processes *part;
		struct frame heard;

		while (!peer_hear(&peer, &heard)) {
			assert_non_null(conn);
			harness_turn();
		}
		assert_int_equal(heard.type, FRAME_PROCESSES);
		assert_true(heard.length <= FRAME_PAYLOAD_MAX);
		part = hakmem__processes__unpack(NULL, heard.length,
						 heard.payload);
		assert_non_null(part);
		for (size_t i = 0; i < part->n_processes; i++) {
			Hakmem__Process *row = part->processes[i];

			assert_true(row->process_id > last_id);
			last_id = row->process_id;
			assert_true(strlen(row->command) <= text_max);
			assert_true(strlen(row->command) + 3 > text_max);
			assert_int_equal(strlen(row->executable), text_max);
			check_string(row->command, text_max); /* whole UTF-8 */
			assert_null(strchr(row->command, '?'));
		}
		seen += part->n_processes;
		more = part->more;
		*bytes += FRAME_HEADER_BYTES + heard.length;
		frames++;
		hakmem__processes__free_unpacked(part, NULL);
	}
	assert_int_equal(seen, rows);
	return frames;
}

/* So many processes with strings of 4 KiB, one of them of 3-byte characters. */
static void add_many(unsigned count)
{
	static char command[CHECK_STRING_MAX + 1];
	static char executable[CHECK_STRING_MAX + 1];

	for (size_t i = 0; i + 3 < sizeof(command); i += 3)
		memcpy(command + i, "\xe2\x82\xac", 3);
	memset(executable, 'x', sizeof(executable) - 1);
	unit.hello.command = command;
	unit.hello.executable = executable;
	for (unsigned i = 0; i < count; i++) {
		unit.hello.session = i + 1;
		add(NOBODY);
	}
}

static void a_list_takes_as_many_frames_as_it_needs(void **state)
{
	size_t bytes;

	(void)state;
	add_many(100); /* 800 KiB */
	ask(ASK(PROCESSES));
	assert_in_range(hear_list(100, CHECK_STRING_MAX, &bytes), 4, 5);
}

/* An answer is queued whole: it has to be smaller than the queue. */
static void the_commands_of_a_long_list_are_cut(void **state)
{
	size_t bytes;

	(void)state;
	add_many(1200); /* 9.4 MiB */
	ask(ASK(PROCESSES));
	hear_list(1200, 160, &bytes);
	assert_true(bytes < 1200 * 500);
	assert_non_null(conn);
}

/* Each field at its largest, as many rows as there can be. */
static void the_longest_list_fits_the_queue(void **state)
{
	static char text[161];
	int64_t figures[FIGURES];
	const ProtobufCMessageDescriptor *type = &hakmem__process__descriptor;
	Hakmem__Process row;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memset(&row, 0xff, sizeof(row));
	for (unsigned i = 0; i < FIGURES; i++)
		figures[i] = INT64_MAX;
	row.figures = row.base_figures = figures;
	row.n_figures = row.n_base_figures = FIGURES;
	row.base = (ProtobufCMessage){.descriptor = type};
	row.state = STATE(ENDED);
	row.exit_known = 1;
	row.command = row.executable = text;
	assert_true(
		REGISTRY_MAX * (hakmem__process__get_packed_size(&row) + 6) +
			CONN_PAUSE_BYTES + (64u << 10) <
		CONN_OUT_MAX);
}

static void detail_tells_all_of_one_process(void **state)
{
	struct process *process = add(getpid());
	Hakmem__Detail *answer;

	(void)state;
	set_figures();
	speak(process);
	query.process_id = process->id;
	ask(ASK(DETAIL));
	answer = hear(FRAME_DETAIL, &hakmem__detail__descriptor);
	assert_int_equal(answer->query_id, 7);
	assert_true(answer->now_ns <= clock_ns());
	assert_int_equal(answer->process->pid, getpid());
	expect_figures(answer->process);
	assert_int_equal(answer->hello->n_classes, 1);
	assert_int_equal(answer->hello->classes[0]->stride_bytes, 32);
	assert_int_equal(FIGURE_IN(answer->state, LIVE_BYTES), 101);
	assert_int_equal(answer->n_sizes, 1);
	assert_int_equal(answer->sizes[0]->low_bytes, 16);
	assert_int_equal(answer->sizes[0]->high_bytes, 31);
	assert_int_equal(answer->sizes[0]->requests, 10);
	assert_int_equal(answer->sizes[0]->requested_bytes, 235);
	assert_int_equal(answer->sizes[0]->reserved_bytes, 320);
	assert_int_equal(answer->sizes[0]->live_objects, 6);
	assert_int_equal(answer->sizes[0]->live_bytes, 192);
	assert_true(answer->sizes[0]->requests_stderr == 0);
	let_go(answer);
}

static void detail_of_one_that_has_not_spoken(void **state)
{
	Hakmem__Detail *answer;

	(void)state;
	add(getpid());
	query.pid = (uint32_t)getpid();
	ask(ASK(DETAIL));
	answer = hear(FRAME_DETAIL, &hakmem__detail__descriptor);
	assert_non_null(answer->hello);
	assert_null(answer->state);
	assert_int_equal(answer->n_sizes, 0);
	assert_int_equal(answer->process->states_total, 0);
	let_go(answer);
}

static Hakmem__History *history_since(uint64_t since_ns)
{
	query.since_ns = since_ns;
	ask(ASK(HISTORY));
	return hear(FRAME_HISTORY, &hakmem__history__descriptor);
}

static void history_is_told_in_columns(void **state)
{
	struct process *process = add(getpid());
	Hakmem__History *answer;

	(void)state;
	for (uint64_t i = 1; i <= 5; i++) {
		struct history_point point = {
			.time_ns = i * CLOCK_SECOND,
			.kept[KEPT_LIVE_BYTES] = 10 * i,
			.kept[KEPT_LIVE_OBJECTS] = 20 * i,
			.kept[KEPT_RSS_BYTES] = 30 * i,
			.kept[KEPT_ALLOCS] = 40 * i,
			.kept[KEPT_FREES] = 50 * i,
			.kept[KEPT_REQUESTS_1024] = 60 * i,
			.kept[KEPT_PAGE_BOUNDARY] = 70 * i,
			.kept[KEPT_REJECTS] = 80 * i,
		};

		history_add(&process->model.history, &point);
	}
	query.process_id = process->id;
	answer = history_since(0);
	assert_int_equal(answer->n_time_ns, 5);
	let_go(answer);
	answer = history_since(2 * CLOCK_SECOND);
	assert_int_equal(answer->query_id, 7);
	assert_true(answer->process_id == process->id);
	assert_int_equal(answer->n_time_ns, 3);
	assert_string_equal(answer->figure_names,
			    "live_bytes live_objects rss_bytes allocs_total "
			    "frees_total requests_1024_total "
			    "page_boundary_total header_rejects_total ");
	assert_int_equal(answer->n_figures, 3 * FIGURES_KEPT);
	for (uint64_t i = 0; i < 3; i++) {
		assert_true(answer->time_ns[i] == (i + 3) * CLOCK_SECOND);
		for (uint64_t k = 0; k < FIGURES_KEPT; k++)
			assert_int_equal(answer->figures[3 * k + i],
					 10 * (k + 1) * (i + 3));
	}
	let_go(answer);
	answer = history_since(5 * CLOCK_SECOND);
	assert_int_equal(answer->n_time_ns, 0);
	let_go(answer);
}

static void export_to(char *text, size_t room)
{
	Hakmem__Export *answer;

	ask(ASK(EXPORT));
	answer = hear(FRAME_EXPORT, &hakmem__export__descriptor);
	assert_int_equal(answer->query_id, 7);
	assert_true(answer->last);
	assert_true(answer->data.len < room);
	memcpy(text, answer->data.data, answer->data.len);
	text[answer->data.len] = '\0';
	let_go(answer);
}

static char sizes_word[] = "sizes", classes_word[] = "classes";
static char csv_word[] = "csv", json_word[] = "json";

static void tables_are_exported(void **state)
{
	struct process *process = add(getpid());
	char text[2048];

	(void)state;
	speak(process);
	query.process_id = process->id;
	query.export_what = sizes_word;
	query.export_format = csv_word;
	export_to(text, sizeof(text));
	assert_string_equal(text,
			    "low_bytes,high_bytes,requests,requested_bytes,"
			    "reserved_bytes,live_objects,live_bytes,"
			    "requests_stderr\n16,31,10,235,320,6,192,0.000\n");
	query.export_what = classes_word;
	export_to(text, sizeof(text));
	assert_non_null(strstr(text, "\n32,16,31,31,0,10,4,6,192,0,0,0\n"));
}

/* The Unix time of the figures, not of the query. */
static void json_tells_when_it_was_so(void **state)
{
	struct process *process = add(getpid());
	double now_s = (double)clock_read(CLOCK_REALTIME) / 1e9, time_s;
	char text[2048];

	(void)state;
	unit.state.time_ns = clock_ns() - 100 * CLOCK_SECOND;
	speak(process);
	query.process_id = process->id;
	query.export_what = sizes_word;
	query.export_format = json_word;
	export_to(text, sizeof(text));
	assert_int_equal(
		sscanf(text, "{\"schema\":1,\"time_s\":%lf,\"pid\":", &time_s),
		1);
	assert_true(time_s > now_s - 100.5 && time_s < now_s - 90);
}

static void what_is_not_there_is_named(void **state)
{
	static char unknown[] = "xml", long_word[101];
	struct process *process = add(getpid());
	char wanted[256];

	(void)state;
	query.process_id = 99;
	refused(ASK(DETAIL), "no process with id 99 (any more)");
	refused(ASK(HISTORY), "no process with id 99 (any more)");
	query.process_id = 0;
	query.pid = 4000000;
	refused(ASK(DETAIL), "no process with pid 4000000: it is not under "
			     "the preload, or ended long ago");
	query.process_id = process->id;
	query.export_what = sizes_word;
	query.export_format = unknown;
	refused(ASK(EXPORT), "no export format 'xml' of sizes: csv, json");
	query.export_format = csv_word;
	snprintf(wanted, sizeof(wanted), "pid %d has not sent its figures yet",
		 (int)getpid());
	refused(ASK(EXPORT), wanted);
	speak(process);
	query.export_what = unknown;
	refused(ASK(EXPORT), "no export 'xml': sizes, classes, heap");
	memset(long_word, 'x', sizeof(long_word) - 1);
	query.export_what = long_word;
	refused(ASK(EXPORT), "no export 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx': "
			     "sizes, classes, heap");
	refused((Hakmem__QueryWhat)99,
		"no query of kind 99: this is hakmemd " HAKMEM_VERSION);
	ask(ASK(PROCESSES)); /* and it goes on */
	let_go(hear(FRAME_PROCESSES, &hakmem__processes__descriptor));
}

static void the_newest_of_a_number_is_meant(void **state)
{
	Hakmem__Detail *answer;
	struct process *newest;

	(void)state;
	add(NOBODY);
	unit.hello.session = 2;
	newest = add(NOBODY);
	query.pid = NOBODY;
	ask(ASK(DETAIL));
	answer = hear(FRAME_DETAIL, &hakmem__detail__descriptor);
	assert_true(answer->process->process_id == newest->id);
	let_go(answer);
}

static void answers_come_in_the_order_of_the_requests(void **state)
{
	struct process *process = add(getpid());

	(void)state;
	query.process_id = process->id;
	for (uint32_t i = 0; i < 3; i++) {
		query.what = i == 1 ? ASK(DETAIL) : ASK(HISTORY);
		query.query_id = i;
		peer_say(&peer, FRAME_QUERY, &query.base);
	}
	harness_turn();
	for (uint32_t i = 0; i < 3; i++) {
		if (i == 1) {
			Hakmem__Detail *detail =
				hear(FRAME_DETAIL, &hakmem__detail__descriptor);

			assert_int_equal(detail->query_id, 1);
			let_go(detail);
		} else {
			Hakmem__History *history = hear(
				FRAME_HISTORY, &hakmem__history__descriptor);

			assert_int_equal(history->query_id, i);
			let_go(history);
		}
	}
}

static void what_is_no_request_ends_it(void **state)
{
	uint8_t bytes[FRAME_HEADER_BYTES + 8];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	frame_encode(bytes, FRAME_QUERY, 8, 0);
	peer_write(&peer, bytes, sizeof(bytes));
	harness_turn();
	assert_string_equal(peer_error(&peer), "QUERY: not a Query message");
	assert_true(peer_is_over(&peer));
	assert_null(conn);
}

static void nor_is_another_frame_one(void **state)
{
	(void)state;
	peer_say(&peer, FRAME_HELLO, &unit.hello.base);
	harness_turn();
	assert_string_equal(peer_error(&peer),
			    "frame type 1 is out of place here");
	assert_true(peer_is_over(&peer));
	assert_null(conn);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(without_processes_the_list_is_empty),
		CASE(a_row_tells_what_is_known),
		CASE(an_end_stops_the_age),
		CASE(a_list_takes_as_many_frames_as_it_needs),
		CASE(the_commands_of_a_long_list_are_cut),
		CASE(the_longest_list_fits_the_queue),
		CASE(detail_tells_all_of_one_process),
		CASE(detail_of_one_that_has_not_spoken),
		CASE(history_is_told_in_columns),
		CASE(tables_are_exported),
		CASE(json_tells_when_it_was_so),
		CASE(what_is_not_there_is_named),
		CASE(the_newest_of_a_number_is_meant),
		CASE(answers_come_in_the_order_of_the_requests),
		CASE(what_is_no_request_ends_it),
		CASE(nor_is_another_frame_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
