/* Metrics, tables, series and notes of a stage; see summary.h. */
#include "summary.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"

void summary_init(Summary *summary, bool active) { *summary = (Summary){.active = active}; }

static void table_clear(SummaryTable *table) {
  for (int64_t i = 0; table->columns && i < table->n_columns; i++) memory_free(&table->columns[i]);
  for (int64_t i = 0; i < table->n_rows * table->n_columns; i++) memory_free(&table->cells[i].text);
  memory_free(&table->columns);
  memory_free(&table->cells);
  memory_free(&table->name);
  memory_free(&table->title);
}

static void names_clear(char ***names, int64_t n) {
  for (int64_t i = 0; *names && i < n; i++) memory_free(&(*names)[i]);
  memory_free(names);
}

static void series_clear(Series *series) {
  memory_free(&series->name);
  memory_free(&series->title);
  memory_free(&series->x_label);
  memory_free(&series->y_label);
  memory_free(&series->x);
  memory_free(&series->y);
  memory_free(&series->z);
  names_clear(&series->x_names, series->n_x);
  names_clear(&series->y_names, series->n_y);
}

void summary_clear(Summary *summary) {
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    memory_free(&summary->metrics[i].split);
    memory_free(&summary->metrics[i].name);
  }
  for (int64_t i = 0; i < summary->n_tables; i++) table_clear(&summary->tables[i]);
  for (int64_t i = 0; i < summary->n_series; i++) series_clear(&summary->series[i]);
  for (int64_t i = 0; i < summary->n_notes; i++) memory_free(&summary->notes[i].text);
  memory_free(&summary->metrics);
  memory_free(&summary->tables);
  memory_free(&summary->series);
  memory_free(&summary->notes);
  summary_init(summary, summary->active);
}

Status summary_metric(Summary *summary, const char *split, const char *name, double value,
                      bool higher_better, bool headline) {
  return summary_metric_interval(summary, split, name, value, NAN, NAN, higher_better, headline);
}

Status summary_metric_interval(Summary *summary, const char *split, const char *name, double value,
                               double low, double high, bool higher_better, bool headline) {
  Status status = OK;
  if (!summary->active) return OK;
  TRY(RESERVE(&summary->metrics, &summary->metrics_capacity, summary->n_metrics + 1));
  Metric *metric = &summary->metrics[summary->n_metrics++];
  *metric = (Metric){.value = value, .low = low, .high = high, .higher_better = higher_better,
                     .headline = headline};
  TRY(memory_text(&metric->split, split));
  TRY(memory_text(&metric->name, name));
done:
  return status;
}

Status summary_note(Summary *summary, NoteLevel level, const char *format, ...) {
  Status status = OK;
  if (!summary->active) return OK;
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  TRY(RESERVE(&summary->notes, &summary->notes_capacity, summary->n_notes + 1));
  Note *note = &summary->notes[summary->n_notes++];
  *note = (Note){.level = level};
  TRY(memory_text(&note->text, text));
done:
  return status;
}

static Status copy_names(char ***out, char *const *names, int64_t n) {
  Status status = OK;
  if (!names) return OK;
  TRY(NEW(out, n));
  for (int64_t i = 0; i < n; i++) TRY(memory_text(&(*out)[i], names[i]));
done:
  return status;
}

static Status copy_reals(double **out, const double *values, int64_t n) {
  if (!values) return OK;
  Status status = NEW(out, n);
  if (status == OK && n > 0) memcpy(*out, values, (size_t)n * sizeof *values);
  return status;
}

Status summary_table(Summary *summary, const char *name, const char *title, int64_t n_columns,
                     const char *const *columns, int64_t *handle) {
  Status status = OK;
  *handle = -1;
  if (!summary->active) return OK;
  TRY(RESERVE(&summary->tables, &summary->tables_capacity, summary->n_tables + 1));
  *handle = summary->n_tables++;
  SummaryTable *table = &summary->tables[*handle];
  *table = (SummaryTable){.n_columns = n_columns};
  TRY(memory_text(&table->name, name));
  TRY(memory_text(&table->title, title));
  TRY(copy_names(&table->columns, (char *const *)(uintptr_t)columns, n_columns));
done:
  return status;
}

Status summary_row(Summary *summary, int64_t handle, const Cell *cells) {
  Status status = OK;
  if (!summary->active) return OK;
  SummaryTable *table = &summary->tables[handle];
  int64_t at = table->n_rows * table->n_columns;
  TRY(RESERVE(&table->cells, &table->capacity, at + table->n_columns));
  for (int64_t j = 0; j < table->n_columns; j++) {
    table->cells[at + j] = cells[j];
    table->cells[at + j].text = NULL;
  }
  table->n_rows++;
  for (int64_t j = 0; j < table->n_columns; j++)
    if (cells[j].type == CELL_TEXT)
      TRY(memory_text(&table->cells[at + j].text, cells[j].text ? cells[j].text : ""));
done:
  return status;
}

Status summary_series(Summary *summary, const Series *series) {
  Status status = OK;
  if (!summary->active) return OK;
  const SeriesLengths lengths = series_lengths(series);
  TRY(RESERVE(&summary->series, &summary->series_capacity, summary->n_series + 1));
  Series *copy = &summary->series[summary->n_series++];
  *copy = (Series){.kind = series->kind, .n_x = series->n_x, .n_y = series->n_y};
  TRY(memory_text(&copy->name, series->name));
  TRY(memory_text(&copy->title, series->title));
  TRY(memory_text(&copy->x_label, series->x_label ? series->x_label : ""));
  TRY(memory_text(&copy->y_label, series->y_label ? series->y_label : ""));
  TRY(copy_reals(&copy->x, series->x, lengths.x));
  TRY(copy_reals(&copy->y, series->y, lengths.y));
  TRY(copy_reals(&copy->z, series->z, lengths.z));
  TRY(copy_names(&copy->x_names, series->x_names, series->n_x));
  TRY(copy_names(&copy->y_names, series->y_names, series->n_y));
done:
  return status;
}

double summary_find(const Summary *summary, const char *split, const char *name) {
  for (int64_t i = 0; i < summary->n_metrics; i++) {
    const Metric *metric = &summary->metrics[i];
    if (strcmp(metric->split, split) == 0 && strcmp(metric->name, name) == 0) return metric->value;
  }
  return NAN;
}
