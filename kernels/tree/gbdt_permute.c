/* Permutation importance of boosted trees; see gbdt_permute.h. */
#include "gbdt_permute.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"

typedef struct Permuter {
  const Comm *comm;
  const Gbdt *model;
  uint64_t seed;
  BoostTable table;
  BoostTargets rows; /* that are scored */
  uint8_t *codes;    /* theirs, in the table */
  int64_t begin;     /* number of the first one over all ranks */
  uint8_t *own;      /* rows.n: a feature's codes */
  int32_t *leaf;     /* rows.n */
  double *level;     /* outputs x rows.n */
} Permuter;

static void permuter_clear(Permuter *p) {
  boost_table_clear_all(&p->table);
  memory_free(&p->own);
  memory_free(&p->leaf);
  memory_free(&p->level);
}

static Status permuter_init_all(Permuter *p, const TrainingData *data, const GbdtOptions *options) {
  Status status = OK;
  const Bins *bins = &p->model->ensemble.bins;
  bool held = options->early_stopping != OPTION_NONE_INTEGER && !options->refit;
  TRY(boost_table_all(p->comm, data, bins, held ? options->validation_share : 0, &p->table));
  const BoostTable *t = &p->table;
  int64_t first = held ? t->n_train : 0, n = t->n - first;
  p->rows = (BoostTargets){
      .n = n, .target = t->target + first, .weight = t->weight ? t->weight + first : NULL};
  p->codes = t->codes + first * bins_stride(bins->d);
  p->begin = comm_exscan_all(p->comm, n);
  Status local = NEW(&p->own, n);
  if (local == OK) local = NEW(&p->leaf, n);
  if (local == OK) local = NEW(&p->level, n * p->model->loss.outputs);
  AGREE(p->comm, local);
done:
  return status;
}

/* Mean loss of the rows as their codes are now. Collective. */
static double score_all(Permuter *p) {
  const Ensemble *e = &p->model->ensemble;
  int64_t n = p->rows.n, outputs = p->model->loss.outputs;
  memset(p->level, 0, (size_t)(n * outputs) * sizeof *p->level);
  for (int64_t tree = 0; tree < e->n_trees; tree++) {
    double *level = p->level + tree % outputs * n;
    ensemble_leaves(e, tree, p->codes, NULL, n, p->leaf);
    for (int64_t i = 0; i < n; i++) level[i] += p->leaf[i];
  }
  return boost_loss_mean_all(p->comm, &p->model->loss, &p->rows, p->level, n);
}

/* Mean loss with a feature's values from other rows. Collective. */
static Status score_permuted_all(Permuter *p, int64_t feature, int64_t repetition, double *score) {
  Status status = OK;
  int64_t n = p->rows.n, stride = bins_stride(p->model->ensemble.bins.d), total = 0;
  uint8_t *all = NULL, *code = p->codes + feature;
  uint64_t unit = (uint64_t)(feature + 1) << 32 | (uint64_t)repetition;
  Stream others = random_stream(p->seed, "gbdt/permutation", unit);
  for (int64_t i = 0; i < n; i++) p->own[i] = code[i * stride];
  TRY(comm_concatenate_all(p->comm, p->own, (size_t)n, (void **)&all, NULL));
  total = comm_sum_one_all(p->comm, n);
  for (int64_t i = 0; i < n; i++) {
    code[i * stride] = all[random_permuted(&others, p->begin + i, total)];
  }
  *score = score_all(p);
  for (int64_t i = 0; i < n; i++) code[i * stride] = p->own[i];
done:
  memory_free(&all);
  return status;
}

Status gbdt_permute_all(const Comm *comm, const TrainingData *data, const GbdtOptions *options,
                        const Gbdt *model, WorkSink *sink, double *rise) {
  Status status = OK;
  Permuter p = {.comm = comm, .model = model, .seed = data->seed};
  TRY(permuter_init_all(&p, data, options));
  double whole = score_all(&p);
  for (int64_t j = 0; j < model->ensemble.bins.d; j++) {
    double sum = 0; /* the same on all ranks: scores are agreed */
    for (int64_t r = 0; r < options->permutations; r++) {
      double score = 0;
      TRY(score_permuted_all(&p, j, r, &score));
      sum += score - whole;
      if (comm_any_all(comm, work_stopping(sink))) {
        status = status_fail(STOPPED,
                             "stopped on request while permuting features; the trees are saved, "
                             "run again to go on");
        goto done;
      }
    }
    rise[j] = sum / (double)options->permutations;
  }
done:
  permuter_clear(&p);
  return status;
}
