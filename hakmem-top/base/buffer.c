#include "hakmem-top/base/pile.h"

#include <stdlib.h>
#include <string.h>

bool pile_append(void *to, const void *data, size_t length)
{
	struct pile *pile = to;
	size_t needed = pile->length + length + 1;

	if (length > PILE_MAX - pile->length)
		return false;
	if (needed > pile->room) {
		/* Twice as much, or each frame would copy all before it. */
		char *grown = realloc(pile->data, 2 * needed);

		if (!grown)
			return false;
		pile->data = grown;
		pile->room = 2 * needed;
	}
	if (length)
		memcpy(pile->data + pile->length, data, length);
	pile->length += length;
	return true;
}

void pile_clear(struct pile *pile)
{
	free(pile->data);
	*pile = (struct pile){.data = NULL};
}
