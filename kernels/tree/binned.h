/* Bins and codes of training rows, made once for all fits on the same features. */
#ifndef SEGUE_TREE_BINNED_H
#define SEGUE_TREE_BINNED_H

#include "bins.h"
#include "kernels/model.h"

/* bins_fit_all of data->x, or what an earlier fit of as many bins left in data->cache.
 * Collective. out is the caller's to clear, also after a failure. Fails with MEMORY, agreed. */
CHECKED Status binned_fit_all(const Comm *comm, const TrainingData *data, int64_t max_bins,
                              Bins *out);
/* bins_encode of data->x by bins cut for it. Local. */
void binned_encode(const TrainingData *data, const Bins *bins, int64_t begin, int64_t n,
                   uint8_t *codes);

#endif
