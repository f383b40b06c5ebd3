/* A text that grows while it is written: messages, help, JSON.
 *
 * A failure to grow sticks: later calls do nothing, and draft_take tells. So a page of help is
 * written line after line, and lack of memory is looked at once. Start from (Draft){0}. */
#ifndef SEGUE_PIPELINE_DRAFT_H
#define SEGUE_PIPELINE_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct Draft {
  char *bytes; /* NUL-terminated once something was written */
  int64_t n;   /* without the NUL */
  int64_t capacity;
  Status status;
} Draft;

/* Append. Local. */
void draft_add(Draft *draft, const char *text);
void draft_add_n(Draft *draft, const char *bytes, int64_t n);
void draft_repeat(Draft *draft, char c, int64_t n);
void draft_format(Draft *draft, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append words of text, broken at spaces so that no line is longer than width.
 * column  where the first word stands; indent  spaces before the words of later lines. Local. */
void draft_wrap(Draft *draft, const char *text, int64_t column, int64_t indent, int64_t width);

/* What is written so far, "" when nothing is or memory was short. Local, borrowed. */
const char *draft_text(const Draft *draft);
/* Hand the text over: the caller frees *text with memory_free. Clears the draft. Local.
 * Fails with MEMORY when any call before did. */
CHECKED Status draft_take(Draft *draft, char **text);
void draft_clear(Draft *draft);
/* Clear a part whose text went into whole; a failure of the part is one of whole. Local. */
void draft_clear_part(Draft *part, Draft *whole);

#endif
