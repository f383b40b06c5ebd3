/* All rows of a matrix on every rank, for methods that compare any row with any other. */
#ifndef SEGUE_CLUSTER_POINTS_H
#define SEGUE_CLUSTER_POINTS_H

#include "kernels/numeric/matrix.h"

typedef struct Points {
  Matrix x; /* all rows, as a world of one rank has them; a view of the memory */
  SharedMemory memory;
} Points;

/* Bytes that they take on a node. Local. */
int64_t points_bytes(const Matrix *x);
/* Collective. x: this rank's rows, spread in blocks. Once per node in memory that its ranks share
 * (base/comm). Fails with MEMORY, agreed; the caller clears out also then. */
CHECKED Status points_new_all(const Comm *comm, const Matrix *x, Points *out);
void points_clear_all(Points *points);

#endif
