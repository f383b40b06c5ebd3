/* A summary as JSON text and back; see summary_json.h.
 *
 * Written as text, read by cJSON: the form has to be lossless within artifacts, and cJSON prints 15
 * digits where those come close enough. */
#include "summary_json.h"

#include <cJSON.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"

static const char *const series_words[] = {"line",    "bars", "histogram", "heatmap",
                                           "scatter", "tree", "map"};
static const char *const cell_words[] = {"text", "real", "integer"};
enum { SERIES_KINDS = sizeof series_words / sizeof *series_words };

/* ---- writing ---- */

static void comma(Text *text, int64_t i) {
  if (i > 0) text_add(text, ",");
}

/* ,"name": before a value */
static void member_name(Text *text, const char *name) {
  text_add(text, ",");
  text_json(text, name);
  text_add(text, ":");
}

static void write_numbers(Text *text, const char *name, const double *values, int64_t n) {
  member_name(text, name);
  text_add(text, values ? "[" : "null");
  for (int64_t i = 0; values && i < n; i++) {
    comma(text, i);
    text_json_number(text, values[i]);
  }
  if (values) text_add(text, "]");
}

static void write_texts(Text *text, const char *name, char *const *items, int64_t n) {
  member_name(text, name);
  text_add(text, items ? "[" : "null");
  for (int64_t i = 0; items && i < n; i++) {
    comma(text, i);
    text_json(text, items[i]);
  }
  if (items) text_add(text, "]");
}

static void write_text_member(Text *text, const char *name, const char *value) {
  member_name(text, name);
  text_json(text, value ? value : "");
}

static void write_real_member(Text *text, const char *name, double value) {
  member_name(text, name);
  text_json_number(text, value);
}

static void write_flag(Text *text, const char *name, bool flag) {
  member_name(text, name);
  text_add(text, flag ? "true" : "false");
}

/* The first metric of that split, and of that name unless it is NULL. */
static const Metric *first_metric(const Summary *summary, const char *split, const char *name) {
  for (const Metric *m = summary->metrics; m < summary->metrics + summary->n_metrics; m++)
    if (strcmp(m->split, split) == 0 && (!name || strcmp(m->name, name) == 0)) return m;
  return NULL;
}

static void write_split(Text *text, const Summary *summary, const char *split) {
  int64_t written = 0;
  text_json(text, split);
  text_add(text, ":{");
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *m = &summary->metrics[i];
    if (strcmp(m->split, split) != 0 || first_metric(summary, split, m->name) != m) continue;
    comma(text, written++);
    text_json(text, m->name);
    text_add(text, ":");
    text_json_number(text, m->value);
  }
  text_add(text, "}");
}

static void write_metrics(Text *text, const Summary *summary) {
  int64_t written = 0;
  text_add(text, "\"metrics\":{");
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *m = &summary->metrics[i];
    if (first_metric(summary, m->split, NULL) != m) continue;
    comma(text, written++);
    write_split(text, summary, m->split);
  }
  text_add(text, "}");
}

static void write_detail(Text *text, const Metric *metric) {
  text_add(text, "{\"split\":");
  text_json(text, metric->split);
  write_text_member(text, "name", metric->name);
  write_real_member(text, "value", metric->value);
  write_real_member(text, "low", metric->low);
  write_real_member(text, "high", metric->high);
  write_flag(text, "higher_better", metric->higher_better);
  write_flag(text, "headline", metric->headline);
  text_add(text, "}");
}

static void write_cell(Text *text, const Cell *cell) {
  switch (cell->type) {
    case CELL_TEXT: text_json(text, cell->text ? cell->text : ""); return;
    case CELL_INTEGER: text_format(text, "%lld", (long long)cell->integer); return;
    case CELL_REAL: text_json_number(text, cell->real); return;
  }
}

static void write_table(Text *text, const SummaryTable *table) {
  int64_t d = table->n_columns;
  text_add(text, "{\"name\":");
  text_json(text, table->name);
  write_text_member(text, "title", table->title);
  write_texts(text, "columns", table->columns, d);
  text_add(text, ",\"types\":[");
  for (int64_t j = 0; j < d; j++) {
    comma(text, j);
    text_json(text, cell_words[table->n_rows > 0 ? table->cells[j].type : CELL_TEXT]);
  }
  text_add(text, "],\"rows\":[");
  for (int64_t i = 0; i < table->n_rows; i++) {
    comma(text, i);
    text_add(text, "[");
    for (int64_t j = 0; j < d; j++) {
      comma(text, j);
      write_cell(text, &table->cells[i * d + j]);
    }
    text_add(text, "]");
  }
  text_add(text, "]}");
}

static void write_series(Text *text, const Series *s) {
  const SeriesLengths lengths = series_lengths(s);
  text_add(text, "{\"name\":");
  text_json(text, s->name);
  write_text_member(text, "title", s->title);
  write_text_member(text, "kind", series_words[s->kind]);
  write_text_member(text, "x_label", s->x_label);
  write_text_member(text, "y_label", s->y_label);
  write_real_member(text, "n_x", (double)s->n_x);
  write_real_member(text, "n_y", (double)s->n_y);
  write_numbers(text, "x", s->x, lengths.x);
  write_numbers(text, "y", s->y, lengths.y);
  write_numbers(text, "z", s->z, lengths.z);
  write_texts(text, "x_names", s->x_names, s->n_x);
  write_texts(text, "y_names", s->y_names, s->n_y);
  text_add(text, "}");
}

static void write_note(Text *text, const Note *note) {
  text_add(text, "{\"level\":");
  text_json(text, note->level == NOTE_WARNING ? "warning" : "info");
  write_text_member(text, "text", note->text);
  text_add(text, "}");
}

/* A list of n items; item: the statement that writes number i. */
#define WRITE_LIST(text, name, n, item) \
  do {                                  \
    text_add((text), ",");              \
    text_add((text), indent);           \
    text_add((text), "\"" name "\":["); \
    for (int64_t i = 0; i < (n); i++) { \
      comma((text), i);                 \
      item;                             \
    }                                   \
    text_add((text), "]");              \
  } while (0)

void summary_write_json(Text *text, const Summary *summary, const char *indent) {
  text_add(text, indent);
  write_metrics(text, summary);
  WRITE_LIST(text, "metric_details", summary->n_metrics, write_detail(text, &summary->metrics[i]));
  WRITE_LIST(text, "tables", summary->n_tables, write_table(text, &summary->tables[i]));
  WRITE_LIST(text, "series", summary->n_series, write_series(text, &summary->series[i]));
  WRITE_LIST(text, "notes", summary->n_notes, write_note(text, &summary->notes[i]));
}

Status summary_to_json(const Summary *summary, char **json) {
  Text text = {0};
  text_add(&text, "{");
  summary_write_json(&text, summary, "");
  text_add(&text, "}");
  return text_take(&text, json);
}

/* ---- reading ---- */

static const char *text_of(const cJSON *object, const char *name) {
  const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
  return text ? text : "";
}

static double number_of(const cJSON *item) {
  return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static double member(const cJSON *object, const char *name) {
  return number_of(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool flag_of(const cJSON *object, const char *name) {
  return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static Status read_metric(const cJSON *item, Summary *summary) {
  return summary_metric_interval(summary, text_of(item, "split"), text_of(item, "name"),
                                 member(item, "value"), member(item, "low"), member(item, "high"),
                                 flag_of(item, "higher_better"), flag_of(item, "headline"));
}

/* Borrowed texts of a JSON list; NULL for null. *names is freed with memory_free. */
static Status read_texts(const cJSON *list, int64_t n, const char ***names) {
  Status status = OK;
  *names = NULL;
  if (!cJSON_IsArray(list)) return OK;
  if (cJSON_GetArraySize(list) != n)
    return status_fail(FORMAT, "a list of %d texts is damaged", cJSON_GetArraySize(list));
  TRY(NEW(names, n));
  const cJSON *item = NULL;
  int64_t i = 0;
  cJSON_ArrayForEach(item, list) {
    const char *text = cJSON_GetStringValue(item);
    (*names)[i++] = text ? text : "";
  }
done:
  return status;
}

static Status read_numbers(const cJSON *list, int64_t n, double **values) {
  Status status = OK;
  *values = NULL;
  if (!cJSON_IsArray(list)) return OK;
  if (cJSON_GetArraySize(list) != n)
    return status_fail(FORMAT, "a list of %d numbers is damaged", cJSON_GetArraySize(list));
  TRY(NEW(values, n));
  const cJSON *item = NULL;
  int64_t i = 0;
  cJSON_ArrayForEach(item, list)(*values)[i++] = number_of(item);
done:
  return status;
}

static Cell read_cell(const cJSON *item, const char *type) {
  if (cJSON_IsString(item)) return cell_text(item->valuestring);
  if (strcmp(type, "integer") == 0 && cJSON_IsNumber(item))
    return cell_integer((int64_t)item->valuedouble);
  return cell_real(number_of(item));
}

static Status read_rows(const cJSON *item, const char *const *types, int64_t columns,
                        int64_t handle, Summary *summary) {
  Status status = OK;
  Cell *cells = NULL;
  const cJSON *row = NULL;
  TRY(NEW(&cells, columns));
  cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(item, "rows")) {
    int64_t j = 0;
    const cJSON *cell = NULL;
    cJSON_ArrayForEach(cell, row) {
      if (j < columns) cells[j] = read_cell(cell, types[j]);
      j++;
    }
    if (j != columns) {
      status = status_fail(FORMAT, "table \"%s\" is damaged", text_of(item, "name"));
      goto done;
    }
    TRY(summary_row(summary, handle, cells));
  }
done:
  memory_free(&cells);
  return status;
}

static Status read_table(const cJSON *item, Summary *summary) {
  Status status = OK;
  const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "columns");
  const cJSON *type_list = cJSON_GetObjectItemCaseSensitive(item, "types");
  int64_t n = cJSON_GetArraySize(list), handle = -1;
  const char **columns = NULL, **types = NULL;
  TRY(read_texts(list, n, &columns));
  TRY(read_texts(type_list, n, &types));
  if (!columns || !types) {
    status = status_fail(FORMAT, "table \"%s\" is damaged", text_of(item, "name"));
    goto done;
  }
  TRY(summary_table(summary, text_of(item, "name"), text_of(item, "title"), n, columns, &handle));
  TRY(read_rows(item, types, n, handle, summary));
done:
  memory_free(&columns);
  memory_free(&types);
  return status;
}

static Status read_series(const cJSON *item, Summary *summary) {
  Status status = OK;
  int kind = 0;
  while (kind < SERIES_KINDS && strcmp(series_words[kind], text_of(item, "kind")) != 0) kind++;
  double n_x = member(item, "n_x"), n_y = member(item, "n_y");
  bool sane = kind < SERIES_KINDS && n_x >= 0 && n_y >= 0 && n_x < 1e9 && n_y < 1e9;
  if (!sane) return status_fail(FORMAT, "series \"%s\" is damaged", text_of(item, "name"));
  const char **x_names = NULL, **y_names = NULL;
  Series s = {.kind = (SeriesKind)kind,
              .n_x = (int64_t)n_x,
              .n_y = (int64_t)n_y,
              .name = (char *)(uintptr_t)text_of(item, "name"),
              .title = (char *)(uintptr_t)text_of(item, "title"),
              .x_label = (char *)(uintptr_t)text_of(item, "x_label"),
              .y_label = (char *)(uintptr_t)text_of(item, "y_label")};
  const SeriesLengths lengths = series_lengths(&s);
  TRY(read_numbers(cJSON_GetObjectItemCaseSensitive(item, "x"), lengths.x, &s.x));
  TRY(read_numbers(cJSON_GetObjectItemCaseSensitive(item, "y"), lengths.y, &s.y));
  TRY(read_numbers(cJSON_GetObjectItemCaseSensitive(item, "z"), lengths.z, &s.z));
  TRY(read_texts(cJSON_GetObjectItemCaseSensitive(item, "x_names"), s.n_x, &x_names));
  TRY(read_texts(cJSON_GetObjectItemCaseSensitive(item, "y_names"), s.n_y, &y_names));
  s.x_names = (char **)(uintptr_t)x_names;
  s.y_names = (char **)(uintptr_t)y_names;
  TRY(summary_series(summary, &s));
done:
  memory_free(&s.x);
  memory_free(&s.y);
  memory_free(&s.z);
  memory_free(&x_names);
  memory_free(&y_names);
  return status;
}

static Status read_note(const cJSON *item, Summary *summary) {
  bool warning = strcmp(text_of(item, "level"), "warning") == 0;
  return summary_note(summary, warning ? NOTE_WARNING : NOTE_INFO, "%s", text_of(item, "text"));
}

Status summary_from_json(const char *json, Summary *summary) {
  typedef Status (*Reader)(const cJSON *item, Summary *summary);
  static const struct {
    const char *list;
    Reader read;
  } parts[] = {{"metric_details", read_metric},
               {"tables", read_table},
               {"series", read_series},
               {"notes", read_note}};
  Status status = OK;
  if (!summary->active) return OK;
  cJSON *root = cJSON_Parse(json);
  if (!cJSON_IsObject(root)) status = status_fail(FORMAT, "its summary is not JSON");
  for (size_t p = 0; status == OK && p < sizeof parts / sizeof *parts; p++) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(
        item, cJSON_GetObjectItemCaseSensitive(root, parts[p].list)) if (status == OK) status =
        parts[p].read(item, summary);
  }
  cJSON_Delete(root);
  return status;
}
