/* The rounds of boosting: gradients, trees, raw values; saved, stopped and resumed. */
#ifndef SEGUE_TREE_BOOST_FIT_H
#define SEGUE_TREE_BOOST_FIT_H

#include "boost_rows.h"
#include "gbdt.h"

/* What training has to tell. Replicated. */
typedef struct BoostHistory {
  int64_t rounds;        /* made, including those that were cut off again, but for a refit's */
  int64_t best;          /* rounds of the model */
  double *train, *valid; /* rounds losses, NaN where not measured */
  double *gain;          /* d: loss taken away by splits on each feature, all rounds made; of the
                            refit's where there is one */
  int32_t *cover;        /* per node of the model: rows of the sample that came there, each once,
                            whatever it weighs; NULL unless rows are explained */
} BoostHistory;

/* By feature; NULL: none. See BoostRules. */
typedef struct BoostConstraints {
  int8_t *slope;
  uint64_t *group;
} BoostConstraints;

/* Boost. model: task, classes, objective, bins are set; fills the rest.
 * Collective. The caller clears history and model, also after a failure. Fails with NUMERIC,
 * INVALID, MEMORY, STOPPED, FORMAT (a saved unit that is none); agreed. */
CHECKED Status boost_fit_all(const Comm *comm, const TrainingData *data, const GbdtOptions *options,
                             const BoostConstraints *constraints, WorkSink *sink, Gbdt *model,
                             BoostHistory *history);
void boost_history_clear(BoostHistory *history);

#endif
