#include "libhakmem/rule.h"

#include "libhakmem/meta.h"

#include <string.h>

#define SETS 2048u
#define WAYS 4u

/* data: module 12 bits, stays 1, base 2, cfa / 8 20, fp / 8 20 */
struct way {
	uint64_t code, data;
};

struct table {
	struct way set[SETS][WAYS];
	uint32_t version[SETS]; /* odd while a set is being written */
	uint8_t next[SETS];	/* the way to be pushed out */
};

static struct table *table;

bool rule_start(void)
{
	if (!table)
		table = meta_alloc(sizeof(*table));
	return table != NULL;
}

static uint32_t set_of(uintptr_t code)
{
	return (uint32_t)(code * 0x9E3779B97F4A7C15u >> 53) % SETS;
}

static uint64_t pack(const struct rule *rule)
{
	return (uint64_t)rule->module << 43 | (uint64_t)rule->stays << 42 |
	       (uint64_t)rule->base << 40 | (uint64_t)(rule->cfa / 8) << 20 |
	       rule->fp / 8;
}

static void unpack(uint64_t data, struct rule *out)
{
	out->module = (uint32_t)(data >> 43);
	out->stays = data >> 42 & 1;
	out->base = (enum rule_base)(data >> 40 & 3);
	out->cfa = (uint32_t)(data >> 20 & 0xFFFFF) * 8;
	out->fp = (uint32_t)(data & 0xFFFFF) * 8;
}

bool rule_find(uintptr_t code, struct rule *out)
{
	uint32_t set = set_of(code);
	struct way *way = table->set[set];
	/* acquire: pairs with the release at the end of rule_store */
	uint32_t version =
		__atomic_load_n(&table->version[set], __ATOMIC_ACQUIRE);
	uint64_t data = 0;
	bool found = false;

	for (unsigned i = 0; i < WAYS && !found; i++)
		/* acquire: the version is read again after these, which pair
		 * with the releases in rule_store */
		if (__atomic_load_n(&way[i].code, __ATOMIC_ACQUIRE) == code) {
			data = __atomic_load_n(&way[i].data, __ATOMIC_ACQUIRE);
			found = true;
		}
	if (!found || version % 2 != 0 ||
	    peek32(&table->version[set]) != version)
		return false;
	unpack(data, out);
	return true;
}

void rule_store(uintptr_t code, const struct rule *rule)
{
	uint32_t set = set_of(code);
	struct way *way = table->set[set];
	uint32_t version = peek32(&table->version[set]);
	unsigned i = 0;

	if (version % 2 != 0 ||
	    !__atomic_compare_exchange_n(&table->version[set], &version,
					 version + 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	while (i < WAYS && way[i].code != code)
		i++;
	if (i == WAYS)
		i = table->next[set]++ % WAYS;
	/* release: neither is seen before the odd version */
	__atomic_store_n(&way[i].code, code, __ATOMIC_RELEASE);
	__atomic_store_n(&way[i].data, pack(rule), __ATOMIC_RELEASE);
	__atomic_store_n(&table->version[set], version + 2, __ATOMIC_RELEASE);
}

void rule_forget(void)
{
	memset(table, 0, sizeof(*table));
}
