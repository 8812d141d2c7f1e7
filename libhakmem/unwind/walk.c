#include "libhakmem/unwind/walk.h"

#include "libhakmem/unwind/cfi.h"
#include "libhakmem/unwind/dwarf.h"
#include "libhakmem/unwind/quiesce.h"
#include "libhakmem/base/meta.h"
#include "libhakmem/unwind/module.h"
#include "libhakmem/unwind/stack.h"
#include "libhakmem/base/vm.h"

#include <errno.h>
#include <string.h>

#define SLOTS	    8u
#define STACK_BYTES (32 * KIB)
#define GUESS_BYTES 16384u /* the largest frame of unknown code */

/* One walk. */
struct walker {
	struct unwind_stack *out;
	struct dwarf_frame frame; /* the one under way */
	struct dwarf_reader reader;
	struct rule rule; /* of the frame, if it is known */
	bool known;
	uint32_t first;	  /* the first word that the step under way has read */
	bool fp_is_leafs; /* the frame pointer is still the leaf's */
	bool inexact;	  /* the trace cannot tell all that mattered */
	bool rules, stop;
	bool failed;  /* no answer about a module */
	uintptr_t pc; /* that the step under way led to, */
	bool signal;  /* out of a frame that the kernel made, */
	int result;   /* and how dwarf_step ended */
	struct stackcache_trace trace;
};

struct slot {
	uintptr_t owner; /* see quiesce.h */
	char *top;	 /* of its stack for libunwind; NULL: not loaded yet */
	struct walker walker;
};

static struct slot *walk_slots;
static bool walk_loading;

/* Where libunwind is wanted from the start: debug builds compare with it, and
 * only x86-64 has return addresses where rules look for them. */
#if defined(__x86_64__)
static bool walk_wants_dwarf = DEBUG_BUILD;
#else
static bool walk_wants_dwarf = true;
#endif
static uint64_t walk_replaced; /* module_replaced() as of the last flush */
static bool walk_use_rules = true;

/* --- reading ------------------------------------------------------------- */

/* A word of the stack, which is the program's: no sanitizer is to look. */
static __attribute__((no_sanitize("address", "thread"))) uint64_t
walk_word_at(uintptr_t address)
{
	return *(const uint64_t *)address;
}

static void walk_note_word(struct walker *w, uintptr_t address, uint64_t value)
{
	struct stackcache_trace *trace = &w->trace;
	uint64_t offset = address - trace->key.sp;
	uint32_t at = (uint32_t)(offset / 8) << 5;

	for (uint32_t i = trace->words; i > w->first; i--)
		if (trace->at[i - 1] == at)
			return;
	if (trace->words == STACKCACHE_WORDS || offset % 8 != 0 ||
	    offset >> 3 >= UINT32_C(1) << 27) {
		w->inexact = true;
		return;
	}
	trace->at[trace->words] = at;
	trace->value[trace->words++] = value;
}

static bool walk_read_stack(void *arg, uintptr_t address, uint64_t *value)
{
	struct walker *w = arg;
	const struct stackcache_key *key = &w->trace.key;

	if (!is_aligned(address, 8))
		return false;
	if (address >= key->sp && address < key->high &&
	    key->high - address >= 8) {
		*value = walk_word_at(address);
		walk_note_word(w, address, *value);
		return true;
	}
	if (!stack_holds(address)) {
		/* More of the main stack may be known to be in use later. */
		w->inexact = w->inexact || stack_is_main(address);
		return false;
	}
	*value = walk_word_at(address);
	w->inexact = true;
	return true;
}

/* Read where it was saved only when somebody asks: most never do. */
static bool walk_read_fp(void *arg, uint64_t *value)
{
	struct walker *w = arg;

	if (w->fp_is_leafs)
		w->trace.fp_matters = true;
	if (w->frame.fp_saved)
		return walk_read_stack(w, w->frame.fp, value);
	*value = w->frame.fp;
	return true;
}

/* --- frames -------------------------------------------------------------- */

/* The place in the trace of the module that the frame is in. */
static uint32_t walk_note_module(struct walker *w, bool stays)
{
	struct stackcache_trace *trace = &w->trace;
	uint32_t module = w->frame.module;
	uintptr_t inside = stays ? 0 : w->frame.code;
	uint32_t i = 0;

	for (; i < trace->modules; i++)
		if (trace->module[i] == module &&
		    (module != MODULE_NONE || trace->inside[i] == inside))
			return i;
	if (i == STACKCACHE_MODULES) {
		w->inexact = true;
		return 0;
	}
	trace->module[i] = module;
	trace->inside[i] = inside;
	trace->modules++;
	return i;
}

/* Appends the frame, whose pc was just read from the stack. */
static void walk_add_frame(struct walker *w, bool stays)
{
	struct stackcache_trace *trace = &w->trace;
	struct unwind_stack *out = w->out;
	uint32_t module = walk_note_module(w, stays);
	uintptr_t code = w->frame.code;
	uintptr_t stored = w->frame.exact ? code : code + 1;
	uint32_t i = trace->words;

	if (out->depth == 0) {
		out->pc[0] = code;
		trace->leaf = module;
	} else {
		out->pc[out->depth] = code + 1;
		while (i > w->first && trace->value[i - 1] != stored)
			i--;
		if (i > w->first)
			trace->at[i - 1] |=
				STACKCACHE_PC | module << 2 |
				(w->frame.exact ? STACKCACHE_EXACT : 0);
		else
			w->inexact = true;
	}
	out->module[out->depth++] = w->frame.module;
}

/* Code of another module now stands where libunwind may remember some. */
static void walk_flush_if_replaced(void)
{
	uint64_t now = module_replaced();

	if (peek64(&walk_replaced) == now)
		return;
	dwarf_flush();
	__atomic_store_n(&walk_replaced, now, __ATOMIC_RELAXED);
}

/* Finds out about the code of the frame and adds it; false: not that one. */
static bool walk_enter_frame(struct walker *w)
{
	bool stays;

	w->known = w->rules && rule_find(w->frame.code, &w->rule);
	if (w->known && w->rule.stays) {
		w->frame.module = w->rule.module;
		stays = true;
	} else {
		w->frame.module = module_of(w->frame.code);
		if (w->frame.module == MODULE_UNKNOWN) {
			w->failed = true;
			return false;
		}
		walk_flush_if_replaced();
		w->known = w->known && w->rule.module == w->frame.module;
		stays = module_stays(w->frame.module);
	}
	if (w->stop && !stays && w->frame.module != MODULE_NONE)
		return false;
	walk_add_frame(w, stays);
	return true;
}

/* --- stepping ------------------------------------------------------------ */

static bool walk_load_fp(struct walker *w, uint64_t *value)
{
	return walk_read_fp(w, value) && is_aligned(*value, 8);
}

/* To the caller, whose stack pointer is `cfa`; `back` and `fp` are where its
 * address in the code and its frame pointer are. */
ALWAYS_INLINE int walk_leave_frame(struct walker *w, uintptr_t cfa,
				   uintptr_t back, uintptr_t fp)
{
	uint64_t pc;

	if (!walk_read_stack(w, back, &pc))
		return -1;
	w->frame.sp = cfa;
	if (w->rule.saves_fp) {
		w->frame.fp = fp;
		w->frame.fp_saved = true;
		w->fp_is_leafs = false;
	}
	w->pc = pc;
	return 1;
}

static int walk_step_by_rule(struct walker *w)
{
	const struct rule *rule = &w->rule;
	uint64_t base = w->frame.sp;
	uintptr_t cfa;

	if (rule->base == RULE_FP && !walk_load_fp(w, &base))
		return -1;
	cfa = base + (uintptr_t)rule->cfa;
	w->signal = false;
	return cfa <= w->frame.sp ? -1
				  : walk_leave_frame(w, cfa, cfa - 8,
						     cfa - (uintptr_t)rule->fp);
}

/* The cfa was kept in memory. */
static NOINLINE int walk_step_by_word(struct walker *w)
{
	const struct rule *rule = &w->rule;
	uint64_t base = w->frame.sp, cfa;
	uintptr_t at, fp;

	if (rule->base == RULE_FP_AT && !walk_load_fp(w, &base))
		return -1;
	at = base + (uintptr_t)(intptr_t)rule->cfa;
	fp = base + (uintptr_t)(intptr_t)rule->fp;
	w->signal = rule->base == RULE_SIGNAL;
	if (!walk_read_stack(w, at, &cfa))
		return -1;
	/* Stacks grow down; only a signal's may lie elsewhere. */
	if (w->signal)
		return walk_leave_frame(w, cfa, at + 8, fp);
	return cfa <= w->frame.sp ? -1 : walk_leave_frame(w, cfa, cfa - 8, fp);
}

/* Code without a description, above all code that no module holds, made at run
 * time: there is nothing to go by but the frame pointer, if it looks like one.
 */
static int walk_step_guess(struct walker *w)
{
	uint64_t fp, back;

	if (!walk_load_fp(w, &fp) || fp < w->frame.sp ||
	    fp - w->frame.sp > GUESS_BYTES ||
	    !walk_read_stack(w, fp + 8, &back))
		return -1;
	w->frame.sp = fp + 16;
	w->frame.fp = fp;
	w->frame.fp_saved = true;
	w->fp_is_leafs = false;
	w->pc = back;
	w->signal = false;
	return back < VM_PAGE ? -1 : 1;
}

static void walk_run_step(void *arg)
{
	struct walker *w = arg;

	w->result = dwarf_step(&w->frame, &w->reader, &w->pc, &w->signal);
}

static int walk_step_dwarf(struct walker *w, struct slot *slot)
{
	uintptr_t sp = w->frame.sp, fp = w->frame.fp;
	bool saved = w->frame.fp_saved;
	/* acquire: pairs with the release in walk_give_stacks */
	char *top = __atomic_load_n(&slot->top, __ATOMIC_ACQUIRE);

	if (!top) {
		if (!__atomic_load_n(&walk_loading, __ATOMIC_RELAXED))
			__atomic_store_n(&walk_wants_dwarf, true,
					 __ATOMIC_RELAXED);
		w->inexact = true;
		return -1;
	}
	dwarf_call_on(top, walk_run_step, w);
	if (w->frame.fp != fp || w->frame.fp_saved != saved)
		w->fp_is_leafs = false;
	/* Stacks grow down; only a signal's may lie elsewhere. */
	if (w->result > 0 && !w->signal && w->frame.sp <= sp)
		return -1;
	return w->result;
}

static void walk_learn(struct walker *w)
{
	cfi_learn(w->frame.code, w->frame.module, &w->rule);
	rule_store(w->frame.code, &w->rule);
}

static int walk_step_known(struct walker *w, struct slot *slot)
{
	switch (w->rule.base) {
	case RULE_SP:
	case RULE_FP:
		return walk_step_by_rule(w);
	case RULE_DWARF:
		return walk_step_dwarf(w, slot);
	case RULE_END:
		return 0;
	case RULE_LOST:
		return -1;
	case RULE_GUESS:
		return walk_step_guess(w);
	default:
		return walk_step_by_word(w);
	}
}

/* To the caller: 1, 0 at the end, below 0 when it is lost. */
static int walk_step(struct walker *w, struct slot *slot)
{
	int result;

	w->first = w->trace.words;
	if (w->frame.module == MODULE_NONE) {
		result = walk_step_guess(w);
	} else if (w->rules) {
		if (!w->known)
			walk_learn(w);
		result = walk_step_known(w, slot);
	} else {
		result = walk_step_dwarf(w, slot);
	}
	if (result <= 0 || w->pc == 0)
		return result < 0 ? result : 0;
	w->frame.exact = w->signal;
	w->frame.code = w->signal ? w->pc : w->pc - 1;
	return 1;
}

/* Unknown code at the outer end is no code: a stack never ends there, except
 * that its leaf has certainly called us. */
static void walk_drop_unknown(struct walker *w)
{
	struct unwind_stack *out = w->out;

	while (out->depth > 1 && out->module[out->depth - 1] == MODULE_NONE) {
		out->depth--;
		out->truncated = true;
		w->inexact = true;
	}
}

static void walk_run(struct walker *w, struct slot *slot)
{
	struct unwind_stack *out = w->out;
	int result = 1;

	while (result > 0) {
		if (out->depth == UNWIND_DEPTH) {
			out->truncated = true;
			break;
		}
		if (!walk_enter_frame(w)) {
			out->truncated = true;
			w->inexact = true;
			break;
		}
		result = walk_step(w, slot);
	}
	if (result < 0)
		out->truncated = true;
	walk_drop_unknown(w);
}

/* --- slots --------------------------------------------------------------- */

static struct slot *walk_claim(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (quiesce_enter(&walk_slots[i].owner))
			return &walk_slots[i];
	return NULL;
}

void walk_abandon(void)
{
	for (unsigned i = 0; walk_slots && i < SLOTS; i++)
		if (quiesce_is_mine(&walk_slots[i].owner))
			quiesce_leave(&walk_slots[i].owner);
}

bool walk_is_idle(void)
{
	bool idle = true;

	for (unsigned i = 0; walk_slots && i < SLOTS; i++)
		idle = idle && quiesce_is_clear(&walk_slots[i].owner);
	return idle;
}

void walk_forget(void)
{
	for (unsigned i = 0; walk_slots && i < SLOTS; i++)
		walk_slots[i].owner = 0;
	rule_forget();
}

bool walk_start(void)
{
	if (!walk_slots)
		walk_slots = meta_alloc(SLOTS * sizeof(*walk_slots));
	return walk_slots && rule_start();
}

bool walk_needs_dwarf(void)
{
	return __atomic_load_n(&walk_wants_dwarf, __ATOMIC_RELAXED);
}

static void walk_give_stacks(void)
{
	size_t stride = STACK_BYTES + VM_PAGE;
	char *stacks = vm_reserve(SLOTS * stride);

	if (!stacks)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		if (!vm_commit(stacks + i * stride + VM_PAGE, STACK_BYTES))
			return;
	for (unsigned i = 0; i < SLOTS; i++)
		/* release: libunwind is there for who sees this */
		__atomic_store_n(&walk_slots[i].top, stacks + (i + 1) * stride,
				 __ATOMIC_RELEASE);
}

static bool walk_is_loaded(void)
{
	/* acquire: pairs with the release in walk_give_stacks */
	return walk_slots &&
	       __atomic_load_n(&walk_slots[0].top, __ATOMIC_ACQUIRE);
}

/* Others may be walking meanwhile. */
bool walk_load(void)
{
	if (!walk_slots)
		return false;
	if (!__atomic_exchange_n(&walk_loading, true, __ATOMIC_RELAXED) &&
	    dwarf_start())
		walk_give_stacks();
	__atomic_store_n(&walk_wants_dwarf, false, __ATOMIC_RELAXED);
	return walk_is_loaded();
}

void walk_set_rules(bool on)
{
	walk_use_rules = on;
}

static void walk_prepare(struct walker *w, const struct stackcache_key *key,
			 unsigned how, struct unwind_stack *out)
{
	memset(w, 0, offsetof(struct walker, trace));
	memset(&w->trace, 0, offsetof(struct stackcache_trace, at));
	w->trace.key = *key;
	w->reader = (struct dwarf_reader){walk_read_stack, walk_read_fp, w};
	w->out = out;
	w->frame.code = key->pc;
	w->frame.sp = key->sp;
	w->frame.fp = key->fp;
	w->fp_is_leafs = true;
	w->stop = quiesce_is_unloading();
	w->inexact = w->stop;
	w->rules = walk_use_rules && !(how & WALK_PLAIN);
	out->depth = out->site = 0;
	out->cached = 0;
	out->truncated = out->hit = false;
}

bool walk(const struct stackcache_key *key, unsigned how,
	  struct unwind_stack *out)
{
	struct slot *slot = walk_slots ? walk_claim() : NULL;
	struct walker *w;
	int saved = errno;
	bool done;

	if (!slot)
		return false;
	w = &slot->walker;
	walk_prepare(w, key, how, out);
	if (w->rules || walk_is_loaded())
		walk_run(w, slot);
	done = out->depth != 0 && !w->failed;
	w->trace.truncated = out->truncated;
	if (done && (how & WALK_KEEP) && !w->inexact)
		stackcache_store(&w->trace, out);
	quiesce_leave(&slot->owner);
	errno = saved;
	return done;
}
