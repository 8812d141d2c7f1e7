/* Another file than deep_a, but its code is the same to the byte: at the same
 * address its stacks look the same and yet are of another module. */
#include "tests/preload/plugin/deep_a.c"

extern const char plugin_difference[];
__attribute__((visibility("default"))) const char plugin_difference[] = "c";
