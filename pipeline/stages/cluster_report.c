/* Clusters told to people; see cluster_report.h. */
#include "cluster_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/cluster/traits.h"
#include "kernels/numeric/exact.h"

enum { TYPICAL = 3, TOP = 3, TEXT = 160, SHOWN = 64, COUNTS_MOST = 1 << 22 };
#define CUT 3.0 /* standard deviations beyond which a profile is drawn no stronger */
#define ONE_WORD                                                                  \
  0.9 /* share of a cluster's rows from which on one word of theirs is called out \
       */

static bool has_words(ColumnType type) { return type == COLUMN_CATEGORY || type == COLUMN_LIST; }

Status cluster_report_plan(const ClusterReportOptions *o, const Schema *schema) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t j = 0; j < o->show.n; j++)
    TRY(status_prefix(schema_require(schema, o->show.items[j], &column), "show: "));
  if (o->by) {
    TRY(status_prefix(schema_require(schema, o->by, &column), "by: "));
    if (!has_words(column->type))
      return status_fail(INVALID, "by: column \"%s\" is %s; a category or list is needed", o->by,
                         column_type_phrase(column->type));
  }
  if (o->value) {
    TRY(status_prefix(schema_require(schema, o->value, &column), "value: "));
    if (column->type != COLUMN_REAL && column->type != COLUMN_INTEGER)
      return status_fail(INVALID, "value: column \"%s\" is %s; a number is needed", o->value,
                         column_type_phrase(column->type));
  }
done:
  return status;
}

/* ---- words of clusters ---- */

typedef struct Words {
  int32_t code[TOP]; /* -1: none */
  int64_t rows[TOP];
} Words;

static void count_row(const Column *column, int64_t i, int64_t *count) {
  if (column_missing(column, i)) return;
  if (column->type == COLUMN_CATEGORY) {
    count[column->code[i]]++;
    return;
  }
  for (int64_t at = column->offset[i]; at < column->offset[i + 1]; at++) {
    bool again = false; /* a word that a row lists twice counts once */
    for (int64_t p = column->offset[i]; p < at; p++) again |= column->code[p] == column->code[at];
    if (!again) count[column->code[at]]++;
  }
}

static Words top_of(const int64_t *count, int64_t n) {
  Words top = {{-1, -1, -1}, {0, 0, 0}};
  for (int64_t w = 0; w < n; w++) {
    int64_t rows = count[w];
    int32_t code = (int32_t)w;
    for (int p = 0; p < TOP; p++) {
      if (rows <= top.rows[p]) continue;
      int64_t old_rows = top.rows[p];
      int32_t old_code = top.code[p];
      top.rows[p] = rows, top.code[p] = code;
      rows = old_rows, code = old_code;
    }
  }
  return top;
}

/* The most frequent words of each cluster. top: k. Clusters are counted some at a time, so that the
 * table of counts stays small where words and clusters are many. */
static Status words_all(const Comm *comm, const Column *column, const int32_t *label, int64_t k,
                        Words *top) {
  Status status = OK;
  int64_t n = column->dictionary.n, *count = NULL;
  int64_t together = n > 0 && k > COUNTS_MOST / n ? COUNTS_MOST / n + 1 : k;
  AGREE(comm, NEW(&count, together * n));
  for (int64_t from = 0; from < k; from += together) {
    int64_t clusters = k - from < together ? k - from : together;
    memset(count, 0, (size_t)(together * n) * sizeof *count);
    for (int64_t i = 0; i < column->n; i++)
      if (label[i] >= from && label[i] < from + clusters)
        count_row(column, i, count + (label[i] - from) * n);
    comm_sum_all(comm, count, clusters * n);
    for (int64_t c = 0; c < clusters; c++) top[from + c] = top_of(count + c * n, n);
  }
done:
  memory_free(&count);
  return status;
}

/* A word behind the text, cut between characters where it has more than `most` bytes or there is no
 * more room. */
static void append_word(char text[TEXT], size_t *used, const char *separator, const char *word,
                        int64_t length, int64_t most) {
  static const char ellipsis[] = "\xe2\x80\xa6";
  int64_t room = TEXT - (int64_t)(*used + strlen(separator) + sizeof ellipsis);
  if (room < most) most = room;
  bool cut = length > most;
  if (most < 8 && cut) return;
  *used += (size_t)snprintf(text + *used, TEXT - *used, "%s%.*s%s", separator,
                            (int)word_fit(word, length, most), word, cut ? ellipsis : "");
}

static void words_text(const Column *column, const Words *top, int64_t size, char text[TEXT]) {
  size_t used = 0;
  text[0] = 0;
  for (int p = 0; p < TOP && top->code[p] >= 0; p++) {
    int64_t length = 0;
    const char *word = dictionary_word(&column->dictionary, top->code[p], &length);
    append_word(text, &used, p ? ", " : "", word, length, 32);
    used += (size_t)snprintf(text + used, TEXT - used, " %.0f %%",
                             100.0 * (double)top->rows[p] / (double)size);
  }
}

/* ---- typical rows ---- */

static void append_cell(const Column *column, int64_t i, char text[TEXT], size_t *used) {
  const char *separator = *used ? " \xc2\xb7 " : "";
  const char *word = NULL;
  char number[32];
  int64_t length = 0;
  if (column_missing(column, i)) return;
  if (column->type == COLUMN_TEXT || column->type == COLUMN_CATEGORY) {
    word = column_text(column, i, &length);
  } else if (column->type == COLUMN_LIST) {
    if (column->offset[i + 1] == column->offset[i]) return;
    word = dictionary_word(&column->dictionary, column->code[column->offset[i]], &length);
  } else {
    length = snprintf(number, sizeof number, "%.6g", column_real(column, i));
    word = number;
  }
  append_word(text, used, separator, word, length, 40);
}

/* How the rows whose global numbers are given are told; TEXT bytes each, on all ranks. */
static Status describe_all(const Unsupervised *u, const TextList *columns, const int64_t *row,
                           int64_t n, char *text) {
  Status status = OK;
  const Table *table = &u->distinct;
  memset(text, 0, (size_t)n * TEXT);
  for (int64_t r = 0; r < n; r++) {
    int64_t i = row[r] - table->rows.begin;
    size_t used = 0;
    if (row[r] < 0 || i < 0 || i >= table->rows.n) continue;
    for (int64_t j = 0; j < columns->n; j++) {
      const Column *column = table_find(table, columns->items[j]);
      if (column) append_cell(column, i, text + r * TEXT, &used);
    }
    if (columns->n == 0) snprintf(text + r * TEXT, TEXT, "row %lld", (long long)table->row_id[i]);
  }
  /* Only the row's rank has bytes other than 0: their sum is the text. */
  int64_t *words = NULL;
  AGREE(u->comm, NEW(&words, n * (TEXT / 8)));
  memcpy(words, text, (size_t)n * TEXT);
  comm_sum_all(u->comm, words, n * (TEXT / 8));
  memcpy(text, words, (size_t)n * TEXT);
done:
  memory_free(&words);
  return status;
}

/* ---- the report ---- */

typedef struct Told {
  const Unsupervised *u;
  const ClusterReportOptions *options;
  const int32_t *label;
  int64_t k;
  const char *name;
  Traits traits;
  Column *by;
  Words *top;    /* k, of by */
  double *value; /* k means */
  char *typical; /* k x TYPICAL x TEXT */
} Told;

static Status values_all(Told *t) {
  Status status = OK;
  Column *column = NULL;
  double *reals = NULL;
  uint8_t *where = NULL;
  const Comm *comm = t->u->comm;
  int64_t n = t->u->distinct.rows.n, count = 0;
  double variance = 0;
  AGREE(comm, table_require(&t->u->distinct, t->options->value, &column));
  Status local = NEW(&reals, n);
  if (local == OK) local = NEW(&where, n);
  AGREE(comm, local);
  for (int64_t i = 0; i < n; i++) reals[i] = column_real(column, i);
  for (int64_t c = 0; c < t->k; c++) {
    for (int64_t i = 0; i < n; i++) where[i] = t->label[i] == c;
    exact_moments_all(comm, reals, where, n, &count, &t->value[c], &variance);
  }
done:
  memory_free(&reals);
  memory_free(&where);
  return status;
}

static Status tell_table(const Told *t, Summary *summary) {
  Status status = OK;
  char name[128], title[160], value[80];
  int64_t handle = -1, n = 0;
  const char *columns[8] = {"cluster", "traits", "rows", "share"};
  n = 4;
  snprintf(value, sizeof value, "mean %.60s", t->options->value ? t->options->value : "");
  if (t->options->value) columns[n++] = value;
  if (t->by) columns[n++] = t->options->by;
  columns[n++] = "typical";
  snprintf(name, sizeof name, "%s_clusters", t->name);
  snprintf(title, sizeof title, "Clusters (column \"%s\")", t->name);
  TRY(summary_table(summary, name, title, n, columns, &handle));
  for (int64_t c = 0; c < t->k; c++) {
    char word[24], traits[TRAITS_NAME], words[TEXT], typical[TYPICAL * (TEXT + 2)] = "";
    int64_t at = 4;
    if (t->traits.size[c] == 0) continue;
    unsupervised_label_word(c, t->k, word);
    traits_name(&t->traits, c, t->u->x.names, traits);
    for (int p = 0; p < TYPICAL; p++) {
      const char *text = t->typical + (c * TYPICAL + p) * TEXT;
      if (!text[0]) continue;
      strncat(typical, typical[0] ? "; " : "", 3);
      strncat(typical, text, TEXT);
    }
    Cell cells[8] = {cell_text(word), cell_text(traits), cell_integer(t->traits.size[c]),
                     cell_real((double)t->traits.size[c] / (double)t->u->x.rows.n_global)};
    if (t->options->value) cells[at++] = cell_real(t->value[c]);
    if (t->by) {
      words_text(t->by, &t->top[c], t->traits.size[c], words);
      cells[at++] = cell_text(words);
    }
    cells[at] = cell_text(typical);
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

/* A heat map of profiles, of the largest clusters. */
static Status tell_profile(const Told *t, Summary *summary) {
  Status status = OK;
  char name[128], title[160], word[SHOWN][24], *words[SHOWN];
  int64_t n = t->k < SHOWN ? t->k : SHOWN, cells = n * t->traits.d;
  double *z = NULL;
  TRY(NEW(&z, cells));
  for (int64_t p = 0; p < cells; p++) z[p] = fmin(fmax(t->traits.profile[p], -CUT), CUT);
  for (int64_t c = 0; c < n; c++) unsupervised_label_word(c, t->k, words[c] = word[c]);
  snprintf(name, sizeof name, "%s_profile", t->name);
  snprintf(title, sizeof title,
           "Profiles of \"%s\", in standard deviations from the mean (cut at %.0f)", t->name, CUT);
  Series series = {.name = name,
                   .title = title,
                   .x_label = "feature",
                   .y_label = "cluster",
                   .kind = SERIES_HEATMAP,
                   .n_x = t->traits.d,
                   .n_y = n,
                   .z = z,
                   .x_names = t->u->x.names,
                   .y_names = words};
  TRY(summary_series(summary, &series));
done:
  memory_free(&z);
  return status;
}

/* Warn of clusters whose rows share a word of a column that says which row it is. */
static Status warn_one_word_all(const Told *t, const Column *column, Summary *summary) {
  Status status = OK;
  Words *top = NULL;
  AGREE(t->u->comm, NEW(&top, t->k));
  TRY(words_all(t->u->comm, column, t->label, t->k, top));
  Status local = OK;
  for (int64_t c = 0; c < t->k && local == OK; c++) {
    int64_t length = 0;
    char text[24];
    if (t->traits.size[c] < 2 || (double)top[c].rows[0] < ONE_WORD * (double)t->traits.size[c])
      continue;
    const char *word = dictionary_word(&column->dictionary, top[c].code[0], &length);
    unsupervised_label_word(c, t->k, text);
    local = summary_note(summary, NOTE_WARNING,
                         "Cluster %s of %s is one of \"%s\": %lld of its %lld rows are %.*s.", text,
                         t->name, column->name, (long long)top[c].rows[0],
                         (long long)t->traits.size[c], (int)word_fit(word, length, 60), word);
  }
  AGREE(t->u->comm, local);
done:
  memory_free(&top);
  return status;
}

static Status warn_all(const Told *t, Summary *summary) {
  Status status = OK;
  for (int64_t j = 0; j < t->options->show.n; j++) {
    const Column *column = table_find(&t->u->distinct, t->options->show.items[j]);
    if (column && has_words(column->type)) TRY(warn_one_word_all(t, column, summary));
  }
done:
  return status;
}

Status cluster_report_all(const Unsupervised *u, const ClusterReportOptions *o,
                          const int32_t *label, int64_t k, const char *name, Summary *summary) {
  Status status = OK;
  Told t = {.u = u, .options = o, .label = label, .k = k, .name = name};
  TRY(traits_all(u->comm, &u->x, label, k, TYPICAL, &t.traits));
  Status local = NEW(&t.top, k);
  if (local == OK) local = NEW(&t.value, k);
  if (local == OK) local = NEW(&t.typical, k * TYPICAL * TEXT);
  AGREE(u->comm, local);
  TRY(describe_all(u, &o->show, t.traits.typical, k * TYPICAL, t.typical));
  if (o->by) {
    AGREE(u->comm, table_require(&u->distinct, o->by, &t.by));
    TRY(words_all(u->comm, t.by, label, k, t.top));
  }
  if (o->value) TRY(values_all(&t));
  AGREE(u->comm, tell_table(&t, summary));
  AGREE(u->comm, tell_profile(&t, summary));
  TRY(warn_all(&t, summary));
done:
  traits_clear(&t.traits);
  memory_free(&t.top);
  memory_free(&t.value);
  memory_free(&t.typical);
  return status;
}
