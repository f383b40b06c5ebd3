/* Tables on the move: rows to other ranks, back to blocks, or all to all.
 *
 * Rows are first put in order of destination (a counting sort), then every array of every column
 * goes as one personalised all-to-all: a few large messages instead of one record a row, and no
 * packed copy of the whole table at any time. Texts and lists go as lengths, then items.
 * Dictionaries are replicated already and never travel. Filter, rebalance, exchange and replicate
 * differ only in where rows go, so they share one mover. */
#include "column_parts.h"
#include "kernels/base/memory.h"

/* Where this rank's rows go. */
typedef struct Route {
  const Comm *comm;
  bool to_all;          /* every row to every rank, in rank order */
  const int64_t *order; /* rows to send, by destination; NULL: all, as they stand */
  int64_t n;            /* rows to send */
  int64_t *counts;      /* rows for each rank; to_all: their sum is n */
  int64_t *items;       /* scratch: items for each rank */
  int64_t *arrived;     /* scratch */
} Route;

static void route_clear(Route *route) {
  memory_free(&route->counts);
  memory_free(&route->items);
  memory_free(&route->arrived);
}

static Status route_init(Route *route, const Comm *comm, const int64_t *order, int64_t n) {
  Status status = OK;
  *route = (Route){.comm = comm, .order = order, .n = n};
  TRY(NEW(&route->counts, comm->size));
  TRY(NEW(&route->items, comm->size));
  TRY(NEW(&route->arrived, comm->size));
done:
  return status;
}

/* Send counts[r] items to each rank r; n_out: how many came in. */
static Status carry_all(const Route *route, const void *data, const int64_t *counts, size_t item,
                        void **out, int64_t *n_out) {
  const Comm *comm = route->comm;
  Status status = OK;
  size_t *at = NULL;
  *n_out = 0;
  if (route->to_all) {
    int64_t n = 0;
    for (int r = 0; r < comm->size; r++) n += counts[r];
    AGREE(comm, NEW(&at, comm->size + 1));
    TRY(comm_concatenate_all(comm, data, (size_t)n * item, out, at));
    *n_out = (int64_t)(at[comm->size] / item);
  } else {
    TRY(comm_exchange_all(comm, data, counts, item, out, route->arrived));
    for (int r = 0; r < comm->size; r++) *n_out += route->arrived[r];
  }
done:
  memory_free(&at);
  return status;
}

/* The rows to send in order of destination (shared when they stand so), and a column without
 * storage for those that come. */
static Status pack(const Route *route, Column *column, Column **packed, Column **moved) {
  Status status = OK;
  if (!route->order)
    *packed = column_share(column);
  else
    TRY(column_take(column, route->order, route->n, packed));
  TRY(column_bare(moved, column->name, column->type));
  if (*packed == column) {
    TRY(dictionary_copy(&column->dictionary, &(*moved)->dictionary));
  } else {
    (*moved)->dictionary = (*packed)->dictionary;
    (*packed)->dictionary = (Dictionary){0};
  }
done:
  return status;
}

/* Flags travel only when some rank has one; a rank that receives none keeps no array. */
static Status carry_missing_all(const Route *route, const Column *packed, Column *moved) {
  Status status = OK;
  uint8_t *none = NULL;
  void *flags = NULL;
  int64_t n = 0;
  if (!comm_any_all(route->comm, packed->missing != NULL)) return OK;
  AGREE(route->comm, packed->missing ? OK : NEW(&none, route->n));
  TRY(carry_all(route, packed->missing ? packed->missing : none, route->counts, 1, &flags, &n));
  column_adopt_missing(moved, flags);
done:
  memory_free(&none);
  return status;
}

static Status carry_ragged_all(const Route *route, const Column *packed, Column *moved) {
  Status status = OK;
  int32_t *lengths = NULL;
  void *arrived = NULL, *items = NULL;
  const void *data = packed->type == COLUMN_TEXT ? (void *)packed->bytes : (void *)packed->code;
  int64_t row = 0, n_items = 0;
  AGREE(route->comm, column_lengths(packed, &lengths));
  TRY(carry_all(route, lengths, route->counts, sizeof *lengths, &arrived, &moved->n));
  AGREE(route->comm, column_offsets(arrived, moved->n, &moved->offset));
  for (int r = 0; r < route->comm->size; r++) {
    route->items[r] = packed->offset[row + route->counts[r]] - packed->offset[row];
    row += route->counts[r];
  }
  TRY(carry_all(route, data, route->items, column_item_size(packed->type), &items, &n_items));
  if (packed->type == COLUMN_TEXT)
    moved->bytes = items;
  else
    moved->code = items;
  TRY(carry_missing_all(route, packed, moved));
done:
  memory_free(&lengths);
  memory_free(&arrived);
  return status;
}

static Status carry_column_all(const Route *route, Column *column, Column **out) {
  Status status = OK;
  Column *packed = NULL, *moved = NULL;
  void *values = NULL;
  /* Alone, only a filter that drops rows gets here, and has its copy at once. */
  if (route->comm->size == 1) return column_take(column, route->order, route->n, out);
  AGREE(route->comm, pack(route, column, &packed, &moved));
  if (column_is_ragged(packed)) {
    TRY(carry_ragged_all(route, packed, moved));
  } else {
    TRY(carry_all(route, packed->code, route->counts, column_item_size(packed->type), &values,
                  &moved->n));
    moved->code = values;
  }
done:
  column_release(&packed);
  if (status != OK) column_release(&moved);
  *out = moved;
  return status;
}

static Status carry_ids_all(const Route *route, const Table *table, Table *out) {
  Status status = OK;
  int64_t *ids = NULL;
  void *arrived = NULL;
  AGREE(route->comm, route->order ? NEW(&ids, route->n) : OK);
  for (int64_t i = 0; ids && i < route->n; i++) ids[i] = table->row_id[route->order[i]];
  TRY(carry_all(route, ids ? ids : table->row_id, route->counts, sizeof *ids, &arrived,
                &out->rows.n));
  out->row_id = arrived;
done:
  memory_free(&ids);
  return status;
}

/* All columns along the route. out->rows.n is set, the rest of rows is for the caller. */
static Status carry_table_all(const Route *route, const Table *table, Table *out) {
  Status status = OK;
  *out = (Table){.rows = {.block = table->rows.block}};
  TRY(carry_ids_all(route, table, out));
  for (int64_t i = 0; i < table->n_columns; i++) {
    Column *column = NULL;
    TRY(carry_column_all(route, table->columns[i], &column));
    AGREE(route->comm, table_add(out, column));
  }
done:
  if (status != OK) table_clear(out);
  return status;
}

/* ---- back to blocks ---- */

static void count_overlaps(const Rows *target, int64_t begin, int size, Route *route) {
  int64_t end = begin + route->n;
  for (int r = 0; r < size; r++) {
    Rows share = rows_of(target->n_global, target->block, r, size);
    int64_t low = share.begin > begin ? share.begin : begin;
    int64_t high = share.begin + share.n < end ? share.begin + share.n : end;
    route->counts[r] = high > low ? high - low : 0;
  }
}

/* The rows of `order` (all n when NULL) of every rank, in global order, into blocks. When all are
 * where they have to be already, columns are shared: a filter that drops nothing is free. */
static Status spread_all(const Comm *comm, const Table *table, const int64_t *order, int64_t n,
                         int64_t block, Table *out) {
  Status status = OK;
  Route route = {0};
  int64_t n_global = comm_sum_one_all(comm, n), begin = comm_exscan_all(comm, n);
  Rows target = rows_share(comm, n_global, block);
  bool stays = n == table->rows.n && target.n == n && (n == 0 || target.begin == begin);
  if (!comm_any_all(comm, !stays)) {
    AGREE(comm, table_share(table, out));
  } else {
    AGREE(comm, route_init(&route, comm, order, n));
    count_overlaps(&target, begin, comm->size, &route);
    TRY(carry_table_all(&route, table, out));
  }
  out->rows = target;
done:
  route_clear(&route);
  if (status != OK) table_clear(out);
  return status;
}

Status table_filter_all(const Comm *comm, const Table *table, const uint8_t *keep, Table *out) {
  Status status = OK;
  int64_t *kept = NULL, n = 0;
  *out = (Table){0};
  AGREE(comm, NEW(&kept, table->rows.n));
  for (int64_t i = 0; i < table->rows.n; i++)
    if (keep[i]) kept[n++] = i;
  TRY(spread_all(comm, table, kept, n, table->rows.block, out));
done:
  memory_free(&kept);
  return status;
}

Status table_rebalance_all(const Comm *comm, const Table *table, int64_t block, Table *out) {
  *out = (Table){0};
  return spread_all(comm, table, NULL, table->rows.n, block, out);
}

/* ---- to chosen ranks, to all ranks ---- */

/* Rows in order of destination; rows for one rank keep their order. */
static Status sort_by_rank(const int *to, int64_t n, Route *route, int64_t *order) {
  int size = route->comm->size;
  int64_t *next = route->items; /* not yet in use */
  for (int64_t i = 0; i < n; i++) {
    if (to[i] < 0 || to[i] >= size)
      return status_fail(INVALID, "row %lld is to go to rank %d; there are ranks 0 to %d",
                         (long long)i, to[i], size - 1);
    route->counts[to[i]]++;
  }
  next[0] = 0;
  for (int r = 1; r < size; r++) next[r] = next[r - 1] + route->counts[r - 1];
  for (int64_t i = 0; i < n; i++) order[next[to[i]]++] = i;
  return OK;
}

Status table_exchange_all(const Comm *comm, const Table *table, const int *to, Table *out) {
  Status status = OK;
  Route route = {0};
  int64_t *order = NULL, n = table->rows.n;
  *out = (Table){0};
  AGREE(comm, NEW(&order, n));
  AGREE(comm, route_init(&route, comm, order, n));
  AGREE(comm, sort_by_rank(to, n, &route, order));
  if (comm->size == 1)
    TRY(table_share(table, out));
  else
    TRY(carry_table_all(&route, table, out));
  out->rows.n_global = comm_sum_one_all(comm, out->rows.n);
  out->rows.begin = comm_exscan_all(comm, out->rows.n);
done:
  memory_free(&order);
  route_clear(&route);
  return status;
}

Status table_replicate_all(const Comm *comm, const Table *table, Table *out) {
  Status status = OK;
  Route route = {0};
  *out = (Table){0};
  if (comm->size == 1) {
    TRY(table_share(table, out));
  } else {
    AGREE(comm, route_init(&route, comm, NULL, table->rows.n));
    route.to_all = true;
    route.counts[0] = table->rows.n;
    TRY(carry_table_all(&route, table, out));
  }
  out->rows = rows_of(out->rows.n, table->rows.block, 0, 1);
done:
  route_clear(&route);
  return status;
}
