/* Maps told to people; see map_report.h. */
#include "map_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/cluster/traits.h"
#include "kernels/cluster/ward.h"

enum {
  DRAWN = 12000,
  COLOURS = 12,
  FAMILIES = 10,
  WORDS_MOST = 2000,
  NAMED = 3,
  NAME = TRAITS_NAME + 48
};
#define STEP 0.01 /* places are told to it: a pixel is more */

Status map_report_plan(const TextList *colour, const Schema *schema) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t j = 0; j < colour->n; j++) {
    TRY(status_prefix(schema_require(schema, colour->items[j], &column), "colour: "));
    if (column->type != COLUMN_CATEGORY && column->type != COLUMN_LIST)
      return status_fail(INVALID, "colour: column \"%s\" is %s; a category or list is needed",
                         colour->items[j], column_type_phrase(column->type));
  }
done:
  return status;
}

/* ---- groups of words ---- */

/* The groups that colour rows. */
typedef struct Groups {
  int64_t words, n;
  int32_t *group; /* by word; -1: none */
  char (*name)[NAME];
} Groups;

static void groups_clear(Groups *g) {
  memory_free(&g->group);
  memory_free(&g->name);
}

/* The row's word; of several the first; -1: none. */
static int32_t word_of(const Column *column, int64_t i) {
  if (column_missing(column, i)) return -1;
  if (column->type == COLUMN_CATEGORY) return column->code[i];
  return column->offset[i + 1] > column->offset[i] ? column->code[column->offset[i]] : -1;
}

static void append_word(const Column *column, int32_t word, char name[NAME]) {
  int64_t length = 0;
  const char *text = dictionary_word(&column->dictionary, word, &length);
  size_t used = strlen(name);
  snprintf(name + used, NAME - used, "%s%.*s", used ? ", " : "", (int)word_fit(text, length, 40),
           text);
}

static bool is_number(const char *text) {
  return text[0] && strspn(text, "0123456789") == strlen(text);
}

/* Clusters are numbers, which say little: their traits stand beside. */
static void groups_are_words(const Unsupervised *u, const Column *column, const Traits *traits,
                             Groups *g) {
  g->n = g->words;
  for (int32_t w = 0; w < g->words; w++) {
    char *name = g->name[w], told[TRAITS_NAME];
    g->group[w] = w;
    append_word(column, w, name);
    if (!is_number(name) || traits->size[w] == 0) continue;
    traits_name(traits, w, u->x.names, told);
    size_t used = strlen(name);
    snprintf(name + used, NAME - used, " %s", told);
  }
}

/* The most frequent words of a family, and how many more there are. */
static Status name_family(const Column *column, const Traits *traits, int64_t family, Groups *g) {
  Status status = OK;
  int64_t members = 0;
  uint8_t *told = NULL;
  char *name = g->name[family];
  TRY(NEW(&told, g->words));
  for (int64_t w = 0; w < g->words; w++) members += g->group[w] == family;
  for (int p = 0; p < NAMED; p++) {
    int32_t best = -1;
    for (int32_t w = 0; w < g->words; w++)
      if (g->group[w] == family && !told[w] && (best < 0 || traits->size[w] > traits->size[best]))
        best = w;
    if (best < 0) break;
    told[best] = 1;
    append_word(column, best, name);
  }
  size_t used = strlen(name);
  if (members > NAMED)
    snprintf(name + used, NAME - used, " and %lld more", (long long)(members - NAMED));
done:
  memory_free(&told);
  return status;
}

/* Words whose rows are alike on average become a family. */
static Status group_families(const Column *column, const Traits *traits, Groups *g) {
  Status status = OK;
  Comm self = comm_self();
  Matrix x = {.d = 0};
  Dendrogram tree = {0};
  int32_t *label = NULL;
  int64_t n = 0, at = 0;
  for (int64_t w = 0; w < g->words; w++) n += traits->size[w] > 0;
  Rows rows = rows_of(n, ROWS_BLOCK_DEFAULT, 0, 1);
  g->n = n < FAMILIES ? n : FAMILIES;
  if (n == 0) return OK;
  TRY(matrix_init(&x, &rows, traits->d));
  TRY(NEW(&label, n));
  for (int64_t w = 0; w < g->words; w++) {
    if (traits->size[w] == 0) continue;
    for (int64_t j = 0; j < traits->d; j++)
      matrix_column(&x, j)[at] = traits->profile[w * traits->d + j];
    at++;
  }
  TRY(ward_all(&self, &x, NULL, &tree, NULL));
  TRY(dendrogram_cut(&tree, g->n, label));
  at = 0;
  for (int64_t w = 0; w < g->words; w++) g->group[w] = traits->size[w] > 0 ? label[at++] : -1;
  for (int64_t f = 0; f < g->n; f++) TRY(name_family(column, traits, f, g));
done:
  dendrogram_clear(&tree);
  memory_free(&label);
  matrix_clear(&x);
  return status;
}

static Status groups_all(const Unsupervised *u, const Column *column, Groups *g) {
  Status status = OK;
  Traits traits = {0};
  int32_t *label = NULL;
  *g = (Groups){.words = column->dictionary.n};
  int64_t names = g->words > FAMILIES ? g->words : FAMILIES;
  Status local = NEW(&g->group, g->words);
  if (local == OK) local = NEW(&g->name, names);
  if (local == OK) local = NEW(&label, u->x.rows.n);
  AGREE(u->comm, local);
  for (int64_t i = 0; i < u->x.rows.n; i++) label[i] = word_of(column, i);
  TRY(traits_all(u->comm, &u->x, label, g->words, 1, &traits));
  if (g->words <= COLOURS)
    groups_are_words(u, column, &traits, g);
  else
    AGREE(u->comm, group_families(column, &traits, g));
done:
  traits_clear(&traits);
  memory_free(&label);
  return status;
}

/* ---- drawing ---- */

/* Evenly spread rows of all; their places, and groups in colours; on rank 0. */
typedef struct Drawing {
  int64_t n;
  double *x, *y, *group;
} Drawing;

static double rounded(double place) { return rint(place / STEP) * STEP; }

/* Take this rank's drawn rows to rank 0. value: by row of this rank. */
static Status gather_drawn_all(const Unsupervised *u, int64_t drawn, const double *value,
                               double **out) {
  Status status = OK;
  const Rows *rows = &u->x.rows;
  double *mine = NULL;
  int64_t n = 0;
  AGREE(u->comm, NEW(&mine, drawn));
  for (int64_t d = 0; d < drawn; d++) {
    int64_t i = d * rows->n_global / drawn - rows->begin;
    if (i >= 0 && i < rows->n) mine[n++] = value[i];
  }
  TRY(comm_gather_all(u->comm, 0, mine, (size_t)n * sizeof *mine, (void **)out, NULL));
done:
  memory_free(&mine);
  return status;
}

static Status tell_drawing(const Drawing *d, const Groups *g, const char *name, const char *title,
                           Summary *summary) {
  Status status = OK;
  char **names = NULL;
  TRY(NEW(&names, g ? g->n : 0));
  for (int64_t k = 0; g && k < g->n; k++) names[k] = g->name[k];
  Series series = {.name = (char *)(uintptr_t)name,
                   .title = (char *)(uintptr_t)title,
                   .x_label = "",
                   .y_label = "",
                   .kind = SERIES_MAP,
                   .n_x = d->n,
                   .n_y = g ? g->n : 0,
                   .x = d->x,
                   .y = d->y,
                   .z = g ? d->group : NULL,
                   .y_names = g ? names : NULL};
  TRY(summary_series(summary, &series));
done:
  memory_free(&names);
  return status;
}

static Status draw_column_all(const Unsupervised *u, const Column *column, const char *name,
                              Drawing *d, Summary *summary) {
  Status status = OK;
  Groups g = {0};
  double *group = NULL;
  char series[300], title[400];
  if (column->dictionary.n > WORDS_MOST) {
    AGREE(u->comm, summary_note(summary, NOTE_WARNING,
                                "\"%s\" has %lld words; a map is coloured by %d at most.",
                                column->name, (long long)column->dictionary.n, WORDS_MOST));
    return OK;
  }
  TRY(groups_all(u, column, &g));
  AGREE(u->comm, NEW(&group, u->x.rows.n));
  for (int64_t i = 0; i < u->x.rows.n; i++) {
    int32_t word = word_of(column, i);
    group[i] = word < 0 || g.group[word] < 0 ? NAN : (double)g.group[word];
  }
  TRY(gather_drawn_all(u, d->n, group, &d->group));
  snprintf(series, sizeof series, "%.100s_%.150s", name, column->name);
  snprintf(title, sizeof title,
           g.words > COLOURS ? "The map by families of \"%s\"" : "The map by \"%s\"", column->name);
  AGREE(u->comm, u->comm->rank == 0 ? tell_drawing(d, &g, series, title, summary) : OK);
done:
  groups_clear(&g);
  memory_free(&group);
  memory_free(&d->group);
  return status;
}

Status map_report_draw_all(const Unsupervised *u, const double *x, const double *y,
                           const TextList *colour, const char *name, Summary *summary) {
  Status status = OK;
  Drawing d = {.n = u->x.rows.n_global < DRAWN ? u->x.rows.n_global : DRAWN};
  TRY(gather_drawn_all(u, d.n, x, &d.x));
  TRY(gather_drawn_all(u, d.n, y, &d.y));
  for (int64_t i = 0; d.x && d.y && i < d.n; i++)
    d.x[i] = rounded(d.x[i]), d.y[i] = rounded(d.y[i]);
  if (d.n < u->x.rows.n_global)
    AGREE(u->comm, summary_note(summary, NOTE_INFO,
                                "Maps are drawn with %lld of the %lld rows, evenly chosen.",
                                (long long)d.n, (long long)u->x.rows.n_global));
  for (int64_t j = 0; j < colour->n; j++) {
    Column *column = NULL;
    AGREE(u->comm, table_require(&u->distinct, colour->items[j], &column));
    TRY(draw_column_all(u, column, name, &d, summary));
  }
  if (colour->n == 0)
    AGREE(u->comm, u->comm->rank == 0 ? tell_drawing(&d, NULL, name, "The map", summary) : OK);
done:
  memory_free(&d.x);
  memory_free(&d.y);
  return status;
}

/* ---- quality ---- */

Status map_report_quality_all(const Unsupervised *u, const Matrix *places, int64_t k,
                              WorkSink *sink, const char *split, Summary *summary,
                              MapQuality *out) {
  Status status = OK;
  TRY(map_quality_all(u->comm, &u->x, places, k, sink, out));
  Status local = summary_metric(summary, split, "neighbours_kept", out->recall, true, true);
  if (local == OK)
    local = summary_metric(summary, split, "trustworthiness", out->trustworthiness, true, true);
  if (local == OK)
    local = summary_metric(summary, split, "continuity", out->continuity, true, false);
  AGREE(u->comm, local);
done:
  return status;
}
