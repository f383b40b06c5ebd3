/* Exact sums of the target by word and fold; see target_sums.h. */
#include "target_sums.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

static int64_t *cell_of(const TargetSums *sums, int64_t word, int64_t fold) {
  return sums->cells + (word * sums->folds + fold) * sums->width;
}

static Status scale_all(TargetSums *sums, const Comm *comm, const double *target, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++)
    if (fabs(target[i]) > most) most = fabs(target[i]);
  comm_max_real_all(comm, &most, 1);
  if (isinf(most))
    return status_fail(NUMERIC, "the target is infinite in a training row: it has no mean");
  sums->scale = fixed_scale(most, WIDE_BITS);
  return OK;
}

static void add(const TargetSums *sums, int64_t *cell, double target) {
  cell[0]++;
  if (sums->classes) {
    int64_t class = (int64_t)target;
    if (sums->outputs > 1)
      cell[1 + class]++;
    else
      cell[1] += class == 1;
  } else {
    Wide sum = {cell[1], cell[2]};
    wide_add(&sum, target, sums->scale);
    cell[1] = sum.high;
    cell[2] = sum.low;
  }
}

Status target_sums_init_all(TargetSums *sums, const Comm *comm, const WordRows *words,
                            const double *target, int64_t n_classes, const int32_t *fold,
                            int64_t folds) {
  Status status = OK;
  *sums = (TargetSums){.outputs = n_classes > 2 ? n_classes : 1,
                       .folds = folds,
                       .n_words = words->dictionary->n,
                       .classes = n_classes > 0,
                       .scale = 1};
  sums->width = 1 + (sums->classes ? sums->outputs : 2);
  int64_t items = (sums->n_words + 1) * folds * sums->width;
  AGREE(comm, NEW(&sums->cells, items));
  if (!sums->classes) TRY(scale_all(sums, comm, target, words->n));
  for (int64_t i = 0; i < words->n; i++) {
    if (isnan(target[i])) continue;
    add(sums, cell_of(sums, sums->n_words, fold[i]), target[i]);
    for (int64_t at = words->offset[i]; at < words->offset[i + 1]; at++)
      add(sums, cell_of(sums, words->code[at], fold[i]), target[i]);
  }
  comm_sum_all(comm, sums->cells, items);
done:
  return status;
}

void target_sums_clear(TargetSums *sums) { memory_free(&sums->cells); }

/* The cells of a word but that of one fold, added up into total; width numbers. */
static void total_without(const TargetSums *sums, int64_t word, int64_t without, int64_t *total) {
  memset(total, 0, (size_t)sums->width * sizeof *total);
  for (int64_t f = 0; f < sums->folds; f++) {
    const int64_t *cell = cell_of(sums, word, f);
    if (f == without) continue;
    for (int64_t c = 0; c < sums->width; c++) total[c] += cell[c];
  }
}

static double sum_of(const TargetSums *sums, const int64_t *total, int64_t output) {
  if (sums->classes) return (double)total[1 + output];
  return wide_value(&(Wide){total[1], total[2]}, sums->scale);
}

void target_prior(const TargetSums *sums, int64_t without, double *out) {
  int64_t total[TARGET_CLASSES + 1];
  total_without(sums, sums->n_words, without, total);
  for (int64_t k = 0; k < sums->outputs; k++)
    out[k] = total[0] > 0 ? sum_of(sums, total, k) / (double)total[0] : NAN;
}

void target_add_word(const TargetSums *sums, int64_t word, int64_t without, double smoothing,
                     const double *prior, double *out) {
  int64_t total[TARGET_CLASSES + 1];
  total_without(sums, word, without, total);
  double n = (double)total[0];
  for (int64_t k = 0; n > 0 && k < sums->outputs; k++)
    out[k] += (sum_of(sums, total, k) - n * prior[k]) / (n + smoothing);
}
