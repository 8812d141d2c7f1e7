#include "libhakmem/unwind/rule.h"

#include "libhakmem/base/vm.h"

#include <string.h>

#define WAYS	 3u
#define SETS_MIN 64u /* a page */
#define SETS_MAX 4096u

/* data: cfa / 8 20 bits, fp / 8 20, unused 6, module 12, stays 1, saves_fp 1,
 * base 4: signs are where they cost least */
struct way {
	uint64_t code, data;
};

struct set {
	struct way way[WAYS];
	uint32_t version; /* odd while the set is being written */
	uint32_t next;	  /* the way to be pushed out */
} __attribute__((aligned(CACHE_LINE)));
_Static_assert(sizeof(struct set) == CACHE_LINE, "a look-up is a line");
_Static_assert(SETS_MIN * sizeof(struct set) == VM_PAGE, "begins as a page");

/* All of the table is mapped, but only what is in use is touched. */
static struct set *rule_table;
static uint32_t rule_sets = SETS_MIN;
static uint32_t rule_pushed_out;

bool rule_start(void)
{
	if (!rule_table)
		rule_table = vm_map(SETS_MAX * sizeof(*rule_table));
	return rule_table != NULL;
}

static struct set *rule_set_of(uintptr_t code)
{
	return &rule_table[(uint32_t)(code * 0x9E3779B97F4A7C15u >> 40) &
			   (peek32(&rule_sets) - 1)];
}

static uint64_t rule_pack(const struct rule *rule)
{
	return (uint64_t)(uint32_t)(rule->cfa / 8) << 44 |
	       (uint64_t)(uint32_t)(rule->fp / 8) << 44 >> 20 |
	       rule->module << 6 | (uint32_t)rule->stays << 5 |
	       (uint32_t)rule->saves_fp << 4 | (uint32_t)rule->base;
}

static void rule_unpack(uint64_t data, struct rule *out)
{
	out->base = (enum rule_base)(data & 15);
	out->saves_fp = data >> 4 & 1;
	out->stays = data >> 5 & 1;
	out->module = (uint32_t)data >> 6 & 0xFFF;
	out->cfa = (int32_t)((int64_t)data >> 41 & ~7);
	out->fp = (int32_t)((int64_t)(data << 20) >> 41 & ~7);
}

bool rule_find(uintptr_t code, struct rule *out)
{
	const struct set *set = rule_set_of(code);
	/* acquire: pairs with the release at the end of rule_store */
	uint32_t version = __atomic_load_n(&set->version, __ATOMIC_ACQUIRE);
	uint64_t data = 0;
	bool found = false;

	for (unsigned i = 0; i < WAYS && !found; i++)
		/* acquire: the version is read again after these, which pair
		 * with the releases in rule_store */
		if (__atomic_load_n(&set->way[i].code, __ATOMIC_ACQUIRE) ==
		    code) {
			data = __atomic_load_n(&set->way[i].data,
					       __ATOMIC_ACQUIRE);
			found = true;
		}
	if (!found || version % 2 != 0 || peek32(&set->version) != version)
		return false;
	rule_unpack(data, out);
	return true;
}

/* Twice as many sets; what is in the old ones stays there, and half of it is
 * found no more and will be pushed out. */
static void rule_grow_if_crowded(void)
{
	uint32_t now = peek32(&rule_sets);

	if (likely(peek32(&rule_pushed_out) < now) || now == SETS_MAX)
		return;
	__atomic_store_n(&rule_pushed_out, 0, __ATOMIC_RELAXED);
	__atomic_compare_exchange_n(&rule_sets, &now, now * 2, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void rule_store(uintptr_t code, const struct rule *rule)
{
	struct set *set;
	struct way *way;
	uint32_t version;
	unsigned i = 0;

	rule_grow_if_crowded();
	set = rule_set_of(code);
	way = set->way;
	version = peek32(&set->version);
	if (version % 2 != 0 ||
	    !__atomic_compare_exchange_n(&set->version, &version, version + 1,
					 false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return;
	while (i < WAYS && way[i].code != code && way[i].code != 0)
		i++;
	if (i == WAYS) {
		i = set->next++ % WAYS;
		__atomic_fetch_add(&rule_pushed_out, 1, __ATOMIC_RELAXED);
	}
	/* release: neither is seen before the odd version */
	__atomic_store_n(&way[i].code, code, __ATOMIC_RELEASE);
	__atomic_store_n(&way[i].data, rule_pack(rule), __ATOMIC_RELEASE);
	__atomic_store_n(&set->version, version + 2, __ATOMIC_RELEASE);
}

void rule_forget(void)
{
	memset(rule_table, 0, rule_sets * sizeof(*rule_table));
	rule_sets = SETS_MIN;
	rule_pushed_out = 0;
}
