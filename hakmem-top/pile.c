#include "hakmem-top/pile.h"

#include <stdlib.h>
#include <string.h>

bool pile_append(void *to, const void *data, size_t length)
{
	struct pile *pile = to;
	char *grown;

	if (length > PILE_MAX - pile->length)
		return false;
	grown = realloc(pile->data, pile->length + length + 1);
	if (!grown)
		return false;
	if (length)
		memcpy(grown + pile->length, data, length);
	pile->data = grown;
	pile->length += length;
	return true;
}

void pile_clear(struct pile *pile)
{
	free(pile->data);
	*pile = (struct pile){.data = NULL};
}
