/*
 * The helper process that looks into programs: it loads the daemon's own
 * libhakmem.so and runs it over the mirrored variables of theirs. It knows
 * nothing but its socket, and may die at any time.
 */
#ifndef HAKMEMD_LOOK_HELPER_H
#define HAKMEMD_LOOK_HELPER_H

/* Answers what comes through `channel` until it is closed; then exits.
 * `library` is the path of libhakmem.so. */
_Noreturn void look_helper_run(int channel, const char *library);

#endif
