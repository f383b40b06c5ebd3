/* pca: number features are replaced by, or joined by, their principal components, learned on the
 * training rows. */
#include "kernels/embed/pca.h"

#include <stdio.h>

#include "columns.h"
#include "kernels/base/memory.h"
#include "numbers.h"

typedef struct PcaOptions {
  TextList columns;
  int64_t components;
  double share;
  char *prefix;
  bool keep;
} PcaOptions;

static const Option rows[] = {
    OPTION_TEXTS(PcaOptions, columns, "[]",
                 "number columns to take components of; none: all features that are numbers by "
                 "then. Components depend on units: scale before. A row that misses one of them "
                 "misses all components"),
    OPTION_INTEGER(PcaOptions, components, "null", 1, 100000,
                   "components at most; null: as many as there are columns"),
    OPTION_REAL(PcaOptions, share, "1", 0.01, 1,
                "keep as few components as explain this share of the training rows' variance"),
    OPTION_TEXT(PcaOptions, prefix, "\"pc\"", "the new features are PREFIX1, PREFIX2 ..."),
    OPTION_BOOLEAN(PcaOptions, keep, "false", "keep the columns as features, too"),
    {0}};

typedef struct State {
  Numbers numbers;
  Pca pca;
} State;

/* How many components there will be depends on data: they are not planned. */
static Status plan(const void *options, FrameSchema *schema) {
  const PcaOptions *o = options;
  return numbers_plan(schema, &o->columns, o->keep, "pca");
}

static void state_free(void **state) {
  State *s = *state;
  if (!s) return;
  numbers_clear(&s->numbers);
  pca_clear(&s->pca);
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
  TRY(pca_fields(&s->pca, fields));
  if (s->pca.d != s->numbers.n) status = status_fail(FORMAT, "the fields hold no components");
done:
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const PcaOptions *o = options;
  const State *s = state;
  Matrix x = {.d = 0};
  Column **columns = NULL;
  double **out = NULL;
  TRY(NEW(&columns, s->pca.k));
  TRY(NEW(&out, s->pca.k));
  TRY(numbers_matrix(&s->numbers, frame, "pca", &x));
  for (int64_t c = 0; c < s->pca.k; c++) {
    char suffix[32];
    snprintf(suffix, sizeof suffix, "%lld", (long long)(c + 1));
    TRY(frame_new(frame, o->prefix, suffix, COLUMN_REAL, &columns[c]));
    out[c] = columns[c]->real;
  }
  pca_transform(&s->pca, &x, out);
  if (!o->keep) numbers_remove(&s->numbers, frame);
  for (int64_t c = 0; c < s->pca.k; c++) TRY(numbers_put(frame, &columns[c], "prefix"));
done:
  for (int64_t c = 0; columns && c < s->pca.k; c++) column_release(&columns[c]);
  memory_free(&columns);
  memory_free(&out);
  matrix_clear(&x);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const PcaOptions *o = options;
  State *s = NULL;
  Matrix x = {.d = 0};
  Status local = NEW(&s, 1);
  *state = s; /* also where another rank failed */
  if (local == OK) local = numbers_begin(&o->columns, frame, &s->numbers);
  AGREE(fit->comm, local);
  AGREE(fit->comm, numbers_matrix(&s->numbers, frame, "pca", &x));
  int64_t most = o->components == OPTION_NONE_INTEGER ? x.d : o->components;
  TRY(pca_fit_all(fit->comm, &x, most, o->share, &s->pca));
  AGREE(fit->comm, apply(o, s, frame));
done:
  matrix_clear(&x);
  return status;
}

extern const StepKind pca_step;
const StepKind pca_step = {.kind = {.name = "pca",
                                    .help = "Makes principal components of number features.",
                                    .version = 1,
                                    .options_size = sizeof(PcaOptions),
                                    .options = rows},
                           .plan = plan,
                           .fit_all = fit_all,
                           .apply = apply,
                           .fields = fields,
                           .free = state_free};
