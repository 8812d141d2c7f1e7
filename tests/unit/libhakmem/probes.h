/*
 * Places in code whose unwinding descriptions are written out here, so that it
 * is known how to get from each to its caller. Nobody runs them.
 *
 *   plain    nothing but the return address
 *   pushed   48 bytes of frame, the frame pointer saved 16 below its end
 *   framed   found by the frame pointer, which is saved in the usual place
 *   outer    has no caller
 *   odd      found by a register that is none of the two
 *
 * A probe stands for a return address when 1 is added: the code is one before.
 * On other machines than x86-64 there are none, and who needs them skips.
 */
#ifndef TESTS_UNIT_LIBHAKMEM_PROBES_H
#define TESTS_UNIT_LIBHAKMEM_PROBES_H

#if defined(__x86_64__)
#define PROBES 1
__asm__(".pushsection .text\n"
	"	.cfi_startproc\n"
	"	nop\n"
	"probe_plain:\n"
	"	nop\n"
	"	.cfi_def_cfa_offset 48\n"
	"	.cfi_offset rbp, -16\n"
	"probe_pushed:\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"	.cfi_startproc\n"
	"	.cfi_def_cfa rbp, 16\n"
	"	.cfi_offset rbp, -16\n"
	"	nop\n"
	"probe_framed:\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined rip\n"
	"	nop\n"
	"probe_outer:\n"
	"	nop\n"
	"	.cfi_endproc\n"
	"	.cfi_startproc\n"
	"	.cfi_def_cfa rbx, 16\n"
	"	nop\n"
	"probe_odd:\n"
	"	nop\n"
	"	.cfi_endproc\n"
	".popsection\n");
extern const char probe_plain[], probe_pushed[], probe_framed[], probe_outer[],
	probe_odd[];
#else
#define PROBES 0
static const char probe_plain[1], probe_pushed[1], probe_framed[1],
	probe_outer[1], probe_odd[1];
#endif

#endif
