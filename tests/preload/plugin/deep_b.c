/* As deep_a, with frames of another size, so that its unwind information is
 * another one at the same addresses. */
#define ROOM 104
#include "tests/preload/plugin/deep_a.c"
