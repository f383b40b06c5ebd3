/* Complete and average linkage by nearest-neighbour chains; see linkage.h.
 *
 * A pair of clusters (a < b) has its distance in row a, and rank a mod size has that row, so that
 * ranks have equal shares. A search of x's nearest is a run along row x by its rank and a look at
 * column x by all. Merging x into y changes row and column y; what a rank lacks of that is in row
 * x, which is broadcast. Distances to clusters that are no more are infinite. */
#include "linkage.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "distinct.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/pair_vector.h"
#include "ward.h"

const char *const linkage_words[] = {"ward", "complete", "average", NULL};

typedef struct Chain {
  const Comm *comm;
  Linkage linkage;
  Distinct rows; /* sizes become those of clusters; 0: merged into another */
  int64_t n, n_own, bytes;
  int32_t *own; /* n_own: this rank's rows that are clusters still, ascending */
  int64_t
      *start; /* n / size + 1: rank's row s begins at data + start[s / size] with column s + 1 */
  double *data;
  double *moved;  /* n: columns of the row that was broadcast */
  int32_t *chain; /* n: clusters, each the nearest of the one before */
  int64_t length, lowest;
} Chain;

static inline bool owns(const Chain *c, int64_t s) { return s % c->comm->size == c->comm->rank; }

/* The distances of this rank's row s, for columns from s + 1 on. */
static inline double *row_of(const Chain *c, int64_t s) {
  return c->data + c->start[s / c->comm->size] - (s + 1);
}

/* ---- memory ---- */

static Status check_memory_all(const Comm *comm, int64_t n, int64_t bytes) {
  Status status = OK;
  Comm node;
  comm_split_node_all(comm, &node);
  int64_t here = comm_sum_one_all(&node, bytes);
  int64_t there = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
  comm_clear_all(&node);
  AGREE(comm, here < there ? OK
                           : status_fail(MEMORY,
                                         "linkage: the distances of %lld rows take %.1f GB on a "
                                         "node that has %.1f GB; use the linkage \"ward\", which "
                                         "keeps none, more nodes, or fewer rows",
                                         (long long)n, (double)here * 1e-9, (double)there * 1e-9));
done:
  return status;
}

static Status begin_all(Chain *c) {
  Status status = OK;
  int64_t n = c->n = c->rows.n, cells = 0;
  if (n > LINKAGE_MOST)
    TRY(status_fail(INVALID,
                    "linkage: \"%s\" keeps the distances of all pairs of rows; %lld rows differ, "
                    "and %d are possible. Use \"ward\", which keeps none, or fewer rows",
                    linkage_words[c->linkage], (long long)n, LINKAGE_MOST));
  Status local = NEW(&c->start, n / c->comm->size + 1);
  if (local == OK) local = NEW(&c->own, n / c->comm->size + 1);
  if (local == OK) local = NEW(&c->moved, n);
  if (local == OK) local = NEW(&c->chain, n + 1);
  AGREE(c->comm, local);
  for (int64_t s = c->comm->rank; s < n; s += c->comm->size) {
    c->own[c->n_own++] = (int32_t)s;
    c->start[s / c->comm->size] = cells;
    cells += n - 1 - s;
  }
  c->bytes = cells * (int64_t)sizeof *c->data;
  TRY(check_memory_all(c->comm, n, c->bytes));
  AGREE(c->comm, NEW_RAW(&c->data, cells));
done:
  return status;
}

static void chain_clear(Chain *c) {
  distinct_clear(&c->rows);
  memory_free(&c->own);
  memory_free(&c->start);
  memory_free(&c->data);
  memory_free(&c->moved);
  memory_free(&c->chain);
}

/* ---- distances of rows ---- */

/* Rows in the lanes of vectors; what is past the end is 0. */
static Status lay_out(const Distinct *rows, double **out) {
  int64_t vectors = (rows->n + PAIR_ROWS - 1) / PAIR_ROWS, d = rows->d;
  Status status = NEW(out, vectors * d * PAIR_ROWS);
  for (int64_t i = 0; status == OK && i < rows->n; i++)
    for (int64_t j = 0; j < d; j++)
      (*out)[(i / PAIR_ROWS * d + j) * PAIR_ROWS + i % PAIR_ROWS] = rows->point[i * d + j];
  return status;
}

PAIR_INLINE void fill_body(const Distinct *rows, const double *lanes, int64_t s, double *out) {
  double root[PAIR_ROWS] __attribute__((aligned(64)));
  int64_t d = rows->d, n = rows->n;
  for (int64_t from = (s + 1) / PAIR_ROWS * PAIR_ROWS; from < n; from += PAIR_ROWS) {
    pair_vector_squared(lanes + from * d, PAIR_ROWS, rows->point + s * d, d, (PairReals *)root);
    for (int l = 0; l < PAIR_ROWS; l++) root[l] = sqrt(root[l]);
    int64_t first = from > s ? from : s + 1, end = from + PAIR_ROWS < n ? from + PAIR_ROWS : n;
    for (int64_t k = first; k < end; k++) out[k] = root[k - from];
  }
}

PAIR_WIDE static void fill_wide(const Distinct *rows, const double *lanes, int64_t s, double *out) {
  fill_body(rows, lanes, s, out);
}

static void fill_plain(const Distinct *rows, const double *lanes, int64_t s, double *out) {
  fill_body(rows, lanes, s, out);
}

static Status fill(Chain *c, WorkSink *sink) {
  Status status = OK;
  double *lanes = NULL;
  TRY(lay_out(&c->rows, &lanes));
  for (int64_t p = 0; p < c->n_own; p++) {
    (pair_has_wide() ? fill_wide : fill_plain)(&c->rows, lanes, c->own[p], row_of(c, c->own[p]));
    if (p % 256 == 0 && work_stopping(sink)) TRY(status_fail(STOPPED, "stopped"));
  }
done:
  memory_free(&lanes);
  return status;
}

/* ---- searches ---- */

typedef struct Found {
  double distance;
  double back;  /* distance to the cluster before in the chain; infinite: there is none */
  int64_t slot; /* the lowest of the nearest; INT64_MAX: none */
  int64_t stop;
} Found;

/* The first of the least values in row[begin .. end - 1], when it is less than out's. */
static void least_in(const double *row, int64_t begin, int64_t end, Found *out) {
  enum { CHUNK = 64 };
  typedef double Loose __attribute__((vector_size(64), aligned(8)));
  typedef int64_t Flags __attribute__((vector_size(64)));
  for (int64_t from = begin; from < end; from += CHUNK) {
    int64_t to = from + CHUNK < end ? from + CHUNK : end, k = from;
    bool less = false;
    if (to - from == CHUNK) {
      Flags any = {0};
      for (; k < to; k += PAIR_ROWS) any |= *(const Loose *)(row + k) < out->distance;
      for (int l = 0; l < PAIR_ROWS; l++) less |= any[l] != 0;
      if (!less) continue;
    }
    for (k = from; k < to; k++)
      if (row[k] < out->distance) out->distance = row[k], out->slot = k;
  }
}

/* This rank's part of the search: rows lower than x first, which a tie goes to. */
static Found look(const Chain *c, int64_t x, int64_t before) {
  Found found = {INFINITY, INFINITY, INT64_MAX, 0};
  for (int64_t p = 0; p < c->n_own && c->own[p] < x; p++) {
    double distance = row_of(c, c->own[p])[x];
    if (distance < found.distance) found.distance = distance, found.slot = c->own[p];
  }
  if (owns(c, x)) least_in(row_of(c, x), x + 1, c->n, &found);
  int64_t low = x < before ? x : before, high = x < before ? before : x;
  if (before >= 0 && owns(c, low)) found.back = row_of(c, low)[high];
  return found;
}

/* The cluster nearest to x. all: a place for each rank. */
static Found nearest_all(const Chain *c, int64_t x, int64_t before, bool stop, Found *all) {
  Found found = look(c, x, before);
  found.stop = stop;
  comm_allgather_all(c->comm, &found, sizeof found, all);
  for (int r = 0; r < c->comm->size; r++) {
    found.stop |= all[r].stop;
    found.back = all[r].back < found.back ? all[r].back : found.back;
    if (all[r].distance > found.distance) continue;
    if (all[r].distance < found.distance || all[r].slot < found.slot)
      found.distance = all[r].distance, found.slot = all[r].slot;
  }
  return found;
}

/* ---- merging ---- */

PAIR_INLINE double joined(Linkage linkage, double x, double y, double size_x, double size_y) {
  if (linkage == LINKAGE_COMPLETE) return x > y ? x : y;
  return (size_x * x + size_y * y) / (size_x + size_y);
}

PAIR_INLINE void join_body(Chain *c, Linkage linkage, int64_t x, int64_t y) {
  double size_x = c->rows.size[x], size_y = c->rows.size[y];
  int64_t p = 0;
  for (; p < c->n_own && c->own[p] < x; p++) {
    double *row = row_of(c, c->own[p]);
    row[y] = joined(linkage, row[x], row[y], size_x, size_y);
    row[x] = INFINITY;
  }
  for (; p < c->n_own && c->own[p] < y; p++) {
    double *row = row_of(c, c->own[p]);
    row[y] = joined(linkage, c->moved[c->own[p]], row[y], size_x, size_y);
  }
  if (!owns(c, y)) return;
  double *row = row_of(c, y);
  for (int64_t k = y + 1; k < c->n; k++)
    row[k] = joined(linkage, c->moved[k], row[k], size_x, size_y);
}

static void forget(Chain *c, int64_t x) {
  int64_t kept = 0;
  if (!owns(c, x)) return;
  for (int64_t p = 0; p < c->n_own; p++)
    if (c->own[p] != x) c->own[kept++] = c->own[p];
  c->n_own = kept;
}

/* Merge two clusters into the slot of the higher one. */
static void merge_all(Chain *c, int64_t a, int64_t b, double height) {
  int64_t x = a < b ? a : b, y = a < b ? b : a;
  size_t bytes = (size_t)(c->n - x - 1) * sizeof *c->moved;
  if (owns(c, x)) memcpy(c->moved + x + 1, row_of(c, x) + x + 1, bytes);
  comm_broadcast_all(c->comm, (int)(x % c->comm->size), c->moved + x + 1, bytes);
  forget(c, x);
  if (c->linkage == LINKAGE_COMPLETE)
    join_body(c, LINKAGE_COMPLETE, x, y);
  else
    join_body(c, LINKAGE_AVERAGE, x, y);
  c->rows.merges[c->rows.merged++] = (Merge){height, c->rows.row[x], c->rows.row[y]};
  c->rows.size[y] += c->rows.size[x];
  c->rows.size[x] = 0;
}

static bool alive(const Chain *c, int64_t s) { return c->rows.size[s] > 0; }

/* One step: the chain grows by a cluster, or loses two that are merged. Along a chain distances
 * fall. Where a merge brought a cluster nearer by a rounding, a cluster can be in the chain twice,
 * and be merged when its turn comes again. */
static Status step_all(Chain *c, bool stop, Found *all) {
  while (c->length > 0 && !alive(c, c->chain[c->length - 1])) c->length--;
  while (!alive(c, c->lowest)) c->lowest++;
  if (c->length == 0 || c->length > c->n) c->chain[0] = (int32_t)c->lowest, c->length = 1;
  int64_t x = c->chain[c->length - 1], before = c->length > 1 ? c->chain[c->length - 2] : -1;
  if (before >= 0 && (!alive(c, before) || before == x)) before = -1;
  Found found = nearest_all(c, x, before, stop, all);
  if (found.stop) return status_fail(STOPPED, "stopped");
  if (before >= 0 && found.back <= found.distance) {
    merge_all(c, before, x, found.back);
    c->length -= 2;
  } else {
    c->chain[c->length++] = (int32_t)found.slot;
  }
  return OK;
}

static Status pairs_all(const Comm *comm, const Matrix *x, Linkage linkage, WorkSink *sink,
                        Dendrogram *out, LinkageCounts *counts) {
  Status status = OK;
  Chain c = {.comm = comm, .linkage = linkage};
  Found *all = NULL;
  TRY(distinct_all(comm, x, linkage_words[linkage], &c.rows));
  TRY(begin_all(&c));
  AGREE(comm, NEW(&all, comm->size));
  AGREE(comm, fill(&c, sink));
  for (int64_t steps = 1; c.rows.merged < x->rows.n_global - 1; steps++)
    TRY(step_all(&c, steps % 64 == 0 && work_stopping(sink), all));
  AGREE(comm, dendrogram_of(c.rows.merges, x->rows.n_global, out));
  *counts = (LinkageCounts){c.n, comm_sum_one_all(comm, c.bytes)};
done:
  memory_free(&all);
  chain_clear(&c);
  return status;
}

Status linkage_all(const Comm *comm, const Matrix *x, Linkage linkage, WorkSink *sink,
                   Dendrogram *out, LinkageCounts *counts) {
  Status status = OK;
  WardCounts ward = {0};
  LinkageCounts mine = {0};
  *out = (Dendrogram){.n = 0};
  if (linkage == LINKAGE_WARD) {
    TRY(ward_all(comm, x, sink, out, &ward));
    mine.distinct = ward.distinct;
  } else {
    TRY(pairs_all(comm, x, linkage, sink, out, &mine));
  }
  if (counts) *counts = mine;
done:
  return status;
}

/* ---- for tests ---- */

/* The distance of two clusters, from every pair of their rows. */
static double between(const Matrix *x, const int64_t *label, Linkage linkage, int64_t a,
                      int64_t b) {
  double most = 0, sum = 0, pairs = 0;
  for (int64_t i = 0; i < x->rows.n; i++) {
    for (int64_t o = 0; label[i] == a && o < x->rows.n; o++) {
      if (label[o] != b) continue;
      double distance =
          sqrt(pair_distance_squared(x->data + i, x->stride, x->data + o, x->stride, x->d));
      most = distance > most ? distance : most;
      sum += distance;
      pairs++;
    }
  }
  return linkage == LINKAGE_COMPLETE ? most : sum / pairs;
}

Status linkage_ref(const Matrix *x, Linkage linkage, Dendrogram *out) {
  Status status = OK;
  int64_t n = x->rows.n, *label = NULL;
  double *distance = NULL; /* n x n, lower ones first; infinite: none */
  Merge *merges = NULL;
  *out = (Dendrogram){.n = 0};
  TRY(NEW(&label, n));
  TRY(NEW(&distance, n * n));
  TRY(NEW(&merges, n));
  for (int64_t i = 0; i < n; i++) label[i] = i;
  for (int64_t a = 0; a < n * n; a++)
    distance[a] = a / n < a % n ? between(x, label, linkage, a / n, a % n) : INFINITY;
  for (int64_t m = 0; m < n - 1; m++) {
    int64_t at = 0;
    for (int64_t p = 1; p < n * n; p++) at = distance[p] < distance[at] ? p : at;
    int64_t a = at / n, b = at % n;
    merges[m] = (Merge){distance[at], a, b};
    for (int64_t i = 0; i < n; i++) label[i] = label[i] == b ? a : label[i];
    for (int64_t k = 0; k < n; k++) {
      double *to_a = k < a ? &distance[k * n + a] : &distance[a * n + k];
      double *to_b = k < b ? &distance[k * n + b] : &distance[b * n + k];
      if (k != a && k != b && *to_a < INFINITY) *to_a = between(x, label, linkage, k, a);
      *to_b = INFINITY;
    }
  }
  TRY(dendrogram_of(merges, n, out));
done:
  memory_free(&label);
  memory_free(&distance);
  memory_free(&merges);
  return status;
}
