/* Strata: classes, or bins of a target; how many rows each has, and is to have. */
#ifndef SEGUE_RESAMPLE_STRATA_H
#define SEGUE_RESAMPLE_STRATA_H

#include "draws.h"

typedef struct Strata {
  int64_t n;       /* strata, some of which may be empty */
  int32_t *of;     /* stratum of each of this rank's rows */
  int64_t rows;    /* on this rank */
  int64_t *before; /* n: rows over all ranks */
  int64_t *first;  /* n: those on lower ranks */
  int64_t *after;  /* n: rows that there are to be; as before, as yet */
  int64_t *made;   /* n: added rows that are not repeated, over all ranks; for the table */
  int64_t *fewest; /* n: the fewest neighbours that a row had to choose from; -1: none were asked */
} Strata;

/* of: out->of, each row's stratum; taken over, also after a failure. Collective. Fails with MEMORY.
 */
CHECKED Status strata_init_all(const Comm *comm, int32_t *of, int64_t rows, int64_t n, Strata *out);
/* The classes of a classification. Collective. Fails with INVALID when there is but one, or a
 * target is no class; MEMORY; agreed. */
CHECKED Status strata_of_classes_all(const Comm *comm, const TrainingData *data, Strata *out);
void strata_clear(Strata *strata);

/* Rows of the largest and the smallest stratum that has any. Local. */
int64_t strata_largest(const Strata *strata);
int64_t strata_smallest(const Strata *strata);
/* Raise every stratum that has rows to floor(ratio x largest). Local. */
void strata_raise(Strata *strata, double ratio);

/* How often each row stands, so that strata come to `after`: as evenly as can be, the rest of the
 * division to rows of a random permutation that is addressed by purpose and stratum. Local.
 * Writes draws->copies and begin. */
void strata_share(const Strata *strata, uint64_t seed, const char *purpose, Draws *draws);

/* The table "resample" of rows before and after. name: of a stratum, in the caller's storage;
 * local. Fails with MEMORY. */
typedef const char *StratumName(const void *context, int64_t stratum, char text[96]);
CHECKED Status strata_tell(const Strata *strata, const char *what, StratumName *name,
                           const void *context, Summary *summary);
/* The same for classes. */
CHECKED Status strata_tell_classes(const Strata *strata, const TrainingData *data,
                                   Summary *summary);
/* The name of a class. Local. */
const char *class_name(const TrainingData *data, int64_t class, char text[96]);

#endif
