/* Division of rows: into training and test part, or into folds.
 *
 * Every row gets a sort key: a random number addressed by its id (or its group's, so that a group
 * is never torn), or its date. Cuts are exact order statistics of the keys, so parts are the same
 * on any number of ranks and have the sizes asked for: to the row at random, to the nearest border
 * between two groups or dates otherwise. Where that leaves a part without a row (a group larger
 * than a fold), parts get equal numbers of groups or dates instead of rows. With strata, each
 * stratum is cut by itself, which gives every part the same mix: to one row in every stratum and
 * in all. */
#ifndef SEGUE_DATASET_DIVISION_H
#define SEGUE_DATASET_DIVISION_H

#include "kernels/table/table.h"

typedef enum Window { WINDOW_EXPANDING, WINDOW_ROLLING } Window;

/* Where folds in time are cut.
 * COUNT: into parts of equal numbers of rows.
 * DECADE: the last k decades are validated on, one after the other; the latest is that of the
 * latest row. A column of numbers holds years. */
typedef enum Period { PERIOD_COUNT, PERIOD_DECADE } Period;

/* How to divide. Texts are column names; NULL: not given. Borrowed. */
typedef struct Division {
  const char *group;    /* integer column: rows of a group stay together; no row lacks one */
  const char *stratify; /* category, boolean or list column (its first word), or a number (ten bins
                           of equal size); missing values are a stratum. Parts get the same mix; a
                           group has its least stratum */
  const char *date;     /* date or number column: divide in time instead of at random */
  int64_t gap_days;     /* TIME: rows this close before a cut are in no training part */
  Window window;        /* folds in time: train on all earlier rows, or on the part before alone */
  Period period;        /* folds in time: where they are cut, without cuts */
  const double *cuts;   /* folds in time: the first day (or number) that each is validated on,
                           ascending; NULL: by period */
  const uint8_t *where; /* rows that take part, by byte; NULL: all */
  uint64_t seed;
} Division;

/* What became of rows, over all ranks; for the report. */
typedef struct DivisionCounts {
  int64_t undated; /* left out: no usable date */
  int64_t gap;     /* left out: within the gap */
  int64_t purged;  /* left out of training: another row of their group is in the validation part */
} DivisionCounts;

/* Training and test part: role[i] of every row (kernels/study/folds.h: 0 none, 1 train, 2 test).
 * share  of rows in the test part, > 0 and < 1; NaN with a cut date
 * cut    TIME: days since 1970-01-01; rows from it on are the test part; ignored when share is set
 * Collective. Fails with INVALID (a column that is absent or of the wrong type, a row without a
 * group, an empty part), MEMORY; agreed. */
CHECKED Status division_split_all(const Comm *comm, const Table *table, const Division *division,
                                  double share, int64_t cut, uint8_t *role, DivisionCounts *counts);

/* k folds: role has k x rows.n places, fold by fold. At random: every row that takes part is in
 * the validation part of one fold and in the training part of the others. In time: rows are cut
 * into k + 1 parts; fold f validates on part f + 1 and trains on the earlier ones (with a rolling
 * window on part f alone).
 * Collective. Fails as above, and when there are fewer groups than folds. */
CHECKED Status division_folds_all(const Comm *comm, const Table *table, const Division *division,
                                  int64_t k, uint8_t *role, DivisionCounts *counts);

/* How many training rows have a row of their group in the validation part: 0 unless it leaks.
 * group, role  n numbers of this rank
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status division_straddling_all(const Comm *comm, const int64_t *group, const uint8_t *role,
                                       int64_t n, int64_t *rows);

/* Check a division's columns against a planned schema. Local. Fails with INVALID; the message
 * begins with the option: "group: ...". */
CHECKED Status division_plan(const Division *division, const Schema *schema);

#endif
