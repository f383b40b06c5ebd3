/* Samples: the binned training rows of a forest, once per node in shared memory, in their global
 * order whatever the layout over ranks; or each rank's own ones alone.
 *
 * Targets are whole numbers with
 * one global scale, and so are row weights, so that every sum over rows is exact. */
#ifndef SEGUE_TREE_SAMPLES_H
#define SEGUE_TREE_SAMPLES_H

#include "grow.h"
#include "kernels/model.h"
#include "sample_groups.h"

enum {
  SAMPLES_BITS_MAX = 24,    /* resolution of a target that is not integral */
  SAMPLES_BITS_MIN = 8,     /* what is left of it with the most rows that are allowed */
  SAMPLES_WEIGHT_SHARE = 4, /* a sample weighs at most so many times what all rows weigh */
  SAMPLES_WEIGHT_BITS = 12  /* resolution of row weights that are not small whole numbers */
};

/* target = base + unit x level; classes: level = class. */
typedef struct Samples {
  GrowRows rows;           /* all of them, or this rank's own */
  int64_t n_global, first; /* rows over all ranks; global number of the first one here */
  double base, unit;
  int64_t n_groups;
  const int32_t *group;  /* rows.n numbers 0 .. n_groups - 1; own rows: of this rank's recordings */
  const int32_t *weight; /* rows.n, 1 .. 2^SAMPLES_WEIGHT_BITS; NULL: all 1 */
  double weight_scale;   /* weight = given weight x weight_scale, rounded, at least 1 */
  SharedMemory shared;
  void *own;           /* own rows: the arrays above */
  SampleGroups groups; /* own rows: this rank's recordings among all */
} Samples;

/* Bin, quantise and replicate the training rows.
 *
 * Collective. bins: cut for data->x; has to outlive out, as grow.h says. The caller clears out,
 * also after a failure. direct false: rows travel by broadcast even where all ranks share one
 * window (which is what happens over several nodes); for tests. An integral target keeps its
 * values; another one is rounded to 2^-bits of its range, with 24 bits up to 130,000 rows and one
 * bit less for every 1.41 times more, which bounds replicated rows to 33 million. Whole weights
 * below 4,096 are kept while their sum leaves the target its bits (at least 16); others are scaled
 * by a power of two that takes the largest below 4,096 (lower, when rows are many) and rounded, no
 * weight to nothing. Fails with NUMERIC when a target is not finite or a weight is not above 0 and
 * up to 1e9, INVALID when a class is none or data are too many, MEMORY; agreed. */
CHECKED Status samples_init_all(const Comm *comm, const TrainingData *data, const Bins *bins,
                                bool direct, Samples *out);
/* The same without replication: arrays hold this rank's rows, with the same levels and weights as
 * above. Beyond 33 million rows the target keeps SAMPLES_BITS_MIN bits; 2^31 / SAMPLES_WEIGHT_SHARE
 * rows are too many. Collective. */
CHECKED Status samples_init_own_all(const Comm *comm, const TrainingData *data, const Bins *bins,
                                    Samples *out);
/* Codes of n rows by their global numbers, the same on all ranks, to all. Collective.
 * codes  out, n x bins_stride(d) */
void samples_codes_all(const Comm *comm, const Samples *samples, const int64_t *row, int64_t n,
                       uint8_t *codes);
/* Codes of one feature for this rank's rows of data, row i from row random_permuted(others, i, all)
 * instead. Collective. out: rows.n. Fails with MEMORY, agreed. */
CHECKED Status samples_permuted_all(const Comm *comm, const Samples *samples, const Rows *rows,
                                    int64_t feature, const Stream *others, uint8_t *out);
void samples_clear_all(Samples *samples);

#endif
