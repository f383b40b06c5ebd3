/* A summary as JSON text and back; see summary_json.h.
 *
 * Within artifacts the form has to be lossless, so numbers go through our own shortest text:
 * cJSON prints 15 digits where those read back, else 17. */
#include "summary_json.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"

static const char *const series_words[] = {"line", "bars", "histogram", "heatmap", "scatter"};
enum { SERIES_KINDS = sizeof series_words / sizeof *series_words };

/* ---- writing ---- */

static void add_number(cJSON *object, const char *name, double value) {
  if (isfinite(value)) cJSON_AddNumberToObject(object, name, value);
  else cJSON_AddNullToObject(object, name);
}

static cJSON *number(double value) {
  return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

static cJSON *numbers(const double *values, int64_t n) {
  if (!values) return cJSON_CreateNull();
  cJSON *array = cJSON_CreateArray();
  for (int64_t i = 0; i < n; i++) cJSON_AddItemToArray(array, number(values[i]));
  return array;
}

static cJSON *texts(char *const *items, int64_t n) {
  if (!items) return cJSON_CreateNull();
  cJSON *array = cJSON_CreateArray();
  for (int64_t i = 0; i < n; i++) cJSON_AddItemToArray(array, cJSON_CreateString(items[i]));
  return array;
}

/* metrics.SPLIT.NAME = value; what else there is to say of a metric stands in metric_details. */
static void add_metrics(cJSON *root, const Summary *summary) {
  cJSON *metrics = cJSON_AddObjectToObject(root, "metrics");
  cJSON *details = cJSON_AddArrayToObject(root, "metric_details");
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *m = &summary->metrics[i];
    cJSON *split = cJSON_GetObjectItemCaseSensitive(metrics, m->split);
    if (!split) split = cJSON_AddObjectToObject(metrics, m->split);
    add_number(split, m->name, m->value);
    cJSON *detail = cJSON_CreateObject();
    cJSON_AddStringToObject(detail, "split", m->split);
    cJSON_AddStringToObject(detail, "name", m->name);
    add_number(detail, "value", m->value);
    add_number(detail, "low", m->low);
    add_number(detail, "high", m->high);
    cJSON_AddBoolToObject(detail, "higher_better", m->higher_better);
    cJSON_AddBoolToObject(detail, "headline", m->headline);
    cJSON_AddItemToArray(details, detail);
  }
}

/* Integers beyond 2^53 do not occur: they count rows. */
static cJSON *cell_json(const Cell *cell) {
  switch (cell->type) {
    case CELL_TEXT: return cJSON_CreateString(cell->text ? cell->text : "");
    case CELL_INTEGER: return cJSON_CreateNumber((double)cell->integer);
    case CELL_REAL: break;
  }
  return number(cell->real);
}

static cJSON *table_json(const SummaryTable *table) {
  cJSON *object = cJSON_CreateObject();
  cJSON_AddStringToObject(object, "name", table->name);
  cJSON_AddStringToObject(object, "title", table->title);
  cJSON_AddItemToObject(object, "columns", texts(table->columns, table->n_columns));
  cJSON *types = cJSON_AddArrayToObject(object, "types");
  static const char *const words[] = {"text", "real", "integer"};
  for (int64_t j = 0; j < table->n_columns; j++) {
    CellType type = table->n_rows > 0 ? table->cells[j].type : CELL_TEXT;
    cJSON_AddItemToArray(types, cJSON_CreateString(words[type]));
  }
  cJSON *rows = cJSON_AddArrayToObject(object, "rows");
  for (int64_t i = 0; i < table->n_rows; i++) {
    cJSON *row = cJSON_CreateArray();
    for (int64_t j = 0; j < table->n_columns; j++)
      cJSON_AddItemToArray(row, cell_json(&table->cells[i * table->n_columns + j]));
    cJSON_AddItemToArray(rows, row);
  }
  return object;
}

static cJSON *series_json(const Series *s) {
  bool heatmap = s->kind == SERIES_HEATMAP, histogram = s->kind == SERIES_HISTOGRAM;
  cJSON *object = cJSON_CreateObject();
  cJSON_AddStringToObject(object, "name", s->name);
  cJSON_AddStringToObject(object, "title", s->title);
  cJSON_AddStringToObject(object, "kind", series_words[s->kind]);
  cJSON_AddStringToObject(object, "x_label", s->x_label);
  cJSON_AddStringToObject(object, "y_label", s->y_label);
  cJSON_AddNumberToObject(object, "n_x", (double)s->n_x);
  cJSON_AddNumberToObject(object, "n_y", (double)s->n_y);
  cJSON_AddItemToObject(object, "x", numbers(s->x, s->n_x + (histogram || heatmap)));
  cJSON_AddItemToObject(object, "y", numbers(s->y, s->n_y + heatmap));
  cJSON_AddItemToObject(object, "z", numbers(s->z, s->n_x * s->n_y));
  cJSON_AddItemToObject(object, "x_names", texts(s->x_names, s->n_x));
  cJSON_AddItemToObject(object, "y_names", texts(s->y_names, s->n_y));
  return object;
}

cJSON *summary_to_cjson(const Summary *summary) {
  cJSON *root = cJSON_CreateObject();
  add_metrics(root, summary);
  cJSON *tables = cJSON_AddArrayToObject(root, "tables");
  for (int64_t i = 0; i < summary->n_tables; i++)
    cJSON_AddItemToArray(tables, table_json(&summary->tables[i]));
  cJSON *series = cJSON_AddArrayToObject(root, "series");
  for (int64_t i = 0; i < summary->n_series; i++)
    cJSON_AddItemToArray(series, series_json(&summary->series[i]));
  cJSON *notes = cJSON_AddArrayToObject(root, "notes");
  for (int64_t i = 0; i < summary->n_notes; i++) {
    cJSON *note = cJSON_CreateObject();
    bool warning = summary->notes[i].level == NOTE_WARNING;
    cJSON_AddStringToObject(note, "level", warning ? "warning" : "info");
    cJSON_AddStringToObject(note, "text", summary->notes[i].text);
    cJSON_AddItemToArray(notes, note);
  }
  return root;
}

Status summary_to_json(const Summary *summary, char **json) {
  cJSON *root = summary_to_cjson(summary);
  char *text = cJSON_PrintUnformatted(root);
  cJSON_Delete(root);
  Status status = text ? memory_text(json, text) : status_fail(MEMORY, "out of memory");
  cJSON_free(text);
  return status;
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
  if (cJSON_GetArraySize(list) != n) return status_fail(FORMAT, "a list of %d texts is damaged",
                                                        cJSON_GetArraySize(list));
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
  if (cJSON_GetArraySize(list) != n) return status_fail(FORMAT, "a list of %d numbers is damaged",
                                                        cJSON_GetArraySize(list));
  TRY(NEW(values, n));
  const cJSON *item = NULL;
  int64_t i = 0;
  cJSON_ArrayForEach(item, list) (*values)[i++] = number_of(item);
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
  if (!sane)
    return status_fail(FORMAT, "series \"%s\" is damaged", text_of(item, "name"));
  bool heatmap = kind == SERIES_HEATMAP, histogram = kind == SERIES_HISTOGRAM;
  const char **x_names = NULL, **y_names = NULL;
  Series s = {.kind = (SeriesKind)kind, .n_x = (int64_t)n_x, .n_y = (int64_t)n_y,
              .name = (char *)(uintptr_t)text_of(item, "name"),
              .title = (char *)(uintptr_t)text_of(item, "title"),
              .x_label = (char *)(uintptr_t)text_of(item, "x_label"),
              .y_label = (char *)(uintptr_t)text_of(item, "y_label")};
  TRY(read_numbers(cJSON_GetObjectItemCaseSensitive(item, "x"), s.n_x + (histogram || heatmap),
                   &s.x));
  TRY(read_numbers(cJSON_GetObjectItemCaseSensitive(item, "y"), s.n_y + heatmap, &s.y));
  TRY(read_numbers(cJSON_GetObjectItemCaseSensitive(item, "z"), s.n_x * s.n_y, &s.z));
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
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, parts[p].list))
      if (status == OK) status = parts[p].read(item, summary);
  }
  cJSON_Delete(root);
  return status;
}
