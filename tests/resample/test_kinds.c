/* Every kind of resampling: sizes, where rows come from, neighbours by a plain search, recordings,
 * few rows, and bad input. */
#include "rows.h"

enum { K = 5 };
static const uint64_t SEED = 31;

static const InterpolateOptions plain = {.ratio = 1, .neighbours = K, .standardise = true};

/* The row of the sample that a new row comes from: its address tells. */
static int64_t parent_of(const NewRows *rows, int64_t i) {
  return (rows->row_id[i] & ((INT64_C(1) << ID_BITS) - 1)) / 10;
}

/* What holds for every kind: rows that stay are as they were, in their order; what comes of a row
 * stands behind it and has its class, weight, recording, and an address of its own. */
static void check_rows(const Sample *s, const NewRows *rows) {
  int64_t last = -1, last_id = -1;
  for (int64_t i = 0; i < rows->n; i++) {
    int64_t parent = parent_of(rows, i);
    CHECK(parent >= last && parent < s->n);
    CHECK_INTEGER(rows->synthetic[i], parent == last);
    if (parent == last) CHECK(rows->row_id[i] > last_id);
    last = parent;
    last_id = rows->row_id[i];
    CHECK(rows->target[i] == s->class[parent]);
    CHECK(rows->weight[i] == 1 + (double)(parent % 5));
    if (rows->group)
      CHECK_INTEGER(rows->group[i], s->data.group ? s->recording[parent] : 10 * parent);
    for (int j = 0; j < COLUMNS && !rows->synthetic[i]; j++)
      CHECK(rows->value[i * COLUMNS + j] == s->value[parent * COLUMNS + j]);
  }
}

static void count(const NewRows *rows, int64_t n_classes, int64_t *out) {
  for (int64_t c = 0; c < n_classes; c++) out[c] = 0;
  for (int64_t i = 0; i < rows->n; i++) out[(int64_t)rows->target[i]]++;
}

/* Resample, gather and check. */
static void run(const Comm *comm, const ResampleKind *kind, const void *options, const Sample *s,
                NewRows *out, Summary *summary) {
  Resampled rows = {0};
  summary_init(summary, comm->rank == 0);
  CHECK_OK(kind->run_all(comm, &s->data, options, &rows, summary));
  Rows share = rows_share(comm, rows.x.rows.n_global, BLOCK);
  CHECK_INTEGER(rows.x.rows.begin, share.begin);
  CHECK_INTEGER(rows.x.rows.n, share.n);
  CHECK_TEXT(rows.x.names[1], "b");
  new_rows_init(comm, &rows, out);
  check_rows(s, out);
  resampled_clear(&rows);
}

/* ---- sizes ---- */

static void check_sizes(const Comm *comm, const ResampleKind *kind, const void *options,
                        const int64_t want[4]) {
  const int64_t size[] = {90, 0, 31, 9};
  Sample s;
  NewRows rows;
  Summary summary;
  int64_t got[4];
  sample_init(comm, SEED, 4, size, 1, &s);
  run(comm, kind, options, &s, &rows, &summary);
  count(&rows, 4, got);
  for (int c = 0; c < 4; c++) CHECK_INTEGER(got[c], want[c]);
  if (summary.active) {
    CHECK_INTEGER(summary.n_tables, 1);
    CHECK_INTEGER(summary.tables[0].n_rows, 3);
  }
  new_rows_clear(&rows);
  sample_clear(&s);
  summary_clear(&summary);
}

static void test_sizes(const Comm *comm) {
  InterpolateOptions half = plain;
  half.ratio = 0.5;
  double whole = 1, part = 0.5, third = 0.3;
  check_sizes(comm, &random_over_resample, &whole, (const int64_t[]){90, 0, 90, 90});
  check_sizes(comm, &random_over_resample, &third, (const int64_t[]){90, 0, 31, 27});
  check_sizes(comm, &random_under_resample, &whole, (const int64_t[]){9, 0, 9, 9});
  check_sizes(comm, &random_under_resample, &part, (const int64_t[]){18, 0, 18, 9});
  check_sizes(comm, &smote_resample, &plain, (const int64_t[]){90, 0, 90, 90});
  check_sizes(comm, &smote_resample, &half, (const int64_t[]){90, 0, 45, 45});
}

/* ---- neighbours, by a plain search ---- */

typedef struct Near {
  double distance;
  int64_t row;
} Near;

static int by_distance(const void *a, const void *b) {
  const Near *x = a, *y = b;
  if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

/* What a column's difference counts in a distance. */
static double unit_of(const Sample *s, int j) {
  double mean = 0, squares = 0;
  for (int64_t i = 0; i < s->n; i++) mean += s->value[i * COLUMNS + j] / (double)s->n;
  for (int64_t i = 0; i < s->n; i++)
    squares += pow(s->value[i * COLUMNS + j] - mean, 2) / (double)s->n;
  return 1 / sqrt(squares);
}

/* The rows of a class (-1: all) nearest to a row that are of other recordings, ties to the lower;
 * differ: what another value of column 2 adds to a squared distance; < 0: the column is a number.
 */
static int64_t nearest_ref(const Sample *s, int64_t row, int64_t class, double differ, Near *near) {
  int64_t n = 0;
  for (int64_t i = 0; i < s->n; i++) {
    if (i == row || (class >= 0 && s->class[i] != (double)class)) continue;
    if (s->data.group && s->recording[i] == s->recording[row]) continue;
    double sum = 0;
    for (int j = 0; j < COLUMNS; j++) {
      double apart = s->value[i * COLUMNS + j] - s->value[row * COLUMNS + j];
      sum += j == 2 && differ >= 0 ? (apart != 0 ? differ : 0) : pow(apart * unit_of(s, j), 2);
    }
    near[n++] = (Near){sum, i};
  }
  qsort(near, (size_t)n, sizeof *near, by_distance);
  return n < K ? n : K;
}

/* Does a new row lie on the segment from its parent to that row? */
static bool between(const Sample *s, const NewRows *rows, int64_t i, int64_t other, int columns) {
  const double *x = s->value + parent_of(rows, i) * COLUMNS, *y = s->value + other * COLUMNS;
  const double *at = rows->value + i * COLUMNS;
  double gap = NAN;
  for (int j = 0; j < columns; j++)
    if (y[j] != x[j] && isnan(gap)) gap = (at[j] - x[j]) / (y[j] - x[j]);
  if (isnan(gap)) gap = 0;
  if (gap < 0 || gap > 1) return false;
  for (int j = 0; j < columns; j++)
    if (fabs(at[j] - x[j] - gap * (y[j] - x[j])) > 1e-12 * (fabs(x[j]) + fabs(y[j]) + 1))
      return false;
  return true;
}

static void check_between(const Sample *s, const NewRows *rows) {
  Near *near = NULL;
  int64_t seen[K] = {0};
  CHECK_OK(NEW(&near, s->n));
  for (int64_t i = 0; i < rows->n; i++) {
    if (!rows->synthetic[i]) continue;
    int64_t parent = parent_of(rows, i);
    int64_t n = nearest_ref(s, parent, (int64_t)s->class[parent], -1, near), found = -1;
    for (int64_t c = 0; c < n && found < 0; c++)
      if (between(s, rows, i, near[c].row, COLUMNS)) found = c;
    CHECK(found >= 0 || n == 0);
    if (found >= 0) seen[found]++;
  }
  /* Every neighbour has its turn; of equal twins, the first is taken for it. */
  for (int c = 0; c < K; c += s->data.group ? K - 1 : 1) CHECK(seen[c] > 0);
  memory_free(&near);
}

static void test_between(const Comm *comm) {
  const int64_t size[] = {150, 40, 60};
  const ResampleKind *kinds[] = {&smote_resample, &adasyn_resample};
  for (int k = 0; k < 2; k++)
    for (int64_t twins = 1; twins <= 4; twins += 3) {
      Sample s;
      NewRows rows;
      Summary summary;
      sample_init(comm, SEED + (uint64_t)twins, 3, size, twins, &s);
      run(comm, kinds[k], &plain, &s, &rows, &summary);
      check_between(&s, &rows);
      new_rows_clear(&rows);
      sample_clear(&s);
      summary_clear(&summary);
    }
}

/* ---- ADASYN ---- */

/* How many new rows each row gives, by the definition. */
static void test_adasyn(const Comm *comm) {
  const int64_t size[] = {120, 33};
  Sample s;
  NewRows rows;
  Summary summary;
  Near *near = NULL;
  double *hard = NULL, sum = 0;
  int64_t *given = NULL;
  sample_init(comm, SEED, 2, size, 1, &s);
  run(comm, &adasyn_resample, &plain, &s, &rows, &summary);
  CHECK_OK(NEW(&near, s.n));
  CHECK_OK(NEW(&hard, s.n));
  CHECK_OK(NEW(&given, s.n));
  for (int64_t i = 0; i < rows.n; i++) given[parent_of(&rows, i)] += rows.synthetic[i];
  for (int64_t i = 0; i < s.n; i++) {
    if (s.class[i] != 1) continue;
    int64_t n = nearest_ref(&s, i, -1, -1, near);
    for (int64_t c = 0; c < n; c++) hard[i] += s.class[near[c].row] != 1;
    hard[i] /= (double)n;
    sum += hard[i];
  }
  CHECK(sum > 0);
  for (int64_t i = 0; i < s.n; i++)
    CHECK_INTEGER(given[i], s.class[i] == 1 ? (int64_t)rint(hard[i] / sum * 87) : 0);
  memory_free(&near);
  memory_free(&hard);
  memory_free(&given);
  new_rows_clear(&rows);
  sample_clear(&s);
  summary_clear(&summary);
}

/* ---- SMOTE-NC ---- */

typedef struct NcOptions {
  InterpolateOptions between;
  TextList columns;
} NcOptions;

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median of two columns' standard deviations in a class, squared. */
static double differ_of(const Sample *s, double class) {
  double spread[2];
  for (int j = 0; j < 2; j++) {
    double n = 0, sum = 0, squares = 0;
    for (int64_t i = 0; i < s->n; i++)
      if (s->class[i] == class) n++, sum += s->value[i * COLUMNS + j];
    for (int64_t i = 0; i < s->n; i++)
      if (s->class[i] == class) squares += pow(s->value[i * COLUMNS + j] - sum / n, 2);
    spread[j] = sqrt(squares / n) * unit_of(s, j);
  }
  qsort(spread, 2, sizeof *spread, by_value);
  return pow((spread[0] + spread[1]) / 2, 2);
}

/* Column 2 holds three categories. */
static void test_categories(const Comm *comm) {
  const int64_t size[] = {130, 50};
  char name[] = "c", *names[] = {name};
  NcOptions options = {plain, {1, names}};
  Sample s;
  NewRows rows;
  Summary summary;
  Near *near = NULL;
  int64_t changed = 0;
  sample_init(comm, SEED, 2, size, 1, &s);
  for (int64_t i = 0; i < s.n; i++)
    s.value[i * COLUMNS + 2] = fmin(2, floor(fabs(s.value[i * COLUMNS + 2] * 1.5)));
  for (int64_t i = 0; i < s.x.rows.n; i++)
    matrix_column(&s.x, 2)[i] = s.value[(s.x.rows.begin + i) * COLUMNS + 2];
  run(comm, &smote_nc_resample, &options, &s, &rows, &summary);
  CHECK_OK(NEW(&near, s.n));
  double differ = differ_of(&s, 1);
  for (int64_t i = 0; i < rows.n; i++) {
    if (!rows.synthetic[i]) continue;
    int64_t parent = parent_of(&rows, i), most = 0;
    int64_t n = nearest_ref(&s, parent, 1, differ, near);
    double value = rows.value[i * COLUMNS + 2];
    bool found = false;
    int64_t votes[3] = {0};
    for (int64_t c = 0; c < n; c++) {
      found |= between(&s, &rows, i, near[c].row, 2);
      votes[(int)s.value[near[c].row * COLUMNS + 2]]++;
    }
    for (int v = 0; v < 3; v++) most = votes[v] > most ? votes[v] : most;
    CHECK(found);
    CHECK_INTEGER(votes[(int)value], most);
    changed += value != s.value[parent * COLUMNS + 2];
  }
  CHECK(changed > 0);
  memory_free(&near);
  new_rows_clear(&rows);
  sample_clear(&s);
  summary_clear(&summary);
}

/* Nothing but categories: rows that differ in the fewest are the nearest. */
static void test_categories_alone(const Comm *comm) {
  const int64_t size[] = {60, 25};
  char name[COLUMNS][2] = {"a", "b", "c"}, *names[] = {name[0], name[1], name[2]};
  NcOptions options = {plain, {COLUMNS, names}};
  Sample s;
  NewRows rows;
  Summary summary;
  sample_init(comm, SEED, 2, size, 1, &s);
  for (int64_t i = 0; i < s.n * COLUMNS; i++) s.value[i] = floor(s.value[i] / 2);
  for (int64_t i = 0; i < s.x.rows.n; i++)
    for (int j = 0; j < COLUMNS; j++)
      matrix_column(&s.x, j)[i] = s.value[(s.x.rows.begin + i) * COLUMNS + j];
  run(comm, &smote_nc_resample, &options, &s, &rows, &summary);
  CHECK_INTEGER(rows.n, 120);
  for (int64_t i = 0; i < rows.n; i++)
    for (int j = 0; j < COLUMNS; j++) {
      double value = rows.value[i * COLUMNS + j];
      CHECK(value == floor(value));
    }
  new_rows_clear(&rows);
  sample_clear(&s);
  summary_clear(&summary);
}

/* ---- few rows, bad input ---- */

/* Classes of three rows, of one, and of twins alone: fewer neighbours, or repeated; and told. */
static void test_few(const Comm *comm) {
  const int64_t size[] = {20, 3, 1};
  for (int64_t twins = 1; twins <= 3; twins += 2) {
    Sample s;
    NewRows rows;
    Summary summary;
    int64_t got[3];
    sample_init(comm, SEED, 3, size, twins, &s);
    run(comm, &smote_resample, &plain, &s, &rows, &summary);
    count(&rows, 3, got);
    for (int c = 0; c < 3; c++) CHECK_INTEGER(got[c], 20);
    for (int64_t i = 0; i < rows.n; i++) {
      int64_t parent = parent_of(&rows, i);
      bool alone = s.class[parent] == 2 || (s.class[parent] == 1 && twins == 3);
      for (int j = 0; j < COLUMNS && alone; j++)
        CHECK(rows.value[i * COLUMNS + j] == s.value[parent * COLUMNS + j]);
    }
    if (summary.active) {
      const Cell *cells = summary.tables[0].cells;
      CHECK_INTEGER(cells[6 + 3].integer, twins == 1 ? 17 : 0); /* made */
      CHECK_INTEGER(cells[6 + 5].integer, twins == 1 ? 2 : 0);  /* neighbours */
      CHECK_INTEGER(cells[12 + 4].integer, 19);                 /* repeated */
      CHECK_INTEGER(summary.n_notes, 2);
    }
    new_rows_clear(&rows);
    sample_clear(&s);
    summary_clear(&summary);
  }
}

static void expect(const Comm *comm, const ResampleKind *kind, const void *options, const Sample *s,
                   Status want, const char *message) {
  Resampled rows = {0};
  Summary summary;
  summary_init(&summary, comm->rank == 0);
  CHECK_INTEGER(kind->run_all(comm, &s->data, options, &rows, &summary), want);
  CHECK_MESSAGE(message);
  resampled_clear(&rows);
  summary_clear(&summary);
}

static void test_bad(const Comm *comm) {
  const int64_t one[] = {0, 25}, two[] = {30, 10};
  double whole = 1;
  char name[] = "cc", *names[] = {name};
  NcOptions nc = {plain, {1, names}};
  Sample s;
  sample_init(comm, SEED, 2, one, 1, &s);
  expect(comm, &smote_resample, &plain, &s, INVALID, "all 25 training rows are of class \"1\"");
  expect(comm, &random_under_resample, &whole, &s, INVALID, "needs two classes");
  sample_clear(&s);
  sample_init(comm, SEED, 2, two, 1, &s);
  expect(comm, &smote_nc_resample, &nc, &s, INVALID, "no column \"cc\" is left");
  int32_t categories[COLUMNS] = {0, 0, 4};
  CHECK_OK(NEW(&s.x.categories, COLUMNS));
  memcpy(s.x.categories, categories, sizeof categories);
  expect(comm, &adasyn_resample, &plain, &s, INVALID, "column \"c\" is a category");
  memory_free(&s.x.categories);
  if (s.x.rows.begin == 0 && s.x.rows.n > 3) matrix_column(&s.x, 1)[3] = NAN;
  expect(comm, &smote_resample, &plain, &s, NUMERIC, "\"b\" is missing in row 30");
  sample_clear(&s);
}

/* ---- numbers as targets ---- */

typedef struct Balanced {
  int64_t bins;
  int method;
  double balance;
  int64_t most;
} Balanced;

static void check_balanced(const Comm *comm, Balanced options, const int64_t want[4]) {
  const int64_t size[] = {100, 20, 4, 0};
  Sample s;
  NewRows rows;
  Summary summary;
  int64_t got[4];
  sample_init(comm, SEED, 4, size, 1, &s);
  s.data.task = TASK_REGRESSION; /* targets 0, 1 and 2; in the last of four bins */
  run(comm, &popularity_balanced_resample, &options, &s, &rows, &summary);
  count(&rows, 4, got);
  for (int c = 0; c < 4; c++) CHECK_INTEGER(got[c], want[c]);
  new_rows_clear(&rows);
  sample_clear(&s);
  summary_clear(&summary);
}

static void test_balanced(const Comm *comm) {
  check_balanced(comm, (Balanced){4, 0, 1, 1000}, (const int64_t[]){41, 41, 41, 0});
  check_balanced(comm, (Balanced){4, 0, 1, 3}, (const int64_t[]){41, 41, 12, 0});
  check_balanced(comm, (Balanced){4, 0, 0, 10}, (const int64_t[]){100, 20, 4, 0});
  /* roots: 10, 4.47, 2 of 16.47 */
  check_balanced(comm, (Balanced){4, 0, 0.5, 1000}, (const int64_t[]){75, 34, 15, 0});
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_sizes(&world);
  test_between(&world);
  test_adasyn(&world);
  test_categories(&world);
  test_categories_alone(&world);
  test_few(&world);
  test_bad(&world);
  test_balanced(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("resample/kinds");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
