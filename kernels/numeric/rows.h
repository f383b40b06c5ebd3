/* Rows come in blocks: who owns which rows, and where a block begins.
 *
 * Rows 0 .. n_global - 1 are cut into blocks of `block` rows at multiples of block; a rank owns a
 * contiguous run of whole blocks, possibly none. A numeric loop or a BLAS call works on one whole
 * block, so that its shape and its rounding do not depend on the number of ranks. */
#ifndef SEGUE_NUMERIC_ROWS_H
#define SEGUE_NUMERIC_ROWS_H

#include "kernels/base/comm.h"

enum { ROWS_BLOCK_DEFAULT = 1024 };

typedef struct Rows {
  int64_t n_global; /* rows over all ranks */
  int64_t begin;    /* global number of this rank's first row */
  int64_t n;        /* rows on this rank */
  int64_t block;    /* rows in a block, a power of two >= 4 */
} Rows;

/* The share of `rank` of `size`: blocks floor(b * rank / size) .. floor(b * (rank + 1) / size) - 1
 * of b = ceil(n_global / block). Local. */
Rows rows_of(int64_t n_global, int64_t block, int rank, int size);
/* This rank's share. Local in fact (no communication). */
Rows rows_share(const Comm *comm, int64_t n_global, int64_t block);
/* The rank that owns a global row. Local. */
int rows_owner(int64_t row, int64_t n_global, int64_t block, int size);

static inline int64_t rows_blocks(const Rows *rows) {
  return (rows->n + rows->block - 1) / rows->block;
}
/* Rows of this rank's b-th block: rows->block but for the last block of all. */
static inline int64_t rows_in_block(const Rows *rows, int64_t b) {
  int64_t left = rows->n - b * rows->block;
  return left < rows->block ? left : rows->block;
}

#endif
