/* Shares of rows; see rows.h.
 *
 * Blocks are dealt by floor(b * rank / size): shares differ by at most one block, and the owner of
 * a row follows from one division. An "equal rows, then round" rule was rejected: its borders need
 * a search. */
#include "rows.h"

#include <assert.h>

static int64_t blocks_of(int64_t n_global, int64_t block) { return (n_global + block - 1) / block; }

/* First global row of a rank; that of rank `size` is n_global. */
static int64_t border(int64_t n_global, int64_t block, int rank, int size) {
  int64_t row = blocks_of(n_global, block) * rank / size * block;
  return row < n_global ? row : n_global;
}

Rows rows_of(int64_t n_global, int64_t block, int rank, int size) {
  assert(n_global >= 0 && block > 0 && rank >= 0 && rank < size);
  int64_t begin = border(n_global, block, rank, size);
  int64_t end = border(n_global, block, rank + 1, size);
  return (Rows){.n_global = n_global, .begin = begin, .n = end - begin, .block = block};
}

Rows rows_share(const Comm *comm, int64_t n_global, int64_t block) {
  return rows_of(n_global, block, comm->rank, comm->size);
}

/* The largest rank r with floor(b r / size) <= q, q the row's block: b r < size (q + 1). */
int rows_owner(int64_t row, int64_t n_global, int64_t block, int size) {
  assert(row >= 0 && row < n_global);
  return (int)((size * (row / block + 1) - 1) / blocks_of(n_global, block));
}
