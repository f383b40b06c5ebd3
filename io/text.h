/* A text that grows while it is written, with the quoting of JSON and HTML.
 *
 * A failure to grow sticks: later calls do nothing, and text_take tells. So a page is written line
 * after line, and lack of memory is looked at once. Start from (Text){0}. Bytes that are not UTF-8
 * become U+FFFD in quoted text, since one stray byte makes a whole file unreadable. */
#ifndef SEGUE_IO_TEXT_H
#define SEGUE_IO_TEXT_H

#include <stdint.h>

#include "kernels/base/status.h"

typedef struct Text {
  char *bytes; /* NUL-terminated once something was written */
  int64_t n, capacity;
  Status status;
} Text;

/* Append as it is. Local. */
void text_add(Text *text, const char *bytes);
void text_add_n(Text *text, const char *bytes, int64_t n);
void text_format(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Append a JSON string with its quotes; NULL becomes null. Local. */
void text_json(Text *text, const char *words);
/* Append the shortest number that reads back as value; null when it is not finite. Local. */
void text_json_number(Text *text, double value);
/* Append for the inside of an HTML element or of a quoted attribute. NULL is empty. Local. */
void text_html(Text *text, const char *words);
void text_html_n(Text *text, const char *words, int64_t n);

/* Hand the text over: the caller frees *out with memory_free. Clears the text. Local.
 * Fails with MEMORY when any call before did. */
CHECKED Status text_take(Text *text, char **out);

#endif
