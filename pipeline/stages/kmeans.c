/* kmeans: clusters by k-means, as a column, and what they are like. */
#include "kernels/cluster/kmeans_choose.h"

#include <stdio.h>

#include "cluster_report.h"
#include "kernels/base/memory.h"

typedef struct KmeansStageOptions {
  UnsupervisedOptions what;
  int64_t k, k_to, starts, max_iterations;
  int choose;
  double tolerance;
  char *column;
  int spread;
  ClusterReportOptions report;
} KmeansStageOptions;

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_INTEGER(KmeansStageOptions, k, "12", 1, 100000, "clusters"),
    OPTION_INTEGER(KmeansStageOptions, k_to, "null", 2, 1000,
                   "try every number of clusters from k (2 at least) to this one, and take the one "
                   "that `choose` says"),
    OPTION_WORD(KmeansStageOptions, choose, "\"silhouette\"", choose_by_words,
                "with k_to: silhouette: the greatest mean silhouette, exact among some 8,000 rows "
                "drawn at random; elbow: the inertia farthest below the line from the first to the "
                "last; stability: fits on two halves of the rows agree best. All three are told"),
    OPTION_INTEGER(KmeansStageOptions, starts, "10", 1, 10000,
                   "starts from other seeds (greedy k-means++), of which the best counts"),
    OPTION_INTEGER(KmeansStageOptions, max_iterations, "300", 1, 1000000,
                   "iterations at most; the best start goes on until no row moves, or so many"),
    OPTION_REAL(KmeansStageOptions, tolerance, "1e-4", 0, 1e9,
                "a start ends when its centres' squared moves add up to this share of the mean "
                "variance of the features"),
    OPTION_TEXT(KmeansStageOptions, column, "\"cluster\"",
                "the new column: a category of cluster numbers, 0 the largest"),
    OPTION_WORD(KmeansStageOptions, spread, "\"auto\"", kmeans_spread_words,
                "starts: each rank makes starts of its own, on a copy of the features that is "
                "shared on a node; rows: all ranks share the rows of one start after the other; "
                "auto: starts where there are as many as ranks and the features take up to 256 "
                "MiB; the results are the same"),
    CLUSTER_REPORT_ROWS(KmeansStageOptions),
    {0}};

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to cluster"}, {0}};

static const char barred[] =
    "the stage kmeans learned it from all rows, test rows among them; use the step kmeans in the "
    "recipe, which is fitted on training rows alone";

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const KmeansStageOptions *o = options;
  TRY(unsupervised_plan(&o->what, &inputs[0]->schema, &output->schema));
  TRY(cluster_report_plan(&o->report, &inputs[0]->schema));
  TRY(unsupervised_plan_column(&output->schema, "column", o->column, COLUMN_CATEGORY, barred));
done:
  return status;
}

static Status check(const void *options) {
  const KmeansStageOptions *o = options;
  if (o->k_to == OPTION_NONE_INTEGER) return OK;
  if (o->k < 2) return status_fail(INVALID, "k: a range begins at 2 clusters");
  if (o->k_to < o->k) return status_fail(INVALID, "k_to: it lies below k");
  return OK;
}

static Status tell_choice(const KmeansChoice *choice, int by, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"k", "inertia", "silhouette", "stability"};
  const double *measures[] = {choice->silhouette, choice->inertia, choice->stability};
  int64_t handle = -1;
  double *x = NULL;
  TRY(NEW(&x, choice->n));
  TRY(summary_table(summary, "choice", "How many clusters", 4, columns, &handle));
  for (int64_t p = 0; p < choice->n; p++) {
    x[p] = (double)(choice->low + p);
    Cell cells[] = {cell_integer(choice->low + p), cell_real(choice->inertia[p]),
                    cell_real(choice->silhouette[p]), cell_real(choice->stability[p])};
    TRY(summary_row(summary, handle, cells));
  }
  for (int m = 0; m < 3; m++) {
    char name[16];
    snprintf(name, sizeof name, "%s", m == CHOOSE_ELBOW ? "inertia" : choose_by_words[m]);
    Series series = {.name = name,
                     .title = name,
                     .x_label = "clusters",
                     .y_label = name,
                     .kind = SERIES_LINE,
                     .n_x = choice->n,
                     .n_y = choice->n,
                     .x = x,
                     .y = (double *)(uintptr_t)measures[m]};
    if (choice->n > 1) TRY(summary_series(summary, &series));
  }
  TRY(summary_note(
      summary, NOTE_INFO,
      "%lld clusters by %s; the silhouette says %lld, the elbow %lld, stability %lld.",
      (long long)choice->best[by], choose_by_words[by], (long long)choice->best[CHOOSE_SILHOUETTE],
      (long long)choice->best[CHOOSE_ELBOW], (long long)choice->best[CHOOSE_STABILITY]));
done:
  memory_free(&x);
  return status;
}

/* The number of clusters, chosen where a range is given. */
static Status choose_all(const StageContext *context, const KmeansStageOptions *o, const Matrix *x,
                         Summary *summary, KmeansOptions *fit) {
  Status status = OK;
  KmeansChoice choice = {0};
  if (o->k_to == OPTION_NONE_INTEGER) return OK;
  work_phase(context->sink, "numbers of clusters");
  TRY(kmeans_choose_all(context->comm, x, fit, o->k, o->k_to, context->sink, &choice));
  AGREE(context->comm, tell_choice(&choice, o->choose, summary));
  fit->k = choice.best[o->choose];
done:
  kmeans_choice_clear(&choice);
  return status;
}

static Status tell_starts(const Kmeans *kmeans, Summary *summary) {
  Status status = OK;
  int64_t empty = 0, handle = -1;
  static const char *const columns[] = {"start", "inertia", "above the best"};
  for (int64_t c = 0; c < kmeans->k; c++) empty += kmeans->size[c] == 0;
  TRY(summary_metric(summary, "all", "inertia", kmeans->inertia, false, true));
  TRY(summary_metric(summary, "all", "iterations", (double)kmeans->iterations, false, false));
  TRY(summary_table(summary, "starts", "Starts", 3, columns, &handle));
  double best = kmeans->start_inertia[kmeans->best];
  for (int64_t s = 0; s < kmeans->starts; s++) {
    Cell cells[] = {cell_integer(s), cell_real(kmeans->start_inertia[s]),
                    cell_real(best > 0 ? kmeans->start_inertia[s] / best - 1 : 0)};
    TRY(summary_row(summary, handle, cells));
  }
  if (empty > 0)
    TRY(summary_note(summary, NOTE_WARNING,
                     "%lld of %lld clusters are empty: there are only %lld distinct rows.",
                     (long long)empty, (long long)kmeans->k, (long long)(kmeans->k - empty)));
  if (!kmeans->converged)
    TRY(summary_note(summary, NOTE_WARNING,
                     "Rows still moved after %lld iterations; raise max_iterations.",
                     (long long)kmeans->iterations));
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const KmeansStageOptions *o = options;
  const Comm *comm = context->comm;
  Unsupervised u = {0};
  Kmeans kmeans = {0};
  int32_t *label = NULL;
  KmeansOptions fit = {.k = o->k,
                       .starts = o->starts,
                       .max_iterations = o->max_iterations,
                       .tolerance = o->tolerance,
                       .spread = (KmeansSpread)o->spread,
                       .seed = context->seed};
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "kmeans", &output->summary, &u));
  AGREE(comm, NEW(&label, u.x.rows.n));
  TRY(choose_all(context, o, &u.x, &output->summary, &fit));
  work_phase(context->sink, "starts");
  TRY(kmeans_fit_all(comm, &u.x, &fit, context->sink, &kmeans, label));
  AGREE(comm, table_share(&inputs[0]->table, &output->table));
  TRY(unsupervised_add_labels_all(&u, label, kmeans.k, o->column, &output->table));
  TRY(cluster_report_all(&u, &o->report, label, kmeans.k, o->column, &output->summary));
  AGREE(comm, tell_starts(&kmeans, &output->summary));
done:
  memory_free(&label);
  kmeans_clear(&kmeans);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind kmeans_stage;
const StageKind kmeans_stage = {.kind = {.name = "kmeans",
                                         .help = "Clusters rows by k-means, for looking.",
                                         .version = 1,
                                         .options_size = sizeof(KmeansStageOptions),
                                         .options = rows,
                                         .check = check},
                                .inputs = ports,
                                .output = PORT_TABLE,
                                .plan = plan,
                                .run_all = run_all};
