#include "hakmem-top/ui/help.h"

#include <string.h>

#include "hakmem-top/ui/keys.h"
#include "hakmem-top/term/term.h"

static int help_draw_key(const struct key *key, int y, int width)
{
	term_put(y, 2, 14, TERM_KEY, key->names);
	term_put(y, 17, width - 17, TERM_TEXT, key->help);
	return 1;
}

static void help_draw_column(const struct column *column, int y, int width)
{
	char letter[2] = {column->letter ? column->letter : ' ', '\0'};

	term_put(y, 2, 3, TERM_KEY, letter);
	term_put(y, 5, 11, TERM_TITLE, column->title);
	term_put(y, 17, width - 17, TERM_TEXT, column->help);
}

int help_draw(const struct table *table, int first, int y, int height,
	      int width)
{
	int columns = table ? (int)table->column_count : 0;
	int lines = (int)keys_count + 2 + (columns ? columns + 2 : 0);

	for (int i = 0; i < height && first + i < lines; i++) {
		int line = first + i, key = line - 1;
		int column = key - (int)keys_count - 2;

		if (line == 0)
			term_put(y + i, 1, width - 1, TERM_DIM, "KEYS");
		else if (key < (int)keys_count)
			help_draw_key(&keys_table[key], y + i, width);
		else if (columns && column == -1)
			term_put(y + i, 1, width - 1, TERM_DIM,
				 "COLUMNS of this screen; the letter sorts");
		else if (column >= 0 && column < columns)
			help_draw_column(&table->columns[column], y + i, width);
	}
	return lines;
}

void help_print(FILE *out)
{
	const struct table *table = screen_processes.table();

	fputs("\nKeys:\n", out);
	for (size_t i = 0; i < keys_count; i++)
		fprintf(out, "  %-14s%s\n", keys_table[i].names,
			keys_table[i].help);
	fputs("\nColumns, with the letter that sorts:\n", out);
	for (size_t i = 0; i < table->column_count; i++)
		fprintf(out, "  %c %-12s%s\n", table->columns[i].letter,
			table->columns[i].title, table->columns[i].help);
	fputs("\nEnvironment:\n"
	      "  HAKMEM_SOCKET  the daemon's socket\n"
	      "  HAKMEM_LIB     libhakmem.so for commands, when it is not near "
	      "hakmem-top\n"
	      "  NO_COLOR       no colors\n"
	      "\nExit status: 0 done, 1 failure, 2 usage; with a command its "
	      "own, 128+N for signal N.\n",
	      out);
}
