/* The triangular factor of a tall matrix whose rows are spread over ranks: TSQR (Demmel, Grigori,
 * Hoemmen, Langou 2012, "Communication-optimal parallel and sequential QR").
 *
 * Every block of rows is factorised by Householder reflections, and factors are joined two by two
 * in a binary tree over the global block numbers. The tree depends on the number of rows and the
 * block size alone, so the factor has the same bits on any number of ranks. Unlike the normal
 * equations it keeps all digits where columns are nearly collinear: the condition number is not
 * squared. */
#ifndef SEGUE_LINEAR_TALL_H
#define SEGUE_LINEAR_TALL_H

#include "kernels/numeric/rows.h"

/* Write a block of the matrix: rows_in_block(rows, b) rows, column-major, column j at out + j x
 * stride. Local. */
typedef void (*TallBlock)(const void *context, int64_t b, int64_t stride, double *out);

/* R of A = Q R, for the tall matrix A that block writes.
 *
 * Collective.
 * rows    of A, this rank's share
 * width   columns of A, same on all ranks
 * factor  out, width x width, column-major, upper triangular with a diagonal that is not negative;
 *         replicated; caller's. Zero where A has no row.
 * Fails with MEMORY, agreed. Ranks hand on at most 2 log2(blocks) factors each, in log2(size)
 * steps, and one broadcast follows. */
CHECKED Status tall_factor_all(const Comm *comm, const Rows *rows, int64_t width, TallBlock block,
                               const void *context, double *factor);

/* R of the rows of two factors (or of any `rows` x width matrix): overwrites its upper triangle, in
 * place, and clears the part below. Local.
 * a        rows x width, column-major, rows >= width
 * scratch  tall_scratch(width) numbers */
void tall_reduce(double *a, int64_t rows, int64_t width, double *scratch);
static inline int64_t tall_scratch(int64_t width) { return width + 64 * width; }

#endif
