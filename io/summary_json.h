/* A summary as JSON text and back; the form that artifacts keep and report.json shows. */
#ifndef SEGUE_IO_SUMMARY_JSON_H
#define SEGUE_IO_SUMMARY_JSON_H

#include <cJSON.h>

#include "kernels/base/summary.h"

/* metrics as {SPLIT: {NAME: value}}, metric_details (intervals ...), tables, series, notes. Numbers that are not finite
 * become null. Local. NULL when memory is short. */
cJSON *summary_to_cjson(const Summary *summary);
/* Local. *json is freed with memory_free. Fails with MEMORY. */
CHECKED Status summary_to_json(const Summary *summary, char **json);
/* Fill an initialised summary (nothing where it is not active). Local. Fails with FORMAT, MEMORY. */
CHECKED Status summary_from_json(const char *json, Summary *summary);

#endif
