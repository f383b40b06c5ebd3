/* ward: clusters by Ward's criterion, exact for all rows: labels as a column, the dendrogram as a
 * linkage matrix, and a taxonomy of the words of a column such as the genre. */
#include "kernels/cluster/ward.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cluster_report.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

enum { TOP_MERGES = 60, WORDS_MOST = 2000 };

typedef struct WardOptions {
  UnsupervisedOptions what;
  int64_t k;
  double height;
  char *column;
  char *taxonomy;
  ClusterReportOptions report;
} WardOptions;

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_INTEGER(WardOptions, k, "null", 1, 100000,
                   "clusters to cut the tree into (default 12 unless `height` is given)"),
    OPTION_REAL(WardOptions, height, "null", 0, HUGE_VAL,
                "cut the tree at this height instead: merges up to it are made"),
    OPTION_TEXT(WardOptions, column, "\"ward\"",
                "the new column: a category of cluster numbers, 0 the largest. Columns "
                "COLUMN_left, COLUMN_right, COLUMN_height and COLUMN_size hold the dendrogram, row "
                "m of SciPy's linkage matrix in row m of the distinct recordings (the last row and "
                "repeated recordings have none); rows are numbered in the table's order"),
    OPTION_TEXT(WardOptions, taxonomy, "null",
                "category or list column, such as the genre: its words are clustered, too, by the "
                "means of their rows"),
    CLUSTER_REPORT_ROWS(WardOptions),
    {0}};

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to cluster"}, {0}};

static const char barred[] = "ward's labels cannot be told for new rows; they are for looking at";

static const char *const parts[] = {"left", "right", "height", "size"};

static void part_name(const char *column, int part, char name[300]) {
  snprintf(name, 300, "%.256s_%s", column, parts[part]);
}

static Status check(const void *options) {
  const WardOptions *o = options;
  if (o->k != OPTION_NONE_INTEGER && !isnan(o->height))
    return status_fail(INVALID, "k: give either a number of clusters (k) or a height");
  return OK;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const WardOptions *o = options;
  const Schema *schema = &inputs[0]->schema;
  const SchemaColumn *column = NULL;
  char name[300];
  TRY(unsupervised_plan(&o->what, schema, &output->schema));
  TRY(cluster_report_plan(&o->report, schema));
  if (o->taxonomy) TRY(status_prefix(schema_require(schema, o->taxonomy, &column), "taxonomy: "));
  if (column && column->type != COLUMN_CATEGORY && column->type != COLUMN_LIST)
    return status_fail(INVALID, "taxonomy: column \"%s\" is a %s; a category or list is needed",
                       o->taxonomy, column_type_words[column->type]);
  TRY(unsupervised_plan_column(&output->schema, "column", o->column, COLUMN_CATEGORY, barred));
  for (int p = 0; p < 4; p++) {
    part_name(o->column, p, name);
    TRY(unsupervised_plan_column(&output->schema, "column", name, COLUMN_REAL, barred));
  }
done:
  return status;
}

/* ---- the dendrogram as columns ---- */

/* The largest position of lower ranks' rows: a row beyond it is the first of its recording, since
 * recordings are numbered in the order of their first rows. */
static Status before_all(const Unsupervised *u, int64_t *before) {
  Status status = OK;
  int64_t *most = NULL, mine = -1;
  for (int64_t i = 0; u->repeats && i < u->table->rows.n; i++)
    if (u->position[i] > mine) mine = u->position[i];
  AGREE(u->comm, NEW(&most, u->comm->size));
  comm_allgather_all(u->comm, &mine, sizeof mine, most);
  *before = -1;
  for (int r = 0; r < u->comm->rank; r++)
    if (most[r] > *before) *before = most[r];
done:
  memory_free(&most);
  return status;
}

static double cell_of(const Dendrogram *tree, int part, int64_t m) {
  if (m >= tree->n - 1) return NAN;
  if (part == 2) return tree->height[m];
  return (double)(part == 0 ? tree->left[m] : part == 1 ? tree->right[m] : tree->size[m]);
}

/* Row m of the matrix stands in the first row of the m-th distinct recording. */
static Status add_linkage(const Unsupervised *u, const Dendrogram *tree, const char *column,
                          int64_t before, Table *out) {
  Status status = OK;
  Column *made = NULL;
  const Rows *part = &u->table->rows;
  for (int p = 0; p < 4; p++) {
    char name[300];
    int64_t last = before;
    part_name(column, p, name);
    TRY(column_new(&made, name, COLUMN_REAL, part->n, 0));
    for (int64_t i = 0; i < part->n; i++) {
      int64_t m = u->repeats ? u->position[i] : part->begin + i;
      bool first = !u->repeats || m > last;
      made->real[i] = first ? cell_of(tree, p, m) : NAN;
      if (first) last = m;
    }
    Column *given = made;
    made = NULL;
    TRY(table_add(out, given));
  }
done:
  column_release(&made);
  return status;
}

/* ---- the report ---- */

/* How high the merge is that leaves so many clusters: what to cut by. */
static Status tell_heights(const Dendrogram *tree, Summary *summary) {
  Status status = OK;
  int64_t n = tree->n - 1 < TOP_MERGES ? tree->n - 1 : TOP_MERGES;
  double x[TOP_MERGES], y[TOP_MERGES];
  for (int64_t p = 0; p < n; p++) {
    x[p] = (double)(p + 1);
    y[p] = tree->height[tree->n - 2 - p];
  }
  Series series = {.name = "heights",
                   .title = "Height at which so many clusters are left",
                   .x_label = "clusters left",
                   .y_label = "height of the merge",
                   .kind = SERIES_LINE,
                   .n_x = n,
                   .n_y = n,
                   .x = x,
                   .y = y};
  if (n > 1) TRY(summary_series(summary, &series));
done:
  return status;
}

static Status tell(const Dendrogram *tree, const WardCounts *counts, int64_t k, Summary *summary) {
  Status status = OK;
  TRY(summary_metric(summary, "all", "clusters", (double)k, true, true));
  if (k > 1)
    TRY(summary_metric(summary, "all", "next_merge", tree->height[tree->n - k], true, false));
  if (tree->n > 1)
    TRY(summary_metric(summary, "all", "last_merge", tree->height[tree->n - 2], true, false));
  TRY(tell_heights(tree, summary));
  if (counts->distinct < tree->n)
    TRY(summary_note(summary, NOTE_INFO,
                     "%lld rows are equal to one before them in every feature and join it at "
                     "height 0.",
                     (long long)(tree->n - counts->distinct)));
done:
  return status;
}

/* ---- a taxonomy of words ---- */

typedef struct Taxonomy {
  const Column *column;
  int64_t n;      /* words that have rows */
  int32_t *code;  /* n */
  int64_t *count; /* of all words */
  Matrix x;       /* n means, on every rank */
} Taxonomy;

static void add_row(const Column *column, int64_t i, const Matrix *x, const double *scale,
                    Wide *sum, int64_t *count) {
  const int32_t *codes = &column->code[i];
  int64_t words = 1;
  if (column_missing(column, i)) return;
  if (column->type == COLUMN_LIST) {
    codes = column->code + column->offset[i];
    words = column->offset[i + 1] - column->offset[i];
  }
  for (int64_t w = 0; w < words; w++) {
    count[codes[w]]++;
    for (int64_t j = 0; j < x->d; j++)
      wide_add(&sum[codes[w] * x->d + j], matrix_column(x, j)[i], scale[j]);
  }
}

static Status take_means(const Unsupervised *u, const int64_t *total, const double *scale,
                         Taxonomy *t) {
  Status status = OK;
  int64_t words = t->column->dictionary.n, d = u->x.d, at = 0;
  TRY(NEW(&t->code, words));
  TRY(NEW(&t->count, words));
  memcpy(t->count, total + 2 * words * d, (size_t)words * sizeof *total);
  for (int32_t w = 0; w < words; w++)
    if (t->count[w] > 0) t->code[t->n++] = w;
  Rows part = rows_of(t->n, u->x.rows.block, 0, 1);
  TRY(matrix_init(&t->x, &part, d));
  for (; at < t->n; at++)
    for (int64_t j = 0; j < d; j++) {
      Wide sum = ((const Wide *)total)[t->code[at] * d + j];
      matrix_column(&t->x, j)[at] = wide_value(&sum, scale[j]) / (double)t->count[t->code[at]];
    }
done:
  return status;
}

static Status means_all(const Unsupervised *u, Taxonomy *t) {
  Status status = OK;
  int64_t words = t->column->dictionary.n, d = u->x.d, *total = NULL;
  double *scale = NULL;
  Status local = NEW(&total, 2 * words * d + words);
  if (local == OK) local = NEW(&scale, d);
  AGREE(u->comm, local);
  for (int64_t j = 0; j < d; j++) {
    double most = 0;
    for (int64_t i = 0; i < u->x.rows.n; i++) most = fmax(most, fabs(matrix_column(&u->x, j)[i]));
    comm_max_real_all(u->comm, &most, 1);
    scale[j] = fixed_scale(most, WIDE_BITS);
  }
  for (int64_t i = 0; i < u->x.rows.n; i++)
    add_row(t->column, i, &u->x, scale, (Wide *)total, total + 2 * words * d);
  comm_sum_all(u->comm, total, 2 * words * d + words);
  AGREE(u->comm, take_means(u, total, scale, t));
done:
  memory_free(&total);
  memory_free(&scale);
  return status;
}

static void append_word(const Taxonomy *t, int64_t at, char *text, size_t size) {
  int64_t length = 0;
  const char *word = dictionary_word(&t->column->dictionary, t->code[at], &length);
  size_t used = strlen(text);
  snprintf(text + used, size - used, "%s%.*s", used ? ", " : "", (int)length, word);
}

/* Families of words: the tree cut into about the root of their number. */
static Status tell_families(const Taxonomy *t, const Dendrogram *tree, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"family", "words", "items", "members"};
  int64_t k = (int64_t)ceil(sqrt((double)t->n)), handle = -1;
  int32_t *label = NULL;
  char *text = NULL;
  enum { LINE = 1 << 16 };
  TRY(NEW(&label, t->n));
  TRY(NEW(&text, LINE));
  TRY(dendrogram_cut(tree, k, label));
  TRY(summary_table(summary, "families", "Families of words, by the means of their rows", 4,
                    columns, &handle));
  for (int64_t c = 0; c < k; c++) {
    int64_t words = 0, items = 0;
    text[0] = 0;
    for (int64_t at = 0; at < t->n; at++) {
      if (label[at] != c) continue;
      append_word(t, at, text, LINE);
      words++;
      items += t->count[t->code[at]];
    }
    Cell cells[] = {cell_integer(c), cell_integer(words), cell_integer(items), cell_text(text)};
    TRY(summary_row(summary, handle, cells));
  }
done:
  memory_free(&label);
  memory_free(&text);
  return status;
}

/* Every merge: which words, or clusters of words, at which height. */
static Status tell_merges(const Taxonomy *t, const Dendrogram *tree, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"cluster", "height", "joins", "with", "words"};
  int64_t handle = -1;
  TRY(summary_table(summary, "taxonomy", "Taxonomy: merges of words", 5, columns, &handle));
  for (int64_t m = 0; m < t->n - 1; m++) {
    char side[2][128] = {"", ""};
    int64_t child[] = {tree->left[m], tree->right[m]};
    for (int p = 0; p < 2; p++) {
      if (child[p] < t->n)
        append_word(t, child[p], side[p], sizeof side[p]);
      else
        snprintf(side[p], sizeof side[p], "cluster %lld", (long long)child[p]);
    }
    Cell cells[] = {cell_integer(t->n + m), cell_real(tree->height[m]), cell_text(side[0]),
                    cell_text(side[1]), cell_integer(tree->size[m])};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status taxonomy_all(const Unsupervised *u, const char *name, Summary *summary) {
  Status status = OK;
  Taxonomy t = {0};
  Dendrogram tree = {0};
  Comm self = comm_self();
  Column *column = NULL;
  AGREE(u->comm, table_require(&u->distinct, name, &column));
  t.column = column;
  if (column->dictionary.n > WORDS_MOST) {
    AGREE(u->comm, summary_note(summary, NOTE_WARNING,
                                "\"%s\" has %lld words; a taxonomy is made of %d at most.", name,
                                (long long)column->dictionary.n, WORDS_MOST));
    goto done;
  }
  TRY(means_all(u, &t));
  if (t.n < 2) goto done;
  AGREE(u->comm, ward_all(&self, &t.x, NULL, &tree, NULL));
  Status local = tell_families(&t, &tree, summary);
  if (local == OK) local = tell_merges(&t, &tree, summary);
  AGREE(u->comm, local);
done:
  dendrogram_clear(&tree);
  memory_free(&t.code);
  memory_free(&t.count);
  matrix_clear(&t.x);
  return status;
}

/* ---- the run ---- */

static Status clusters_of(const WardOptions *o, const Dendrogram *tree, int64_t *k) {
  *k = !isnan(o->height)             ? dendrogram_clusters(tree, o->height)
       : o->k == OPTION_NONE_INTEGER ? (tree->n < 12 ? tree->n : 12)
                                     : o->k;
  if (*k > tree->n)
    return status_fail(INVALID, "k: there are %lld rows, and no more clusters", (long long)tree->n);
  return OK;
}

static Status label_all(const Unsupervised *u, const WardOptions *o, const Dendrogram *tree,
                        int64_t k, Artifact *output) {
  Status status = OK;
  int32_t *label = NULL;
  int64_t before = -1;
  Status local = NEW(&label, tree->n);
  if (local == OK) local = dendrogram_cut(tree, k, label);
  AGREE(u->comm, local);
  const int32_t *mine = label + u->distinct.rows.begin;
  TRY(before_all(u, &before));
  TRY(unsupervised_add_labels_all(u, mine, k, o->column, &output->table));
  AGREE(u->comm, add_linkage(u, tree, o->column, before, &output->table));
  TRY(cluster_report_all(u, &o->report, mine, k, o->column, &output->summary));
done:
  memory_free(&label);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const WardOptions *o = options;
  const Comm *comm = context->comm;
  Unsupervised u = {0};
  Dendrogram tree = {0};
  WardCounts counts = {0};
  int64_t k = 0;
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "ward", &output->summary, &u));
  TRY(ward_all(comm, &u.x, context->sink, &tree, &counts));
  AGREE(comm, clusters_of(o, &tree, &k));
  AGREE(comm, table_share(&inputs[0]->table, &output->table));
  TRY(label_all(&u, o, &tree, k, output));
  AGREE(comm, tell(&tree, &counts, k, &output->summary));
  if (o->taxonomy) TRY(taxonomy_all(&u, o->taxonomy, &output->summary));
done:
  dendrogram_clear(&tree);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind ward_stage;
const StageKind ward_stage = {.kind = {.name = "ward",
                                       .help = "Clusters rows by Ward's criterion, for looking.",
                                       .version = 1,
                                       .options_size = sizeof(WardOptions),
                                       .options = rows,
                                       .check = check},
                              .inputs = ports,
                              .output = PORT_TABLE,
                              .plan = plan,
                              .run_all = run_all};
