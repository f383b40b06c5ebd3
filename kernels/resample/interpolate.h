/* Interpolation: new rows between rows of a class and their neighbours in it, which smote, smote_nc
 * and adasyn share. */
#ifndef SEGUE_RESAMPLE_INTERPOLATE_H
#define SEGUE_RESAMPLE_INTERPOLATE_H

#include "pool.h"

/* Options that the three share; their structs begin with it, their rows with INTERPOLATE_ROWS. */
typedef struct InterpolateOptions {
  double ratio;
  int64_t neighbours;
  bool standardise;
} InterpolateOptions;

#define INTERPOLATE_ROWS                                                                          \
  OPTION_REAL(InterpolateOptions, ratio, "1", 1e-6, 1,                                            \
              "rows of each class over those of the largest; classes with fewer are raised to "   \
              "it, others stay; 1: all classes as large as the largest"),                         \
      OPTION_INTEGER(InterpolateOptions, neighbours, "5", 1, 1000,                                \
                     "a new row lies between a row and one of so many nearest rows of its class " \
                     "that are of other recordings; where there are fewer, those; where there "   \
                     "are none, the row is repeated, and the table of rows says so"),             \
      OPTION_BOOLEAN(InterpolateOptions, standardise, "true",                                     \
                     "distances are taken of columns divided by their standard deviation over "   \
                     "the training rows (what is made has the columns' own units)")

/* Rows under way. */
typedef struct Interpolation {
  const Comm *comm;
  const TrainingData *data;
  const InterpolateOptions *options;
  Strata strata;
  Draws draws;
  Pool pool;
  uint8_t *take;  /* by stratum: its rows belong to the pool */
  uint8_t *fixed; /* d flags of categories; NULL: none */
  double **value; /* d columns of categories of what comes of each row; NULL: none */
  int64_t *asked; /* pool rows of this rank */
} Interpolation;

/* Count classes, set what they are to have, and gather the pool. every: of the rows of all classes,
 * or of those that are to grow alone. columns: names of number columns that are categories; NULL:
 * there are no categories, and where x has some that is an error. Collective. Fails with INVALID,
 * NUMERIC, MEMORY; agreed; the caller clears out also then. */
CHECKED Status interpolation_init_all(const Comm *comm, const TrainingData *data,
                                      const InterpolateOptions *options, bool every,
                                      const TextList *columns, Interpolation *out);
void interpolation_clear_all(Interpolation *ip);

/* This rank's pool rows of a stratum that give more than `copies` rows, into ip->asked. Local. */
int64_t interpolation_ask(Interpolation *ip, int64_t stratum, int32_t copies);

/* Make what draws.copies asks for, tell, and give the rows. Collective. */
CHECKED Status interpolation_finish_all(Interpolation *ip, Resampled *out, Summary *summary);

#endif
