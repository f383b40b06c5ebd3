/* Weights of boosted trees: weight 2 is the row twice. */
#include "kernels/tree/node.h"
#include "tests/tree/gbdt_case.h"

/* n rows with weights 1 to 3, or every row as often as it weighs; bins do not depend on it. */
static void make(Data *data, int64_t n, int64_t d, int64_t n_classes, bool repeat) {
  Comm self = comm_self();
  Data base;
  int64_t rows = 0;
  data_make(&base, &self, n, d, n_classes, PLAIN);
  for (int64_t i = 0; i < n; i++) rows += repeat ? 1 + i % 3 : 1;
  data_make(data, &self, rows, d, n_classes, PLAIN);
  for (int64_t i = 0, at = 0; i < n; i++) {
    for (int64_t copy = 0; copy < (repeat ? 1 + i % 3 : 1); copy++, at++) {
      data->target[at] = base.target[i];
      data->weight[at] = repeat ? 1 : (double)(1 + i % 3);
      for (int64_t j = 0; j < d; j++) matrix_column(&data->x, j)[at] = matrix_column(&base.x, j)[i];
    }
  }
  data->training.weight = data->weight;
  data_clear(&base);
}

/* The same splits everywhere, and the same leaf values but for the rounding of gradients, which
 * depends on the number of rows. */
static void weight_is_repetition(int64_t n_classes, int objective) {
  Comm self = comm_self();
  enum { N = 200, D = 3 };
  GbdtOptions options = defaults();
  options.min_samples_leaf = 1;
  options.objective = objective;
  options.alpha = 0.3;
  Data data[2];
  Summary summary;
  void *model[2] = {NULL, NULL};
  summary_init(&summary, false);
  for (int side = 0; side < 2; side++) {
    make(&data[side], N, D, n_classes, side == 1);
    CHECK_OK(
        gbdt_model.fit_all(&self, &data[side].training, &options, NULL, &model[side], &summary));
  }
  const Gbdt *one = model[0], *two = model[1];
  const Ensemble *a = &one->ensemble, *b = &two->ensemble;
  int64_t nodes = a->node_offset[a->n_trees];
  CHECK_INTEGER(a->n_trees, b->n_trees);
  CHECK_INTEGER(nodes, b->node_offset[b->n_trees]);
  for (int64_t i = 0; i < nodes && nodes == b->node_offset[b->n_trees]; i++) {
    if (node_is_leaf(a->node[i])) {
      CHECK(node_is_leaf(b->node[i]));
      CHECK_REAL(node_low(a->node[i]) * one->loss.unit, node_low(b->node[i]) * two->loss.unit,
                 1e-5);
    } else {
      CHECK(a->node[i] == b->node[i]);
    }
  }
  for (int side = 0; side < 2; side++) {
    gbdt_model.free(&model[side]);
    data_clear(&data[side]);
  }
  summary_clear(&summary);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  weight_is_repetition(0, 0);
  weight_is_repetition(0, 1 + BOOST_POISSON);
  weight_is_repetition(0, 1 + BOOST_QUANTILE);
  weight_is_repetition(2, 0);
  weight_is_repetition(3, 0);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("gbdt_weights");
  MPI_Finalize();
  return failed;
}
