/* Joining histograms over ranks; see boost_grow.h.
 *
 * Ranks of one node write their histograms into a shared window. The features are parted among the
 * lanes of a node (its first rank, its second ...), and what a lane has is parted among the nodes.
 * With one node, a rank reads what all of them wrote about its own features: a reduce-scatter
 * without a copy, fused with the search. Of a node of few rows they write the rows instead, and
 * each adds up its own features over all of them: less to write, and nothing to add twice. With
 * several, a rank first adds up its lane's features over its node, in its own histogram; then the
 * ranks of a lane, one of every node, exchange parts (comm_sum_scatter_begin_all), while the next
 * histograms are built. So a number leaves a node once, however many ranks it has. Where nodes have
 * unlike numbers of ranks, the ones too many build, but search nothing.
 *
 * Rejected: an Allreduce; it moves twice as much, to ranks that need a part. */
#include <string.h>

#include "boost_parts.h"

/* Where a lane's part of a node begins, as a number of the parts of all ranks. */
static int64_t first_place(const BoostGrower *g) { return g->lane * (int64_t)g->across.size; }

static int64_t place_begin(const BoostGrower *g, int64_t place) { return g->place_at[place]; }

void boost_share_features(BoostGrower *g) {
  enum { EACH = 256 }; /* what a feature costs besides its bins, in bins */
  const int64_t n = g->sample->n_features, most_each = g->slot_words / slot_feature_words(g);
  int64_t whole = 0, passed = 0, at = 0;
  for (int64_t p = 0; p < n; p++) whole += bins_of(g->rows.bins, g->sample->feature[p]) + EACH;
  for (int64_t place = 0; place <= g->places; place++) {
    int64_t low = n - most_each * (g->places - place);
    int64_t high = place == 0 ? 0 : g->place_at[place - 1] + most_each;
    while (at < n && at < high && (at < low || passed * g->places < whole * place)) {
      passed += bins_of(g->rows.bins, g->sample->feature[at++]) + EACH;
    }
    g->place_at[place] = at;
  }
}

int64_t boost_share_begin(const BoostGrower *g) {
  return g->lane < 0 ? 0 : place_begin(g, first_place(g) + g->across.rank);
}

int64_t boost_share_end(const BoostGrower *g) {
  return g->lane < 0 ? 0 : place_begin(g, first_place(g) + g->across.rank + 1);
}

uint64_t *boost_window_at(const BoostGrower *g, int64_t built) {
  return g->window + built * g->histogram_words;
}

static const uint64_t *window_of(const BoostGrower *g, int rank, int64_t built) {
  return boost_window_at(g, (rank - g->shared.node.rank) * g->batch_max + built);
}

/* Add up the lane's features over the node. */
static void join_node(const BoostGrower *g, int64_t begin, int64_t end) {
  const int64_t each = BINS_CODES * g->layout.words;
  const int64_t from = place_begin(g, first_place(g)) * each;
  const int64_t to = place_begin(g, first_place(g) + g->across.size) * each;
  for (int64_t i = begin; i < end; i++) {
    uint64_t *own = boost_window_at(g, i);
    for (int rank = 0; rank < g->shared.node.size; rank++) {
      const uint64_t *other = window_of(g, rank, i);
      for (int64_t k = from; rank != g->shared.node.rank && k < to; k++) own[k] += other[k];
    }
  }
}

void boost_join_begin_all(BoostGrower *g, int half, int64_t begin, int64_t end) {
  if (g->comm->size == 1 || begin == end) return;
  if (g->shared.node.size > 1) comm_shared_publish_all(&g->shared.node, &g->shared);
  if (g->nodes == 1 || g->lane < 0) return;
  join_node(g, begin, end);
  for (int64_t m = 0; m <= g->across.size; m++) {
    g->part[m] = place_begin(g, first_place(g) + m) * BINS_CODES * g->layout.words;
  }
  comm_sum_scatter_begin_all(&g->sum[half], (int64_t *)(void *)boost_window_at(g, begin), g->part,
                             end - begin, g->histogram_words);
}

void boost_join_push(BoostGrower *g, int half) {
  if (g->nodes > 1 && g->lane >= 0) comm_sum_scatter_push(&g->sum[half]);
}

void boost_join_end_all(BoostGrower *g, int half, int64_t begin, int64_t end) {
  if (g->nodes == 1 || g->lane < 0 || begin == end) return;
  comm_sum_scatter_end_all(&g->sum[half]);
}

void boost_join_put(const BoostGrower *g, int64_t built, const uint8_t *record, int64_t n) {
  if (g->comm->size == 1) return;
  uint64_t *at = boost_window_at(g, built);
  at[0] = (uint64_t)n;
  memcpy(at + 1, record, (size_t)(n * boost_record_size(g->d, g->layout.words)));
}

void boost_join_rows(const BoostGrower *g, int64_t built, const uint8_t *own, int64_t n,
                     uint64_t *histogram) {
  const int64_t begin = boost_share_begin(g), end = boost_share_end(g);
  const int words = g->layout.words;
  memset(histogram, 0, (size_t)((end - begin) * BINS_CODES * words) * sizeof *histogram);
  boost_histogram(&g->rows, g->sample, words, begin, end, own, n, histogram);
  for (int rank = 0; g->comm->size > 1 && rank < g->shared.node.size; rank++) {
    if (rank == g->shared.node.rank) continue;
    const uint64_t *other = window_of(g, rank, built);
    boost_histogram(&g->rows, g->sample, words, begin, end, (const uint8_t *)(other + 1),
                    (int64_t)other[0], histogram);
  }
}

void boost_join_feature(const BoostGrower *g, int64_t built, int64_t position, int64_t n,
                        uint64_t *out) {
  const int words = g->layout.words;
  const int64_t missing = BINS_MISSING * words, at = position * BINS_CODES * words;
  const uint64_t *own = boost_window_at(g, built) + at;
  memcpy(out, own, (size_t)n * sizeof *out);
  for (int w = 0; w < words; w++) out[missing + w] = own[missing + w];
  for (int rank = 0; g->nodes == 1 && rank < g->shared.node.size; rank++) {
    if (rank == g->shared.node.rank) continue;
    const uint64_t *other = window_of(g, rank, built) + at;
    for (int64_t k = 0; k < n; k++) out[k] += other[k];
    for (int w = 0; w < words; w++) out[missing + w] += other[missing + w];
  }
}
