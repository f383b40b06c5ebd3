/* Traits of clusters against plain sums, and their names. */
#include "kernels/cluster/traits.h"

#include "points.h"

enum { N = 200, D = 4, K = 3 };

static void label_rows(const Matrix *x, int32_t *label) {
  for (int64_t i = 0; i < x->rows.n; i++) {
    int64_t row = x->rows.begin + i;
    label[i] = row % 7 == 6 ? -1 : (int32_t)(row % 7 / 3);
  }
}

static void test_against_plain(const Comm *comm) {
  Comm self = comm_self();
  Matrix x, whole;
  Traits t = {0};
  int32_t *label = NULL, *all = NULL;
  lumps_init(comm, 8, N, D, 5, 1, &x);
  lumps_init(&self, 8, N, D, 5, 1, &whole);
  CHECK_OK(NEW(&label, x.rows.n));
  CHECK_OK(NEW(&all, N));
  label_rows(&x, label);
  label_rows(&whole, all);
  CHECK_OK(traits_all(comm, &x, label, K, 2, &t));
  int64_t rows = 0;
  for (int64_t i = 0; i < N; i++) rows += all[i] >= 0;
  CHECK_INTEGER(t.rows, rows);
  for (int64_t j = 0; j < D; j++) {
    const double *v = matrix_column(&whole, j);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < N; i++) sum += all[i] >= 0 ? v[i] : 0;
    double mean = sum / (double)rows;
    for (int64_t i = 0; i < N; i++) squares += all[i] >= 0 ? (v[i] - mean) * (v[i] - mean) : 0;
    double deviation = sqrt(squares / (double)rows);
    CHECK_REAL(t.deviation[j], deviation, 1e-12);
    for (int64_t c = 0; c < K; c++) {
      double own = 0, size = 0;
      for (int64_t i = 0; i < N; i++)
        if (all[i] == c) own += v[i], size++;
      CHECK_INTEGER(t.size[c], size);
      CHECK_REAL(t.profile[c * D + j], size > 0 ? (own / size - mean) / deviation : 0, 1e-12);
    }
  }
  CHECK_INTEGER(t.size[2], 0); /* labels 0 and 1 alone */
  CHECK_INTEGER(t.typical[2 * 2], -1);
  for (int64_t c = 0; c < 2; c++) { /* nobody is nearer than the first typical row */
    double nearest = INFINITY, first = 0;
    for (int64_t i = 0; i < N; i++) {
      double sum = 0;
      for (int64_t j = 0; j < D; j++)
        sum += pow(
            (matrix_column(&whole, j)[i] - t.mean[j]) / t.deviation[j] - t.profile[c * D + j], 2);
      if (i == t.typical[c * 2]) first = sum;
      if (all[i] == c) nearest = fmin(nearest, sum);
    }
    CHECK_REAL(first, nearest, 1e-12);
    CHECK_INTEGER(all[t.typical[c * 2]], c);
  }
  traits_clear(&t);
  memory_free(&label);
  memory_free(&all);
  matrix_clear(&x);
  matrix_clear(&whole);
}

static void test_names(void) {
  char *names[] = {"energy", "tempo", "valence", "loudness"}, text[TRAITS_NAME];
  double profile[] = {0.4, -0.2, 0, 0.1, 0.6, -2, 0.5, 0.49, 1, 2, 3, -4};
  Traits t = {.k = 3, .d = 4, .profile = profile};
  traits_name(&t, 0, names, text);
  CHECK_TEXT(text, "average");
  traits_name(&t, 1, names, text);
  CHECK_TEXT(text, "low tempo, high energy, high valence");
  traits_name(&t, 2, names, text);
  CHECK_TEXT(text, "low loudness, high valence, high tempo");
}

static Status once(const Comm *comm, void *context) {
  Traits t = {0};
  static int32_t label[N];
  Status status = traits_all(comm, context, label, K, 2, &t);
  traits_clear(&t);
  return status;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Matrix x;
  test_against_plain(&world);
  test_names();
  lumps_init(&world, 8, N, D, 5, 1, &x);
  allocations_fail(&world, once, &x);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/traits");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
