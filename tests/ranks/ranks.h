/* Cases that have to give the same bits on any number of ranks.
 *
 * The program is launched once on seven ranks and splits itself into communicators of 7, of 3 and 4,
 * and of 1, 2 and 4; every case runs on each, and the hashes it leaves have to be equal. */
#ifndef SEGUE_TESTS_RANKS_H
#define SEGUE_TESTS_RANKS_H

#include "kernels/base/comm.h"
#include "kernels/numeric/hash.h"

typedef struct RankCase {
  const char *name;
  /* Collective over comm. result: a hash of all that was computed, valid on rank 0. folder: one of
   * its own for this case and communicator, there already. */
  Status (*run)(const Comm *comm, const char *folder, Hash *result);
} RankCase;

extern const RankCase pipeline_cases[]; /* ended by a case without a name */

#endif
