/* What a model kind is: a new one is one file with one of these and one row in the registry. */
#ifndef SEGUE_MODEL_H
#define SEGUE_MODEL_H

#include "kernels/base/options.h"
#include "kernels/base/summary.h"
#include "kernels/base/work.h"
#include "kernels/feature_cache.h"
#include "kernels/numeric/matrix.h"
#include "kernels/table/table.h"

typedef enum Task { TASK_REGRESSION, TASK_CLASSIFICATION } Task;

/* Training rows, and nothing but training rows: spread over ranks in blocks. Borrowed. */
typedef struct TrainingData {
  Task task;
  int64_t n_classes; /* CLASSIFICATION: number of classes, some of which may have no row here */
  const Dictionary *classes; /* their names; NULL: none */
  const Matrix *x;           /* this rank's rows; missing values are NaN */
  const double *target;      /* x->rows.n: the value, or the class number 0 .. n_classes - 1 */
  const double *weight;      /* x->rows.n, positive; NULL: all 1 */
  const int64_t *group;     /* x->rows.n recording numbers: a recording is in a bootstrap sample, or
                               out of it, as a whole; NULL: every row is its own */
  const int64_t *row_id;    /* x->rows.n original row numbers: the address of a row's randomness */
  const uint8_t *synthetic; /* x->rows.n: 1: resampling added the row, to learn from and never to
                               judge by; NULL: no row is such */
  FeatureCache *cache;      /* what fits on the same x share; NULL: x is for this one alone */
  uint64_t seed;
} TrainingData;

/* What most models allow a row to weigh at most. */
#define TRAINING_WEIGHT_MOST 1e9
/* Are this rank's targets and weights what they have to be: finite, classes that are some, weights
 * above 0 and up to weight_most? Local. Fails with NUMERIC, INVALID (a class). */
CHECKED Status training_check(const TrainingData *data, double weight_most);

typedef struct ModelKind {
  Kind kind;
  bool regression, classification; /* the tasks that it can do */
  bool categorical;                /* takes columns that are categories (Matrix.categories) */
  /* Learn. Collective; options same on all ranks. *model out, replicated on all ranks; freed by
   * `free`, also after a failure. Says what it has to say (importance, out-of-bag scores, notes)
   * in summary. Units of work go through sink (may be NULL).
   * Fails with INVALID, NUMERIC, MEMORY, STOPPED; agreed. */
  Status (*fit_all)(const Comm *comm, const TrainingData *data, const void *options, WorkSink *sink,
                    void **model, Summary *summary);
  /* Predict for x's rows: out holds rows.n values, or rows.n x n_classes probabilities, row by row.
   * Local; a row's result does not depend on the other rows. Fails with MEMORY. */
  Status (*predict)(const void *model, const Matrix *x, double *out);
  /* Prediction intervals; both NULL where no model of the kind has them. Local.
   * interval          the share of the targets that they are to hold; 0: this model has none
   * predict_interval  prediction: what predict gave for x; out: rows.n x 2, low and high */
  double (*interval)(const void *model);
  Status (*predict_interval)(const void *model, const Matrix *x, const double *prediction,
                             double *out);
  /* Visit what lasts; IN allocates *model. Local. */
  Status (*fields)(void **model, Fields *fields);
  void (*free)(void **model);
} ModelKind;

#endif
