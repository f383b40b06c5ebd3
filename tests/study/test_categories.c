/* Bundles of models that split categories themselves: the same bits on any number of ranks, saved
 * and loaded, row by row and on files with other words; and categories that are unkind. */
#include <math.h>

#include "kernels/numeric/hash.h"
#include "kernels/tree/gbdt.h"
#include "tests/study/case.h"

enum { N = 300, WORDS = 3000 };

static const uint64_t SEED = 577;

/* What words there are, and what a table's dictionary holds beside them. */
typedef enum Sort { ORDINARY, ALL_MISSING, ONE_WORD, MANY_WORDS, SORTS } Sort;

/* Word number w, of 26^3. */
static void word_of(int64_t w, char word[3]) {
  for (int k = 0; k < 3; k++, w /= 26) word[2 - k] = (char)('a' + w % 26);
}

/* The word that row i has, -1: none. */
static int64_t word_at(Sort sort, uint64_t seed, int64_t i) {
  Stream s = random_stream(seed, "test/words", (uint64_t)sort);
  int64_t w = random_integer(&s, (uint64_t)i, 0, sort == MANY_WORDS ? WORDS : 40);
  if (sort == ALL_MISSING || (sort == ORDINARY && w % 11 == 0)) return -1;
  return sort == ONE_WORD ? 7 : sort == MANY_WORDS ? w : w / 2;
}

/* A category with a dictionary of words `first`, first + step ..., that all ranks have. */
static Column *category(const Rows *rows, Sort sort, uint64_t seed, int64_t first, int64_t step) {
  enum { MOST = 4000 };
  static char bytes[3 * MOST];
  static int64_t offset[MOST + 1];
  Column *column = NULL;
  CHECK_OK(column_new(&column, "word", COLUMN_CATEGORY, rows->n, 0));
  for (int64_t k = 0; k < MOST; k++) {
    word_of(first + step * k, bytes + 3 * k);
    offset[k + 1] = 3 * (k + 1);
  }
  CHECK_OK(dictionary_build(bytes, offset, MOST, &column->dictionary, NULL));
  for (int64_t i = 0; i < rows->n; i++) {
    int64_t w = word_at(sort, seed, rows->begin + i);
    char word[3];
    if (w >= 0) word_of(w, word);
    column->code[i] = w < 0 ? MISSING_CODE : dictionary_find(&column->dictionary, word, 3);
  }
  return column;
}

static Table table_of(const Comm *comm, Sort sort, uint64_t seed, int64_t n, int64_t step) {
  Rows rows = rows_share(comm, n, 8);
  Table table;
  Column *number = NULL, *other = NULL;
  Stream s = random_stream(seed, "test/numbers", 0);
  CHECK_OK(table_init(&table, &rows));
  CHECK_OK(column_new(&number, "number", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&other, "other", COLUMN_REAL, rows.n, 0));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t w = word_at(sort, seed, rows.begin + i);
    other->real[i] = floor(20 * random_uniform(&s, (uint64_t)(rows.begin + i), 0));
    number->real[i] = (double)(w * 7919 % 23) + 0.25 * other->real[i];
  }
  CHECK_OK(table_add(&table, number));
  CHECK_OK(table_add(&table, other));
  CHECK_OK(table_add(&table, category(&rows, sort, seed, 0, step)));
  return table;
}

typedef struct Fitted {
  char *features[2];
  VariantList steps;
  ForestOptions forest;
  GbdtOptions gbdt;
  Variant model;
  Spec spec;
  Bundle bundle;
} Fitted;

static void fit(Fitted *f, const Comm *comm, bool boosted, Sort sort, int64_t n_features) {
  static char word[] = "word", other[] = "other";
  Schema measured = {0};
  Summary summary;
  *f = (Fitted){.features = {word, other}, .forest = case_forest(6)};
  f->gbdt = (GbdtOptions){.trees = 8,
                          .learning_rate = 0.3,
                          .max_leaves = 8,
                          .max_depth = OPTION_NONE_INTEGER,
                          .l2 = 1,
                          .min_samples_leaf = 3,
                          .row_share = 0.9,
                          .feature_share = 1,
                          .bins = 255,
                          .early_stopping = OPTION_NONE_INTEGER,
                          .cat_smooth = 2,
                          .max_cat_threshold = 32,
                          .max_cat_to_onehot = 4,
                          .min_data_per_group = 2};
  f->model = (Variant){.kind = &forest_model.kind, .options = &f->forest};
  if (boosted) f->model = (Variant){.kind = &gbdt_model.kind, .options = &f->gbdt};
  f->spec = (Spec){.target = "number",
                   .features = {n_features, f->features},
                   .steps = &f->steps,
                   .model = &f->model};
  Table table = table_of(comm, sort, SEED, N, 1);
  bundle_init(&f->bundle, &f->spec);
  summary_init(&summary, true);
  CHECK_OK(case_fit_all(comm, &table, NULL, &f->spec, NULL, &f->bundle, &measured, &summary));
  summary_clear(&summary);
  schema_clear(&measured);
  table_clear(&table);
}

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

static void check_rows(const Bundle *bundle, const Table *table, const double *want) {
  for (int64_t i = 0; i < table->rows.n; i += 7) {
    Table row = {0};
    double value = 0;
    CHECK_OK(table_take(table, &i, 1, &row));
    CHECK_OK(bundle_predict(bundle, &row, &value));
    CHECK_REAL(value, want[i], 0);
    table_clear(&row);
  }
}

/* spread: fitted by all ranks. The same rows in a file with other words besides (step 1: all; 3: a
 * third, the others missing), and new rows. */
static void compare(bool boosted, Sort sort, int64_t n_features) {
  Comm world = comm_world(), self = comm_self();
  Fitted spread, alone;
  Bundle loaded, lonely;
  double want[2 * N], got[2 * N], mean = 0, error = 0, spread_of = 0;
  int before = check_failures;
  fit(&spread, &world, boosted, sort, n_features);
  fit(&alone, &self, boosted, sort, n_features);
  Hash a = reload(&spread, &loaded), b = reload(&alone, &lonely);
  CHECK(hash_compare(&a, &b) == 0);
  for (int64_t step = 1; step <= 3; step += 2) {
    for (uint64_t seed = SEED; seed < SEED + 2; seed++) {
      Table table = table_of(&self, sort, seed, 2 * N, step);
      CHECK_OK(bundle_predict(&spread.bundle, &table, want));
      CHECK_OK(bundle_predict(&lonely, &table, got));
      CHECK(memcmp(want, got, sizeof want) == 0);
      check_rows(&loaded, &table, want);
      table_clear(&table);
    }
  }
  Table table = table_of(&self, sort, SEED, N, 1); /* what was learned is of use */
  const double *y = table_find(&table, "number")->real;
  CHECK_OK(bundle_predict(&loaded, &table, got));
  for (int64_t i = 0; i < N; i++) mean += y[i] / N;
  for (int64_t i = 0; i < N; i++) {
    error += (y[i] - got[i]) * (y[i] - got[i]);
    spread_of += (y[i] - mean) * (y[i] - mean);
  }
  if (sort == ORDINARY) CHECK(error < 0.5 * spread_of);
  CHECK(error < 1.01 * spread_of + 1e-6);
  table_clear(&table);
  if (check_failures > before) {
    fprintf(stderr, "seed %d boosted %d sort %d features %d\n", (int)SEED, boosted, (int)sort,
            (int)n_features);
  }
  bundle_clear(&loaded);
  bundle_clear(&lonely);
  bundle_clear(&spread.bundle);
  bundle_clear(&alone.bundle);
}

/* A direction for a category is refused. */
static void monotone(void) {
  Comm world = comm_world();
  char name[] = "word", *names[] = {name};
  GbdtSlope slope = {1};
  Fitted f;
  Schema measured = {0};
  Summary summary;
  fit(&f, &world, true, ORDINARY, 2);
  bundle_clear(&f.bundle);
  f.gbdt.monotone = (Map){.n = 1, .names = names, .items = &slope};
  Table table = table_of(&world, ORDINARY, SEED, N, 1);
  bundle_init(&f.bundle, &f.spec);
  summary_init(&summary, true);
  CHECK_INTEGER(case_fit_all(&world, &table, NULL, &f.spec, NULL, &f.bundle, &measured, &summary),
                INVALID);
  CHECK_MESSAGE("monotone: \"word\" is a category");
  summary_clear(&summary);
  schema_clear(&measured);
  table_clear(&table);
  bundle_clear(&f.bundle);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  for (int boosted = 0; boosted < 2; boosted++) {
    for (int sort = 0; sort < SORTS; sort++) {
      compare(boosted != 0, (Sort)sort, 2);
      compare(boosted != 0, (Sort)sort, 1);
    }
  }
  monotone();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("study/categories");
  MPI_Finalize();
  return failed;
}
