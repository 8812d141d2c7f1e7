#include "hakmemd/export/writers.h"

#include "hakmemd/export/export_csv.h"
#include "hakmemd/export/export_json.h"
#include "hakmemd/export/heap_folded.h"
#include "hakmemd/export/heap_pprof.h"
#include "hakmemd/export/heap_svg.h"
#include "hakmemd/export/heap_table.h"

static const struct writer writers[FORMAT_COUNT] = {
	[FORMAT_CSV] = {export_csv, heap_csv},
	[FORMAT_JSON] = {export_json, heap_json},
	[FORMAT_PPROF] = {NULL, heap_pprof},
	[FORMAT_FOLDED] = {NULL, heap_folded},
	[FORMAT_SVG] = {NULL, heap_svg},
};

const struct writer *writer_of(enum format format)
{
	return &writers[format];
}
