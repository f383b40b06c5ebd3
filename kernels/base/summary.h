/* Summary: what a stage has to say to people: metrics, tables, series, notes.
 *
 * report.json is the sum of all summaries, report.html draws them. The report knows no stage by
 * name, so a new kind needs nothing new there. Held on rank 0 alone; on other ranks every call
 * does nothing, so that collective code can fill it without asking for its rank. */
#ifndef SEGUE_BASE_SUMMARY_H
#define SEGUE_BASE_SUMMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "status.h"

/* One number: stages.STAGE.metrics.SPLIT.NAME in report.json. */
typedef struct Metric {
  char *split; /* "test", "train", "oob", "folds" ... */
  char *name;  /* "rmse" ... */
  double value;
  double low, high;   /* confidence interval; NaN: none */
  bool higher_better; /* how the leaderboard sorts it */
  bool headline;      /* shown on the first page and by the terminal */
} Metric;

typedef enum CellType { CELL_TEXT, CELL_REAL, CELL_INTEGER } CellType;

typedef struct Cell {
  CellType type;
  char *text;
  double real; /* NaN: empty */
  int64_t integer;
} Cell;

typedef struct SummaryTable {
  char *name;  /* json name, such as "error_by_genre" */
  char *title; /* for people */
  int64_t n_columns, n_rows, capacity;
  char **columns;
  Cell *cells; /* row by row */
} SummaryTable;

/* How a series is drawn. */
typedef enum SeriesKind {
  SERIES_LINE,      /* y over x, one line per label */
  SERIES_BARS,      /* y per category */
  SERIES_HISTOGRAM, /* y counts over bin edges x (one x more than y) */
  SERIES_HEATMAP,   /* z over x and y categories: confusion, predicted against true */
  SERIES_SCATTER,   /* y over x */
  SERIES_TREE,      /* a dendrogram: y[i] is the height at which leaf i and the next are joined (of
                       the last: 0), x[i] the family of leaf i, a whole number; leaves are named */
  SERIES_MAP,       /* points of a plane on one scale, in groups that have colours */
} SeriesKind;

typedef struct Series {
  char *name, *title;
  char *x_label, *y_label; /* with units */
  SeriesKind kind;
  /* LINE, SCATTER, BARS, HISTOGRAM: n_x = n_y values; MAP: n_x points in n_y groups */
  int64_t n_x, n_y;
  double *x; /* LINE, SCATTER, MAP: n_x; HISTOGRAM: n_x + 1 edges; HEATMAP: n_x + 1 edges or NULL */
  double *y; /* values; HEATMAP: n_y + 1 edges or NULL */
  double *z; /* HEATMAP: n_y x n_x, row by row; MAP: the group of each point, NaN: none */
  char **x_names; /* BARS, HEATMAP with named axes; else NULL */
  char **y_names; /* HEATMAP; MAP: of the groups */
} Series;

/* How many numbers x, y and z of a series hold. */
typedef struct SeriesLengths {
  int64_t x, y, z;
} SeriesLengths;

static inline SeriesLengths series_lengths(const Series *s) {
  bool heatmap = s->kind == SERIES_HEATMAP, map = s->kind == SERIES_MAP;
  return (SeriesLengths){s->n_x + (heatmap || s->kind == SERIES_HISTOGRAM),
                         map ? s->n_x : s->n_y + heatmap, map ? s->n_x : s->n_x * s->n_y};
}

typedef enum NoteLevel { NOTE_INFO, NOTE_WARNING } NoteLevel;

typedef struct Note {
  NoteLevel level;
  char *text;
} Note;

typedef struct Summary {
  bool active; /* rank 0 */
  int64_t n_metrics, metrics_capacity;
  Metric *metrics;
  int64_t n_tables, tables_capacity;
  SummaryTable *tables;
  int64_t n_series, series_capacity;
  Series *series;
  int64_t n_notes, notes_capacity;
  Note *notes;
} Summary;

/* All local. Adding copies what it is given. Fails with MEMORY. */
void summary_init(Summary *summary, bool active);
void summary_clear(Summary *summary);

CHECKED Status summary_metric(Summary *summary, const char *split, const char *name, double value,
                              bool higher_better, bool headline);
CHECKED Status summary_metric_interval(Summary *summary, const char *split, const char *name,
                                       double value, double low, double high, bool higher_better,
                                       bool headline);
CHECKED Status summary_note(Summary *summary, NoteLevel level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Begin a table; then add whole rows. columns: n texts. The handle is an index, since the list may
 * move; -1 where the summary is not active. */
CHECKED Status summary_table(Summary *summary, const char *name, const char *title,
                             int64_t n_columns, const char *const *columns, int64_t *handle);
CHECKED Status summary_row(Summary *summary, int64_t handle, const Cell *cells);
static inline Cell cell_text(const char *text) {
  return (Cell){.type = CELL_TEXT, .text = (char *)(uintptr_t)text};
}
static inline Cell cell_real(double value) { return (Cell){.type = CELL_REAL, .real = value}; }
static inline Cell cell_integer(int64_t value) {
  return (Cell){.type = CELL_INTEGER, .integer = value};
}

/* Add a series: a deep copy of what series points to (lengths as its kind says). */
CHECKED Status summary_series(Summary *summary, const Series *series);

/* The value of a metric, NaN when absent. */
double summary_find(const Summary *summary, const char *split, const char *name);

#endif
