/* ward: clusters by Ward's criterion, or complete or average linkage, exact for all rows: labels as
 * a column, the dendrogram as a linkage matrix, and a taxonomy of the words of a column such as the
 * genre. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cluster_report.h"
#include "kernels/base/memory.h"
#include "kernels/cluster/linkage.h"
#include "taxonomy.h"

enum { TOP_MERGES = 60 };

typedef struct WardOptions {
  UnsupervisedOptions what;
  int64_t k;
  double height;
  int linkage;
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
    OPTION_WORD(
        WardOptions, linkage, "\"ward\"", linkage_words,
        "which clusters are near: ward: those whose union adds least to the sum of squares, "
        "for any number of rows; complete: the largest, average: the mean distance between "
        "their rows, which needs those of all pairs in memory, spread over ranks (4 bytes "
        "times the square of the rows): up to 30,000 distinct rows"),
    OPTION_TEXT(WardOptions, column, "\"ward\"",
                "the new column: a category of cluster numbers, 0 the largest. Columns "
                "COLUMN_left, COLUMN_right, COLUMN_height and COLUMN_size hold the dendrogram, row "
                "m of SciPy's linkage matrix in row m of the distinct recordings (the last row and "
                "repeated recordings have none); rows are numbered in the table's order"),
    OPTION_TEXT(WardOptions, taxonomy, "null",
                "category or list column, such as the genre: its words are clustered, too, by the "
                "means of their rows, and looked for in the tree"),
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
    return status_fail(INVALID, "taxonomy: column \"%s\" is %s; a category or list is needed",
                       o->taxonomy, column_type_phrase(column->type));
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

static Status tell(const Dendrogram *tree, const LinkageCounts *counts, int64_t k,
                   Summary *summary) {
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
  if (counts->bytes > 0)
    TRY(summary_note(summary, NOTE_INFO, "The distances of all pairs took %.2f GB of memory.",
                     (double)counts->bytes * 1e-9));
done:
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
  if (o->taxonomy) {
    Linkage linkage = (Linkage)o->linkage;
    TRY(taxonomy_all(u, o->taxonomy, linkage, tree, label, k, &output->summary));
  }
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
  LinkageCounts counts = {0};
  int64_t k = 0;
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "ward", &output->summary, &u));
  TRY(linkage_all(comm, &u.x, (Linkage)o->linkage, context->sink, &tree, &counts));
  AGREE(comm, clusters_of(o, &tree, &k));
  AGREE(comm, table_share(&inputs[0]->table, &output->table));
  TRY(label_all(&u, o, &tree, k, output));
  AGREE(comm, tell(&tree, &counts, k, &output->summary));
done:
  dendrogram_clear(&tree);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind ward_stage;
const StageKind ward_stage = {
    .kind = {.name = "ward",
             .help = "Clusters rows by Ward's or another linkage, for looking.",
             .version = 2,
             .options_size = sizeof(WardOptions),
             .options = rows,
             .check = check},
    .inputs = ports,
    .output = PORT_TABLE,
    .plan = plan,
    .run_all = run_all};
