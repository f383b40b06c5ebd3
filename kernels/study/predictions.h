/* Predictions as a table, for people and for stages that come after. */
#ifndef SEGUE_STUDY_PREDICTIONS_H
#define SEGUE_STUDY_PREDICTIONS_H

#include "evaluate.h"

/* Original row ids, the target, and the column `prediction`; of classes also `probability`, that of
 * the predicted one (ties: the lower class), of numbers `low` and `high` where the model has
 * prediction intervals. Local. Fails with MEMORY; the caller clears out. */
CHECKED Status predictions_table(const Predicted *predicted, const Bundle *bundle, Table *out);

#endif
