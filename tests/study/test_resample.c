/* Outliers and resampling belong to the training part of a fold: rows of the other part can be
 * changed at will and the fit stays bit for bit; no row that was added is ever predicted or
 * measured; where rows were removed, targets, groups and weights go with those that are left. */
#include "kernels/base/fields.h"
#include "kernels/numeric/hash.h"
#include "kernels/resample/interpolate.h"
#include "tests/study/case.h"

extern const ResampleKind smote_resample, random_under_resample;
extern const StepKind outliers_step;

enum { N = 400, BLOCK = 16 };
static const uint64_t SEED = 4242;

/* The options of the step, as rows name them: remove by iqr. */
static void *outliers_new(int action) {
  void *options = memory_get(1, outliers_step.kind.options_size);
  CHECK(options != NULL);
  *(int *)case_option(&outliers_step.kind, options, "action") = action;
  *(double *)case_option(&outliers_step.kind, options, "factor") = 0.4;
  return options;
}

/* Rows of two columns of which "flag" is rarely true; every fourth is to validate. other: how rows
 * to validate differ from those of other = 0. */
static Table make_table(const Comm *comm, int other, uint8_t **role) {
  static Row rows[N];
  Stream s = random_stream(SEED, "test", 0);
  rows_random(rows, N, SEED, 90, 5, 10);
  for (int64_t i = 0; i < N; i++) {
    bool judged = rows[i].group % 4 == 0;
    rows[i].number = random_normal(&s, (uint64_t)i, 0);
    rows[i].flag = random_uniform(&s, (uint64_t)i, 1) < 0.2;
    if (!judged || other == 0) continue;
    rows[i].number = 1e6 * random_normal(&s, (uint64_t)i, 2);
    rows[i].flag = !rows[i].flag;
    rows[i].genre = 4 - rows[i].genre;
  }
  Table table = rows_table(comm, rows, N, BLOCK);
  Column *second = NULL;
  CHECK_OK(column_new(&second, "second", COLUMN_REAL, table.rows.n, 0));
  CHECK_OK(NEW(role, table.rows.n));
  for (int64_t i = 0; i < table.rows.n; i++) {
    const Row *row = &rows[table.rows.begin + i];
    second->real[i] = row->flag + random_normal(&s, (uint64_t)(table.rows.begin + i), 3);
    (*role)[i] = row->group % 4 == 0 ? ROLE_VALIDATE : ROLE_TRAIN;
  }
  CHECK_OK(table_add(&table, second));
  return table;
}

static Hash hash_of(Bundle *bundle) {
  Fields fields;
  uint8_t *bytes = NULL;
  int64_t n = 0;
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bundle_fields(bundle, &fields));
  CHECK_OK(fields_pack(&fields, &bytes, &n));
  Hash hash = hash_bytes(bytes, (size_t)n, hash_zero());
  memory_free(&bytes);
  fields_clear(&fields);
  return hash;
}

typedef struct Outcome {
  Hash hash;
  int64_t removed, training, judged;
  double rows_told; /* of all classes after resampling, by the table */
} Outcome;

static double rows_after(const Summary *summary) {
  double sum = 0;
  for (int64_t t = 0; t < summary->n_tables; t++) {
    const SummaryTable *table = &summary->tables[t];
    if (strcmp(table->name, "resample") != 0) continue;
    for (int64_t r = 0; r < table->n_rows; r++)
      sum += (double)table->cells[r * table->n_columns + 2].integer;
  }
  return sum;
}

/* Fit on a table and predict its rows to validate. action: of outliers; resample: NULL, none. */
static Outcome fit(const Comm *comm, const Table *table, const uint8_t *role, int action,
                   const Variant *resample) {
  Outcome out = {.hash = hash_zero()};
  ForestOptions options = case_forest(3);
  Variant model = {.kind = &forest_model.kind, .options = &options};
  Variant step = {.kind = &outliers_step.kind, .options = outliers_new(action)};
  VariantList steps = {1, &step};
  char names[][8] = {"number", "second"}, *features[] = {names[0], names[1]};
  Spec spec = {.target = "flag",
               .group = "group",
               .features = {2, features},
               .steps = &steps,
               .resample = resample,
               .model = &model};
  Bundle bundle;
  SpecNeeds needs;
  StudyRows training = {0};
  Predicted predicted = {0};
  Summary summary;
  bundle_init(&bundle, &spec);
  summary_init(&summary, comm->rank == 0);
  CHECK_OK(spec_needs(&spec, table, NULL, &needs));
  CHECK_OK(study_fit_fold_all(comm, table, role, &needs, 3, NULL, &training, &bundle, &summary));
  CHECK_OK(evaluate_predict_all(comm, table, role, ROLE_VALIDATE, &needs.measured, "group", &bundle,
                                &predicted));
  out.hash = hash_of(&bundle);
  out.removed = training.removed;
  out.training = training.table.rows.n_global;
  out.judged = predicted.rows.table.rows.n_global;
  /* What is judged is rows of the table, each once. */
  for (int64_t i = 0; i < predicted.rows.table.rows.n; i++) {
    int64_t id = predicted.rows.table.row_id[i];
    CHECK(id % 10 == 3 && id < 10 * N);
    if (i > 0) CHECK(id > predicted.rows.table.row_id[i - 1]);
  }
  for (int64_t i = 0; i < training.table.rows.n; i++) CHECK(training.group[i] % 4 != 0);
  out.rows_told = rows_after(&summary);
  comm_broadcast_all(comm, 0, &out.rows_told, sizeof out.rows_told);
  predicted_clear(&predicted);
  study_rows_clear(&training);
  spec_needs_clear(&needs);
  bundle_clear(&bundle);
  summary_clear(&summary);
  memory_free(&step.options);
  return out;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  InterpolateOptions smote = {.ratio = 1, .neighbours = 5, .standardise = true};
  double ratio = 1;
  Variant kinds[] = {{NULL, NULL},
                     {.kind = &smote_resample.kind, .options = &smote},
                     {.kind = &random_under_resample.kind, .options = &ratio}};
  uint8_t *role = NULL, *other_role = NULL;
  Table table = make_table(&world, 0, &role), other = make_table(&world, 1, &other_role);
  Hash seen[9];
  for (int k = 0; k < 3; k++)
    for (int action = 0; action < 3; action++) {
      Outcome one = fit(&world, &table, role, action, &kinds[k]);
      Outcome two = fit(&world, &other, other_role, action, &kinds[k]);
      CHECK(hash_compare(&one.hash, &two.hash) == 0); /* the other part is nothing to the fit */
      CHECK_INTEGER(two.removed, one.removed);
      CHECK((one.removed > 20) == (action == 2));
      CHECK_INTEGER(one.judged, two.judged);
      CHECK_INTEGER(one.judged + one.training + one.removed, N);
      if (k == 1) CHECK(one.rows_told > (double)one.training * 1.3);
      if (k == 2) CHECK(one.rows_told < (double)one.training * 0.7);
      seen[3 * k + action] = one.hash;
      for (int before = 0; before < 3 * k + action; before++)
        CHECK(hash_compare(&seen[before], &one.hash) != 0); /* and each of them does something */
    }
  table_clear(&table);
  table_clear(&other);
  memory_free(&role);
  memory_free(&other_role);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("study/resample");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
