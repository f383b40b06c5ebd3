/* A hash join over ranks; see join.h. */
#include "join.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

/* A key on its way to the rank that its hash names. */
typedef struct Entry {
  Hash hash;
  int64_t row;   /* global row of its table */
  int64_t id;    /* its original row number, for messages */
  int64_t match; /* answer for left rows: global right row, -1: none */
} Entry;

typedef struct Side {
  Entry *entries; /* received */
  int64_t n;
  int64_t *counts; /* by sending rank */
} Side;

static void side_clear(Side *side) {
  memory_free(&side->entries);
  memory_free(&side->counts);
}

static int owner_of(const Hash *hash, int size) { return (int)(hash->word[0] % (uint64_t)size); }

/* This rank's keys in order of their owners; rows with a missing part are left out. */
static Status pack(int size, const Table *table, const TextList *on, Entry **out, int64_t *counts) {
  Status status = OK;
  Hash *hashes = NULL;
  uint8_t *missing = NULL;
  int64_t *at = NULL, n = table->rows.n;
  TRY(NEW(&hashes, n));
  TRY(NEW(&missing, n));
  TRY(NEW(&at, size + 1));
  TRY(keys_of(table, on, hashes, missing));
  for (int64_t i = 0; i < n; i++)
    if (!missing[i]) counts[owner_of(&hashes[i], size)]++;
  for (int r = 0; r < size; r++) at[r + 1] = at[r] + counts[r];
  TRY(NEW(out, at[size]));
  for (int64_t i = 0; i < n; i++)
    if (!missing[i])
      (*out)[at[owner_of(&hashes[i], size)]++] =
          (Entry){hashes[i], table->rows.begin + i, table->row_id[i], -1};
done:
  memory_free(&hashes);
  memory_free(&missing);
  memory_free(&at);
  return status;
}

static Status send_keys_all(const Comm *comm, const Table *table, const TextList *on, Side *side) {
  Status status = OK;
  Entry *mine = NULL;
  int64_t *counts = NULL;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&side->counts, comm->size);
  if (local == OK) local = pack(comm->size, table, on, &mine, counts);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, mine, counts, sizeof *mine, (void **)&side->entries, side->counts));
  for (int r = 0; r < comm->size; r++) side->n += side->counts[r];
done:
  memory_free(&mine);
  memory_free(&counts);
  return status;
}

static int by_key(const void *a, const void *b) {
  const Entry *x = a, *y = b;
  int order = hash_compare(&x->hash, &y->hash);
  return order ? order : x->row < y->row ? -1 : x->row > y->row;
}

/* The first two rows of a doubled key, by the lower of them; ids for the message. */
typedef struct Doubled {
  int64_t row, first_id, second_id;
} Doubled;

/* Keep one right entry per key; *n shrinks. */
static void drop_duplicates(Side *right, JoinDuplicates rule, JoinCounts *counts, Doubled *doubled) {
  int64_t kept = 0;
  qsort(right->entries, (size_t)right->n, sizeof *right->entries, by_key);
  for (int64_t i = 0, end; i < right->n; i = end) {
    for (end = i + 1; end < right->n; end++)
      if (hash_compare(&right->entries[i].hash, &right->entries[end].hash) != 0) break;
    if (end > i + 1 && (doubled->row < 0 || right->entries[i].row < doubled->row))
      *doubled = (Doubled){right->entries[i].row, right->entries[i].id, right->entries[i + 1].id};
    counts->duplicates += end - i - 1;
    right->entries[kept++] = right->entries[rule == JOIN_LAST ? end - 1 : i];
  }
  right->n = kept;
}

/* The message names the doubled key that comes first in the right table, whoever holds it. */
static Status refuse_duplicates_all(const Comm *comm, const Doubled *mine, const TextList *on) {
  int64_t first = mine->row < 0 ? INT64_MAX : mine->row;
  comm_min_all(comm, &first, 1);
  if (first == INT64_MAX) return OK;
  Status local = OK;
  if (first == mine->row)
    local = status_fail(INVALID, "on: the key \"%s\"%s stands in several rows of the right table, "
                        "first in rows %lld and %lld (counted from 0); set `duplicates` to first or "
                        "last, or clean that table", on->items[0], on->n > 1 ? " (and more)" : "",
                        (long long)mine->first_id, (long long)mine->second_id);
  return status_agree_all(comm, local);
}

static const Entry *find(const Side *right, const Hash *hash) {
  int64_t low = 0, high = right->n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (hash_compare(&right->entries[middle].hash, hash) < 0) low = middle + 1;
    else high = middle;
  }
  bool hit = low < right->n && hash_compare(&right->entries[low].hash, hash) == 0;
  return hit ? &right->entries[low] : NULL;
}

/* Answer every left entry; used: a byte per right entry. */
static void match(Side *left, Side *right, uint8_t *used, JoinCounts *counts) {
  for (int64_t i = 0; i < left->n; i++) {
    const Entry *hit = find(right, &left->entries[i].hash);
    if (!hit) continue;
    left->entries[i].match = hit->row;
    used[hit - right->entries] = 1;
    counts->matched++;
  }
  for (int64_t k = 0; k < right->n; k++) counts->unused += !used[k];
}

/* The right row of every left row of this rank, -1 without one. */
static Status match_all(const Comm *comm, const Table *left, const Table *right,
                        const JoinPlan *plan, int64_t *right_row, JoinCounts *counts) {
  Status status = OK;
  Side l = {0}, r = {0};
  Entry *back = NULL;
  uint8_t *used = NULL;
  int64_t *received = NULL;
  Doubled doubled = {.row = -1};
  TRY(send_keys_all(comm, left, &plan->left_on, &l));
  TRY(send_keys_all(comm, right, &plan->right_on, &r));
  drop_duplicates(&r, plan->duplicates, counts, &doubled);
  if (plan->duplicates == JOIN_FAIL) TRY(refuse_duplicates_all(comm, &doubled, &plan->right_on));
  Status local = NEW(&used, r.n);
  if (local == OK) local = NEW(&received, comm->size);
  AGREE(comm, local);
  match(&l, &r, used, counts);
  int64_t sums[3] = {counts->matched, counts->duplicates, counts->unused}, total = 0;
  comm_sum_all(comm, sums, 3);
  *counts = (JoinCounts){.matched = sums[0], .unmatched = left->rows.n_global - sums[0],
                         .duplicates = sums[1], .unused = sums[2]};
  side_clear(&r); /* room for the answers */
  memory_free(&used);
  TRY(comm_exchange_all(comm, l.entries, l.counts, sizeof *back, (void **)&back, received));
  for (int64_t i = 0; i < left->rows.n; i++) right_row[i] = -1;
  for (int k = 0; k < comm->size; k++) total += received[k];
  for (int64_t i = 0; i < total; i++) right_row[back[i].row - left->rows.begin] = back[i].match;
done:
  side_clear(&l);
  side_clear(&r);
  memory_free(&back);
  memory_free(&used);
  memory_free(&received);
  return status;
}

/* ---- fetching right rows ---- */

typedef struct Request {
  int64_t right_row, left_place;
} Request;

static Status pack_requests(int size, const Table *left, const Table *right,
                            const int64_t *right_row, Request **out, int64_t *counts) {
  Status status = OK;
  int64_t *at = NULL, n = left->rows.n, total = right->rows.n_global, block = right->rows.block;
  TRY(NEW(&at, size + 1));
  for (int64_t i = 0; i < n; i++)
    if (right_row[i] >= 0) counts[rows_owner(right_row[i], total, block, size)]++;
  for (int r = 0; r < size; r++) at[r + 1] = at[r] + counts[r];
  TRY(NEW(out, at[size]));
  for (int64_t i = 0; i < n; i++)
    if (right_row[i] >= 0)
      (*out)[at[rows_owner(right_row[i], total, block, size)]++] = (Request){right_row[i], i};
done:
  memory_free(&at);
  return status;
}

/* What others asked this rank for: local rows, and the rank that wants each. */
static Status answer(const Comm *comm, const Table *right, const Request *requests,
                     const int64_t *counts, Table *taken, int **to) {
  Status status = OK;
  int64_t n = 0, *at = NULL, k = 0;
  for (int r = 0; r < comm->size; r++) n += counts[r];
  TRY(NEW(&at, n));
  TRY(NEW(to, n));
  for (int r = 0; r < comm->size; r++)
    for (int64_t c = 0; c < counts[r]; c++, k++) {
      at[k] = requests[k].right_row - right->rows.begin;
      (*to)[k] = r;
    }
  TRY(table_take(right, at, n, taken));
done:
  memory_free(&at);
  return status;
}

/* Put fetched rows to their left places. They come back by owner and, within one, in the order
 * asked for, as the requests stand. */
static Status place(const Table *left, const Table *fetched, const Request *requests,
                    const JoinPlan *plan, Table *out) {
  Status status = OK;
  int64_t *at = NULL, n = left->rows.n;
  Column *column = NULL, *placed = NULL;
  TRY(NEW(&at, n));
  for (int64_t i = 0; i < n; i++) at[i] = -1;
  for (int64_t k = 0; k < fetched->rows.n; k++) at[requests[k].left_place] = k;
  TRY(table_share(left, out));
  for (int64_t c = 0; c < plan->columns.n; c++) {
    TRY(table_require(fetched, plan->columns.items[c], &column));
    TRY(column_take(column, at, n, &placed));
    status = table_add(out, placed);
    placed = NULL;
    TRY(status);
  }
done:
  column_release(&placed);
  memory_free(&at);
  return status;
}

/* The wanted columns of the right table, shared. */
static Status narrow(const Table *right, const TextList *columns, Table *out) {
  Status status = OK;
  Column *column = NULL;
  TRY(table_init(out, &right->rows));
  if (right->rows.n > 0)
    memcpy(out->row_id, right->row_id, (size_t)right->rows.n * sizeof *out->row_id);
  for (int64_t c = 0; c < columns->n; c++) {
    TRY(table_require(right, columns->items[c], &column));
    TRY(table_add(out, column_share(column)));
  }
done:
  return status;
}

static Status fetch_all(const Comm *comm, const Table *left, const Table *right,
                        const int64_t *right_row, const JoinPlan *plan, Table *out) {
  Status status = OK;
  Table wanted = {0}, taken = {0}, fetched = {0};
  Request *requests = NULL, *asked = NULL;
  int64_t *counts = NULL, *received = NULL;
  int *to = NULL;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&received, comm->size);
  if (local == OK) local = narrow(right, &plan->columns, &wanted);
  if (local == OK) local = pack_requests(comm->size, left, right, right_row, &requests, counts);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, requests, counts, sizeof *requests, (void **)&asked, received));
  AGREE(comm, answer(comm, &wanted, asked, received, &taken, &to));
  TRY(table_exchange_all(comm, &taken, to, &fetched));
  AGREE(comm, place(left, &fetched, requests, plan, out));
done:
  table_clear(&wanted);
  table_clear(&taken);
  table_clear(&fetched);
  memory_free(&requests);
  memory_free(&asked);
  memory_free(&counts);
  memory_free(&received);
  memory_free(&to);
  return status;
}

Status join_all(const Comm *comm, const Table *left, const Table *right, const JoinPlan *plan,
                Table *out, JoinCounts *counts) {
  Status status = OK;
  Table joined = {0};
  int64_t *right_row = NULL;
  uint8_t *keep = NULL;
  *counts = (JoinCounts){0};
  AGREE(comm, NEW(&right_row, left->rows.n));
  TRY(match_all(comm, left, right, plan, right_row, counts));
  if (!plan->inner) {
    TRY(fetch_all(comm, left, right, right_row, plan, out));
    goto done;
  }
  TRY(fetch_all(comm, left, right, right_row, plan, &joined));
  AGREE(comm, NEW(&keep, left->rows.n));
  for (int64_t i = 0; i < left->rows.n; i++) keep[i] = right_row[i] >= 0;
  TRY(table_filter_all(comm, &joined, keep, out));
done:
  table_clear(&joined);
  memory_free(&right_row);
  memory_free(&keep);
  return status;
}
