/* A text that grows; see draft.h. */
#include "draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"

static bool make_room(Draft *draft, int64_t n) {
  if (draft->status == OK)
    draft->status = RESERVE(&draft->bytes, &draft->capacity, draft->n + n + 1);
  return draft->status == OK;
}

void draft_add_n(Draft *draft, const char *bytes, int64_t n) {
  if (!make_room(draft, n)) return;
  if (n > 0) memcpy(draft->bytes + draft->n, bytes, (size_t)n);
  draft->n += n;
  draft->bytes[draft->n] = 0;
}

void draft_add(Draft *draft, const char *text) { draft_add_n(draft, text, (int64_t)strlen(text)); }

void draft_repeat(Draft *draft, char c, int64_t n) {
  if (n <= 0 || !make_room(draft, n)) return;
  memset(draft->bytes + draft->n, c, (size_t)n);
  draft->n += n;
  draft->bytes[draft->n] = 0;
}

void draft_format(Draft *draft, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int n = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (n > 0 && make_room(draft, n)) {
    vsnprintf(draft->bytes + draft->n, (size_t)n + 1, format, again);
    draft->n += n;
  }
  va_end(again);
}

void draft_wrap(Draft *draft, const char *text, int64_t column, int64_t indent, int64_t width) {
  bool first = true;
  for (const char *word = text; *word;) {
    int64_t n = (int64_t)strcspn(word, " \n");
    if (n > 0) {
      bool fits = first || column + 1 + n <= width;
      if (!first) draft_add(draft, fits ? " " : "\n");
      if (!fits) draft_repeat(draft, ' ', indent);
      column = (fits ? column + !first : indent) + n;
      draft_add_n(draft, word, n);
      first = false;
    }
    word += n + (word[n] != 0);
  }
}

const char *draft_text(const Draft *draft) {
  return draft->status == OK && draft->bytes ? draft->bytes : "";
}

Status draft_take(Draft *draft, char **text) {
  draft_add_n(draft, "", 0); /* so that an empty draft gives a text too */
  Status status = draft->status;
  *text = NULL;
  if (status == OK) {
    *text = draft->bytes;
    *draft = (Draft){0};
  } else {
    draft_clear(draft);
  }
  return status;
}

void draft_clear(Draft *draft) {
  memory_free(&draft->bytes);
  *draft = (Draft){0};
}

void draft_clear_part(Draft *part, Draft *whole) {
  if (part->status != OK) whole->status = part->status;
  draft_clear(part);
}
