/* Ward's clustering by rounds of reciprocal nearest neighbours; see ward.h.
 *
 * A cluster lives in the slot of its lowest distinct row. Of a round's clusters only those look for
 * their nearest one again that were merged or whose nearest one was: merging brings no other
 * cluster nearer (reducibility). Where rounding makes that untrue by a bit, or ties lead around, a
 * round can end without a pair; then all look again, and the nearest pair of all is one.
 *
 * Merged clusters lie beside the tree until they are too many; then it is built anew. Everything
 * but the searches is done by every rank, from the same numbers. */
#include "ward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "distinct.h"
#include "kernels/base/memory.h"
#include "ward_search.h"

enum {
  ALONE = 16, /* searches of a round below which every rank makes all of them */
  BESIDE = 64,
  BESIDE_SHARE = 1024 /* clusters beside the tree: so many, and 1 of so many */
};

typedef struct Ward {
  const Comm *comm;
  int64_t d, active, n_need, n_beside;
  Distinct distinct; /* its rows, sizes and merges become those of the clusters */
  WardClusters c;
  int32_t *alive;   /* active slots, ascending */
  int32_t *nearest; /* slots */
  double *distance; /* slots, to nearest */
  int32_t *need;    /* slots that have to look */
  int32_t *beside;  /* slots that the tree does not hold as they are */
  bool *touched;    /* slots: merged in this round */
  WardTree *tree;
  WardCounts counts;
} Ward;

/* ---- searches ---- */

static Status refresh_tree(Ward *w) {
  Status status = OK;
  if (w->tree && w->n_beside <= BESIDE + w->active / BESIDE_SHARE) return OK;
  ward_tree_free(&w->tree);
  w->n_beside = 0;
  TRY(ward_tree_new(&w->c, w->alive, w->active, &w->tree));
done:
  return status;
}

typedef struct Found {
  double distance;
  int64_t slot;
} Found;

/* How many of n searches rank r of `size` makes: each size-th, since like rows may lie together. */
static int64_t share_of(int64_t n, int64_t r, int64_t size) { return (n - r + size - 1) / size; }

static void look(const Ward *w, int64_t first, int64_t step, Found *out) {
  for (int64_t p = first; p < w->n_need; p += step, out++)
    out->slot = ward_nearest(w->tree, &w->c, w->beside, w->n_beside, w->need[p], &out->distance);
}

static Status search_all(Ward *w) {
  Status status = OK;
  Found *mine = NULL, *all = NULL;
  bool alone = w->n_need < ALONE || w->comm->size == 1;
  int64_t size = alone ? 1 : w->comm->size, rank = alone ? 0 : w->comm->rank;
  int64_t n = share_of(w->n_need, rank, size);
  Status local = NEW(&mine, n);
  if (local == OK) local = refresh_tree(w);
  AGREE(w->comm, local);
  look(w, rank, size, mine);
  if (!alone)
    TRY(comm_concatenate_all(w->comm, mine, (size_t)n * sizeof *mine, (void **)&all, NULL));
  const Found *found = alone ? mine : all;
  for (int64_t r = 0; r < size; r++) {
    for (int64_t p = r; p < w->n_need; p += size, found++) {
      w->nearest[w->need[p]] = (int32_t)found->slot;
      w->distance[w->need[p]] = found->distance;
    }
  }
  w->counts.searches += w->n_need;
done:
  memory_free(&mine);
  memory_free(&all);
  return status;
}

/* ---- merging ---- */

static void merge(Ward *w, int64_t a, int64_t b) {
  double size_a = w->c.size[a], size_b = w->c.size[b], size = size_a + size_b;
  double *x = w->c.mean + a * w->d, *y = w->c.mean + b * w->d;
  Distinct *rows = &w->distinct;
  rows->merges[rows->merged++] = (Merge){sqrt(2 * w->distance[a]), rows->row[a], rows->row[b]};
  for (int64_t j = 0; j < w->d; j++) x[j] = (size_a * x[j] + size_b * y[j]) / size;
  w->c.size[a] = size;
  w->c.size[b] = 0;
  ward_tree_remove(w->tree, a);
  ward_tree_remove(w->tree, b);
  w->touched[a] = w->touched[b] = true;
}

/* Merge all pairs that are each other's nearest; how many. */
static int64_t merge_pairs(Ward *w) {
  int64_t pairs = 0;
  for (int64_t p = 0; p < w->active; p++) {
    int64_t a = w->alive[p], b = w->nearest[a];
    if (a > b || w->touched[a] || w->touched[b] || w->nearest[b] != a) continue;
    merge(w, a, b);
    pairs++;
  }
  return pairs;
}

/* Who lives on, who has to look again, what lies beside the tree. */
static void next_round(Ward *w, int64_t pairs) {
  int64_t alive = 0, beside = 0;
  w->n_need = 0;
  for (int64_t p = 0; p < w->n_beside; p++) /* what was beside and was merged comes again below */
    if (!w->touched[w->beside[p]]) w->beside[beside++] = w->beside[p];
  for (int64_t p = 0; p < w->active; p++) {
    int32_t slot = w->alive[p];
    if (w->c.size[slot] == 0) continue;
    w->alive[alive++] = slot;
    if (w->touched[slot]) w->beside[beside++] = slot;
    if (pairs == 0 || w->touched[slot] || w->touched[w->nearest[slot]]) w->need[w->n_need++] = slot;
  }
  w->n_beside = beside;
  w->active = alive;
  memset(w->touched, 0, (size_t)w->c.slots * sizeof *w->touched);
}

/* ---- the whole ---- */

static Status begin(Ward *w) {
  Status status = OK;
  int64_t slots = w->distinct.n;
  w->c = (WardClusters){
      .d = w->d, .slots = slots, .mean = w->distinct.point, .size = w->distinct.size};
  TRY(NEW(&w->alive, slots));
  TRY(NEW(&w->nearest, slots));
  TRY(NEW(&w->distance, slots));
  TRY(NEW(&w->need, slots));
  TRY(NEW(&w->beside, slots));
  TRY(NEW(&w->touched, slots));
  for (int64_t s = 0; s < slots; s++) w->alive[s] = w->need[s] = (int32_t)s;
  w->active = w->n_need = w->counts.distinct = slots;
done:
  return status;
}

static void ward_clear(Ward *w) {
  distinct_clear(&w->distinct);
  memory_free(&w->alive);
  memory_free(&w->nearest);
  memory_free(&w->distance);
  memory_free(&w->need);
  memory_free(&w->beside);
  memory_free(&w->touched);
  ward_tree_free(&w->tree);
}

Status ward_all(const Comm *comm, const Matrix *x, WorkSink *sink, Dendrogram *out,
                WardCounts *counts) {
  Status status = OK;
  Ward w = {.comm = comm, .d = x->d};
  *out = (Dendrogram){.n = 0};
  TRY(distinct_all(comm, x, "ward", &w.distinct));
  AGREE(comm, begin(&w));
  while (w.active > 1) {
    TRY(search_all(&w));
    int64_t pairs = merge_pairs(&w);
    next_round(&w, pairs);
    w.counts.rounds++;
    if (w.counts.rounds % 16 == 0 && comm_any_all(comm, work_stopping(sink)))
      TRY(status_fail(STOPPED, "stopped"));
  }
  AGREE(comm, dendrogram_of(w.distinct.merges, x->rows.n_global, out));
  if (counts) *counts = w.counts;
done:
  ward_clear(&w);
  return status;
}

Status ward_ref(const Matrix *x, Dendrogram *out) {
  Status status = OK;
  int64_t n = x->rows.n, d = x->d;
  WardClusters c = {.d = d, .slots = n};
  Merge *merges = NULL;
  *out = (Dendrogram){.n = 0};
  TRY(NEW(&c.mean, n * d));
  TRY(NEW(&c.size, n));
  TRY(NEW(&merges, n));
  for (int64_t i = 0; i < n; i++) {
    c.size[i] = 1;
    for (int64_t j = 0; j < d; j++) c.mean[i * d + j] = matrix_column(x, j)[i];
  }
  for (int64_t m = 0; m < n - 1; m++) {
    double least = INFINITY;
    int64_t best_a = 0, best_b = 0;
    for (int64_t a = 0; a < n; a++)
      for (int64_t b = a + 1; c.size[a] > 0 && b < n; b++)
        if (c.size[b] > 0 && ward_distance(&c, a, b) < least)
          least = ward_distance(&c, a, b), best_a = a, best_b = b;
    merges[m] = (Merge){sqrt(2 * least), best_a, best_b};
    double size = c.size[best_a] + c.size[best_b];
    for (int64_t j = 0; j < d; j++)
      c.mean[best_a * d + j] =
          (c.size[best_a] * c.mean[best_a * d + j] + c.size[best_b] * c.mean[best_b * d + j]) /
          size;
    c.size[best_a] = size;
    c.size[best_b] = 0;
  }
  TRY(dendrogram_of(merges, n, out));
done:
  memory_free(&c.mean);
  memory_free(&c.size);
  memory_free(&merges);
  return status;
}
