/* A text that grows; see text.h. */
#include "text.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_utf8.h"
#include "kernels/base/memory.h"

static bool make_room(Text *text, int64_t n) {
  if (text->status == OK) text->status = RESERVE(&text->bytes, &text->capacity, text->n + n + 1);
  return text->status == OK;
}

void text_add_n(Text *text, const char *bytes, int64_t n) {
  if (!make_room(text, n)) return;
  if (n > 0) memcpy(text->bytes + text->n, bytes, (size_t)n);
  text->n += n;
  text->bytes[text->n] = 0;
}

void text_add(Text *text, const char *bytes) { text_add_n(text, bytes, (int64_t)strlen(bytes)); }

void text_format(Text *text, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (n > 0 && make_room(text, n)) {
    vsnprintf(text->bytes + text->n, (size_t)n + 1, format, again);
    text->n += n;
  }
  va_end(again);
}

/* ---- quoting ---- */

/* What stands for a byte; NULL: the byte itself. */
typedef const char *(*Quote)(unsigned char byte, char buffer[8]);

static const char *quote_json(unsigned char byte, char buffer[8]) {
  switch (byte) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\t': return "\\t";
    default: break;
  }
  if (byte >= 0x20 && byte != 0x7f) return NULL;
  snprintf(buffer, 8, "\\u%04x", byte);
  return buffer;
}

/* HTML knows no control characters: they become the replacement character. */
static const char *quote_html(unsigned char byte, char buffer[8]) {
  (void)buffer;
  switch (byte) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    case '\n':
    case '\t': return NULL;
    default: return byte < 0x20 || byte == 0x7f ? "\xef\xbf\xbd" : NULL;
  }
}

static void add_quoted(Text *text, const char *words, int64_t n, Quote quote) {
  int64_t bad = utf8_find_bad(words, 0, n), begin = 0;
  for (int64_t i = 0; i < n; i++) {
    char buffer[8];
    const char *instead = i == bad ? "\xef\xbf\xbd" : quote((unsigned char)words[i], buffer);
    if (i == bad) bad = utf8_find_bad(words, i + 1, n);
    if (!instead) continue;
    text_add_n(text, words + begin, i - begin);
    text_add(text, instead);
    begin = i + 1;
  }
  text_add_n(text, words + begin, n - begin);
}

void text_json(Text *text, const char *words) {
  if (!words) {
    text_add(text, "null");
    return;
  }
  text_add(text, "\"");
  add_quoted(text, words, (int64_t)strlen(words), quote_json);
  text_add(text, "\"");
}

void text_html_n(Text *text, const char *words, int64_t n) {
  add_quoted(text, words, n, quote_html);
}

void text_html(Text *text, const char *words) {
  if (words) text_html_n(text, words, (int64_t)strlen(words));
}

void text_json_number(Text *text, double value) {
  char buffer[32] = "null";
  if (!isfinite(value)) {
    text_add(text, buffer);
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    if (strtod(buffer, NULL) == value) break;
  }
  text_add(text, buffer);
}

Status text_take(Text *text, char **out) {
  Status status = text->status;
  *out = NULL;
  if (status == OK && !text->bytes) status = memory_text(&text->bytes, "");
  if (status == OK)
    *out = text->bytes;
  else
    memory_free(&text->bytes);
  *text = (Text){0};
  return status;
}
