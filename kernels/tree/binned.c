/* Bins shared by fits; see binned.h. */
#include "binned.h"

#include <string.h>

#include "kernels/base/memory.h"

static const char BINNED[] = "tree/binned";

typedef struct Binned {
  Bins bins;
  uint8_t *codes; /* of all of this rank's rows */
} Binned;

static void binned_free(void **value) {
  Binned *binned = *value;
  if (!binned) return;
  bins_clear(&binned->bins);
  memory_free(&binned->codes);
  memory_free(value);
}

static int64_t bytes_of(const Binned *binned, int64_t n) {
  const Bins *bins = &binned->bins;
  int64_t numbers = bins->d + bins->offset[bins->d];
  return n * bins_stride(bins->d) + numbers * (int64_t)sizeof(double);
}

/* Into the cache, which owns it then. */
static Status keep(const TrainingData *data, int64_t max_bins, Binned *binned) {
  Status status = OK;
  const Matrix *x = data->x;
  TRY(NEW(&binned->codes, x->rows.n * bins_stride(x->d)));
  bins_encode(&binned->bins, x, 0, x->rows.n, binned->codes);
  CachedFeatures item = {.what = BINNED,
                         .number = max_bins,
                         .value = binned,
                         .bytes = bytes_of(binned, x->rows.n),
                         .free = binned_free};
  TRY(feature_cache_keep(data->cache, &item));
done:
  return status;
}

Status binned_fit_all(const Comm *comm, const TrainingData *data, int64_t max_bins, Bins *out) {
  Status status = OK;
  Binned *binned = feature_cache_find(data->cache, data->x, BINNED, max_bins);
  void *made = NULL;
  *out = (Bins){0};
  if (!data->cache || data->cache->x != data->x) return bins_fit_all(comm, data->x, max_bins, out);
  if (!binned) {
    status = NEW(&binned, 1);
    made = binned;
    AGREE(comm, status);
    TRY(bins_fit_all(comm, data->x, max_bins, &binned->bins));
    status = keep(data, max_bins, binned);
    if (status == OK) made = NULL;
    AGREE(comm, status);
  }
  AGREE(comm, bins_copy(&binned->bins, out));
done:
  binned_free(&made);
  return status;
}

static bool equal(const Bins *a, const Bins *b) {
  int64_t d = a->d;
  size_t offsets = (size_t)(d + 1) * sizeof *a->offset;
  if (d != b->d || memcmp(a->offset, b->offset, offsets) != 0) return false;
  if (memcmp(a->edges, b->edges, (size_t)a->offset[d] * sizeof *a->edges) != 0) return false;
  if (!a->category_offset || !b->category_offset) return a->category_offset == b->category_offset;
  return memcmp(a->category_offset, b->category_offset, offsets) == 0 &&
         memcmp(a->category, b->category, (size_t)a->category_offset[d]) == 0;
}

void binned_encode(const TrainingData *data, const Bins *bins, int64_t begin, int64_t n,
                   uint8_t *codes) {
  const FeatureCache *cache = data->cache;
  int64_t stride = bins_stride(bins->d);
  for (int64_t i = 0; cache && cache->x == data->x && i < cache->n; i++) {
    const Binned *binned = cache->items[i].value;
    if (strcmp(cache->items[i].what, BINNED) != 0 || !equal(&binned->bins, bins)) continue;
    if (n > 0) memcpy(codes, binned->codes + begin * stride, (size_t)(n * stride));
    return;
  }
  bins_encode(bins, data->x, begin, n, codes);
}
