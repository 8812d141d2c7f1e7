/*
 * A table on the screen: columns from a const array, a selection that stays
 * with its row when the order changes, scrolling, sorting, and columns that
 * leave when the terminal is narrow (the highest rank first; Left and Right
 * bring them back one by one).
 */
#ifndef HAKMEM_TOP_TABLE_H
#define HAKMEM_TOP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hakmem-top/data/value.h"
#include "hakmem-top/term/term.h"

#define TABLE_COLUMNS_MAX 24

enum column_flags {
	COLUMN_FLEXIBLE = 1,  /* takes the columns that are left */
	COLUMN_LEFT = 2,      /* aligned at the left */
	COLUMN_ASCENDING = 4, /* sorts the smallest first */
	COLUMN_FILTER = 8,    /* the filter is sought here */
};

/* A column on the screen. What it shows is what it sorts by and searches. */
struct column {
	const char *title;
	const char *change_title; /* while a baseline is set; NULL = the same */
	char letter;		  /* sorts by it; 0 = none */
	uint8_t width;		  /* least columns */
	uint8_t rank;		  /* 0 never leaves; the highest leaves first */
	uint8_t flags;
	struct value (*get)(const void *row);
	/* NULL, or shows something else than the value's own text. */
	void (*show)(const void *row, char out[VALUE_TEXT_MAX]);
	enum term_role (*role)(const void *row); /* NULL: TERM_TEXT */
	const char *help;			 /* what it shows, its unit */
};

/* A column of CSV, a member of a row in JSON. */
struct field {
	const char *name; /* ends in its unit */
	struct value (*get)(const void *row);
};

struct table {
	/* Set by the screen. */
	const struct column *columns;
	size_t column_count;
	const struct field *fields;
	size_t field_count;
	uint64_t (*key)(const void *row); /* what a row is known by */

	/* Order: the index of a column, and whether its way is turned round. */
	size_t sort; /* TABLE_UNSORTED: as they came */
	bool invert;

	/* Position. A selection that nobody chose stays on the first row. */
	bool held;
	uint64_t selected_key;
	size_t selected, top, page;
	size_t skip; /* columns pushed out at the left */

	/* The rows that are shown: pointers into `made`. */
	void **rows;
	size_t count;
	bool has_baseline;
	char *made; /* all rows */
	size_t made_count, row_bytes;

	/* Where the last drawing put things, for clicks. */
	int y, height;
	int column_x[TABLE_COLUMNS_MAX], column_width[TABLE_COLUMNS_MAX];
};

#define TABLE_UNSORTED SIZE_MAX

/*
 * Room for `count` rows of `row_bytes` each, all zero, for the screen to fill;
 * the rows of before are gone and nothing is shown until table_show. NULL
 * without memory.
 */
void *table_make(struct table *table, size_t count, size_t row_bytes);

/*
 * Shows the rows in which a column holds the filter, sorted; then `arrange`
 * may put them in another order (NULL: none). Finds the selected row again.
 */
void table_show(struct table *table, const char *filter,
		bool (*arrange)(void **rows, size_t count));

/* What a cell shows, a bar in `cells` columns. */
void table_cell(const struct column *column, const void *row, int cells,
		char out[VALUE_TEXT_MAX]);

/* Sorts the rows in force by the table's column. */
void table_sort(struct table *table);

/* Draws header and rows into `height` lines from row `y`, `width` columns. */
void table_draw(struct table *table, int y, int height, int width);

/* Moves the selection by `step` rows, stopping at the ends. */
void table_move(struct table *table, long step);
void table_select(struct table *table, size_t index);

/* The selected row, NULL when there is none. */
void *table_selected(const struct table *table);

/* Sorts by column `index` and selects the first row. */
void table_sort_by(struct table *table, size_t index);

/* Turns the order round and selects the first row. */
void table_invert(struct table *table);

/* Sorts by the column of this letter, either case; false if there is none. */
bool table_sort_letter(struct table *table, int letter);

/* Sorts by the next (1) or previous (-1) column that can. */
void table_sort_step(struct table *table, int step);

/* Pushes columns out at the left (1) or brings them back (-1). */
void table_scroll(struct table *table, int step);

/*
 * Selects the next row, or with `step` -1 the previous one, a cell of which
 * holds `text`, going round; `from_here` may stay where it is. False if none.
 */
bool table_search(struct table *table, const char *text, int step,
		  bool from_here);

/* What a click at this place means; false when it is not in the table. */
enum table_hit { TABLE_MISS, TABLE_HIT_COLUMN, TABLE_HIT_ROW };
enum table_hit table_click(struct table *table, int y, int x, size_t *index);

#endif
