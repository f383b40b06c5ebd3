/* Against imbalanced-learn: rows by class, the neighbours that rows are made between, and how many
 * ADASYN makes of each: tests/oracle/resample.csv and resample_counts.csv, made by
 * make_resample.py. */
#include "rows.h"

enum { N = 200, K = 5, WIDTH = COLUMNS + 1 + K + 1, COUNTS = 9 };

static double cell[N * WIDTH];

static FILE *open_fixture(const char *name) {
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[1024];
  snprintf(path, sizeof path, "%s/tests/oracle/%s", source ? source : ".", name);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (file) CHECK(fgets(line, sizeof line, file) != NULL);
  return file;
}

static void read_rows(void) {
  char line[1024];
  FILE *file = open_fixture("resample.csv");
  for (int64_t i = 0; file && i < N; i++) {
    char *at = line;
    CHECK(fgets(line, sizeof line, file) != NULL);
    for (int64_t j = 0; j < WIDTH; j++, at++) cell[i * WIDTH + j] = strtod(at, &at);
  }
  if (file) fclose(file);
}

/* The fixture's rows as training data. */
static void sample_of_fixture(const Comm *comm, Sample *s) {
  const int64_t size[] = {157, 43};
  sample_init(comm, 1, 2, size, 1, s);
  for (int64_t i = 0; i < N; i++) {
    s->class[i] = cell[i * WIDTH + COLUMNS];
    memcpy(s->value + i * COLUMNS, cell + i * WIDTH, COLUMNS * sizeof *cell);
  }
  for (int64_t i = 0; i < s->x.rows.n; i++) {
    const double *row = cell + (s->x.rows.begin + i) * WIDTH;
    s->target[i] = row[COLUMNS];
    for (int j = 0; j < COLUMNS; j++) matrix_column(&s->x, j)[i] = row[j];
  }
}

static void run(const Comm *comm, const ResampleKind *kind, const void *options, const Sample *s,
                NewRows *out) {
  Resampled rows = {0};
  Summary summary;
  summary_init(&summary, false);
  CHECK_OK(kind->run_all(comm, &s->data, options, &rows, &summary));
  new_rows_init(comm, &rows, out);
  resampled_clear(&rows);
  summary_clear(&summary);
}

static void test_counts(const Comm *comm, const Sample *s) {
  char line[256], name[16];
  FILE *file = open_fixture("resample_counts.csv");
  for (int k = 0; file && k < COUNTS; k++) {
    double ratio;
    long long want[2], got[2] = {0};
    NewRows rows;
    CHECK(fgets(line, sizeof line, file) != NULL);
    CHECK_INTEGER(sscanf(line, "%15[^,],%lf,%lld,%lld", name, &ratio, &want[0], &want[1]), 4);
    InterpolateOptions between = {.ratio = ratio, .neighbours = K};
    if (strcmp(name, "smote") == 0)
      run(comm, &smote_resample, &between, s, &rows);
    else
      run(comm, name[0] == 'o' ? &random_over_resample : &random_under_resample, &ratio, s, &rows);
    for (int64_t i = 0; i < rows.n; i++) got[(int)rows.target[i]]++;
    for (int c = 0; c < 2; c++) CHECK_INTEGER(got[c], want[c]);
    new_rows_clear(&rows);
  }
  if (file) fclose(file);
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The pool's neighbours, as sets of rows of the file. */
static void test_neighbours(const Comm *comm, const Sample *s) {
  const InterpolateOptions options = {.ratio = 1, .neighbours = K};
  Interpolation ip;
  Nearest nearest = {0};
  CHECK_OK(interpolation_init_all(comm, &s->data, &options, false, NULL, &ip));
  int64_t n = interpolation_ask(&ip, 1, 0), total = comm_sum_one_all(comm, n);
  CHECK_INTEGER(total, 43);
  CHECK_OK(pool_nearest_all(comm, &ip.pool, 1, ip.asked, n, K, &nearest));
  for (int64_t q = 0; q < n; q++) {
    int64_t row = s->x.rows.begin + ip.pool.at[ip.asked[q]], got[K], want[K];
    CHECK_INTEGER(nearest.count[q], K);
    for (int k = 0; k < K; k++) {
      got[k] = ip.pool.all.row_id[nearest.row[q * K + k]] / 10;
      want[k] = (int64_t)cell[row * WIDTH + COLUMNS + 1 + k];
    }
    qsort(got, K, sizeof *got, by_value);
    qsort(want, K, sizeof *want, by_value);
    for (int k = 0; k < K; k++) CHECK_INTEGER(got[k], want[k]);
  }
  nearest_clear(&nearest);
  interpolation_clear_all(&ip);
}

static void test_adasyn(const Comm *comm, const Sample *s) {
  const InterpolateOptions options = {.ratio = 1, .neighbours = K};
  NewRows rows;
  int64_t made[N] = {0};
  run(comm, &adasyn_resample, &options, s, &rows);
  for (int64_t i = 0; i < rows.n; i++)
    made[(rows.row_id[i] & ((INT64_C(1) << ID_BITS) - 1)) / 10] += rows.synthetic[i];
  for (int64_t i = 0; i < N; i++) {
    double want = cell[i * WIDTH + WIDTH - 1];
    CHECK_INTEGER(made[i], want < 0 ? 0 : (int64_t)want);
  }
  new_rows_clear(&rows);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Sample s;
  read_rows();
  sample_of_fixture(&world, &s);
  test_counts(&world, &s);
  test_neighbours(&world, &s);
  test_adasyn(&world, &s);
  sample_clear(&s);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("resample/oracle");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
