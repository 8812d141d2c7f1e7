/*
 * Checks a program's modules and sites, as check.h the hello and the state: put
 * right in place, or refused. Pure. Main thread only.
 */
#ifndef HAKMEMD_SITE_CHECK_H
#define HAKMEMD_SITE_CHECK_H

#include <stddef.h>

#include "proto/hakmem.pb-c.h"

#define SITE_ID_MAX	 (1u << 20) /* ids count from 1 in a fixed table */
#define SITE_DEPTH_MAX	 512u	    /* frames of a stack */
#define SITE_THREAD_MAX	 31u	    /* bytes of a thread's name */
#define MODULE_ID_MAX	 (1u << 16)
#define MODULE_BUILD_MAX 64u /* bytes of a build-id */

/* NULL, or why the message is refused (a constant). */
const char *site_check_modules(const Hakmem__Modules *modules);

/* `classes`: in the program's hello, which has passed check_hello. */
const char *site_check_sites(Hakmem__Sites *sites, size_t classes);

#endif
