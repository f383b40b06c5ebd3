/* Includes, --set and variables of a config; see config_text.h.
 *
 * Everything works on cJSON trees, so a variable can never change the structure: its value is
 * text, whatever quotes or braces it holds. */
#include "config_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"

enum { MOST_FILES = 256, LONGEST_VARIABLE = 128 };

/* A file that is being read, and the one that includes it. */
typedef struct Reading {
  const struct Reading *parent;
  const char *path;
  char *real; /* without links, to find circles; malloc'ed by realpath */
  int64_t *n_files;
} Reading;

/* The same kind, as far as both say. */
static bool same_kind(const cJSON *a, const cJSON *b) {
  static const char *const keys[] = {"kind", "step"};
  for (int i = 0; i < 2; i++) {
    const cJSON *x = json_find(a, keys[i]), *y = json_find(b, keys[i]);
    bool texts = cJSON_IsString(x) && cJSON_IsString(y);
    if (texts && strcmp(x->valuestring, y->valuestring) != 0) return false;
  }
  return true;
}

/* Lay over on base; over is emptied. */
static Status merge(cJSON *base, cJSON *over) {
  Status status = OK;
  while (over->child) {
    cJSON *item = cJSON_DetachItemViaPointer(over, over->child);
    cJSON *below = json_find(base, item->string);
    if (below && cJSON_IsObject(below) && cJSON_IsObject(item) && same_kind(below, item)) {
      status = merge(below, item);
      cJSON_Delete(item);
    } else {
      status = json_put(base, item->string, item);
    }
    if (status != OK) return status;
  }
  return OK;
}

/* The variable that begins at text ("${"); *end behind its "}". */
static Status expand_one(const char *text, const Place *place, Draft *out, const char **end) {
  char name[LONGEST_VARIABLE];
  const char *start = text + 2;
  size_t n = 0;
  while (isalnum((unsigned char)start[n]) || start[n] == '_') n++;
  const char *close = strchr(start, '}');
  bool fallback = strncmp(start + n, ":-", 2) == 0;
  bool whole = close && n > 0 && n < sizeof name && !isdigit((unsigned char)start[0]) &&
               (fallback || start + n == close);
  if (!whole)
    return place_fail(place,
                      "\"%.40s\" is no variable; allowed: ${NAME} and ${NAME:-default} (a $ "
                      "itself is $$)",
                      text);
  snprintf(name, sizeof name, "%.*s", (int)n, start);
  *end = close + 1;
  const char *value = getenv(name);
  if (value && !json_utf8_valid(value))
    return place_fail(place, "the value of the variable %s is not valid UTF-8", name);
  if (value && (*value || !fallback)) {
    draft_add(out, value);
  } else if (!fallback) {
    return place_fail(
        place, "the variable %s is not set; set it, or give a default: ${%s:-default}", name, name);
  } else {
    const char *rest = start + n + 2;
    if (memchr(rest, '{', (size_t)(close - rest)))
      return place_fail(place, "the default of the variable %s holds a {; variables do not nest",
                        name);
    draft_add_n(out, rest, close - rest);
  }
  return OK;
}

static Status expand(const char *text, const Place *place, char **out) {
  Status status = OK;
  Draft draft = {0};
  while (*text) {
    if (text[0] == '$' && text[1] == '{') {
      TRY(expand_one(text, place, &draft, &text));
    } else {
      draft_add_n(&draft, text, 1);
      text += text[0] == '$' && text[1] == '$' ? 2 : 1;
    }
  }
done:
  if (status == OK) return draft_take(&draft, out);
  draft_clear(&draft);
  return status;
}

static Status escape(const char *text, const Place *place, char **out) {
  Draft draft = {0};
  (void)place;
  for (; *text; text++) {
    bool special = text[0] == '$' && (text[1] == '$' || text[1] == '{');
    draft_add(&draft, special ? "$" : "");
    draft_add_n(&draft, text, 1);
    if (special && text[1] == '$') { /* both of a pair */
      draft_add(&draft, "$$");
      text++;
    }
  }
  return draft_take(&draft, out);
}

/* Rewrite every text below item that holds a $. */
static Status rewrite(cJSON *item, const Place *place,
                      Status (*by)(const char *, const Place *, char **)) {
  Status status = OK;
  char *text = NULL;
  cJSON *child = NULL;
  int64_t index = 0;
  if (cJSON_IsString(item) && strchr(item->valuestring, '$')) {
    TRY(by(item->valuestring, place, &text));
    if (!cJSON_SetValuestring(item, text)) status = json_memory();
  }
  cJSON_ArrayForEach(child, item) {
    Place at = child->string ? place_key(place, child->string) : place_index(place, index++);
    TRY(rewrite(child, &at, by));
  }
done:
  memory_free(&text);
  return status;
}

Status config_text_variables(cJSON *tree, const char *file) {
  char root[1024];
  snprintf(root, sizeof root, "%s: ", file);
  return rewrite(tree, &(Place){.key = root}, expand);
}

Status config_text_escape(cJSON *tree) { return rewrite(tree, &(Place){.key = ""}, escape); }

static Status check_circle(const Reading *reading, const Place *from) {
  Draft chain = {0};
  const Reading *first = reading->parent;
  while (first && strcmp(first->real, reading->real) != 0) first = first->parent;
  if (!first) return OK;
  for (const Reading *at = reading->parent; at != first->parent; at = at->parent)
    draft_format(&chain, ", which is included by %s", at->path);
  Status status = place_fail(from, "files include each other in a circle: %s%s", reading->path,
                             draft_text(&chain));
  draft_clear(&chain);
  return status;
}

/* Read one file and parse it; from: the include that names it, NULL for the config itself. */
static Status read_one(Reading *reading, const Place *from, cJSON **tree) {
  Status status = OK;
  char *bytes = NULL;
  int64_t n = 0;
  status = file_read(reading->path, &bytes, &n);
  if (status == IO && from) {
    char why[1024];
    snprintf(why, sizeof why, "%s", status_message());
    place_fail(from, "%s", why);
  }
  if (status != OK) goto done;
  reading->real = realpath(reading->path, NULL);
  if (!reading->real) reading->real = strdup(reading->path); /* a pipe has no path */
  if (!reading->real) TRY(status_fail(MEMORY, "out of memory"));
  if (from) TRY(check_circle(reading, from));
  json_blank_comments(bytes, n);
  TRY(json_parse(reading->path, bytes, n, tree));
  if (!cJSON_IsObject(*tree))
    status = status_fail(INVALID, "%s: a config is an object, {...}; this is %s", reading->path,
                         json_type_name(*tree));
done:
  memory_free(&bytes);
  return status;
}

/* Path of an included file: as it stands when absolute, else beside the including file. */
static Status beside(const char *including, const char *path, char **out) {
  Draft draft = {0};
  const char *slash = strrchr(including, '/');
  if (slash && path[0] != '/') draft_add_n(&draft, including, slash + 1 - including);
  draft_add(&draft, path);
  return draft_take(&draft, out);
}

/* Declared ahead: files include files. */
static Status read_tree(Reading *reading, const Place *from, cJSON **tree);

/* Lay one included file over base. */
static Status include_one(const Reading *parent, const cJSON *item, const Place *place,
                          cJSON *base) {
  Status status = OK;
  char *name = NULL, *path = NULL;
  cJSON *part = NULL;
  Reading reading = {.parent = parent, .n_files = parent->n_files};
  if (!cJSON_IsString(item) || !*item->valuestring)
    TRY(place_fail(place, "a file's name is needed here, not %s", json_type_name(item)));
  TRY(expand(item->valuestring, place, &name));
  TRY(beside(parent->path, name, &path));
  reading.path = path;
  TRY(read_tree(&reading, place, &part));
  TRY(merge(base, part));
done:
  cJSON_Delete(part);
  free(reading.real);
  memory_free(&name);
  memory_free(&path);
  return status;
}

static Status include_all_of(const Reading *reading, const cJSON *include, cJSON *base) {
  Status status = OK;
  char root[1024];
  const cJSON *item = NULL;
  int64_t index = 0;
  snprintf(root, sizeof root, "%s: ", reading->path);
  Place file = {.key = root};
  Place key = place_key(&file, "include");
  if (cJSON_IsString(include)) return include_one(reading, include, &key, base);
  if (!cJSON_IsArray(include))
    return place_fail(&key, "a list of file names is needed here, not %s", json_type_name(include));
  cJSON_ArrayForEach(item, include) {
    Place place = place_index(&key, index++);
    TRY(include_one(reading, item, &place, base));
  }
done:
  return status;
}

static Status read_tree(Reading *reading, const Place *from, cJSON **tree) {
  Status status = OK;
  cJSON *own = NULL, *include = NULL;
  if (++*reading->n_files > MOST_FILES)
    TRY(status_fail(INVALID, "%s: more than %d files are included", reading->path, MOST_FILES));
  TRY(read_one(reading, from, &own));
  include = cJSON_DetachItemFromObjectCaseSensitive(own, "include");
  cJSON_DeleteItemFromObjectCaseSensitive(own, "$schema");
  *tree = cJSON_CreateObject();
  if (!*tree) TRY(json_memory());
  if (include) TRY(include_all_of(reading, include, *tree));
  TRY(merge(*tree, own));
done:
  cJSON_Delete(own);
  cJSON_Delete(include);
  return status;
}

Status config_text_read(const char *path, cJSON **tree) {
  int64_t n_files = 0;
  Reading reading = {.path = path, .n_files = &n_files};
  *tree = NULL;
  Status status = read_tree(&reading, NULL, tree);
  free(reading.real);
  if (status != OK) {
    cJSON_Delete(*tree);
    *tree = NULL;
  }
  return status;
}

/* One part of a pointer, ~1 and ~0 undone. Ends at '/', or at end. */
static Status pointer_part(const char **at, const char *end, char **part) {
  Draft draft = {0};
  const char *c = *at + 1;
  for (; c < end && *c != '/'; c++) {
    bool tilde = *c == '~' && c + 1 < end && (c[1] == '0' || c[1] == '1');
    draft_add(&draft, tilde ? (c[1] == '0' ? "~" : "/") : (char[]){*c, 0});
    if (tilde) c++;
  }
  *at = c;
  return draft_take(&draft, part);
}

static Status no_member(const char *set, const cJSON *object, const char *part) {
  enum { MOST_NAMES = 64 };
  const char *names[MOST_NAMES];
  char hint[160];
  int64_t n = 0;
  for (const cJSON *child = object->child; child && n < MOST_NAMES; child = child->next)
    names[n++] = child->string;
  return status_fail(INVALID,
                     "--set %s: there is no \"%s\" in the config%s (only the last part of "
                     "the pointer may be new)",
                     set, part, names_hint(part, names, n, hint));
}

static Status list_index(const char *set, const cJSON *list, const char *part, int *index) {
  int size = cJSON_GetArraySize(list);
  size_t length = strlen(part);
  bool digits = length > 0 && length < 9 && strspn(part, "0123456789") == length &&
                (part[0] != '0' || length == 1);
  *index = digits ? atoi(part) : -1;
  if (digits && *index < size) return OK;
  if (size == 0)
    return status_fail(INVALID,
                       "--set %s: \"%s\" is no place in an empty list; allowed: - "
                       "(append)",
                       set, part);
  return status_fail(INVALID,
                     "--set %s: \"%s\" is no place in a list of %d; allowed: 0 to %d, or - "
                     "(append) as the last part",
                     set, part, size, size - 1);
}

static Status step_down(const char *set, cJSON **at, const char *part) {
  int index = 0;
  Status status = OK;
  if (cJSON_IsObject(*at)) {
    cJSON *child = json_find(*at, part);
    if (!child) return no_member(set, *at, part);
    *at = child;
  } else if (cJSON_IsArray(*at)) {
    TRY(list_index(set, *at, part, &index));
    *at = cJSON_GetArrayItem(*at, index);
  } else {
    status = status_fail(INVALID, "--set %s: \"%s\" cannot be set inside %s", set, part,
                         json_type_name(*at));
  }
done:
  return status;
}

/* Put value at the last part; takes value over. */
static Status put_last(const char *set, cJSON *at, const char *part, cJSON *value) {
  int index = 0;
  if (cJSON_IsObject(at)) return json_put(at, part, value);
  if (cJSON_IsArray(at) && strcmp(part, "-") == 0) return json_append(at, value);
  Status status = cJSON_IsArray(at) ? list_index(set, at, part, &index) : step_down(set, &at, part);
  if (status == OK && cJSON_ReplaceItemInArray(at, index, value)) return OK;
  cJSON_Delete(value);
  return status;
}

static Status parse_set_value(const char *set, const char *text, cJSON **value) {
  if (!json_utf8_valid(text)) return status_fail(INVALID, "--set %s: this is not UTF-8", set);
  int64_t n = (int64_t)strlen(text);
  if (json_check("--set", text, n) == OK) return json_parse("--set", text, n, value);
  *value = cJSON_CreateString(text);
  return *value ? OK : json_memory();
}

Status config_text_set(cJSON *tree, const char *set) {
  Status status = OK;
  char *part = NULL;
  cJSON *value = NULL;
  const char *end = strchr(set, '=');
  if (!end || set[0] != '/' || !json_utf8_valid(set))
    return status_fail(INVALID,
                       "--set %s: allowed: a JSON pointer, =, and a value, such as "
                       "/stages/forest/model/trees=200",
                       set);
  if (strncmp(set, "/include", 8) == 0 && (set[8] == '=' || set[8] == '/'))
    return status_fail(INVALID, "--set %s: include cannot be set: files are read before", set);
  const char *at = set;
  cJSON *node = tree;
  TRY(parse_set_value(set, end + 1, &value));
  for (;;) {
    memory_free(&part);
    TRY(pointer_part(&at, end, &part));
    if (at == end) break;
    TRY(step_down(set, &node, part));
  }
  status = put_last(set, node, part, value);
  value = NULL;
done:
  cJSON_Delete(value);
  memory_free(&part);
  return status;
}

Status config_text_resolve(const char *path, const char *const *sets, int64_t n_sets, char **text) {
  Status status = OK;
  cJSON *tree = NULL;
  Draft draft = {0};
  *text = NULL;
  TRY(config_text_read(path, &tree));
  for (int64_t i = 0; i < n_sets; i++) TRY(config_text_set(tree, sets[i]));
  TRY(config_text_variables(tree, path));
  json_write(tree, false, &draft);
  status = draft_take(&draft, text);
done:
  cJSON_Delete(tree);
  return status;
}
