#include "libhakmem/unwind/cfi.h"

#include "libhakmem/unwind/module.h"

#include <dwarf.h>
#include <string.h>

/* Registers by their DWARF numbers. */
#if defined(__x86_64__)
#define REG_FP 6
#define REG_SP 7
#define REG_RA 16
#elif defined(__aarch64__)
#define REG_FP 29
#define REG_SP 31
#define REG_RA 30
#endif

#define NO_SANITIZE __attribute__((no_sanitize("address", "thread")))

#define RECORD_MAX 65536u /* bytes; the longest of gcc's cc1 has 20,064 */
#define DEPTH_MAX  4u	  /* of remembered rows; no program seen needs more */

/* What is left of a record. */
struct reader {
	const uint8_t *at, *end;
	bool failed; /* there was less, or nonsense */
};

enum how {
	OTHERWISE, /* than what follows */
	SAME,	   /* as it is */
	UNDEFINED, /* there is none */
	AT_CFA,	   /* in memory, so far from the cfa */
	SUM,	   /* in memory, so far from a register; the cfa: that place */
	WORD,	   /* (the cfa only) the word there */
};

/* How to find a register of the caller, or the cfa. */
struct place {
	enum how how;
	uint32_t reg;
	int64_t distance;
};

struct row {
	struct place cfa, back, fp;
};

/* What the programs of a CIE and an FDE are run on. */
struct machine {
	uintptr_t code, at; /* the place asked for; where the row begins */
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding; /* of addresses */
	bool sized;	  /* the CIE says how long its extra data are, */
	bool signal;	  /* and that the kernel made this frame */
	bool passed;	  /* at > code */
	bool failed;	  /* malformed, or more than is read here */
	struct row row, first, kept[DEPTH_MAX];
	unsigned depth;
	struct place ignored; /* of all other registers */
};

/* --- reading -------------------------------------------------------------- */

static size_t cfi_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static void cfi_skip(struct reader *r, uint64_t bytes)
{
	if (bytes > cfi_left(r)) {
		r->failed = true;
		r->at = r->end;
		return;
	}
	r->at += bytes;
}

/* Little-endian, 1 to 8 bytes; 0 when there are less. They are the module's,
 * and may lie anywhere in it: no sanitizer is to look. */
static NO_SANITIZE uint64_t cfi_take(struct reader *r, unsigned bytes)
{
	const uint8_t *at = r->at;
	uint64_t value = 0;

	cfi_skip(r, bytes);
	if (r->failed)
		return 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static int64_t cfi_take_signed(struct reader *r, unsigned bytes)
{
	unsigned unused = 64 - 8 * bytes;

	return (int64_t)(cfi_take(r, bytes) << unused) >> unused;
}

/* LEB128: 7 bits a byte, the lowest first. *bits is how many there were. */
static uint64_t cfi_take_bits(struct reader *r, unsigned *bits)
{
	uint64_t value = 0, byte = 0x80;

	for (*bits = 0; byte & 0x80 && *bits < 70; *bits += 7) {
		byte = cfi_take(r, 1);
		if (*bits < 64)
			value |= (byte & 0x7F) << *bits;
	}
	if (byte & 0x80)
		r->failed = true;
	return value;
}

static uint64_t cfi_take_number(struct reader *r)
{
	unsigned bits;

	return cfi_take_bits(r, &bits);
}

static int64_t cfi_take_distance(struct reader *r)
{
	unsigned bits;
	uint64_t value = cfi_take_bits(r, &bits);

	if (bits < 64 && bits != 0 && value >> (bits - 1) & 1)
		value |= ~UINT64_C(0) << bits;
	return (int64_t)value;
}

/* -1 stands for a register whose number is none. */
static uint32_t cfi_take_register(struct reader *r)
{
	uint64_t reg = cfi_take_number(r);

	return reg < UINT32_MAX ? (uint32_t)reg : UINT32_MAX;
}

/* What linkers say of a procedure linkage table, entries of 16 bytes that push
 * a word on their way: sp + 8 + ((place & 15) >= N) * 8. */
static bool cfi_is_plt(const struct reader *r, uintptr_t code,
		       struct place *out)
{
#if defined(__x86_64__)
	static const uint8_t begin[] = {DW_OP_breg0 + REG_SP, 8,
					DW_OP_breg0 + REG_RA, 0,
					DW_OP_lit15,	      DW_OP_and};
	static const uint8_t end[] = {DW_OP_ge, DW_OP_lit3, DW_OP_shl,
				      DW_OP_plus};
	const uint8_t *middle = r->at + sizeof(begin);

	if (cfi_left(r) != sizeof(begin) + 1 + sizeof(end) ||
	    memcmp(r->at, begin, sizeof(begin)) != 0 ||
	    memcmp(middle + 1, end, sizeof(end)) != 0 || *middle < DW_OP_lit0 ||
	    *middle > DW_OP_lit15)
		return false;
	*out = (struct place){.how = SUM, .reg = REG_SP, .distance = 8};
	if ((code & 15) >= (uintptr_t)(*middle - DW_OP_lit0))
		out->distance = 16;
	return true;
#else
	(void)r;
	(void)code;
	(void)out;
	return false;
#endif
}

/* A block that begins with its length: an expression, which may be no more than
 * a register, a distance and maybe a look at the word there. */
static struct place cfi_take_expression(struct reader *r, uintptr_t code)
{
	struct place place = {.how = OTHERWISE};
	uint64_t bytes = cfi_take_number(r);
	struct reader in = {.at = r->at};
	uint64_t what;

	cfi_skip(r, bytes);
	in.end = r->at;
	if (r->failed || cfi_is_plt(&in, code, &place))
		return place;
	what = cfi_take(&in, 1);
	place.reg = (uint32_t)what - DW_OP_breg0;
	place.distance = cfi_take_distance(&in);
	if (in.failed || what < DW_OP_breg0 || what > DW_OP_breg31)
		return place;
	if (in.at == in.end)
		place.how = SUM;
	else if (cfi_take(&in, 1) == DW_OP_deref && in.at == in.end)
		place.how = WORD;
	return place;
}

/* What an encoding's lower half says: how the number is written. */
static uint64_t cfi_take_encoded(struct reader *r, uint8_t encoding)
{
	switch (encoding & 0x0F) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return cfi_take(r, 8);
	case DW_EH_PE_uleb128:
		return cfi_take_number(r);
	case DW_EH_PE_sleb128:
		return (uint64_t)cfi_take_distance(r);
	case DW_EH_PE_udata2:
		return cfi_take(r, 2);
	case DW_EH_PE_sdata2:
		return (uint64_t)cfi_take_signed(r, 2);
	case DW_EH_PE_udata4:
		return cfi_take(r, 4);
	case DW_EH_PE_sdata4:
		return (uint64_t)cfi_take_signed(r, 4);
	default:
		r->failed = true;
		return 0;
	}
}

/* An address in the code: relative to itself, or absolute. */
static uintptr_t cfi_take_address(struct reader *r, uint8_t encoding)
{
	uintptr_t here = (uintptr_t)r->at;
	uintptr_t value = cfi_take_encoded(r, encoding);

	switch (encoding & 0xF0) {
	case DW_EH_PE_absptr:
		return value;
	case DW_EH_PE_pcrel:
		return here + value;
	default:
		r->failed = true;
		return 0;
	}
}

/* --- instructions --------------------------------------------------------- */

static struct place *cfi_place_of(struct machine *m, uint64_t reg)
{
	if (reg == REG_FP)
		return &m->row.fp;
	return reg == REG_RA ? &m->row.back : &m->ignored;
}

static int64_t cfi_scaled(const struct machine *m, int64_t factor)
{
	return (int64_t)((uint64_t)factor * (uint64_t)m->data_align);
}

static void cfi_advance(struct machine *m, uint64_t steps)
{
	m->at += steps * m->code_align;
	m->passed = m->at > m->code;
}

static void cfi_restore(struct machine *m, uint64_t reg)
{
	if (reg == REG_FP)
		m->row.fp = m->first.fp;
	if (reg == REG_RA)
		m->row.back = m->first.back;
}

static void cfi_put(struct machine *m, uint64_t reg, enum how how,
		    int64_t distance)
{
	*cfi_place_of(m, reg) =
		(struct place){.how = how, .distance = distance};
}

/* Instructions about the place and about whole rows; false: about neither. */
static bool cfi_do_rows(struct machine *m, struct reader *r, uint8_t what)
{
	switch (what) {
	case DW_CFA_nop:
		break;
	case DW_CFA_set_loc:
		m->at = cfi_take_address(r, m->encoding);
		m->passed = m->at > m->code;
		break;
	case DW_CFA_advance_loc1:
		cfi_advance(m, cfi_take(r, 1));
		break;
	case DW_CFA_advance_loc2:
		cfi_advance(m, cfi_take(r, 2));
		break;
	case DW_CFA_advance_loc4:
		cfi_advance(m, cfi_take(r, 4));
		break;
	case DW_CFA_remember_state:
		r->failed |= m->depth == DEPTH_MAX;
		if (!r->failed)
			m->kept[m->depth++] = m->row;
		break;
	case DW_CFA_restore_state:
		r->failed |= m->depth == 0;
		if (!r->failed)
			m->row = m->kept[--m->depth];
		break;
	case DW_CFA_GNU_args_size:
		cfi_take_number(r);
		break;
	default:
		return false;
	}
	return true;
}

static bool cfi_do_cfa(struct machine *m, struct reader *r, uint8_t what)
{
	struct place *cfa = &m->row.cfa;

	switch (what) {
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
		cfa->how = SUM;
		cfa->reg = cfi_take_register(r);
		cfa->distance = what == DW_CFA_def_cfa
					? (int64_t)cfi_take_number(r)
					: cfi_scaled(m, cfi_take_distance(r));
		break;
	case DW_CFA_def_cfa_register:
		r->failed |= cfa->how != SUM;
		cfa->reg = cfi_take_register(r);
		break;
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
		r->failed |= cfa->how != SUM;
		cfa->distance = what == DW_CFA_def_cfa_offset
					? (int64_t)cfi_take_number(r)
					: cfi_scaled(m, cfi_take_distance(r));
		break;
	case DW_CFA_def_cfa_expression:
		*cfa = cfi_take_expression(r, m->code);
		break;
	default:
		return false;
	}
	return true;
}

/* Instructions about a register; `reg` is its number. */
static void cfi_do_register(struct machine *m, struct reader *r, uint8_t what,
			    uint64_t reg)
{
	switch (what) {
	case DW_CFA_offset_extended:
		cfi_put(m, reg, AT_CFA,
			cfi_scaled(m, (int64_t)cfi_take_number(r)));
		break;
	case DW_CFA_offset_extended_sf:
		cfi_put(m, reg, AT_CFA, cfi_scaled(m, cfi_take_distance(r)));
		break;
	case DW_CFA_GNU_negative_offset_extended:
		cfi_put(m, reg, AT_CFA,
			cfi_scaled(m, -(int64_t)cfi_take_number(r)));
		break;
	case DW_CFA_restore_extended:
		cfi_restore(m, reg);
		break;
	case DW_CFA_undefined:
		cfi_put(m, reg, UNDEFINED, 0);
		break;
	case DW_CFA_same_value:
		cfi_put(m, reg, SAME, 0);
		break;
	case DW_CFA_register:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		cfi_put(m, reg, OTHERWISE, 0);
		cfi_take_number(r);
		break;
	case DW_CFA_val_expression:
		cfi_take_expression(r, m->code);
		cfi_put(m, reg, OTHERWISE, 0);
		break;
	case DW_CFA_expression:
		*cfi_place_of(m, reg) = cfi_take_expression(r, m->code);
		break;
	default:
		r->failed = true;
	}
}

/* To the end, or until the place is passed. */
static void cfi_run(struct machine *m, struct reader *r)
{
	while (r->at < r->end && !r->failed && !m->passed) {
		uint8_t what = (uint8_t)cfi_take(r, 1);
		uint8_t low = what & 0x3F;

		if (what >> 6 == DW_CFA_advance_loc >> 6)
			cfi_advance(m, low);
		else if (what >> 6 == DW_CFA_offset >> 6)
			cfi_do_register(m, r, DW_CFA_offset_extended, low);
		else if (what >> 6 == DW_CFA_restore >> 6)
			cfi_restore(m, low);
		else if (!cfi_do_rows(m, r, what) && !cfi_do_cfa(m, r, what))
			cfi_do_register(m, r, what, cfi_take_number(r));
	}
}

/* --- records -------------------------------------------------------------- */

static bool cfi_open_record(uint32_t module, uintptr_t address,
			    struct reader *out)
{
	const uint8_t *at = (const uint8_t *)address;
	uint64_t length;

	*out = (struct reader){.at = at, .end = at + 4};
	if (!module_holds(module, address, 4))
		return false;
	length = cfi_take(out, 4);
	out->end = out->at + length;
	return length <= RECORD_MAX &&
	       module_holds(module, address + 4, length);
}

/* What the letters of a CIE announce. */
static void cfi_read_augmentation(struct machine *m, struct reader *r,
				  const char *letter)
{
	uint64_t bytes = cfi_take_number(r);
	struct reader in = {.at = r->at};

	cfi_skip(r, bytes);
	in.end = r->at;
	for (; *letter && !in.failed; letter++) {
		if (*letter == 'R')
			m->encoding = (uint8_t)cfi_take(&in, 1);
		else if (*letter == 'P')
			cfi_take_encoded(&in, (uint8_t)cfi_take(&in, 1));
		else if (*letter == 'L')
			cfi_take(&in, 1);
		else if (*letter == 'S')
			m->signal = true;
		else
			break; /* the length leads past what is not known */
	}
	r->failed |= in.failed;
}

/* Reads a CIE and runs its program. */
static bool cfi_enter_cie(struct machine *m, uint32_t module, uintptr_t address)
{
	const char *letters;
	struct reader r;
	uint8_t version;
	uint64_t back;

	if (!cfi_open_record(module, address, &r) || cfi_take(&r, 4) != 0)
		return false;
	version = (uint8_t)cfi_take(&r, 1);
	letters = (const char *)r.at;
	while (cfi_take(&r, 1) != 0)
		;
	m->code_align = cfi_take_number(&r);
	m->data_align = cfi_take_distance(&r);
	back = version == 1 ? cfi_take(&r, 1) : cfi_take_number(&r);
	if (r.failed || (version != 1 && version != 3) || back != REG_RA)
		return false;
	if (*letters == 'z') {
		m->sized = true;
		cfi_read_augmentation(m, &r, letters + 1);
	} else if (*letters) {
		return false;
	}
	cfi_run(m, &r);
	m->first = m->row;
	/* It is about no place, so it may not move. */
	return !r.failed && m->depth == 0 && m->at == 0 && !m->passed;
}

/* Reads an FDE and its CIE, and runs both up to the place. False: this is no
 * description of it. */
static bool cfi_describe(struct machine *m, uint32_t module, uintptr_t address)
{
	struct reader r;
	uintptr_t here, start, bytes;
	uint64_t back;

	m->failed = true;
	if (!cfi_open_record(module, address, &r))
		return true;
	here = (uintptr_t)r.at;
	back = cfi_take(&r, 4);
	if (!cfi_enter_cie(m, module, here - back))
		return true;
	start = cfi_take_address(&r, m->encoding);
	bytes = cfi_take_encoded(&r, m->encoding);
	if (r.failed)
		return true;
	if (m->code - start >= bytes)
		return false;
	if (m->sized)
		cfi_skip(&r, cfi_take_number(&r));
	m->at = start;
	cfi_run(m, &r);
	m->failed = r.failed;
	return true;
}

/* --- from a row to a rule ------------------------------------------------- */

static bool cfi_fits(int64_t distance)
{
	return distance % 8 == 0 && distance <= RULE_DISTANCE_MAX &&
	       distance >= -RULE_DISTANCE_MAX;
}

static enum rule_base cfi_signal_base(const struct row *row)
{
	return row->cfa.how == WORD && row->cfa.reg == REG_SP &&
			       row->back.how == SUM &&
			       row->back.reg == REG_SP &&
			       row->back.distance == row->cfa.distance + 8
		       ? RULE_SIGNAL
		       : RULE_DWARF;
}

static enum rule_base cfi_base_of(const struct machine *m)
{
	const struct row *row = &m->row;
	bool by_sp = row->cfa.reg == REG_SP;

	if (m->failed || (row->cfa.how != SUM && row->cfa.how != WORD))
		return RULE_DWARF;
	if (!by_sp && row->cfa.reg != REG_FP)
		return RULE_LOST;
	/* As libunwind sees it, also without a frame pointer. */
	if (row->back.how == UNDEFINED || row->fp.how == UNDEFINED)
		return RULE_END;
	if (!cfi_fits(row->cfa.distance))
		return RULE_DWARF;
	if (m->signal)
		return cfi_signal_base(row);
	if (row->back.how != AT_CFA || row->back.distance != -8)
		return RULE_DWARF;
	if (row->cfa.how == WORD)
		return by_sp ? RULE_SP_AT : RULE_FP_AT;
	if (row->cfa.distance <= 0)
		return RULE_DWARF;
	return by_sp ? RULE_SP : RULE_FP;
}

/* Completes a rule by where the frame pointer was saved; false: it cannot say
 * that. */
static bool cfi_add_fp(const struct row *row, struct rule *out)
{
	bool by_cfa = out->base == RULE_SP || out->base == RULE_FP;

	if (row->fp.how == SAME)
		return true;
	out->saves_fp = true;
	out->fp = (int32_t)(by_cfa ? -row->fp.distance : row->fp.distance);
	if (!cfi_fits(row->fp.distance))
		return false;
	if (by_cfa)
		return row->fp.how == AT_CFA && out->fp > 0;
	return row->fp.how == SUM && row->fp.reg == row->cfa.reg;
}

COLD void cfi_learn(uintptr_t code, uint32_t module, struct rule *out)
{
	struct machine m = {.code = code};
	struct module_frames frames;
	uintptr_t entry;
	int32_t offset;

	*out = (struct rule){.base = RULE_GUESS,
			     .module = module,
			     .stays = module_stays(module)};
	if (!module_frames(module, &frames) ||
	    !module_entry(&frames, code, &entry))
		return;
	memcpy(&offset, (const void *)(entry + sizeof(offset)), sizeof(offset));
	m.row.cfa.how = OTHERWISE;
	m.row.back.how = m.row.fp.how = SAME;
	if (!cfi_describe(&m, module, frames.header + (uintptr_t)offset))
		return;
	out->base = cfi_base_of(&m);
	if (out->base == RULE_DWARF || out->base == RULE_LOST ||
	    out->base == RULE_END)
		return;
	out->cfa = (int32_t)m.row.cfa.distance;
	if (!cfi_add_fp(&m.row, out))
		*out = (struct rule){.base = RULE_DWARF,
				     .module = module,
				     .stays = out->stays};
}
