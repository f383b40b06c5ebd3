/* kmeans: in which of k clusters a row is, or how far from each, as features; the clusters are
 * learned on the training rows. */
#include "kernels/cluster/kmeans.h"

#include <stdio.h>

#include "columns.h"
#include "kernels/base/memory.h"
#include "numbers.h"

static const char *const gives_words[] = {"memberships", "distances", "both", NULL};
enum { MEMBERSHIPS, DISTANCES, BOTH };

typedef struct KmeansStepOptions {
  TextList columns;
  int64_t k, starts, max_iterations;
  int gives;
  char *prefix;
  bool keep;
} KmeansStepOptions;

static const Option rows[] = {
    OPTION_TEXTS(KmeansStepOptions, columns, "[]",
                 "number columns to cluster by; none: all features that are numbers by then. "
                 "Distances depend on units: scale before"),
    OPTION_INTEGER(KmeansStepOptions, k, "12", 1, 10000, "clusters"),
    OPTION_INTEGER(KmeansStepOptions, starts, "3", 1, 1000, "starts, of which the best counts"),
    OPTION_INTEGER(KmeansStepOptions, max_iterations, "300", 1, 1000000, "iterations at most"),
    OPTION_WORD(KmeansStepOptions, gives, "\"memberships\"", gives_words,
                "memberships: features PREFIX0, PREFIX1 ..., 1 for the row's cluster and 0 "
                "elsewhere (everywhere where the row misses a column); distances: PREFIX0_distance "
                "..., missing there; both"),
    OPTION_TEXT(KmeansStepOptions, prefix, "\"cluster\"", "the new features' names begin with it"),
    OPTION_BOOLEAN(KmeansStepOptions, keep, "true", "keep the columns as features, too"),
    {0}};

typedef struct State {
  Numbers numbers;
  Kmeans kmeans;
} State;

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const KmeansStepOptions *o = options;
  char name[320];
  TRY(numbers_plan(schema, &o->columns, o->keep, "kmeans"));
  for (int64_t c = 0; c < o->k; c++) {
    snprintf(name, sizeof name, "%.256s%lld", o->prefix, (long long)c);
    if (o->gives != DISTANCES) TRY(plan_made(schema, "prefix", name));
    snprintf(name, sizeof name, "%.256s%lld_distance", o->prefix, (long long)c);
    if (o->gives != MEMBERSHIPS) TRY(plan_made(schema, "prefix", name));
  }
done:
  return status;
}

static void state_free(void **state) {
  State *s = *state;
  if (!s) return;
  numbers_clear(&s->numbers);
  kmeans_clear(&s->kmeans);
  memory_free(state);
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  State *s = *state;
  if (fields->mode == FIELDS_IN) {
    TRY(NEW(&s, 1));
    *state = s;
  }
  TRY(numbers_fields(&s->numbers, fields));
  TRY(kmeans_fields(&s->kmeans, fields));
  if (s->kmeans.d != s->numbers.n) status = status_fail(FORMAT, "the fields hold no clusters");
done:
  return status;
}

static Status put_memberships(const KmeansStepOptions *o, const State *s, const Matrix *x,
                              Frame *frame) {
  Status status = OK;
  int32_t *label = NULL;
  Column *column = NULL;
  TRY(NEW(&label, x->rows.n));
  TRY(kmeans_assign(&s->kmeans, x, label, NULL));
  for (int64_t c = 0; c < s->kmeans.k; c++) {
    char suffix[32];
    snprintf(suffix, sizeof suffix, "%lld", (long long)c);
    TRY(frame_new(frame, o->prefix, suffix, COLUMN_BOOLEAN, &column));
    for (int64_t i = 0; i < x->rows.n; i++) column->boolean[i] = label[i] == c;
    TRY(numbers_put(frame, &column, "prefix"));
  }
done:
  memory_free(&label);
  column_release(&column);
  return status;
}

static Status put_distances(const KmeansStepOptions *o, const State *s, const Matrix *x,
                            Frame *frame) {
  Status status = OK;
  Column **columns = NULL;
  double **out = NULL;
  TRY(NEW(&columns, s->kmeans.k));
  TRY(NEW(&out, s->kmeans.k));
  for (int64_t c = 0; c < s->kmeans.k; c++) {
    char suffix[48];
    snprintf(suffix, sizeof suffix, "%lld_distance", (long long)c);
    TRY(frame_new(frame, o->prefix, suffix, COLUMN_REAL, &columns[c]));
    out[c] = columns[c]->real;
  }
  TRY(kmeans_distances(&s->kmeans, x, out));
  for (int64_t c = 0; c < s->kmeans.k; c++) TRY(numbers_put(frame, &columns[c], "prefix"));
done:
  for (int64_t c = 0; columns && c < s->kmeans.k; c++) column_release(&columns[c]);
  memory_free(&columns);
  memory_free(&out);
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const KmeansStepOptions *o = options;
  const State *s = state;
  Matrix x = {.d = 0};
  TRY(numbers_matrix(&s->numbers, frame, "kmeans", &x));
  if (!o->keep) numbers_remove(&s->numbers, frame);
  if (o->gives != DISTANCES) TRY(put_memberships(o, s, &x, frame));
  if (o->gives != MEMBERSHIPS) TRY(put_distances(o, s, &x, frame));
done:
  matrix_clear(&x);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const KmeansStepOptions *o = options;
  State *s = NULL;
  Matrix x = {.d = 0};
  KmeansOptions how = {.k = o->k,
                       .starts = o->starts,
                       .max_iterations = o->max_iterations,
                       .tolerance = 1e-4,
                       .seed = fit->seed + (uint64_t)fit->position};
  Status local = NEW(&s, 1);
  *state = s; /* also where another rank failed */
  if (local == OK) local = numbers_begin(&o->columns, frame, &s->numbers);
  AGREE(fit->comm, local);
  AGREE(fit->comm, numbers_matrix(&s->numbers, frame, "kmeans", &x));
  TRY(kmeans_fit_all(fit->comm, &x, &how, NULL, &s->kmeans, NULL));
  AGREE(fit->comm, apply(o, s, frame));
done:
  matrix_clear(&x);
  return status;
}

extern const StepKind kmeans_step;
const StepKind kmeans_step = {.kind = {.name = "kmeans",
                                       .help = "Makes memberships of, or distances to, clusters.",
                                       .version = 1,
                                       .options_size = sizeof(KmeansStepOptions),
                                       .options = rows},
                              .plan = plan,
                              .fit_all = fit_all,
                              .apply = apply,
                              .fields = fields,
                              .free = state_free};
