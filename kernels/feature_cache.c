/* What fits on the same features share; see feature_cache.h. */
#include "feature_cache.h"

#include <string.h>

#include "kernels/base/memory.h"

void *feature_cache_find(const FeatureCache *cache, const Matrix *x, const char *what,
                         int64_t number) {
  if (!cache || cache->x != x) return NULL;
  for (int64_t i = 0; i < cache->n; i++) {
    const CachedFeatures *item = &cache->items[i];
    if (item->number == number && strcmp(item->what, what) == 0) return item->value;
  }
  return NULL;
}

Status feature_cache_keep(FeatureCache *cache, const CachedFeatures *item) {
  Status status = RESERVE(&cache->items, &cache->capacity, cache->n + 1);
  if (status == OK) cache->items[cache->n++] = *item;
  return status;
}

int64_t feature_cache_bytes(const FeatureCache *cache) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < cache->n; i++) bytes += cache->items[i].bytes;
  return bytes;
}

void feature_cache_clear(FeatureCache *cache) {
  for (int64_t i = 0; i < cache->n; i++) cache->items[i].free(&cache->items[i].value);
  memory_free(&cache->items);
  *cache = (FeatureCache){0};
}
