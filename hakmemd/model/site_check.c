#include "hakmemd/model/site_check.h"

#include <math.h>
#include <stdbool.h>

#include "hakmemd/model/check.h"
#include "proto/ages.h"

static const char *site_check_module(Hakmem__Module *module)
{
	uint64_t end;

	if (module->module_id == 0 || module->module_id > MODULE_ID_MAX)
		return "a module's id is out of range";
	if (module->build_id.len > MODULE_BUILD_MAX)
		return "a build-id is too long";
	if (module->start > module->end ||
	    __builtin_add_overflow(module->text_start, module->text_bytes,
				   &end))
		return "a module's range makes no sense";
	if (*module->path)
		check_string(module->path, CHECK_STRING_MAX);
	return NULL;
}

const char *site_check_modules(const Hakmem__Modules *modules)
{
	const char *why = NULL;

	for (size_t i = 0; !why && i < modules->n_modules; i++)
		why = site_check_module(modules->modules[i]);
	return why;
}

/* What rounding left below zero when all samples were gone is zero. */
static bool site_check_settle(double *sum)
{
	if (!isfinite(*sum) || *sum > CHECK_SUM_MAX)
		return false;
	if (*sum < 0)
		*sum = 0;
	return true;
}

static void site_check_settle_count(uint64_t *count)
{
	if (*count > CHECK_COUNT_MAX)
		*count = CHECK_COUNT_MAX;
}

static bool site_check_sums_fit(Hakmem__SiteClass *class)
{
	double *sums[] = {
		&class->alloc_objects,	&class->alloc_objects_var,
		&class->alloc_bytes,	&class->alloc_bytes_var,
		&class->live_objects,	&class->live_objects_var,
		&class->live_bytes,	&class->live_bytes_var,
		&class->peak_bytes,	&class->peak_objects,
		&class->peak_bytes_var, &class->peak_objects_var,
		&class->highest_bytes,	&class->live_birth_seconds,
	};

	site_check_settle_count(&class->samples);
	site_check_settle_count(&class->live_samples);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		if (!site_check_settle(sums[i]))
			return false;
	for (size_t i = 0; i < class->n_lifetimes; i++)
		if (!site_check_settle(&class->lifetimes[i]))
			return false;
	return true;
}

/* Index `classes` stands for all large blocks. */
static const char *site_check_classes(Hakmem__Site *site, size_t classes)
{
	bool seen[CHECK_CLASSES_MAX + 1] = {false};

	for (size_t i = 0; i < site->n_classes; i++) {
		Hakmem__SiteClass *class = site->classes[i];

		if (class->class_index > classes || seen[class->class_index])
			return "a site's class is out of range or named twice";
		seen[class->class_index] = true;
		if (class->n_lifetimes > AGES_COUNT ||
		    !site_check_sums_fit(class))
			return "a figure of a site makes no sense";
	}
	return NULL;
}

static const char *site_check_stack(const Hakmem__Site *site)
{
	if (site->n_pcs > SITE_DEPTH_MAX || site->n_modules != site->n_pcs)
		return "a stack makes no sense";
	for (size_t i = 0; i < site->n_modules; i++)
		if (site->modules[i] > MODULE_ID_MAX)
			return "a stack names a module out of range";
	return NULL;
}

const char *site_check_sites(Hakmem__Sites *sites, size_t classes)
{
	const char *why = NULL;

	for (size_t i = 0; !why && i < sites->n_sites; i++) {
		Hakmem__Site *site = sites->sites[i];

		if (site->site_id == 0 || site->site_id > SITE_ID_MAX)
			return "a site's id is out of range";
		why = site_check_stack(site);
		if (!why)
			why = site_check_classes(site, classes);
		if (*site->thread_name)
			check_string(site->thread_name, SITE_THREAD_MAX);
	}
	return why;
}
