/* A bundle saved and loaded predicts the same bits, on any number of ranks and row by row; rows
 * that lack what it needs are refused. */
#include "kernels/numeric/hash.h"
#include "tests/study/case.h"

enum { N = 140 };

static const uint64_t SEED = 1618;
static char encoded[] = "tags", number[] = "number", group[] = "group";

/* Everything about one fitted bundle. */
typedef struct Fitted {
  char *features[3];
  CaseRecipe recipe;
  ForestOptions options;
  Variant model;
  Spec spec;
  Bundle bundle;
  Table table;
} Fitted;

static void fit(Fitted *f, const Comm *comm, const Row *rows, const char *target) {
  Schema measured = {0};
  Summary summary;
  bool classes = strcmp(target, "number") != 0, many = strcmp(target, "genre") == 0;
  case_recipe_init(&f->recipe, many ? NULL : encoded, 3);
  f->features[0] = group;
  f->features[1] = classes ? number : encoded;
  f->features[2] = encoded;
  f->options = case_forest(4);
  f->model = (Variant){.kind = &forest_model.kind, .options = &f->options};
  f->spec = (Spec){.target = target,
                   .features = {many || !classes ? 2 : 3, f->features},
                   .steps = &f->recipe.steps,
                   .model = &f->model};
  f->table = rows_table(comm, rows, N, 8);
  bundle_init(&f->bundle, &f->spec);
  summary_init(&summary, false);
  CHECK_OK(case_fit_all(comm, &f->table, NULL, &f->spec, "group", &f->bundle, &measured, &summary));
  summary_clear(&summary);
  schema_clear(&measured);
}

static void fitted_clear(Fitted *f) {
  bundle_clear(&f->bundle);
  table_clear(&f->table);
  case_recipe_clear(&f->recipe);
}

/* Save, and load into another bundle of the spec; the hash of what was saved. */
static Hash reload(Fitted *f, Bundle *out) {
  Fields fields, copy;
  uint8_t *bytes = NULL;
  int64_t n = 0;
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bundle_fields(&f->bundle, &fields));
  CHECK_OK(fields_pack(&fields, &bytes, &n));
  CHECK_OK(fields_unpack(bytes, n, &copy));
  bundle_init(out, &f->spec);
  CHECK_OK(bundle_fields(out, &copy));
  Hash hash = hash_bytes(bytes, (size_t)n, hash_zero());
  memory_free(&bytes);
  fields_clear(&fields);
  fields_clear(&copy);
  return hash;
}

static double *predict(const Bundle *bundle, const Table *table) {
  double *value = NULL;
  CHECK_OK(NEW(&value, table->rows.n * bundle_width(bundle)));
  CHECK_OK(bundle_predict(bundle, table, value));
  return value;
}

static void check_bits(const double *a, const double *b, int64_t n) {
  CHECK(n == 0 || memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

static void check_single_rows(const Bundle *bundle, const Table *table, const double *want) {
  int64_t width = bundle_width(bundle);
  for (int64_t i = 0; i < table->rows.n; i += 7) {
    Table row = {0};
    CHECK_OK(table_take(table, &i, 1, &row));
    double *value = predict(bundle, &row);
    check_bits(value, want + i * width, width);
    memory_free(&value);
    table_clear(&row);
  }
}

static void test_same_bits(const Comm *comm, const char *target) {
  static Row rows[N];
  Comm self = comm_self();
  Fitted fitted, alone;
  Bundle loaded, lonely;
  rows_random(rows, N, SEED, 40, 6, 5);
  fit(&fitted, comm, rows, target);
  fit(&alone, &self, rows, target);
  Hash a = reload(&fitted, &loaded), b = reload(&alone, &lonely);
  CHECK(hash_compare(&a, &b) == 0);
  const Table *mine = &fitted.table;
  int64_t width = bundle_width(&fitted.bundle);
  CHECK_INTEGER(width, strcmp(target, "number") == 0 ? 1 : strcmp(target, "flag") == 0 ? 2 : 26);
  CHECK_INTEGER(bundle_width(&loaded), width);
  double *want = predict(&fitted.bundle, mine), *got = predict(&loaded, mine);
  double *all = predict(&lonely, &alone.table);
  check_bits(got, want, mine->rows.n * width);
  if (mine->rows.n > 0) check_bits(all + mine->rows.begin * width, want, mine->rows.n * width);
  check_single_rows(&loaded, mine, want);
  memory_free(&want);
  memory_free(&got);
  memory_free(&all);
  bundle_clear(&loaded);
  bundle_clear(&lonely);
  fitted_clear(&fitted);
  fitted_clear(&alone);
}

static void test_missing_columns(const Comm *comm) {
  static Row rows[N];
  static double value[2 * N];
  Fitted fitted;
  Column *wrong = NULL;
  rows_random(rows, N, SEED, 40, 6, 5);
  fit(&fitted, comm, rows, "flag");
  table_remove(&fitted.table, "flag"); /* the target is not needed */
  CHECK_OK(bundle_predict(&fitted.bundle, &fitted.table, value));
  CHECK_OK(column_new(&wrong, "number", COLUMN_INTEGER, fitted.table.rows.n, 0));
  CHECK_OK(table_add(&fitted.table, wrong));
  CHECK_INTEGER(bundle_predict(&fitted.bundle, &fitted.table, value), INVALID);
  CHECK_MESSAGE("column \"number\" is an integer here; the model was trained on a real");
  table_remove(&fitted.table, "number");
  CHECK_INTEGER(bundle_predict(&fitted.bundle, &fitted.table, value), INVALID);
  CHECK_MESSAGE("column \"number\" is not in the table");
  fitted_clear(&fitted);
}

/* Fields of something else are refused, not believed. */
static void test_bad_fields(const Comm *comm) {
  static Row rows[N];
  Fitted fitted;
  Fields fields, copy;
  rows_random(rows, N, SEED, 40, 6, 5);
  fit(&fitted, comm, rows, "flag");
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bundle_fields(&fitted.bundle, &fields));
  for (int64_t dropped = 0; dropped < fields.n; dropped++) {
    Bundle loaded;
    CHECK_OK(fields_copy(&fields, &copy));
    copy.items[dropped].name[0] = '?';
    bundle_init(&loaded, &fitted.spec);
    CHECK_INTEGER(bundle_fields(&loaded, &copy), FORMAT);
    bundle_clear(&loaded);
    fields_clear(&copy);
  }
  fields_clear(&fields);
  fitted_clear(&fitted);
}

/* A model of a newer format is told from one that is broken. */
static void test_formats(const Comm *comm) {
  static Row rows[N];
  Fitted fitted;
  Fields fields, copy;
  rows_random(rows, N, SEED, 40, 6, 5);
  fit(&fitted, comm, rows, "flag");
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bundle_fields(&fitted.bundle, &fields));
  for (int64_t format = 0; format <= BUNDLE_FORMAT + 1; format++) {
    Bundle loaded;
    bool known = format >= 1 && format <= BUNDLE_FORMAT;
    CHECK_OK(fields_copy(&fields, &copy));
    CHECK_TEXT(copy.items[0].name, "format");
    memcpy((void *)(uintptr_t)copy.items[0].data, &format, sizeof format);
    bundle_init(&loaded, &fitted.spec);
    CHECK_INTEGER(bundle_fields(&loaded, &copy), known ? OK : FORMAT);
    if (format > BUNDLE_FORMAT) CHECK_MESSAGE("use a newer segue, or train the model again");
    bundle_clear(&loaded);
    fields_clear(&copy);
  }
  fields_clear(&fields);
  fitted_clear(&fitted);
}

/* A spec of as many features as were chosen. */
static Status choose_features(const void *options, const RealList *choice, Spec *spec,
                              void **memory) {
  const Fitted *f = options;
  if (choice->n != 1) return status_fail(FORMAT, "%lld numbers chosen", (long long)choice->n);
  Status status = memory_status(*memory = memory_get(1, sizeof(Variant)));
  if (status != OK) return status;
  *(Variant *)*memory = f->model;
  *spec = f->spec;
  spec->model = *memory;
  spec->features.n = (int64_t)choice->items[0];
  return OK;
}

/* What was chosen is saved with the bundle, which finds its spec by it. */
static void test_choice(const Comm *comm) {
  static Row rows[N];
  static double got[2 * N], want[2 * N];
  double chosen = 2, none[2] = {0};
  RealList choice = {1, &chosen}, wrong = {2, none};
  Fitted fitted;
  Bundle open, loaded;
  Schema measured = {0};
  Summary summary;
  Fields fields, copy;
  rows_random(rows, N, SEED, 40, 6, 5);
  fit(&fitted, comm, rows, "flag");
  bundle_init_open(&open, choose_features, &fitted);
  CHECK_INTEGER(bundle_choose(&open, &wrong), FORMAT);
  bundle_clear(&open);
  bundle_init_open(&open, choose_features, &fitted);
  CHECK_OK(bundle_choose(&open, &choice));
  summary_init(&summary, false);
  CHECK_OK(
      case_fit_all(comm, &fitted.table, NULL, &open.spec, "group", &open, &measured, &summary));
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bundle_fields(&open, &fields));
  CHECK_OK(fields_copy(&fields, &copy));
  bundle_init_open(&loaded, choose_features, &fitted);
  CHECK_OK(bundle_fields(&loaded, &copy));
  CHECK_INTEGER(loaded.spec.features.n, 2);
  CHECK_OK(bundle_predict(&open, &fitted.table, want));
  CHECK_OK(bundle_predict(&loaded, &fitted.table, got));
  check_bits(got, want, fitted.table.rows.n * 2);
  fields_clear(&fields);
  fields_clear(&copy);
  bundle_clear(&loaded);
  bundle_clear(&open);
  schema_clear(&measured);
  summary_clear(&summary);
  fitted_clear(&fitted);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_same_bits(&world, "number");
  test_same_bits(&world, "flag");
  test_same_bits(&world, "genre");
  test_missing_columns(&world);
  test_bad_fields(&world);
  test_formats(&world);
  test_choice(&world);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("bundle");
  MPI_Finalize();
  return failed;
}
