/* target_encode cannot leak: encodings and folds by their properties, and the time they take. */
#include "kernels/prepare/encoding_folds.h"
#include "kernels/prepare/target_sums.h"
#include "tests/prepare/steps.h"

static const uint64_t SEED = 77;

/* Gather n int32 of each rank on all. */
static int32_t *gather_folds(const Comm *comm, const int32_t *mine, int64_t n) {
  void *all = NULL;
  CHECK_OK(comm_concatenate_all(comm, mine, (size_t)n * sizeof *mine, &all, NULL));
  return all;
}

static int32_t *folds_of(const Comm *comm, const Cell *cells, int64_t n, int64_t n_classes,
                         bool grouped, int64_t folds) {
  Training t;
  int32_t *fold = NULL;
  training_init(&t, comm, cells, n, 8, n_classes);
  if (!grouped) t.fit.group = NULL;
  CHECK_OK(NEW(&fold, t.table.rows.n));
  CHECK_OK(encoding_folds_all(&t.fit, t.table.row_id, t.table.rows.n, folds, fold));
  int32_t *all = gather_folds(comm, fold, t.table.rows.n);
  memory_free(&fold);
  training_clear(&t);
  return all;
}

/* Groups stay together, rows are dealt evenly, and neither ranks nor targets can be seen. */
static void folds(int64_t n_classes, bool grouped) {
  enum { N = 600, FOLDS = 5 };
  Comm world = comm_world(), self = comm_self();
  Cell *cells = cells_random(SEED, N, n_classes);
  int32_t *fold = folds_of(&world, cells, N, n_classes, grouped, FOLDS);
  int32_t *alone = folds_of(&self, cells, N, n_classes, grouped, FOLDS);
  CHECK(memcmp(fold, alone, N * sizeof *fold) == 0);
  int64_t sizes[FOLDS] = {0};
  for (int64_t i = 0; i < N; i += 3) cells[i].target = n_classes ? 0 : -cells[i].target;
  int32_t *other = folds_of(&world, cells, N, n_classes, grouped, FOLDS);
  CHECK(memcmp(fold, other, N * sizeof *fold) == 0);
  for (int64_t i = 0; i < N; i++) {
    CHECK(fold[i] >= 0 && fold[i] < FOLDS);
    sizes[fold[i]]++;
    for (int64_t j = 0; grouped && j < i; j++)
      if (cells[i].group == cells[j].group) CHECK_INTEGER(fold[i], fold[j]);
  }
  for (int f = 0; f < FOLDS; f++) CHECK(llabs(sizes[f] - N / FOLDS) <= (grouped ? 15 : 0));
  memory_free(&fold);
  memory_free(&other);
  memory_free(&alone);
  memory_free(&cells);
}

/* Out-of-fold encodings of all cells with given folds; out n x outputs. */
static void encode(const Cell *cells, int64_t n, int64_t n_classes, const int32_t *fold,
                   int64_t n_folds, double *out, int64_t outputs) {
  Comm self = comm_self();
  Training t;
  WordRows words;
  TargetSums sums;
  training_init(&t, &self, cells, n, 8, n_classes);
  CHECK_OK(word_rows_init(&words, table_find(&t.table, "artists")));
  CHECK_OK(target_sums_init_all(&sums, &self, &words, t.target, n_classes, fold, n_folds));
  CHECK_INTEGER(sums.outputs, outputs);
  for (int64_t i = 0; i < n; i++) {
    double prior[TARGET_CLASSES];
    target_prior(&sums, fold[i], prior);
    for (int64_t k = 0; k < outputs; k++) out[i * outputs + k] = 0;
    for (int64_t at = words.offset[i]; at < words.offset[i + 1]; at++)
      target_add_word(&sums, words.code[at], fold[i], 2, prior, out + i * outputs);
  }
  target_sums_clear(&sums);
  word_rows_clear(&words);
  training_clear(&t);
}

/* Change the targets of one fold at will: its rows' encodings stay, others' change. */
static void own_fold_unseen(int64_t n_classes, int64_t outputs) {
  enum { N = 300, FOLDS = 4 };
  Cell *cells = cells_random(SEED + 1, N, n_classes);
  int32_t fold[N];
  double *before = NULL, *after = NULL;
  CHECK_OK(NEW(&before, N * outputs));
  CHECK_OK(NEW(&after, N * outputs));
  for (int64_t i = 0; i < N; i++) fold[i] = (int32_t)(cells[i].group & 3) % FOLDS;
  encode(cells, N, n_classes, fold, FOLDS, before, outputs);
  for (int64_t i = 0; i < N; i++)
    if (fold[i] == 2)
      cells[i].target = n_classes ? (double)((int64_t)(cells[i].target + 1) % n_classes)
                                  : 5 - 3 * cells[i].target;
  encode(cells, N, n_classes, fold, FOLDS, after, outputs);
  int64_t changed = 0;
  for (int64_t i = 0; i < N; i++) {
    bool same =
        memcmp(before + i * outputs, after + i * outputs, (size_t)outputs * sizeof *before) == 0;
    if (fold[i] == 2)
      CHECK(same);
    else
      changed += !same;
  }
  CHECK(changed > N / 3);
  memory_free(&before);
  memory_free(&after);
  memory_free(&cells);
}

static double correlation(const double *a, const double *b, int64_t n) {
  double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
  for (int64_t i = 0; i < n; i++) ma += a[i] / (double)n, mb += b[i] / (double)n;
  for (int64_t i = 0; i < n; i++) {
    aa += (a[i] - ma) * (a[i] - ma);
    bb += (b[i] - mb) * (b[i] - mb);
    ab += (a[i] - ma) * (b[i] - mb);
  }
  return ab / sqrt(aa * bb);
}

/* The whole step on targets that are pure noise, shared within a recording: words of two
 * recordings tell nothing about a target, unless it leaks. */
static void noise_stays_noise(void) {
  enum { N = 2000 };
  Comm self = comm_self();
  Stream s = random_stream(SEED, "test/noise", 0);
  Cell *cells = NULL;
  CHECK_OK(NEW(&cells, N));
  for (int64_t i = 0; i < N; i++) {
    cells[i].group = i / 2;
    cells[i].target = random_uniform(&s, (uint64_t)(i / 2), 0);
    snprintf(cells[i].genre, sizeof cells[i].genre, "%d", (int)(i / 4));
  }
  Steps steps;
  Recipe recipe;
  Training t;
  Matrix x = {0}, z = {0};
  steps_init(&steps, "genre");
  steps_add(&steps, &target_encode_step, "columns=genre; smoothing=0");
  training_init(&t, &self, cells, N, 8, 0);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  CHECK_OK(recipe_apply(&recipe, &t.table, &z));
  double out_of_fold = correlation(matrix_column(&x, 0), t.target, N);
  CHECK(fabs(out_of_fold) < 0.15);
  CHECK(correlation(matrix_column(&z, 0), t.target, N) > 0.6); /* as other rows: with the own one */
  recipe_clear(&recipe);
  matrix_clear(&x);
  matrix_clear(&z);
  training_clear(&t);
  steps_clear(&steps);
  memory_free(&cells);
}

/* The features of all cells by the whole step; the caller clears x. */
static void step_features(const Cell *cells, int64_t n, int64_t n_classes, Matrix *x) {
  Comm self = comm_self();
  Steps steps;
  Recipe recipe;
  Training t;
  steps_init(&steps, "genre,artists");
  steps_add(&steps, &target_encode_step, "columns=genre,artists; smoothing=3");
  training_init(&t, &self, cells, n, 8, n_classes);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, x));
  recipe_clear(&recipe);
  training_clear(&t);
  steps_clear(&steps);
}

/* Another target of any one row leaves its own features as they are, to the bit, and not those of
 * all others. */
static void own_target_unseen(int64_t n_classes) {
  enum { N = 120 };
  Cell *cells = cells_random(SEED + 2, N, n_classes);
  Matrix before = {0}, after = {0};
  int64_t changed = 0;
  step_features(cells, N, n_classes, &before);
  for (int64_t i = 0; i < N; i++) {
    double target = cells[i].target;
    cells[i].target = n_classes ? (double)((int64_t)(target + 1) % n_classes) : 40 - 3 * target;
    step_features(cells, N, n_classes, &after);
    cells[i].target = target;
    for (int64_t j = 0; j < before.d; j++) {
      const double *a = matrix_column(&before, j), *b = matrix_column(&after, j);
      CHECK(memcmp(a + i, b + i, sizeof *a) == 0);
      changed += memcmp(a, b, N * sizeof *a) != 0;
    }
    matrix_clear(&after);
  }
  CHECK(changed > N);
  matrix_clear(&before);
  memory_free(&cells);
}

/* Mean and standard error of a sample. */
static double standard_errors(const double *sample, int64_t n) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < n; i++) mean += sample[i] / (double)n;
  for (int64_t i = 0; i < n; i++) squares += (sample[i] - mean) * (sample[i] - mean);
  return mean / sqrt(squares / (double)((n - 1) * n));
}

static double covariance(const double *a, const double *b, int64_t n) {
  double ma = 0, mb = 0, ab = 0;
  for (int64_t i = 0; i < n; i++) ma += a[i] / (double)n, mb += b[i] / (double)n;
  for (int64_t i = 0; i < n; i++) ab += (a[i] - ma) * (b[i] - mb);
  return ab;
}

/* On targets that are noise, out-of-fold encodings point neither way. The means that they are
 * distances from point away from the target: the control. */
static void noise_has_no_direction(void) {
  enum { N = 227, WORDS = 60, FOLDS = 5, SEEDS = 1000 };
  static double own[SEEDS], means[SEEDS];
  Cell *cells = NULL;
  CHECK_OK(NEW(&cells, N));
  for (int64_t seed = 0; seed < SEEDS; seed++) {
    Stream s = random_stream(SEED + (uint64_t)seed, "test/direction", 0);
    double encoded[N], mean[N], target[N], sum[FOLDS] = {0}, all = 0;
    int32_t fold[N];
    int64_t rows[FOLDS] = {0};
    for (int64_t i = 0; i < N; i++) {
      target[i] = cells[i].target = random_normal(&s, (uint64_t)i, 0);
      fold[i] = (int32_t)(i % FOLDS);
      snprintf(cells[i].artists, sizeof cells[i].artists, "%d",
               (int)random_integer(&s, (uint64_t)i, 1, WORDS));
      sum[fold[i]] += target[i];
      rows[fold[i]]++;
      all += target[i];
    }
    encode(cells, N, 0, fold, FOLDS, encoded, 1);
    for (int64_t i = 0; i < N; i++) mean[i] = (all - sum[fold[i]]) / (double)(N - rows[fold[i]]);
    own[seed] = covariance(encoded, target, N);
    means[seed] = covariance(mean, target, N);
  }
  memory_free(&cells);
  double z = standard_errors(own, SEEDS), control = standard_errors(means, SEEDS);
  printf("distances: %.2f standard errors from no direction; means: %.2f\n", z, control);
  CHECK(fabs(z) < 3.3);
  CHECK(control < -5);
}

/* One group is in one fold, and nothing is known outside it: no distance, not leaked. */
static void single_group(void) {
  Comm self = comm_self();
  Cell cells[] = {{.genre = "a", .target = 1}, {.genre = "a", .target = 3}};
  Steps steps;
  Recipe recipe;
  Training t;
  Matrix x = {0}, z = {0};
  steps_init(&steps, "genre");
  steps_add(&steps, &target_encode_step, "columns=genre; keep=false");
  training_init(&t, &self, cells, 2, 8, 0);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  CHECK_OK(recipe_apply(&recipe, &t.table, &z));
  CHECK_REAL(matrix_column(&x, 0)[0], 0, 0);
  CHECK_REAL(matrix_column(&z, 0)[0], 0, 0);
  CHECK_TEXT(x.names[0], "genre_target");
  matrix_clear(&x);
  t.fit.n_classes = 21;
  Recipe other;
  recipe_init(&other, &steps.inputs, &steps.list);
  CHECK_INTEGER(recipe_fit_all(&other, &t.table, &t.fit, &x), INVALID);
  CHECK_MESSAGE("recipe/0 (target_encode): columns: the target has 21 classes");
  CHECK_MESSAGE("use frequency_encode or one_hot");
  t.fit.n_classes = 0;
  t.target[1] = INFINITY;
  recipe_clear(&other);
  recipe_init(&other, &steps.inputs, &steps.list);
  CHECK_INTEGER(recipe_fit_all(&other, &t.table, &t.fit, &x), NUMERIC);
  CHECK_MESSAGE("the target is infinite");
  recipe_clear(&other);
  recipe_clear(&recipe);
  matrix_clear(&x);
  matrix_clear(&z);
  training_clear(&t);
  steps_clear(&steps);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  printf("seed %d\n", (int)SEED);
  folds(0, true);
  folds(0, false);
  folds(2, true);
  folds(7, false);
  own_fold_unseen(0, 1);
  own_fold_unseen(2, 1);
  own_fold_unseen(4, 4);
  own_target_unseen(0);
  own_target_unseen(2);
  own_target_unseen(5);
  noise_stays_noise();
  noise_has_no_direction();
  single_group();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("prepare/target_encode");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
