/* Products of columns, and the triangular factor they give by Cholesky's method.
 *
 * [1 X y]'[1 X y], rows times a root of their weight: a third of the time of tall.h's reflections
 * for columns without zeros, and next to none for sparse ones (design.h). But it squares the
 * condition number, so gram_factor refuses what is not well conditioned, and tall.h is asked then.
 * Products of a block are one BLAS call of one shape; blocks are added as integers, so the bits are
 * the same on any number of ranks. */
#ifndef SEGUE_LINEAR_GRAM_H
#define SEGUE_LINEAR_GRAM_H

#include "design.h"

typedef struct GramTask {
  const Design *design;
  const int64_t *active; /* k features, ascending */
  int64_t k;
  /* The rows of a block: root, at most that of the row's weight, and the target times the root
   * (block numbers each). Local. */
  void (*rows)(void *context, int64_t block, double *root, double *target);
  void *context;
  bool square; /* the target's own square is wanted; its sum has to be at most the weight then */
} GramTask;

/* gram: out, (k + 2) x (k + 2), column-major, the upper triangle (below: 0); replicated.
 * Collective. Fails with MEMORY, agreed. One Allreduce of as many integers. */
CHECKED Status gram_all(const Comm *comm, const GramTask *task, double *gram);

/* R with R'R = gram, its diagonal not negative; a column of zeros stays one.
 * gram   width x width, as above
 * least  reciprocal condition number (1-norm, of columns of length 1) from which on R is trusted:
 *        R keeps about -log10(eps / least) digits
 * exact  what is left of the last column after the others has to be `least` of its square too
 * r      out, width x width, column-major
 * ok     out: r is set
 * Local. Fails with MEMORY. */
CHECKED Status gram_factor(const double *gram, int64_t width, double least, bool exact, double *r,
                           bool *ok);

#endif
