/* Recordings whose rows are spread over ranks, and how often each is in a bootstrap sample.
 *
 * Recordings are numbered 0 .. n_global - 1 in the order of the values given, and each is counted
 * by one rank. Draws are addressed, so every rank makes a share of them, sends them to whoever
 * counts, and hears the counts of the recordings of its own rows: the sample of random_bootstrap in
 * memory and time of a share of it. */
#ifndef SEGUE_TREE_SAMPLE_GROUPS_H
#define SEGUE_TREE_SAMPLE_GROUPS_H

#include "kernels/base/comm.h"
#include "kernels/numeric/random.h"

typedef struct SampleGroups {
  int64_t n_global;
  int64_t n;        /* recordings of this rank's rows */
  int64_t *number;  /* n: over all ranks, ascending */
  int64_t *first;   /* size + 1: the recordings a rank counts, multiples of 8 but for the end */
  int64_t *asked;   /* size: how many of number a rank counts */
  int64_t *serving; /* size: how many recordings a rank asks for here */
  int32_t *served;  /* those, less the first one counted here, by rank */
  int32_t *counted; /* first[rank] ..: the last sample */
} SampleGroups;

/* Collective. value: n, ascending, each once; other ranks may have the same ones. The caller clears
 * out, also after a failure. Fails with INVALID when there are 2^31 or more, MEMORY; agreed. */
CHECKED Status sample_groups_init_all(const Comm *comm, const int64_t *value, int64_t n,
                                      SampleGroups *out);
void sample_groups_clear(SampleGroups *groups);

/* Draw as random_bootstrap(stream, n_global, ...). counts: out, for the n recordings here.
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status sample_groups_draw_all(const Comm *comm, SampleGroups *groups, const Stream *stream,
                                      int32_t *counts);

/* The last sample as bits, (n_global + 7) / 8 bytes, on rank 0, which frees it; elsewhere NULL.
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status sample_groups_bag_all(const Comm *comm, const SampleGroups *groups, uint8_t **out);

#endif
