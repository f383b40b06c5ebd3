/* Permutation importance of boosted trees: how much the loss rises when a feature's values are
 * those of other rows (Breiman 2001; Fisher, Rudin and Dominici 2019). */
#ifndef SEGUE_TREE_GBDT_PERMUTE_H
#define SEGUE_TREE_GBDT_PERMUTE_H

#include "boost_rows.h"
#include "gbdt.h"

/* Mean rise of the model's loss (boost_loss_mean_all) over options->permutations repetitions, on
 * the rows that early stopping held back; without any, or when the model was fitted again to them,
 * on all training rows. Which row's value stands in is addressed by (seed, feature, repetition,
 * number of the row), as for the forest.
 *
 * Collective. rise: out, d numbers, the same on all ranks. Fails with MEMORY, STOPPED; agreed. A
 * feature's codes (a byte a row) are gathered on all ranks. */
CHECKED Status gbdt_permute_all(const Comm *comm, const TrainingData *data,
                                const GbdtOptions *options, const Gbdt *model, WorkSink *sink,
                                double *rise);

#endif
