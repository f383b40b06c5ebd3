/* dbscan: clusters of any shape, and the rows that belong to none: niche tracks, with what makes
 * them unusual. */
#include "kernels/cluster/dbscan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/cluster/unusual.h"
#include "unsupervised.h"

enum { TRAITS = 3, SHOWN = 50, WORDS = 200 };

typedef struct DbscanStageOptions {
  UnsupervisedOptions what;
  double eps;
  int64_t min_samples, niche;
  int metric;
  char *column;
  TextList show;
} DbscanStageOptions;

static const char *const metric_words[] = {"euclidean", "cosine", NULL};

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_REAL(DbscanStageOptions, eps, "null", 0, 1e150,
                "rows at most this far apart are neighbours, in units of the recipe's features (0: "
                "only equal rows are); null: the knee of the distances to the min_samples-th row, "
                "which the report draws"),
    OPTION_INTEGER(DbscanStageOptions, min_samples, "10", 1, 1000000,
                   "a row with so many rows within eps, itself among them, is the core of a "
                   "cluster"),
    OPTION_WORD(DbscanStageOptions, metric, "\"euclidean\"", metric_words,
                "distance; cosine: 1 - the cosine of the angle between rows"),
    OPTION_TEXT(DbscanStageOptions, column, "\"cluster\"",
                "the new column; missing where a row is noise"),
    OPTION_INTEGER(DbscanStageOptions, niche, "20", 0, 10000,
                   "noise rows that the report lists, the loneliest first"),
    OPTION_TEXTS(DbscanStageOptions, show, "[]",
                 "columns that tell people which row it is, as name and artists"),
    {0}};

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to look at"}, {0}};

static const char barred[] =
    "the stage dbscan learned it from all rows, and cannot say it of new ones; it is for looking";

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const DbscanStageOptions *o = options;
  const SchemaColumn *shown = NULL;
  TRY(unsupervised_plan(&o->what, &inputs[0]->schema, &output->schema));
  for (int64_t i = 0; i < o->show.n; i++)
    TRY(status_prefix(schema_require(&inputs[0]->schema, o->show.items[i], &shown), "show: "));
  TRY(unsupervised_plan_column(&output->schema, "column", o->column, COLUMN_CATEGORY, barred));
done:
  return status;
}

/* ---- niche rows ---- */

typedef struct Niche {
  double distance; /* to its min_samples-th row, itself the first */
  int64_t row;     /* among distinct rows */
  char shown[WORDS], traits[WORDS];
} Niche;

static int lonelier(const void *a, const void *b) {
  const Niche *x = a, *y = b;
  if (x->distance != y->distance) return x->distance > y->distance ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

static size_t append(char *out, size_t used, const char *bytes, int64_t n) {
  size_t room = WORDS - 1 - used, take = (size_t)n < room ? (size_t)n : room;
  /* Not in the middle of a character. */
  while (take > 0 && take < (size_t)n && ((unsigned char)bytes[take] & 0xc0) == 0x80) take--;
  memcpy(out + used, bytes, take);
  out[used + take] = 0;
  return used + take;
}

static size_t append_words(char *out, size_t used, const Column *column, int64_t i) {
  for (int64_t w = column->offset[i]; w < column->offset[i + 1]; w++) {
    int64_t length = 0;
    const char *word = dictionary_word(&column->dictionary, column->code[w], &length);
    if (w > column->offset[i]) used = append(out, used, ", ", 2);
    used = append(out, used, word, length);
  }
  return used;
}

static size_t append_cell(char *out, size_t used, const Column *column, int64_t i) {
  char number[32];
  int64_t length = 0;
  if (column_missing(column, i)) return used;
  if (column->type == COLUMN_LIST) return append_words(out, used, column, i);
  if (column->type == COLUMN_TEXT || column->type == COLUMN_CATEGORY) {
    const char *text = column_text(column, i, &length);
    return append(out, used, text, length);
  }
  if (column->type == COLUMN_DATE) {
    date_text(column->date[i], number);
  } else {
    snprintf(number, sizeof number, "%.10g", column_real(column, i));
  }
  return append(out, used, number, (int64_t)strlen(number));
}

static Status describe(const Unsupervised *u, const TextList *show, const Unusual *unusual,
                       int64_t i, Niche *out) {
  Status status = OK;
  int64_t columns[TRAITS];
  size_t used = 0;
  for (int64_t s = 0; s < show->n; s++) {
    Column *column = NULL;
    TRY(table_require(&u->distinct, show->items[s], &column));
    if (s > 0 && used > 0) used = append(out->shown, used, " | ", 3);
    used = append_cell(out->shown, used, column, i);
  }
  used = 0;
  unusual_columns(unusual, &u->x, i, TRAITS, columns);
  for (int t = 0; t < TRAITS && columns[t] >= 0; t++) {
    char text[96];
    snprintf(text, sizeof text, "%s%.60s %+.1f", t ? ", " : "", u->x.names[columns[t]],
             unusual_of(unusual, &u->x, i, columns[t]));
    used = append(out->traits, used, text, (int64_t)strlen(text));
  }
done:
  return status;
}

/* This rank's noise, the loneliest first. */
static Status list_noise(const Unsupervised *u, const DbscanStageOptions *o, const Dbscan *found,
                         const Neighbors *index, const Unusual *unusual, Niche **out, int64_t *n) {
  Status status = OK;
  int64_t *at = NULL, most = 0;
  int64_t k = o->min_samples - 1 < index->n - 1 ? o->min_samples - 1 : index->n - 1;
  double *distance = NULL;
  int32_t *row = NULL;
  k = k > 1 ? k : 1;
  TRY(NEW(&at, u->x.rows.n));
  for (int64_t i = 0; i < u->x.rows.n; i++)
    if (found->label[i] < 0) at[most++] = i;
  TRY(NEW(out, most));
  TRY(NEW(&row, most * k));
  TRY(NEW(&distance, most * k));
  TRY(neighbors_nearest(index, &(NeighborsQuery){&u->x, at, most, true}, k, row, distance));
  for (int64_t i = 0; i < most; i++)
    (*out)[i] = (Niche){.distance = distance[i * k + k - 1], .row = u->x.rows.begin + at[i]};
  qsort(*out, (size_t)most, sizeof **out, lonelier);
  *n = most < o->niche ? most : o->niche;
  for (int64_t i = 0; i < *n; i++)
    TRY(describe(u, &o->show, unusual, (*out)[i].row - u->x.rows.begin, &(*out)[i]));
done:
  memory_free(&at);
  memory_free(&row);
  memory_free(&distance);
  return status;
}

static Status tell_niche(Niche *niche, int64_t n, int64_t most, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"track", "distance", "unusual in (standard deviations)"};
  int64_t handle = -1;
  char number[32];
  qsort(niche, (size_t)n, sizeof *niche, lonelier);
  TRY(summary_table(summary, "niche", "Niche: the loneliest rows that belong to no cluster", 3,
                    columns, &handle));
  for (int64_t i = 0; i < n && i < most; i++) {
    snprintf(number, sizeof number, "row %lld", (long long)niche[i].row);
    Cell cells[] = {cell_text(niche[i].shown[0] ? niche[i].shown : number),
                    cell_real(niche[i].distance), cell_text(niche[i].traits)};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status niche_all(const Unsupervised *u, const DbscanStageOptions *o, const Dbscan *found,
                        Summary *summary) {
  Status status = OK;
  const Comm *comm = u->comm;
  Neighbors index = {0};
  Unusual unusual = {0};
  Niche *mine = NULL, *all = NULL;
  int64_t n = 0;
  if (o->niche == 0 || found->n_noise == 0 || u->x.rows.n_global < 2) return OK;
  TRY(unusual_init_all(comm, &u->x, &unusual));
  TRY(neighbors_new_all(comm, &u->x, NULL, (NeighborsMetric)o->metric, &index));
  AGREE(comm, list_noise(u, o, found, &index, &unusual, &mine, &n));
  TRY(comm_gather_all(comm, 0, mine, (size_t)n * sizeof *mine, (void **)&all, NULL));
  n = comm_sum_one_all(comm, n);
  AGREE(comm, comm->rank == 0 ? tell_niche(all, n, o->niche, summary) : OK);
done:
  neighbors_clear_all(&index);
  unusual_clear(&unusual);
  memory_free(&mine);
  memory_free(&all);
  return status;
}

/* ---- the report ---- */

static Status tell_curve(const DbscanCurve *curve, Summary *summary) {
  Status status = OK;
  double share[DBSCAN_CURVE];
  for (int i = 0; i < DBSCAN_CURVE; i++) share[i] = 100.0 * i / (DBSCAN_CURVE - 1);
  Series series = {.name = "distances",
                   .title = "Distance to the min_samples-th row; eps is taken at the knee",
                   .x_label = "rows, percent",
                   .y_label = "distance",
                   .kind = SERIES_LINE,
                   .n_x = DBSCAN_CURVE,
                   .n_y = DBSCAN_CURVE,
                   .x = share,
                   .y = (double *)(uintptr_t)curve->distance};
  TRY(summary_series(summary, &series));
done:
  return status;
}

/* Clusters of many rows first, ties to the lower number. sizes: n_clusters, used up. */
static Status tell_clusters(const Dbscan *found, int64_t n, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"cluster", "rows", "share"};
  uint8_t *told = NULL;
  int64_t handle = -1;
  char word[24];
  TRY(NEW(&told, found->n_clusters));
  TRY(summary_table(summary, "clusters", "The largest clusters", 3, columns, &handle));
  for (int64_t t = 0; t < SHOWN && t < found->n_clusters; t++) {
    int64_t best = -1;
    for (int64_t c = 0; c < found->n_clusters; c++)
      if (!told[c] && (best < 0 || found->size[c] > found->size[best])) best = c;
    told[best] = 1;
    unsupervised_label_word(best, found->n_clusters, word);
    Cell cells[] = {cell_text(word), cell_integer(found->size[best]),
                    cell_real((double)found->size[best] / (double)n)};
    TRY(summary_row(summary, handle, cells));
  }
done:
  memory_free(&told);
  return status;
}

static Status warn(const Dbscan *found, double eps, int64_t n, Summary *summary) {
  int64_t largest = 0;
  for (int64_t c = 0; c < found->n_clusters; c++)
    largest = found->size[c] > largest ? found->size[c] : largest;
  if (found->n_clusters == 0)
    return summary_note(summary, NOTE_WARNING,
                        "No row is a core, so all are noise: raise eps (%g "
                        "now) or lower min_samples.",
                        eps);
  if (largest > n - n / 20)
    return summary_note(summary, NOTE_WARNING,
                        "One cluster holds %.1f %% of the rows: the density "
                        "falls off evenly, or eps (%g now) is too large.",
                        100.0 * (double)largest / (double)n, eps);
  return OK;
}

static Status tell(const Dbscan *found, double eps, int64_t n, Summary *summary) {
  Status status = OK;
  TRY(summary_metric(summary, "all", "clusters", (double)found->n_clusters, true, true));
  TRY(summary_metric(summary, "all", "noise", (double)found->n_noise / (double)n, false, true));
  TRY(summary_metric(summary, "all", "cores", (double)found->n_core / (double)n, true, false));
  TRY(summary_metric(summary, "all", "borders", (double)found->n_border / (double)n, false, false));
  TRY(summary_metric(summary, "all", "eps", eps, false, false));
  TRY(tell_clusters(found, n, summary));
  TRY(warn(found, eps, n, summary));
done:
  return status;
}

/* ---- the run ---- */

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const DbscanStageOptions *o = options;
  const Comm *comm = context->comm;
  Unsupervised u = {0};
  Dbscan found = {0};
  DbscanCurve curve;
  DbscanOptions how = {o->eps, o->min_samples, (NeighborsMetric)o->metric};
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "dbscan", &output->summary, &u));
  if (isnan(how.eps)) {
    TRY(dbscan_curve_all(comm, &u.x, &how, &curve));
    how.eps = curve.eps;
    AGREE(comm, tell_curve(&curve, &output->summary));
  }
  TRY(dbscan_all(comm, &u.x, &how, context->sink, &found));
  AGREE(comm, table_share(&inputs[0]->table, &output->table));
  TRY(unsupervised_add_labels_all(&u, found.label, found.n_clusters, o->column, &output->table));
  AGREE(comm, tell(&found, how.eps, u.x.rows.n_global, &output->summary));
  TRY(niche_all(&u, o, &found, &output->summary));
done:
  dbscan_clear(&found);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind dbscan_stage;
const StageKind dbscan_stage = {
    .kind = {.name = "dbscan",
             .help = "Clusters rows by density and lists the rows that belong to no cluster.",
             .version = 1,
             .options_size = sizeof(DbscanStageOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_TABLE,
    .plan = plan,
    .run_all = run_all};
