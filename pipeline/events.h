/* events.jsonl: one JSON object a line, for monitors and for the curious. Rank 0 alone. */
#ifndef SEGUE_PIPELINE_EVENTS_H
#define SEGUE_PIPELINE_EVENTS_H

#include <cJSON.h>

#include "kernels/base/status.h"

/* An event with "time" (UTC, ISO 8601) and "event" set; more can be added before events_append. */
cJSON *event_new(const char *what, const char *stage);
/* Cut off an unfinished last line, which a full disk or a kill left. Local; call before the first
 * event of an attempt. */
void event_repair(const char *run_dir);
/* Append to RUN_DIR/events.jsonl and delete the event. Local. Fails with IO, MEMORY. */
CHECKED Status event_append(const char *run_dir, cJSON *event);
/* Now, as 2026-01-31T12:34:56Z. */
void event_time(char text[32]);

#endif
