/* JSON around cJSON: parsing with all checks, places in messages, stable text; see json.h.
 *
 * The printer is our own: cJSON prints with tabs and rounds numbers to 15 digits, and its text may
 * change between versions, while ours is part of cache keys. */
#include "json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { LINE_WIDTH = 100 };

void json_blank_comments(char *text, int64_t n) {
  bool inside = false; /* of a text */
  for (int64_t i = 0; i < n; i++) {
    if (inside && text[i] == '\\') {
      i++;
    } else if (text[i] == '"' || text[i] == '\n') { /* no text goes over a line's end */
      inside = text[i] == '"' && !inside;
    } else if (!inside && text[i] == '/' && i + 1 < n && text[i + 1] == '/') {
      for (; i < n && text[i] != '\n'; i++) text[i] = ' ';
    }
  }
}

Status json_memory(void) {
  return status_fail(MEMORY, "out of memory: a piece of JSON could not be allocated");
}

cJSON *json_find(const cJSON *object, const char *key) {
  return cJSON_GetObjectItemCaseSensitive(object, key);
}

Status json_put(cJSON *object, const char *key, cJSON *item) {
  cJSON *old = item && object ? json_find(object, key) : NULL;
  bool done = false;
  if (old)
    done = cJSON_ReplaceItemInObjectCaseSensitive(object, old->string, item);
  else if (item && object)
    done = cJSON_AddItemToObject(object, key, item);
  if (done) return OK;
  cJSON_Delete(item);
  return json_memory();
}

Status json_append(cJSON *list, cJSON *item) {
  if (item && list && cJSON_AddItemToArray(list, item)) return OK;
  cJSON_Delete(item);
  return json_memory();
}

/* The first item in order of keys that stands twice in an object; sorted, since an object can have
 * thousands of columns. */
static int by_key(const void *a, const void *b) {
  const cJSON *const *x = a, *const *y = b;
  return strcmp((*x)->string, (*y)->string);
}

static Status check_duplicates(const cJSON *object, const Place *place) {
  Status status = OK;
  const cJSON **items = NULL;
  const cJSON *item = NULL;
  int64_t n = 0;
  TRY(NEW(&items, cJSON_GetArraySize(object)));
  cJSON_ArrayForEach(item, object) items[n++] = item;
  if (n > 1) qsort(items, (size_t)n, sizeof *items, by_key);
  for (int64_t i = 1; i < n; i++) {
    if (strcmp(items[i - 1]->string, items[i]->string) != 0) continue;
    Place twice = place_key(place, items[i]->string);
    status = place_fail(&twice, "this key stands twice in its object; keep one");
    goto done;
  }
done:
  memory_free(&items);
  return status;
}

static Status check_tree(const cJSON *item, const Place *place) {
  Status status = OK;
  const cJSON *child = NULL;
  int64_t index = 0;
  if (cJSON_IsObject(item)) TRY(check_duplicates(item, place));
  cJSON_ArrayForEach(child, item) {
    Place at = child->string ? place_key(place, child->string) : place_index(place, index++);
    TRY(check_tree(child, &at));
  }
done:
  return status;
}

Status json_parse(const char *file, const char *text, int64_t n, cJSON **out) {
  Status status = OK;
  char root[1024];
  snprintf(root, sizeof root, "%s: ", file);
  *out = NULL;
  TRY(json_check(file, text, n));
  *out = cJSON_ParseWithLength(text, (size_t)n);
  if (!*out) return json_memory();
  TRY(check_tree(*out, &(Place){.key = root}));
done:
  if (status != OK) {
    cJSON_Delete(*out);
    *out = NULL;
  }
  return status;
}

void json_number(double value, char buffer[32]) {
  if (value == rint(value) && fabs(value) <= 0x1p53) {
    snprintf(buffer, 32, "%.0f", value);
    return;
  }
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(buffer, 32, "%.*g", digits, value);
    if (strtod(buffer, NULL) == value) return;
  }
}

static void write_text(const char *text, Draft *draft) {
  draft_add(draft, "\"");
  for (const char *at = text; *at; at++) {
    static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    const char *special = strchr(plain, *at);
    if (special)
      draft_format(draft, "\\%c", escaped[special - plain]);
    else if ((unsigned char)*at < 0x20)
      draft_format(draft, "\\u%04x", (unsigned)*at);
    else
      draft_add_n(draft, at, 1);
  }
  draft_add(draft, "\"");
}

static void write_scalar(const cJSON *item, Draft *draft) {
  char number[32];
  if (cJSON_IsString(item)) {
    write_text(item->valuestring, draft);
  } else if (cJSON_IsNumber(item)) {
    json_number(item->valuedouble, number);
    draft_add(draft, number);
  } else {
    draft_add(draft, cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false");
  }
}

/* On one line, with a space after , and : when spaced. */
static void write_line(const cJSON *item, bool spaced, Draft *draft) {
  const cJSON *child = NULL;
  if (!cJSON_IsObject(item) && !cJSON_IsArray(item)) {
    write_scalar(item, draft);
    return;
  }
  draft_add(draft, cJSON_IsObject(item) ? "{" : "[");
  cJSON_ArrayForEach(child, item) {
    if (child != item->child) draft_add(draft, spaced ? ", " : ",");
    if (cJSON_IsObject(item)) {
      write_text(child->string, draft);
      draft_add(draft, spaced ? ": " : ":");
    }
    write_line(child, spaced, draft);
  }
  draft_add(draft, cJSON_IsObject(item) ? "}" : "]");
}

static bool holds_containers(const cJSON *item) {
  const cJSON *child = NULL;
  bool any = false;
  cJSON_ArrayForEach(child, item) any = any || cJSON_IsArray(child) || cJSON_IsObject(child);
  return any;
}

/* A list of scalars, as many on a line as fit. */
static void write_filled(const cJSON *item, int64_t indent, Draft *draft) {
  const cJSON *child = NULL;
  int64_t column = LINE_WIDTH;
  draft_add(draft, "[");
  cJSON_ArrayForEach(child, item) {
    Draft line = {0};
    write_scalar(child, &line);
    bool fits = column + 1 + line.n + 1 <= LINE_WIDTH;
    draft_add(draft, child == item->child ? "" : ",");
    draft_add(draft, fits ? " " : "\n");
    if (!fits) draft_repeat(draft, ' ', indent + 2);
    column = (fits ? column + 1 : indent + 2) + line.n + 1;
    draft_add(draft, draft_text(&line));
    draft_clear_part(&line, draft);
  }
  draft_add(draft, "\n");
  draft_repeat(draft, ' ', indent);
  draft_add(draft, "]");
}

/* column: where the value begins, for the decision whether it fits. */
static void write_indented(const cJSON *item, int64_t column, int64_t indent, Draft *draft) {
  const cJSON *child = NULL;
  Draft line = {0};
  write_line(item, true, &line);
  bool whole = column + line.n + 1 <= LINE_WIDTH || !item->child; /* 1: the comma behind it */
  if (whole) draft_add(draft, draft_text(&line));
  draft_clear_part(&line, draft);
  if (whole) return;
  if (cJSON_IsArray(item) && !holds_containers(item)) {
    write_filled(item, indent, draft);
    return;
  }
  draft_add(draft, cJSON_IsObject(item) ? "{" : "[");
  cJSON_ArrayForEach(child, item) {
    draft_add(draft, child != item->child ? ",\n" : "\n");
    draft_repeat(draft, ' ', indent + 2);
    int64_t start = draft->n;
    if (cJSON_IsObject(item)) {
      write_text(child->string, draft);
      draft_add(draft, ": ");
    }
    write_indented(child, indent + 2 + draft->n - start, indent + 2, draft);
  }
  draft_add(draft, "\n");
  draft_repeat(draft, ' ', indent);
  draft_add(draft, cJSON_IsObject(item) ? "}" : "]");
}

void json_write(const cJSON *item, bool indented, Draft *draft) {
  if (indented)
    write_indented(item, 0, 0, draft);
  else
    write_line(item, false, draft);
}

void json_show(const cJSON *item, char buffer[80]) {
  enum { LONGEST = 60 };
  Draft line = {0};
  write_line(item, true, &line);
  int64_t n = line.n;
  if (n > LONGEST) {
    n = LONGEST;
    while (n > 0 && ((unsigned char)draft_text(&line)[n] & 0xC0) == 0x80)
      n--; /* whole characters */
  }
  snprintf(buffer, 80, "%.*s%s", (int)n, draft_text(&line), line.n > n ? " ..." : "");
  draft_clear(&line);
}

const char *json_type_name(const cJSON *item) {
  if (cJSON_IsObject(item)) return "an object";
  if (cJSON_IsArray(item)) return "a list";
  if (cJSON_IsString(item)) return "a text";
  if (cJSON_IsNumber(item)) return "a number";
  return cJSON_IsNull(item) ? "null" : "a truth value";
}

static void write_pointer(const Place *place, Draft *draft) {
  if (!place->parent) return;
  write_pointer(place->parent, draft);
  if (!place->key) {
    draft_format(draft, "/%lld", (long long)place->index);
    return;
  }
  draft_add(draft, "/");
  for (const char *at = place->key; *at; at++) {
    if (*at == '~')
      draft_add(draft, "~0");
    else if (*at == '/')
      draft_add(draft, "~1");
    else
      draft_add_n(draft, at, 1);
  }
}

void place_write(const Place *place, Draft *draft) {
  const Place *root = place;
  while (root->parent) root = root->parent;
  draft_add(draft, root->key);
  write_pointer(place, draft);
}

Status place_fail(const Place *place, const char *format, ...) {
  Draft where = {0};
  char text[1536];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  place_write(place, &where);
  const char *at = draft_text(&where);
  bool bare = !place->parent && (where.n == 0 || at[where.n - 1] == ' ');
  Status status = status_fail(INVALID, "%s%s%s", at, bare ? "" : ": ", text);
  draft_clear(&where);
  return status;
}
