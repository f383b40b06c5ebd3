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

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "ward_search.h"

enum {
  ALONE = 256, /* searches of a round below which every rank makes all of them */
  BESIDE = 64,
  BESIDE_SHARE = 1024 /* clusters beside the tree: so many, and 1 of so many */
};

typedef struct Ward {
  const Comm *comm;
  int64_t n, d, active, merged, n_need, n_beside;
  double *rows; /* n x d, all rows */
  WardClusters c;
  int32_t *row;     /* slots: lowest row */
  int32_t *alive;   /* active slots, ascending */
  int32_t *nearest; /* slots */
  double *distance; /* slots, to nearest */
  int32_t *need;    /* slots that have to look */
  int32_t *beside;  /* slots that the tree does not hold as they are */
  bool *touched;    /* slots: merged in this round */
  Merge *merges;    /* n - 1 */
  WardTree *tree;
  WardCounts counts;
} Ward;

/* ---- distinct rows ---- */

static Status gather_all(const Comm *comm, const Matrix *x, Ward *w) {
  Status status = OK;
  double *column = NULL;
  AGREE(comm, NEW(&w->rows, w->n * w->d));
  for (int64_t j = 0; j < w->d; j++) {
    TRY(comm_concatenate_all(comm, matrix_column(x, j), (size_t)x->rows.n * sizeof(double),
                             (void **)&column, NULL));
    for (int64_t i = 0; i < w->n; i++) w->rows[i * w->d + j] = column[i] + 0.0; /* -0 is 0 */
    memory_free(&column);
  }
done:
  memory_free(&column);
  return status;
}

typedef struct Hashed {
  Hash hash;
  int64_t row;
} Hashed;

static int by_hash(const void *a, const void *b) {
  const Hashed *x = a, *y = b;
  int order = hash_compare(&x->hash, &y->hash);
  return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* first[i]: the first row that is equal to row i. */
static Status find_equal(const Ward *w, int32_t *first) {
  Status status = OK;
  Hashed *order = NULL;
  size_t bytes = (size_t)w->d * sizeof(double);
  TRY(NEW(&order, w->n));
  for (int64_t i = 0; i < w->n; i++)
    order[i] = (Hashed){hash_bytes(w->rows + i * w->d, bytes, hash_zero()), i};
  qsort(order, (size_t)w->n, sizeof *order, by_hash);
  for (int64_t p = 0, start = 0; p < w->n; p++) {
    if (hash_compare(&order[start].hash, &order[p].hash) != 0) start = p;
    first[order[p].row] = (int32_t)order[start].row;
  }
done:
  memory_free(&order);
  return status;
}

/* Merge equal rows at height 0; a slot for each distinct row, in the order of rows. */
static Status collapse(Ward *w) {
  Status status = OK;
  int32_t *slot_of = NULL, *first = NULL;
  size_t bytes = (size_t)w->d * sizeof(double);
  TRY(NEW(&slot_of, w->n));
  TRY(NEW(&first, w->n));
  TRY(find_equal(w, first));
  for (int64_t i = 0; i < w->n; i++) w->c.slots += first[i] == i;
  TRY(NEW(&w->c.mean, w->c.slots * w->d));
  TRY(NEW(&w->c.size, w->c.slots));
  TRY(NEW(&w->row, w->c.slots));
  int64_t slot = 0;
  for (int64_t i = 0; i < w->n; i++) {
    if (first[i] == i) {
      memcpy(w->c.mean + slot * w->d, w->rows + i * w->d, bytes);
      w->row[slot] = (int32_t)i;
      slot_of[i] = (int32_t)slot++;
    } else {
      w->merges[w->merged++] = (Merge){0, first[i], i};
    }
    w->c.size[slot_of[first[i]]]++;
  }
done:
  memory_free(&slot_of);
  memory_free(&first);
  return status;
}

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

static void look(const Ward *w, int64_t begin, int64_t end, Found *out) {
  for (int64_t p = begin; p < end; p++)
    out[p - begin].slot =
        ward_nearest(w->tree, &w->c, w->beside, w->n_beside, w->need[p], &out[p - begin].distance);
}

static Status search_all(Ward *w) {
  Status status = OK;
  Found *mine = NULL, *all = NULL;
  bool alone = w->n_need < ALONE || w->comm->size == 1;
  int64_t size = alone ? 1 : w->comm->size, rank = alone ? 0 : w->comm->rank;
  int64_t begin = w->n_need * rank / size, end = w->n_need * (rank + 1) / size;
  Status local = NEW(&mine, end - begin);
  if (local == OK) local = refresh_tree(w);
  AGREE(w->comm, local);
  look(w, begin, end, mine);
  if (!alone)
    TRY(comm_concatenate_all(w->comm, mine, (size_t)(end - begin) * sizeof *mine, (void **)&all,
                             NULL));
  for (int64_t p = 0; p < w->n_need; p++) {
    const Found *found = alone ? &mine[p] : &all[p];
    w->nearest[w->need[p]] = (int32_t)found->slot;
    w->distance[w->need[p]] = found->distance;
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
  w->merges[w->merged++] = (Merge){sqrt(2 * w->distance[a]), w->row[a], w->row[b]};
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
  int64_t slots = w->c.slots;
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
  memory_free(&w->rows);
  memory_free(&w->c.mean);
  memory_free(&w->c.size);
  memory_free(&w->row);
  memory_free(&w->alive);
  memory_free(&w->nearest);
  memory_free(&w->distance);
  memory_free(&w->need);
  memory_free(&w->beside);
  memory_free(&w->touched);
  memory_free(&w->merges);
  ward_tree_free(&w->tree);
}

static Status check(const Matrix *x) {
  if (x->rows.n_global == 0) return status_fail(INVALID, "ward: there is no row to cluster");
  if (x->d == 0) return status_fail(INVALID, "ward: there is no column to cluster by");
  if (x->rows.n_global > INT32_MAX)
    return status_fail(INVALID, "ward: at most 2^31 - 1 rows are possible");
  return matrix_check_finite(x, NULL, "ward");
}

Status ward_all(const Comm *comm, const Matrix *x, WorkSink *sink, Dendrogram *out,
                WardCounts *counts) {
  Status status = OK;
  Ward w = {.comm = comm, .n = x->rows.n_global, .d = x->d, .c = {.d = x->d}};
  *out = (Dendrogram){.n = 0};
  AGREE(comm, check(x));
  TRY(gather_all(comm, x, &w));
  Status local = NEW(&w.merges, w.n);
  if (local == OK) local = collapse(&w);
  memory_free(&w.rows);
  if (local == OK) local = begin(&w);
  AGREE(comm, local);
  while (w.active > 1) {
    TRY(search_all(&w));
    int64_t pairs = merge_pairs(&w);
    next_round(&w, pairs);
    w.counts.rounds++;
    if (w.counts.rounds % 16 == 0 && comm_any_all(comm, work_stopping(sink)))
      TRY(status_fail(STOPPED, "stopped"));
  }
  AGREE(comm, dendrogram_of(w.merges, w.n, out));
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
