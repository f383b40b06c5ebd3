/* What tests of recipe steps share: rows as plain structs, tables of them on any number of ranks,
 * and options written as text ("columns=x,y; method=mean"), since a step's struct is its own. */
#ifndef SEGUE_TESTS_PREPARE_STEPS_H
#define SEGUE_TESTS_PREPARE_STEPS_H

#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/prepare/recipe.h"
#include "kernels/prepare/words.h"
#include "tests/check.h"

extern const StepKind impute_step, scale_step, log_step, ratio_step, blend_step, one_hot_step,
    frequency_encode_step, target_encode_step, date_part_step, pca_step, kmeans_step, drop_step;

/* ---- rows and tables ---- */

/* One row; the columns x, y (real), k (integer), flag (boolean), genre (category), artists (list),
 * release (date), title (text). "": missing category; "-": missing list. */
typedef struct Cell {
  double x, y;
  int64_t k;
  uint8_t flag;
  char genre[24], artists[64];
  int32_t release;
  int64_t group;
  double target;
} Cell;

/* Words of all cells and who has them; for a list split at ';'. */
static inline Column *cells_words(const Cell *cells, int64_t n, const Rows *rows, bool list) {
  char *bytes = NULL;
  int64_t *offset = NULL, words = 0, used = 0, *first = NULL;
  int32_t *codes = NULL;
  Column *column = NULL;
  CHECK_OK(NEW(&bytes, n * 64 + 1));
  CHECK_OK(NEW(&offset, n * 32 + 2));
  CHECK_OK(NEW(&codes, n * 32 + 2));
  CHECK_OK(NEW(&first, n + 1));
  for (int64_t i = 0; i < n; i++) {
    const char *at = list ? cells[i].artists : cells[i].genre;
    if (strcmp(at, "-") == 0) at = "";
    while (*at) {
      size_t length = list ? strcspn(at, ";") : strlen(at);
      memcpy(bytes + used, at, length);
      used += (int64_t)length;
      offset[++words] = used;
      at += length + (at[length] == ';');
    }
    first[i + 1] = words;
  }
  int64_t begin = rows->begin, end = begin + rows->n, base = rows->n > 0 ? first[begin] : 0;
  int64_t items = rows->n > 0 ? first[end] - base : 0;
  CHECK_OK(column_new(&column, list ? "artists" : "genre", list ? COLUMN_LIST : COLUMN_CATEGORY,
                      rows->n, items));
  CHECK_OK(dictionary_build(bytes, offset, words, &column->dictionary, codes));
  for (int64_t i = begin; i < end; i++) {
    if (list) {
      column->offset[i - begin + 1] = first[i + 1] - base;
      for (int64_t w = first[i]; w < first[i + 1]; w++) column->code[w - base] = codes[w];
      if (strcmp(cells[i].artists, "-") != 0) continue;
      if (!column->missing) CHECK_OK(NEW(&column->missing, rows->n));
      column->missing[i - begin] = 1;
    } else {
      column->code[i - begin] = first[i + 1] > first[i] ? codes[first[i]] : MISSING_CODE;
    }
  }
  memory_free(&bytes);
  memory_free(&offset);
  memory_free(&codes);
  memory_free(&first);
  return column;
}

/* This rank's share of n cells that every rank has. */
static inline Table cells_table(const Comm *comm, const Cell *cells, int64_t n, int64_t block) {
  Rows rows = rows_share(comm, n, block);
  Table table;
  Column *x, *y, *k, *flag, *release, *title;
  CHECK_OK(table_init(&table, &rows));
  CHECK_OK(column_new(&x, "x", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&y, "y", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&k, "k", COLUMN_INTEGER, rows.n, 0));
  CHECK_OK(column_new(&flag, "flag", COLUMN_BOOLEAN, rows.n, 0));
  CHECK_OK(column_new(&release, "release", COLUMN_DATE, rows.n, 0));
  CHECK_OK(column_new(&title, "title", COLUMN_TEXT, rows.n, 0));
  for (int64_t i = 0; i < rows.n; i++) {
    const Cell *cell = &cells[rows.begin + i];
    x->real[i] = cell->x;
    y->real[i] = cell->y;
    k->integer[i] = cell->k;
    flag->boolean[i] = cell->flag;
    release->date[i] = cell->release;
  }
  Column *all[] = {x,
                   y,
                   k,
                   flag,
                   release,
                   title,
                   cells_words(cells, n, &rows, false),
                   cells_words(cells, n, &rows, true)};
  for (size_t c = 0; c < sizeof all / sizeof *all; c++) CHECK_OK(table_add(&table, all[c]));
  return table;
}

/* Addressed by (seed, row): n rows whose words, missing values and groups vary. Groups are runs of
 * rows dealt across the table, so that they lie on several ranks. classes 0: a real target. */
static inline Cell *cells_random(uint64_t seed, int64_t n, int64_t n_classes) {
  Cell *cells = NULL;
  Stream s = random_stream(seed, "test/cells", (uint64_t)n_classes);
  CHECK_OK(NEW(&cells, n));
  for (int64_t i = 0; i < n; i++) {
    Cell *c = &cells[i];
    uint64_t row = (uint64_t)i;
    double u[8];
    for (uint32_t d = 0; d < 8; d++) u[d] = random_uniform(&s, row, d);
    int64_t genre = (int64_t)(u[0] * 9), artist = (int64_t)(u[1] * u[1] * 30);
    c->x = u[2] < 0.15 ? (double)NAN : u[3] * 100 - 20;
    c->y = u[3] < 0.1 ? (double)NAN : floor(u[2] * 5) / 8;
    c->k = u[4] < 0.1 ? MISSING_INTEGER : (int64_t)(u[4] * 6);
    c->flag = u[5] < 0.1 ? MISSING_BOOLEAN : u[5] > 0.6;
    if (genre < 8) snprintf(c->genre, sizeof c->genre, "genre %d", (int)genre);
    if (u[6] < 0.05)
      snprintf(c->artists, sizeof c->artists, "-");
    else if (u[6] < 0.1)
      c->artists[0] = 0;
    else if (u[6] < 0.7)
      snprintf(c->artists, sizeof c->artists, "artist %d", (int)artist);
    else
      snprintf(c->artists, sizeof c->artists, "artist %d;artist %d;artist %d", (int)artist,
               (int)(artist * 7 % 30), (int)artist);
    int32_t month = (int32_t)(u[7] * 13), day = month ? (int32_t)(u[6] * 29) : 0;
    c->release =
        u[5] < 0.05 ? MISSING_DATE : (1960 + (int32_t)(u[4] * 60)) * 10000 + month * 100 + day;
    c->group = i % (n / 3 + 1) * 1000003 - 77;
    double value = (double)genre * 3 + (double)artist / 4 + u[7] * 5;
    c->target = n_classes ? (double)((int64_t)(value * 3) % n_classes) : value;
  }
  return cells;
}

/* ---- options as text ---- */

/* The next piece of *at up to a character of `stop`, blanks around it dropped. */
static inline char *next_piece(char **at, const char *stop) {
  char *begin = *at + strspn(*at, " ["), *end = begin + strcspn(begin, stop);
  *at = *end ? end + 1 : end;
  *end = 0;
  for (char *last = end; last > begin && strchr(" ]", last[-1]);) *--last = 0;
  if (*begin == '"') { /* defaults are JSON */
    begin++;
    begin[strcspn(begin, "\"")] = 0;
  }
  return begin;
}

static inline void set_texts(TextList *list, char *value) {
  while (*value) {
    char *piece = next_piece(&value, ",");
    if (*piece == 0) continue;
    CHECK_OK(GROW(&list->items, list->n, list->n + 1));
    CHECK_OK(memory_text(&list->items[list->n++], piece));
  }
}

static inline void set_map(Map *map, const Option *row, char *value) {
  CHECK(row->rows[0].type == OPTION_TYPE_REAL && row->rows[0].offset == 0);
  CHECK(row->item_size == sizeof(double));
  while (*value) {
    char *piece = next_piece(&value, ","), *name = next_piece(&piece, ":");
    double *items = map->items;
    CHECK_OK(GROW(&map->names, map->n, map->n + 1));
    CHECK_OK(GROW(&items, map->n, map->n + 1));
    map->items = items;
    items[map->n] = strtod(piece, NULL);
    CHECK_OK(memory_text(&map->names[map->n++], name));
  }
}

static inline void set_option(const Option *row, void *options, char *value) {
  void *at = (char *)options + row->offset;
  int word = 0;
  char *all = value;
  switch (row->type) {
    case OPTION_TYPE_REAL: *(double *)at = strtod(value, NULL); break;
    case OPTION_TYPE_INTEGER: *(int64_t *)at = strtoll(value, NULL, 10); break;
    case OPTION_TYPE_BOOLEAN: *(_Bool *)at = strcmp(value, "true") == 0; break;
    case OPTION_TYPE_WORD:
      value = next_piece(&all, "");
      while (row->words[word] && strcmp(row->words[word], value) != 0) word++;
      CHECK(row->words[word] != NULL);
      *(int *)at = word;
      break;
    case OPTION_TYPE_TEXT:
      if (strcmp(value, "null") != 0) CHECK_OK(memory_text(at, value));
      break;
    case OPTION_TYPE_TEXTS: set_texts(at, value); break;
    case OPTION_TYPE_MAP: set_map(at, row, value); break;
    default: CHECK(false);
  }
}

/* "key=value; key=value" as a filled struct with the defaults of the rest. */
static inline Variant step_make(const StepKind *kind, const char *text) {
  char copy[512], value[512], *at = copy;
  bool given[16] = {false};
  Variant step = {.kind = &kind->kind};
  char *options = NULL;
  CHECK_OK(NEW(&options, (int64_t)kind->kind.options_size));
  step.options = options;
  snprintf(copy, sizeof copy, "%s", text);
  while (*at) {
    char *pair = next_piece(&at, ";"), *key = next_piece(&pair, "=");
    const Option *row = kind->kind.options;
    while (row->name && strcmp(row->name, key) != 0) row++;
    CHECK(row->name != NULL);
    if (!row->name) continue;
    given[row - kind->kind.options] = true;
    set_option(row, options, pair);
  }
  for (const Option *row = kind->kind.options; row->name; row++) {
    if (given[row - kind->kind.options]) continue;
    CHECK(row->fallback != NULL);
    snprintf(value, sizeof value, "%s", row->fallback ? row->fallback : "");
    set_option(row, options, value);
  }
  return step;
}

/* ---- recipes ---- */

enum { MOST_STEPS = 24 };

typedef struct Steps {
  VariantList list;
  Variant items[MOST_STEPS];
  TextList inputs;
} Steps;

/* inputs: the features to begin with, as "x,y". Add steps with steps_add. */
static inline void steps_init(Steps *steps, const char *inputs) {
  char copy[256];
  *steps = (Steps){0};
  snprintf(copy, sizeof copy, "%s", inputs);
  steps->list.items = steps->items;
  set_texts(&steps->inputs, copy);
}

static inline void steps_add(Steps *steps, const StepKind *kind, const char *text) {
  steps->items[steps->list.n++] = step_make(kind, text);
}

static inline void steps_clear(Steps *steps) {
  for (int64_t i = 0; i < steps->list.n; i++) variant_clear(&steps->items[i]);
  for (int64_t i = 0; i < steps->inputs.n; i++) memory_free(&steps->inputs.items[i]);
  memory_free(&steps->inputs.items);
}

/* For a model that takes categories, or for one that does not. */
static inline Status steps_plan_for(const Steps *steps, bool categorical, const char *target,
                                    Schema *needed) {
  Cell none = {0};
  Comm self = comm_self();
  Schema schema = {0};
  Table table = cells_table(&self, &none, 1, 4);
  CHECK_OK(schema_of(&table, &schema));
  Status status = recipe_plan(&steps->inputs, &steps->list, &schema, categorical, target, needed);
  schema_clear(&schema);
  table_clear(&table);
  return status;
}

static inline Status steps_plan(const Steps *steps, const char *target, Schema *needed) {
  return steps_plan_for(steps, false, target, needed);
}

/* Training rows on a communicator, with what a fit may look at. */
typedef struct Training {
  Table table;
  double *target;
  int64_t *group;
  StepFit fit;
} Training;

static inline void training_init(Training *t, const Comm *comm, const Cell *cells, int64_t n,
                                 int64_t block, int64_t n_classes) {
  *t = (Training){.table = cells_table(comm, cells, n, block)};
  int64_t mine = t->table.rows.n;
  CHECK_OK(NEW(&t->target, mine));
  CHECK_OK(NEW(&t->group, mine));
  for (int64_t i = 0; i < mine; i++) {
    t->target[i] = cells[t->table.rows.begin + i].target;
    t->group[i] = cells[t->table.rows.begin + i].group;
  }
  t->fit = (StepFit){
      .comm = comm, .target = t->target, .group = t->group, .n_classes = n_classes, .seed = 5};
}

static inline void training_clear(Training *t) {
  table_clear(&t->table);
  memory_free(&t->target);
  memory_free(&t->group);
}

/* Column of a matrix by name; NULL when absent (and a failed check). */
static inline const double *feature(const Matrix *x, const char *name) {
  for (int64_t j = 0; j < x->d; j++)
    if (strcmp(x->names[j], name) == 0) return matrix_column(x, j);
  fprintf(stderr, "no feature \"%s\"\n", name);
  CHECK(false);
  return NULL;
}

#endif
