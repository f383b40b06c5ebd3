/* Connected components of rows that share keys; see recordings.h.
 *
 * Each key in turn: rows send (hash, row) to the rank that the hash names, which links every row
 * of a hash with the first one. What remains is a graph of rows with few edges, since most rows
 * stand alone. Components by hooking and pointer jumping (Shiloach and Vishkin 1982) with edges
 * contracted in every round (as in FastSV, Zhang, Azad and Buluc 2020, which does not contract):
 *   1. ends of all edges are roots; each edge asks its higher root to hook to its lower one, and a
 *      root takes the lowest offer;
 *   2. the roots that hooked jump to the root of their tree;
 *   3. edges move to the roots of their ends and vanish when these are one.
 * A root that neither hooks nor is hooked to has only neighbours that hook to something lower, so
 * it hooks in the next round: two rounds at least halve the roots that have edges. A label is
 * always a row of the same component and never rises, and the lowest row keeps its own, hence the
 * result is the lowest row, however ranks share the work.
 * Rejected: handing labels along the keys until nothing changes, which needs as many rounds as the
 * longest chain has links; a union-find on one rank, which has to hold all rows. */
#include "recordings.h"

#include <string.h>

#include "keys.h"
#include "kernels/base/memory.h"

typedef struct Entry {
  Hash hash;
  int64_t row;
} Entry;

/* What every row points to. */
typedef struct Forest {
  const Comm *comm;
  Rows rows;
  int64_t *label; /* rows.n: a row of the same component, not above the row itself; borrowed */
} Forest;

/* Links between rows, of which this rank happened to learn. */
typedef struct Edges {
  int64_t n, capacity; /* numbers in ends, two an edge */
  int64_t *ends;       /* the higher row, the lower row */
} Edges;

static int home_of(const Forest *forest, int64_t row) {
  return rows_owner(row, forest->rows.n_global, forest->rows.block, forest->comm->size);
}

/* ---- messages about rows, to their homes ---- */

/* Records of `width` numbers, of which the first is a row, in order of the rows' homes. */
typedef struct Mail {
  int64_t *send, *order; /* order[k]: which record stands at k */
  int64_t *counts, *arrived;
} Mail;

static void mail_clear(Mail *mail) {
  memory_free(&mail->send);
  memory_free(&mail->order);
  memory_free(&mail->counts);
  memory_free(&mail->arrived);
}

static Status mail_pack(const Forest *forest, const int64_t *records, int64_t n, int width,
                        Mail *mail) {
  Status status = OK;
  int size = forest->comm->size;
  int64_t *at = NULL;
  int *to = NULL;
  TRY(NEW(&mail->send, n * width));
  TRY(NEW(&mail->order, n));
  TRY(NEW(&mail->counts, size));
  TRY(NEW(&mail->arrived, size));
  TRY(NEW(&at, size + 1));
  TRY(NEW(&to, n));
  for (int64_t i = 0; i < n; i++) mail->counts[to[i] = home_of(forest, records[i * width])]++;
  for (int r = 0; r < size; r++) at[r + 1] = at[r] + mail->counts[r];
  for (int64_t i = 0; i < n; i++) {
    int64_t k = at[to[i]]++;
    mail->order[k] = i;
    for (int j = 0; j < width; j++) mail->send[k * width + j] = records[i * width + j];
  }
done:
  memory_free(&at);
  memory_free(&to);
  return status;
}

/* out[i] = value of row want[i], wherever it lives; values: one for each row of this rank. */
static Status fetch_all(const Forest *forest, const int64_t *values, const int64_t *want, int64_t n,
                        int64_t *out) {
  const Comm *comm = forest->comm;
  Status status = OK;
  Mail mail = {0};
  int64_t *asked = NULL, *answer = NULL, n_asked = 0;
  AGREE(comm, mail_pack(forest, want, n, 1, &mail));
  TRY(comm_exchange_all(comm, mail.send, mail.counts, sizeof *asked, (void **)&asked,
                        mail.arrived));
  for (int r = 0; r < comm->size; r++) n_asked += mail.arrived[r];
  for (int64_t k = 0; k < n_asked; k++) asked[k] = values[asked[k] - forest->rows.begin];
  TRY(comm_exchange_all(comm, asked, mail.arrived, sizeof *asked, (void **)&answer, mail.counts));
  for (int64_t k = 0; k < n; k++) out[mail.order[k]] = answer[k];
done:
  mail_clear(&mail);
  memory_free(&asked);
  memory_free(&answer);
  return status;
}

/* ---- edges from keys ---- */

static int64_t slots_for(int64_t n) {
  int64_t slots = 16;
  while (slots < 2 * n) slots *= 2;
  return slots;
}

/* Link every entry with the first one of its hash. Entries come in order of rows, so the first
 * one has the lowest row. */
static Status link_equal(const Entry *entries, int64_t n, Edges *edges) {
  Status status = OK;
  int64_t *slot = NULL, mask = slots_for(n) - 1; /* entry + 1; 0: free */
  TRY(NEW(&slot, mask + 1));
  for (int64_t i = 0; i < n; i++) {
    int64_t s = (int64_t)(entries[i].hash.word[1] & (uint64_t)mask);
    while (slot[s] && hash_compare(&entries[slot[s] - 1].hash, &entries[i].hash) != 0)
      s = (s + 1) & mask;
    if (slot[s]) {
      TRY(RESERVE(&edges->ends, &edges->capacity, edges->n + 2));
      edges->ends[edges->n++] = entries[i].row;
      edges->ends[edges->n++] = entries[slot[s] - 1].row;
    } else {
      slot[s] = i + 1;
    }
  }
done:
  memory_free(&slot);
  return status;
}

/* This rank's (hash, row) in order of the ranks that the hashes name. keyed[i]: set when row i has
 * the key. */
static Status pack_key(int size, const Table *table, const TextList *key, uint8_t *keyed,
                       Entry **out, int64_t *counts) {
  Status status = OK;
  int64_t n = table->rows.n, *at = NULL;
  Hash *hash = NULL;
  uint8_t *missing = NULL;
  TRY(NEW(&hash, n));
  TRY(NEW(&missing, n));
  TRY(NEW(&at, size + 1));
  TRY(keys_of(table, key, hash, missing));
  for (int64_t i = 0; i < n; i++)
    if (!missing[i]) counts[hash[i].word[0] % (uint64_t)size]++;
  for (int r = 0; r < size; r++) at[r + 1] = at[r] + counts[r];
  TRY(NEW(out, at[size]));
  for (int64_t i = 0; i < n; i++) {
    if (missing[i]) continue;
    keyed[i] = 1;
    (*out)[at[hash[i].word[0] % (uint64_t)size]++] = (Entry){hash[i], table->rows.begin + i};
  }
done:
  memory_free(&hash);
  memory_free(&missing);
  memory_free(&at);
  return status;
}

static Status link_key_all(const Comm *comm, const Table *table, const TextList *key,
                           uint8_t *keyed, Edges *edges) {
  Status status = OK;
  Entry *mine = NULL, *entries = NULL;
  int64_t *counts = NULL, *arrived = NULL, n = 0;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&arrived, comm->size);
  if (local == OK) local = pack_key(comm->size, table, key, keyed, &mine, counts);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, mine, counts, sizeof *mine, (void **)&entries, arrived));
  memory_free(&mine);
  for (int r = 0; r < comm->size; r++) n += arrived[r];
  AGREE(comm, link_equal(entries, n, edges));
done:
  memory_free(&mine);
  memory_free(&entries);
  memory_free(&counts);
  memory_free(&arrived);
  return status;
}

/* ---- rounds ---- */

/* Roots at the higher end of edges hook to the lowest offer. hooked: out, those of this rank. */
static Status hook_all(const Forest *forest, const Edges *edges, int64_t **hooked, int64_t *n) {
  const Comm *comm = forest->comm;
  Status status = OK;
  Mail mail = {0};
  int64_t *offers = NULL, capacity = 0, n_offers = 0;
  AGREE(comm, mail_pack(forest, edges->ends, edges->n / 2, 2, &mail));
  TRY(comm_exchange_all(comm, mail.send, mail.counts, 2 * sizeof *offers, (void **)&offers,
                        mail.arrived));
  for (int r = 0; r < comm->size; r++) n_offers += mail.arrived[r];
  Status local = OK;
  for (int64_t k = 0; k < n_offers && local == OK; k++) {
    int64_t root = offers[2 * k], low = offers[2 * k + 1];
    int64_t *label = &forest->label[root - forest->rows.begin];
    if (*label == root) {
      local = RESERVE(hooked, &capacity, *n + 1);
      if (local == OK) (*hooked)[(*n)++] = root;
    }
    if (low < *label) *label = low;
  }
  AGREE(comm, local);
done:
  mail_clear(&mail);
  memory_free(&offers);
  return status;
}

/* Let these rows of this rank point at the roots of their trees. rows: n numbers, used up. */
static Status jump_all(const Forest *forest, int64_t *rows, int64_t n) {
  const Comm *comm = forest->comm;
  Status status = OK;
  int64_t *up = NULL;
  AGREE(comm, NEW(&up, n));
  while (comm_any_all(comm, n > 0)) {
    int64_t left = 0;
    for (int64_t k = 0; k < n; k++) up[k] = forest->label[rows[k] - forest->rows.begin];
    TRY(fetch_all(forest, forest->label, up, n, up));
    for (int64_t k = 0; k < n; k++) {
      int64_t *label = &forest->label[rows[k] - forest->rows.begin];
      if (*label == up[k]) continue; /* a root stands above it */
      *label = up[k];
      rows[left++] = rows[k];
    }
    n = left;
  }
done:
  memory_free(&up);
  return status;
}

/* Move the ends of edges to their roots, the higher one first, and drop edges within a tree. */
static Status contract_all(const Forest *forest, Edges *edges) {
  Status status = OK;
  int64_t kept = 0;
  TRY(fetch_all(forest, forest->label, edges->ends, edges->n, edges->ends));
  for (int64_t e = 0; e < edges->n; e += 2) {
    int64_t a = edges->ends[e], b = edges->ends[e + 1];
    if (a == b) continue;
    edges->ends[kept++] = a > b ? a : b;
    edges->ends[kept++] = a > b ? b : a;
  }
  edges->n = kept;
done:
  return status;
}

static Status join_trees_all(const Forest *forest, Edges *edges) {
  Status status = OK;
  int64_t *rows = NULL, n = 0;
  while (comm_any_all(forest->comm, edges->n > 0)) {
    TRY(hook_all(forest, edges, &rows, &n));
    TRY(jump_all(forest, rows, n));
    TRY(contract_all(forest, edges));
    memory_free(&rows);
    n = 0;
  }
  /* Rows that hooked in one round know the root of that round only. */
  AGREE(forest->comm, NEW(&rows, forest->rows.n));
  for (int64_t i = 0; i < forest->rows.n; i++)
    if (forest->label[i] != forest->rows.begin + i) rows[n++] = forest->rows.begin + i;
  TRY(jump_all(forest, rows, n));
done:
  memory_free(&rows);
  return status;
}

/* ---- counts ---- */

/* Rows that are not the first of their recording tell the home of the first. */
static Status count_all(const Forest *forest, const uint8_t *keyed, RecordingCounts *counts) {
  const Comm *comm = forest->comm;
  Status status = OK;
  Mail mail = {0};
  int64_t *later = NULL, *told = NULL, *others = NULL, n = 0, n_told = 0, sums[3] = {0};
  AGREE(comm, NEW(&later, forest->rows.n));
  for (int64_t i = 0; i < forest->rows.n; i++) {
    if (forest->label[i] != forest->rows.begin + i) later[n++] = forest->label[i];
    sums[2] += !keyed[i];
  }
  AGREE(comm, mail_pack(forest, later, n, 1, &mail));
  TRY(comm_exchange_all(comm, mail.send, mail.counts, sizeof *told, (void **)&told, mail.arrived));
  AGREE(comm, NEW(&others, forest->rows.n));
  for (int r = 0; r < comm->size; r++) n_told += mail.arrived[r];
  for (int64_t k = 0; k < n_told; k++) others[told[k] - forest->rows.begin]++;
  counts->largest = forest->rows.n > 0;
  for (int64_t i = 0; i < forest->rows.n; i++) {
    if (others[i] + 1 > counts->largest) counts->largest = others[i] + 1;
    if (others[i] > 0) sums[1] += others[i] + 1;
  }
  sums[0] = forest->rows.n - n;
  comm_sum_all(comm, sums, 3);
  counts->largest = comm_max_one_all(comm, counts->largest);
  counts->recordings = sums[0];
  counts->together = sums[1];
  counts->keyless = sums[2];
done:
  mail_clear(&mail);
  memory_free(&later);
  memory_free(&told);
  memory_free(&others);
  return status;
}

Status recordings_find_all(const Comm *comm, const Table *table, const TextLists *keys,
                           int64_t *first, RecordingCounts *counts) {
  Status status = OK;
  Forest forest = {.comm = comm, .rows = table->rows, .label = first};
  Edges edges = {0};
  uint8_t *keyed = NULL;
  *counts = (RecordingCounts){0};
  AGREE(comm, NEW(&keyed, table->rows.n));
  for (int64_t i = 0; i < forest.rows.n; i++) first[i] = forest.rows.begin + i;
  for (int64_t k = 0; k < keys->n; k++)
    TRY(link_key_all(comm, table, &keys->items[k], keyed, &edges));
  TRY(join_trees_all(&forest, &edges));
  TRY(count_all(&forest, keyed, counts));
done:
  memory_free(&edges.ends);
  memory_free(&keyed);
  return status;
}

Status recordings_number_all(const Comm *comm, const Table *table, const int64_t *first,
                             int64_t *number) {
  const Forest forest = {.comm = comm, .rows = table->rows};
  return fetch_all(&forest, table->row_id, first, table->rows.n, number);
}
