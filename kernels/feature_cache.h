/* Feature cache: what fits on the same features leave for one another, such as their bins.
 *
 * It belongs to one matrix and holds what follows from that matrix alone, so a fit with the cache
 * gives the bits of one without. Whoever keeps the matrix keeps the cache beside it and hands both
 * to fits (TrainingData.cache); a fit on other rows (resampled ones) does not find itself in it.
 * Since all ranks of a fit have asked for the same before, all find an item, or none does. */
#ifndef SEGUE_FEATURE_CACHE_H
#define SEGUE_FEATURE_CACHE_H

#include "kernels/numeric/matrix.h"

typedef struct CachedFeatures {
  const char *what; /* a literal of the kind that made it */
  int64_t number;   /* its setting */
  void *value;
  int64_t bytes;
  void (*free)(void **value);
} CachedFeatures;

typedef struct FeatureCache {
  const Matrix *x; /* borrowed; the items are of these rows */
  int64_t n, capacity;
  CachedFeatures *items;
} FeatureCache;

/* The value of (what, number) for x; NULL: there is none, no cache, or it is of other rows. Local.
 */
void *feature_cache_find(const FeatureCache *cache, const Matrix *x, const char *what,
                         int64_t number);
/* Keep a value, which then belongs to the cache; that of the same name and number must not be
 * there. Local. Fails with MEMORY; the value stays the caller's then. */
CHECKED Status feature_cache_keep(FeatureCache *cache, const CachedFeatures *item);
int64_t feature_cache_bytes(const FeatureCache *cache);
void feature_cache_clear(FeatureCache *cache);

#endif
