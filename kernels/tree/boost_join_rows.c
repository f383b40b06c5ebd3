/* All rows on all ranks, once per node; see boost_rows.h.
 *
 * Where all ranks share one window, each writes its own rows; else every rank gets the others'
 * (one array at a time), and one of a node puts them into its window. */
#include <string.h>

#include "boost_rows.h"
#include "kernels/base/memory.h"

/* Rows of all ranks, and where they go. */
typedef struct Places {
  int64_t *n, *n_train;    /* size */
  int64_t *train, *others; /* size: place of a rank's first row of either sort */
  bool direct;
  bool fills;
} Places;

typedef struct JoinedArray {
  const void *own; /* NULL: 1 for each row */
  void *whole;
  size_t item;
} JoinedArray;

static Status places_all(const Comm *comm, const BoostTable *t, Places *p) {
  Status status = OK, local = NEW(&p->n, comm->size);
  if (local == OK) local = NEW(&p->n_train, comm->size);
  if (local == OK) local = NEW(&p->train, comm->size);
  if (local == OK) local = NEW(&p->others, comm->size);
  AGREE(comm, local);
  comm_allgather_all(comm, &t->n, sizeof t->n, p->n);
  comm_allgather_all(comm, &t->n_train, sizeof t->n_train, p->n_train);
  int64_t train = 0, others = t->n_train_global;
  for (int r = 0; r < comm->size; r++) {
    p->train[r] = train;
    p->others[r] = others;
    train += p->n_train[r];
    others += p->n[r] - p->n_train[r];
  }
done:
  return status;
}

static void places_clear(Places *p) {
  memory_free(&p->n);
  memory_free(&p->n_train);
  memory_free(&p->train);
  memory_free(&p->others);
}

/* A rank's rows, those that are trained on first, to their places. */
static void place(const Places *p, int rank, const char *from, const JoinedArray *column) {
  size_t train = (size_t)p->n_train[rank] * column->item;
  size_t rest = (size_t)(p->n[rank] - p->n_train[rank]) * column->item;
  char *whole = column->whole;
  if (train > 0) memcpy(whole + (size_t)p->train[rank] * column->item, from, train);
  if (rest > 0) memcpy(whole + (size_t)p->others[rank] * column->item, from + train, rest);
}

static Status join_column_all(const Comm *comm, const Places *p, const JoinedArray *column) {
  Status status = OK;
  char *all = NULL;
  if (p->direct) {
    place(p, comm->rank, column->own, column);
    return OK;
  }
  size_t bytes = (size_t)p->n[comm->rank] * column->item, at = 0;
  TRY(comm_concatenate_all(comm, column->own, bytes, (void **)&all, NULL));
  for (int r = 0; r < comm->size && p->fills; r++) {
    place(p, r, all + at, column);
    at += (size_t)p->n[r] * column->item;
  }
done:
  memory_free(&all);
  return status;
}

static size_t lines(int64_t n, size_t item) { return ((size_t)n * item + 63) / 64 * 64; }

static Status join_columns_all(const Comm *comm, int64_t d, const Places *p, const BoostTable *own,
                               BoostTable *whole) {
  Status status = OK;
  const size_t stride = (size_t)bins_stride(d);
  const JoinedArray columns[] = {{own->codes, whole->codes, stride},
                                 {own->target, whole->target, sizeof(double)},
                                 {own->row_id, whole->row_id, sizeof(int64_t)},
                                 {own->weight, whole->weight, sizeof(double)}};
  for (int c = 0; c < (whole->weight ? 4 : 3); c++) TRY(join_column_all(comm, p, &columns[c]));
  comm_shared_publish_all(comm, &whole->whole);
done:
  return status;
}

Status boost_table_join_all(const Comm *comm, int64_t d, BoostTable *table) {
  Status status = OK;
  Places p = {0};
  BoostTable whole = *table;
  const int64_t n = table->n_global, train = table->n_train_global;
  const size_t codes = lines(n * bins_stride(d), 1);
  const size_t reals = lines(n, sizeof(double));
  bool weighted = comm_any_all(comm, table->weight != NULL);
  if (weighted && !table->weight) { /* a rank without rows */
    AGREE(comm, NEW(&table->weight, table->n));
  } else {
    AGREE(comm, OK);
  }
  TRY(places_all(comm, table, &p));
  TRY(comm_shared_new_all(comm, codes + (weighted ? 3 : 2) * reals, &whole.whole));
  whole.is_whole = true;
  p.direct = whole.whole.window && whole.whole.node.size == comm->size;
  p.direct = !comm_any_all(comm, !p.direct);
  p.fills = p.direct || whole.whole.owner;
  whole.n = n;
  whole.n_train = train;
  whole.codes = whole.whole.data;
  whole.target = (double *)(void *)(whole.codes + codes);
  whole.row_id = (int64_t *)(void *)((uint8_t *)whole.target + reals);
  whole.weight = weighted ? (double *)(void *)((uint8_t *)whole.row_id + reals) : NULL;
  status = join_columns_all(comm, d, &p, table, &whole);
  boost_table_clear_all(table);
  *table = whole;
done:
  places_clear(&p);
  return status;
}
