/* validate: how good clusterings are, by their shape, by what is known of the rows, and among each
 * other; and how well maps keep neighbours.
 *
 * Labels are category columns, one for each clustering; rows without a label are in no cluster. */
#include <math.h>
#include <stdio.h>

#include "cluster_report.h"
#include "kernels/base/memory.h"
#include "kernels/cluster/scores.h"
#include "kernels/cluster/silhouette.h"
#include "map_report.h"

enum { TABLE_MOST = 1 << 24 }; /* cells of a table of two labellings */

typedef struct ValidateOptions {
  UnsupervisedOptions what;
  TextList labels, against;
  TextLists maps;
  int64_t neighbours;
  bool silhouette;
  ClusterReportOptions report;
} ValidateOptions;

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_TEXTS(ValidateOptions, labels, "[]",
                 "category columns of clusters, such as kmeans, dbscan and ward make them; a row "
                 "without a value is in no cluster"),
    OPTION_TEXTS(ValidateOptions, against, "[]",
                 "category or list columns of what is known, such as the genre (a recording counts "
                 "once under each of its words), to which every clustering is compared"),
    OPTION_TEXT_LISTS(ValidateOptions, maps, "[]",
                      "maps of the rows, each a list of number columns, such as tsne and pca make "
                      "them: how well they keep neighbours of the features"),
    OPTION_INTEGER(ValidateOptions, neighbours, "10", 1, 10000,
                   "how many neighbours maps are judged by; fewer than half of the rows are taken"),
    OPTION_BOOLEAN(ValidateOptions, silhouette, "true",
                   "also silhouettes, exact over all pairs of rows, as columns LABELS_silhouette; "
                   "time grows with the square of the rows"),
    CLUSTER_REPORT_ROWS(ValidateOptions),
    {0}};

static const Port ports[] = {{"input", PORT_TABLE, true, "rows with columns of clusters"}, {0}};

static const char barred[] = "validate learned it from all rows, test rows among them";

static void silhouette_name(const char *label, char name[300]) {
  snprintf(name, 300, "%.256s_silhouette", label);
}

static Status plan_words(const char *option, const TextList *names, bool lists,
                         const Schema *schema) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t j = 0; j < names->n; j++) {
    TRY(status_prefix(schema_require(schema, names->items[j], &column), "%s: ", option));
    if (column->type != COLUMN_CATEGORY && !(lists && column->type == COLUMN_LIST))
      return status_fail(INVALID, "%s: column \"%s\" is %s; a category%s is needed", option,
                         names->items[j], column_type_phrase(column->type),
                         lists ? " or list" : "");
  }
done:
  return status;
}

static Status plan_maps(const TextLists *maps, const Schema *schema) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t m = 0; m < maps->n; m++) {
    if (maps->items[m].n == 0)
      return status_fail(INVALID,
                         "maps: a map has no column; name its columns, such as [\"map_x\", "
                         "\"map_y\"]");
    for (int64_t j = 0; j < maps->items[m].n; j++) {
      TRY(status_prefix(schema_require(schema, maps->items[m].items[j], &column), "maps: "));
      if (column->type != COLUMN_REAL && column->type != COLUMN_INTEGER)
        return status_fail(INVALID, "maps: column \"%s\" is %s; a number is needed",
                           maps->items[m].items[j], column_type_phrase(column->type));
    }
  }
done:
  return status;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const ValidateOptions *o = options;
  const Schema *schema = &inputs[0]->schema;
  char name[300];
  TRY(unsupervised_plan(&o->what, schema, &output->schema));
  TRY(cluster_report_plan(&o->report, schema));
  if (o->labels.n + o->maps.n == 0)
    return status_fail(INVALID, "labels: name at least one column, or a map in maps");
  TRY(plan_words("labels", &o->labels, false, schema));
  TRY(plan_words("against", &o->against, true, schema));
  TRY(plan_maps(&o->maps, schema));
  for (int64_t j = 0; o->silhouette && j < o->labels.n; j++) {
    silhouette_name(o->labels.items[j], name);
    TRY(unsupervised_plan_column(&output->schema, "labels", name, COLUMN_REAL, barred));
  }
done:
  return status;
}

/* ---- scores of one clustering ---- */

typedef struct Judged {
  ClusterScores shape;
  double silhouette, negative; /* NaN: not asked for */
} Judged;

static Status score_all(const Unsupervised *u, const ValidateOptions *o, const Column *column,
                        WorkSink *sink, Table *out, Judged *score) {
  Status status = OK;
  Silhouette silhouette = {0};
  double *value = NULL;
  char name[300];
  *score = (Judged){.silhouette = NAN, .negative = NAN};
  TRY(cluster_scores_all(u->comm, &u->x, column->code, column->dictionary.n, &score->shape));
  if (!o->silhouette) goto done;
  AGREE(u->comm, NEW(&value, u->x.rows.n));
  TRY(silhouette_all(u->comm, &u->x, column->code, column->dictionary.n, sink, value, &silhouette));
  score->silhouette = silhouette.mean;
  if (silhouette.k > 1) score->negative = (double)silhouette.negative / (double)silhouette.rows;
  silhouette_name(column->name, name);
  TRY(unsupervised_add_reals_all(u, value, name, out));
done:
  silhouette_clear(&silhouette);
  memory_free(&value);
  return status;
}

static Status tell_scores(const Judged *scores, const TextList *labels, int64_t n,
                          Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"labels",           "clusters",   "in clusters",
                                        "silhouette",       "below zero", "davies-bouldin",
                                        "calinski-harabasz"};
  int64_t handle = -1;
  TRY(summary_table(summary, "scores", "How compact and apart clusters are", 7, columns, &handle));
  for (int64_t j = 0; j < labels->n; j++) {
    const Judged *s = &scores[j];
    const char *name = labels->items[j];
    Cell cells[] = {cell_text(name),
                    cell_integer(s->shape.k),
                    cell_real((double)s->shape.rows / (double)n),
                    cell_real(s->silhouette),
                    cell_real(s->negative),
                    cell_real(s->shape.davies_bouldin),
                    cell_real(s->shape.calinski_harabasz)};
    TRY(summary_row(summary, handle, cells));
    TRY(summary_metric(summary, name, "silhouette", s->silhouette, true, true));
    TRY(summary_metric(summary, name, "davies_bouldin", s->shape.davies_bouldin, false, false));
    TRY(summary_metric(summary, name, "calinski_harabasz", s->shape.calinski_harabasz, true,
                       false));
    if (s->shape.k < 2)
      TRY(summary_note(summary, NOTE_WARNING,
                       "\"%s\" has fewer than two clusters: there is nothing to score.", name));
  }
done:
  return status;
}

/* ---- agreement of two labellings ---- */

static int64_t words_of(const Column *column, int64_t i, const int32_t **codes) {
  if (column_missing(column, i)) return 0;
  if (column->type == COLUMN_CATEGORY) {
    *codes = &column->code[i];
    return 1;
  }
  *codes = column->code + column->offset[i];
  return column->offset[i + 1] - column->offset[i];
}

static Status agree_all(const Comm *comm, const Column *a, const Column *b, Agreement *out) {
  Status status = OK;
  int64_t *table = NULL, n_a = a->dictionary.n, n_b = b->dictionary.n;
  *out = (Agreement){0, NAN, NAN};
  if (n_b > 0 && n_a > TABLE_MOST / n_b) return OK; /* nearly every row is a label of its own */
  AGREE(comm, NEW(&table, n_a * n_b));
  for (int64_t i = 0; i < a->n; i++) {
    const int32_t *code_a = NULL, *code_b = NULL;
    int64_t words_a = words_of(a, i, &code_a), words_b = words_of(b, i, &code_b);
    for (int64_t p = 0; p < words_a; p++)
      for (int64_t q = 0; q < words_b; q++) table[code_a[p] * n_b + code_b[q]]++;
  }
  comm_sum_all(comm, table, n_a * n_b);
  AGREE(comm, agreement_of(table, n_a, n_b, out));
done:
  memory_free(&table);
  return status;
}

static Status tell_agreement(const char *a, const char *b, const Agreement *agreement, bool known,
                             int64_t handle, Summary *summary) {
  Status status = OK;
  char name[160];
  Cell cells[] = {cell_text(a), cell_text(b), cell_integer(agreement->items),
                  cell_real(agreement->adjusted_rand), cell_real(agreement->normalised_mi)};
  TRY(summary_row(summary, handle, cells));
  snprintf(name, sizeof name, "adjusted_rand_%.100s", b);
  TRY(summary_metric(summary, a, name, agreement->adjusted_rand, true, false));
  snprintf(name, sizeof name, "normalised_mi_%.100s", b);
  TRY(summary_metric(summary, a, name, agreement->normalised_mi, true, known));
done:
  return status;
}

static Status agreements_all(const Unsupervised *u, const ValidateOptions *o, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"labels", "compared with", "items", "adjusted rand",
                                        "normalised mutual information"};
  int64_t handle = -1, n = o->labels.n;
  if (n == 0 || n + o->against.n < 2) return OK;
  AGREE(u->comm, summary_table(summary, "agreement", "How far labels agree", 5, columns, &handle));
  for (int64_t j = 0; j < n; j++) {
    for (int64_t l = j + 1; l < n + o->against.n; l++) {
      bool known = l >= n;
      const char *other = known ? o->against.items[l - n] : o->labels.items[l];
      Column *a = NULL, *b = NULL;
      Agreement agreement;
      AGREE(u->comm, table_require(&u->distinct, o->labels.items[j], &a));
      AGREE(u->comm, table_require(&u->distinct, other, &b));
      TRY(agree_all(u->comm, a, b, &agreement));
      AGREE(u->comm, tell_agreement(a->name, other, &agreement, known, handle, summary));
    }
  }
done:
  return status;
}

/* ---- maps ---- */

static void map_name(const TextList *columns, char name[160]) {
  int used = snprintf(name, 160, "%.100s", columns->items[0]);
  if (columns->n > 1) snprintf(name + used, 160 - (size_t)used, " %.50s", columns->items[1]);
}

static Status read_places(const Unsupervised *u, const TextList *columns, Matrix *out) {
  Status status = OK;
  TRY(matrix_init(out, &u->x.rows, columns->n));
  for (int64_t j = 0; j < columns->n; j++) {
    Column *column = NULL;
    TRY(table_require(&u->distinct, columns->items[j], &column));
    for (int64_t i = 0; i < u->x.rows.n; i++) {
      matrix_column(out, j)[i] = column_real(column, i);
      if (!isfinite(matrix_column(out, j)[i]))
        TRY(status_fail(INVALID, "maps: \"%s\" has no value in row %lld, so that row has no place",
                        columns->items[j], (long long)u->distinct.row_id[i]));
    }
  }
done:
  return status;
}

static Status judge_map_all(const Unsupervised *u, const ValidateOptions *o,
                            const TextList *columns, WorkSink *sink, int64_t handle,
                            Summary *summary) {
  Status status = OK;
  Matrix places = {.d = 0};
  MapQuality quality = {0};
  char name[160];
  map_name(columns, name);
  AGREE(u->comm, read_places(u, columns, &places));
  TRY(map_report_quality_all(u, &places, o->neighbours, sink, name, summary, &quality));
  Cell cells[] = {cell_text(name), cell_integer(quality.k), cell_real(quality.recall),
                  cell_real(quality.trustworthiness), cell_real(quality.continuity)};
  AGREE(u->comm, summary_row(summary, handle, cells));
done:
  matrix_clear(&places);
  return status;
}

static Status judge_maps_all(const Unsupervised *u, const ValidateOptions *o, WorkSink *sink,
                             Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"map", "neighbours", "neighbours kept", "trustworthiness",
                                        "continuity"};
  int64_t handle = -1;
  if (o->maps.n == 0) return OK;
  work_phase(sink, "maps");
  AGREE(u->comm, summary_table(summary, "maps", "How maps keep neighbours", 5, columns, &handle));
  for (int64_t m = 0; m < o->maps.n; m++) {
    TRY(judge_map_all(u, o, &o->maps.items[m], sink, handle, summary));
    if (comm_any_all(u->comm, work_tick(sink, m, m + 1, o->maps.n, NULL)))
      TRY(status_fail(STOPPED, "stopped"));
  }
done:
  return status;
}

/* ---- the run ---- */

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const ValidateOptions *o = options;
  const Comm *comm = context->comm;
  Summary *summary = &output->summary;
  Unsupervised u = {0};
  Judged *scores = NULL;
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "validate", summary, &u));
  Status local = NEW(&scores, o->labels.n);
  if (local == OK) local = table_share(&inputs[0]->table, &output->table);
  AGREE(comm, local);
  work_phase(context->sink, "labels");
  for (int64_t j = 0; j < o->labels.n; j++) {
    Column *column = NULL;
    AGREE(comm, table_require(&u.distinct, o->labels.items[j], &column));
    TRY(score_all(&u, o, column, context->sink, &output->table, &scores[j]));
    if (comm_any_all(comm, work_tick(context->sink, j, j + 1, o->labels.n, NULL)))
      TRY(status_fail(STOPPED, "stopped"));
  }
  if (o->labels.n > 0) AGREE(comm, tell_scores(scores, &o->labels, u.x.rows.n_global, summary));
  TRY(agreements_all(&u, o, summary));
  TRY(judge_maps_all(&u, o, context->sink, summary));
  for (int64_t j = 0; j < o->labels.n; j++) {
    Column *column = NULL;
    AGREE(comm, table_require(&u.distinct, o->labels.items[j], &column));
    TRY(cluster_report_all(&u, &o->report, column->code, column->dictionary.n, column->name,
                           summary));
  }
done:
  memory_free(&scores);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind validate_stage;
const StageKind validate_stage = {
    .kind = {.name = "validate",
             .help = "Scores clusterings by shape, traits and what is known of rows; and maps.",
             .version = 2,
             .options_size = sizeof(ValidateOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_TABLE,
    .plan = plan,
    .run_all = run_all};
