/* Which features move the forest's predictions, over an addressed sample of its training rows.
 *
 * The sampled rows come to all ranks and are dealt out one by one, so that ranks have equal work
 * wherever the rows came from. */
#include <math.h>
#include <string.h>

#include "forest_fit.h"
#include "kernels/base/memory.h"

ShapTrees forest_shap_trees(const Forest *forest, const int32_t *cover) {
  double trees = (double)forest->ensemble.n_trees;
  bool shares = forest_width(forest) > 1;
  return (ShapTrees){
      .ensemble = &forest->ensemble,
      .cover = cover,
      .outputs = forest_width(forest),
      .shares = shares,
      .unit = shares ? 1 / (ldexp(1, GROW_SHARE_BITS) * trees)
                     : forest->unit / (ldexp(1, GROW_SHARE_BITS - (int)forest->bits) * trees)};
}

/* Codes of this rank's rows of the sample. Collective. */
static Status deal_rows_all(const ForestFit *fit, int64_t total, ShapRows *out, uint8_t **codes) {
  Status status = OK;
  const Comm *comm = fit->comm;
  int64_t stride = bins_stride(fit->samples.rows.bins->d), *row = NULL;
  Stream chosen = random_stream(fit->data->seed, "forest/shap", 0);
  Status local = NEW(codes, total * stride);
  if (local == OK) local = NEW(&row, total);
  AGREE(comm, local);
  for (int64_t i = 0; i < total; i++) {
    row[i] = random_permuted(&chosen, i, fit->samples.n_global);
  }
  samples_codes_all(comm, &fit->samples, row, total, *codes);
  for (int64_t number = comm->rank; number < total; number += comm->size) {
    memmove(*codes + out->n++ * stride, *codes + number * stride, (size_t)stride);
  }
  out->codes = *codes;
done:
  memory_free(&row);
  return status;
}

Status forest_shap_all(const ForestFit *fit, Summary *summary) {
  Status status = OK;
  static const char *const titles[] = {"What features add to predictions (SHAP)",
                                       "What features add to the probability of the second class "
                                       "(SHAP)",
                                       "What features add to the probability of the likeliest "
                                       "class (SHAP)"};
  int64_t asked = fit->options->shap_rows, n = fit->samples.n_global;
  ShapTrees trees = forest_shap_trees(fit->forest, fit->cover);
  ShapRows rows = {
      .n_global = asked < n ? asked : n,
      .title = titles[trees.shares ? 2 : fit->data->task == TASK_CLASSIFICATION],
      .names = fit->data->x->names,
  };
  uint8_t *codes = NULL;
  TRY(deal_rows_all(fit, rows.n_global, &rows, &codes));
  TRY(shap_report_all(fit->comm, &trees, &rows, fit->sink, summary));
done:
  memory_free(&codes);
  return status;
}
