/* A summary as JSON text and back; the form that artifacts keep and report.json shows. */
#ifndef SEGUE_IO_SUMMARY_JSON_H
#define SEGUE_IO_SUMMARY_JSON_H

#include "kernels/base/summary.h"
#include "text.h"

/* Append the members of the object, without its braces: metrics as {SPLIT: {NAME: value}},
 * metric_details (intervals ...), tables, series, notes. Numbers read back exactly; those that are
 * not finite become null, and integer cells are exact up to 2^53; the cells of a column are of one
 * type. Of metrics with one name in one split the first counts, as for summary_find. Local.
 * indent  what stands before each member, such as "\n  " */
void summary_write_json(Text *text, const Summary *summary, const char *indent);
/* Local. *json is freed with memory_free. Fails with MEMORY. */
CHECKED Status summary_to_json(const Summary *summary, char **json);
/* Fill an initialised summary (nothing where it is not active). Local. Fails with FORMAT, MEMORY.
 */
CHECKED Status summary_from_json(const char *json, Summary *summary);

#endif
