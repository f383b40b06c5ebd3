/* Rounds of boosting whose trees, one a class, are grown by different ranks, each alone on all
 * rows.
 */
#ifndef SEGUE_TREE_BOOST_CLASSES_H
#define SEGUE_TREE_BOOST_CLASSES_H

#include "boost_state.h"

/* Are trees of a round grown by different ranks? The rule of `spread`; same on all ranks. Local. */
bool boost_by_trees(const Comm *comm, const GbdtOptions *options, const BoostLoss *loss,
                    int64_t rows);
/* Raw values for fit->table, which holds all rows. Collective; clear after a failure, too. Fails
 * with MEMORY, agreed. */
CHECKED Status boost_classes_begin_all(Fit *fit);
void boost_classes_clear_all(Fit *fit);
/* The sums of exponentials of all classes' raw values, parted among the ranks of a node.
 * Collective. */
void boost_classes_log_sums_all(Fit *fit);
/* Grow this rank's trees of the round, and take all ranks' into the model. Collective. Fails with
 * MEMORY, agreed. */
CHECKED Status boost_classes_grow_all(Fit *fit);
/* Bring raw values up to the model's trees. Collective. */
void boost_classes_resume_all(Fit *fit);

#endif
