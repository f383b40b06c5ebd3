/* Linear models against NumPy, SciPy and scikit-learn: the fixtures tests/oracle/linear.csv and
 * linear_results.csv, made by make_linear.py. */
#include "kernels/linear/elastic_net.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_model.h"
#include "rows.h"

enum { N = 400, D = 5, WIDTH = 7, RESULTS = 9 };

static double cell[N * WIDTH], result[RESULTS * (D + 1)];
static char what[RESULTS][32];

static const double *find(const char *name) {
  for (int i = 0; i < RESULTS; i++) {
    if (strcmp(what[i], name) == 0) return result + i * (D + 1);
  }
  CHECK(false);
  return result;
}

static void check_coefficients(const LinearModel *model, const char *name, double tolerance) {
  const double *want = find(name);
  CHECK_REAL(model->intercept, want[0], tolerance * fabs(want[0]));
  for (int j = 0; j < D; j++) {
    CHECK_REAL(model->coefficient[j], want[1 + j], tolerance * fabs(want[1 + j]));
  }
}

/* Columns of the table of coefficients. */
static void check_table(const Summary *summary, const char *name, int column, double tolerance) {
  const double *want = find(name);
  if (!summary->active) return;
  CHECK_INTEGER(summary->n_tables, 1);
  const SummaryTable *table = &summary->tables[0];
  for (int j = 0; j < D; j++) {
    double got = table->cells[j * table->n_columns + column].real;
    CHECK_REAL(got, want[1 + j], tolerance * fabs(want[1 + j]));
  }
}

static void test_fit(const Comm *comm, const ModelKind *kind, const void *options, bool weighted,
                     const char *name, double tolerance) {
  Sample s;
  Summary summary;
  void *model = NULL;
  char part[64];
  sample_init(comm, cell, N, WIDTH, D, D, weighted ? D + 1 : -1, &s);
  summary_init(&summary, comm->rank == 0);
  CHECK_OK(kind->fit_all(comm, &s.data, options, NULL, &model, &summary));
  check_coefficients(model, name, tolerance);
  if (strcmp(name, "plain") == 0 || weighted) {
    snprintf(part, sizeof part, "%s error", name);
    check_table(&summary, part, 2, 1e-10);
    snprintf(part, sizeof part, "%s p", name);
    check_table(&summary, part, 4, 1e-7); /* of p down to 1e-209, exponents of large numbers */
  }
  kind->free(&model);
  summary_clear(&summary);
  sample_clear(&s);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  CHECK_INTEGER(read_cells("linear.csv", WIDTH, N, cell, NULL), N);
  CHECK_INTEGER(read_cells("linear_results.csv", D + 1, RESULTS, result, what), RESULTS);
  LinearOptions plain = {0, true}, ridge = {25, false}, scaled = {25, true};
  ElasticOptions net = {0.4, 0.7, 100000, 1e-14, true};
  test_fit(&world, &linear_model, &plain, false, "plain", 1e-10);
  test_fit(&world, &linear_model, &plain, true, "weighted", 1e-10);
  test_fit(&world, &linear_model, &ridge, false, "ridge", 1e-10);
  test_fit(&world, &linear_model, &scaled, false, "standardized ridge", 1e-10);
  test_fit(&world, &elastic_net_model, &net, false, "elastic net", 1e-8);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("linear/oracle");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
