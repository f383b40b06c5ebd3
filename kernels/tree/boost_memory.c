/* The grower's memory: all that a tree can need, taken once. */
#include "boost_parts.h"
#include "kernels/base/memory.h"

enum {
  BATCH_MAX = 64,        /* histograms built between two meetings of the ranks */
  BATCH_BYTES = 1 << 24, /* and their size at most (but two) */
};

/* Sizes, the same on all ranks. */
static void choose_sizes(BoostGrower *g, int64_t rows_global) {
  int64_t leaves = most(1, least(g->limits.max_leaves, rows_global));
  if (g->limits.max_depth < 32) leaves = least(leaves, INT64_C(1) << g->limits.max_depth);
  g->max_splits = leaves - 1;
  g->capacity = 3 * g->max_splits + 1;
  int64_t word_bytes = BINS_CODES * g->layout.words * (int64_t)sizeof(uint64_t);
  int64_t even = (g->d + g->places - 1) / g->places; /* shares are uneven where bins are */
  int64_t share = least(g->d, even + even / 2);
  g->histogram_words = g->d * BINS_CODES * g->layout.words;
  g->slot_words = share * BINS_CODES * g->layout.words;
  int64_t affordable = most(1, g->limits.histogram_bytes / (share * word_bytes));
  g->n_slots = least(g->max_splits + g->max_splits / 2 + 2, affordable);
  g->batch_max = most(2, least(BATCH_MAX, BATCH_BYTES / (g->d * word_bytes)));
}

static Status grower_allocate(BoostGrower *g) {
  Status status = OK;
  int64_t items = 2 * g->capacity + 1, ranks = g->comm->size;
  TRY(NEW(&g->item, items));
  TRY(NEW(&g->heap, items));
  TRY(NEW(&g->trial, items));
  TRY(NEW(&g->slots, (g->n_slots + SCRATCH_SLOTS) * g->slot_words));
  TRY(NEW(&g->open_slot, g->n_slots));
  TRY(NEW(&g->batch, g->batch_max));
  TRY(NEW(&g->counts, g->batch_max));
  TRY(NEW(&g->found, 2 * g->batch_max));
  TRY(NEW(&g->all, 2 * g->batch_max * ranks));
  TRY(NEW(&g->row, g->rows.n));
  const int64_t bytes = g->rows.n * boost_record_size(g->d, g->layout.words) + RECORD_SLACK;
  for (int k = 0; k < 2; k++) TRY(NEW_RAW(&g->record[k], bytes));
  int64_t split_words = bins_any_category(g->rows.bins) ? 1 + NODE_SET_WORDS : 1;
  TRY(NEW(&g->node, (split_words + 1) * g->max_splits + 1));
  TRY(NEW(&g->leaf, g->max_splits + 1));
  TRY(NEW(&g->stack, g->max_splits + 2));
  TRY(NEW(&g->stack_parent, g->max_splits + 2));
  TRY(NEW(&g->gain, g->d));
  TRY(NEW(&g->place_at, g->places + 1));
done:
  return status;
}

/* The ranks of this node: those that share its memory, or for tests some in a row. */
static void split_host_all(const Comm *comm, int64_t apart, Comm *out) {
  if (apart > 0) {
    comm_split_all(comm, (int)(comm->rank / apart), out);
  } else {
    comm_split_node_all(comm, out);
  }
}

/* Who searches, and who exchanges parts with whom. */
static void split_lanes_all(BoostGrower *g) {
  int64_t fewest = g->host.size;
  comm_min_all(g->comm, &fewest, 1);
  g->nodes = comm_sum_one_all(g->comm, g->host.rank == 0);
  g->places = fewest * g->nodes;
  g->lane = g->host.rank < fewest ? g->host.rank : -1;
  comm_clear_all(&g->across);
  comm_split_all(g->comm, (int)(g->lane < 0 ? fewest : g->lane), &g->across);
}

static Status part_allocate(BoostGrower *g) { return NEW(&g->part, g->across.size + 1); }

/* A window shared by the ranks of a node; where some node has no room for one, every rank counts as
 * a node. */
static Status window_new_all(BoostGrower *g) {
  Status status = OK;
  int64_t words = g->batch_max * g->histogram_words;
  size_t bytes = (size_t)words * sizeof(uint64_t);
  AGREE(g->comm, comm_shared_new_all(&g->host, (size_t)g->host.size * bytes, &g->shared));
  if (comm_any_all(g->comm, g->host.size > 1 && !g->shared.window)) {
    comm_shared_clear_all(&g->shared);
    comm_clear_all(&g->host);
    split_host_all(g->comm, 1, &g->host);
    split_lanes_all(g);
    AGREE(g->comm, comm_shared_new_all(&g->host, bytes, &g->shared));
  }
  g->window = (uint64_t *)g->shared.data + g->host.rank * words;
  g->few = ((int64_t)sizeof(uint64_t) * (g->histogram_words - 1) - RECORD_SLACK) /
           boost_record_size(g->d, g->layout.words);
  int64_t part = g->nodes > 1 ? g->slot_words * (g->batch_max / 2 + 2) : 0;
  for (int k = 0; k < 2; k++) {
    AGREE(g->comm, comm_sum_scatter_init_all(&g->across, part, &g->sum[k]));
  }
  AGREE(g->comm, part_allocate(g));
done:
  return status;
}

Status boost_grower_new_all(const Comm *comm, const BoostRows *rows, const BoostLayout *layout,
                            const BoostLimits *limits, BoostGrower **out) {
  Status status = OK;
  BoostGrower *g = NULL;
  int64_t rows_global = comm_sum_one_all(comm, rows->n);
  *out = NULL;
  AGREE(comm, NEW(&g, 1));
  *g = (BoostGrower){.comm = comm,
                     .rows = *rows,
                     .layout = *layout,
                     .limits = *limits,
                     .d = rows->bins->d,
                     .shared = {.win = MPI_WIN_NULL},
                     .host = {.mpi = MPI_COMM_NULL},
                     .across = {.mpi = MPI_COMM_NULL, .size = 1},
                     .nodes = 1,
                     .places = 1};
  if (comm->size > 1) {
    split_host_all(comm, limits->apart, &g->host);
    split_lanes_all(g);
  }
  choose_sizes(g, rows_global);
  AGREE(comm, grower_allocate(g));
  if (comm->size > 1) TRY(window_new_all(g));
done:
  if (status != OK) boost_grower_free_all(&g);
  *out = g;
  return status;
}

int64_t boost_grower_leaves(const BoostGrower *grower) { return grower->max_splits + 1; }

static void comms_clear_all(BoostGrower *g) {
  if (g->comm->size > 1) comm_shared_clear_all(&g->shared);
  for (int k = 0; k < 2; k++) comm_sum_scatter_clear(&g->sum[k]);
  comm_clear_all(&g->host);
  comm_clear_all(&g->across);
}

void boost_grower_free_all(BoostGrower **grower) {
  BoostGrower *g = *grower;
  if (!g) return;
  if (g->comm) comms_clear_all(g);
  memory_free(&g->part);
  memory_free(&g->place_at);
  memory_free(&g->item);
  memory_free(&g->heap);
  memory_free(&g->trial);
  memory_free(&g->slots);
  memory_free(&g->open_slot);
  memory_free(&g->batch);
  memory_free(&g->counts);
  memory_free(&g->found);
  memory_free(&g->all);
  memory_free(&g->row);
  for (int k = 0; k < 2; k++) memory_free(&g->record[k]);
  memory_free(&g->node);
  memory_free(&g->leaf);
  memory_free(&g->stack);
  memory_free(&g->stack_parent);
  memory_free(&g->gain);
  memory_free(grower);
}
