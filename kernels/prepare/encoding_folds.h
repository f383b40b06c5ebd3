/* Encoding folds: a training row's encoding is learned on the other folds. */
#ifndef SEGUE_PREPARE_ENCODING_FOLDS_H
#define SEGUE_PREPARE_ENCODING_FOLDS_H

#include "step.h"

/* Deal the training rows into folds of nearly the same size, whatever their targets are: were folds
 * balanced by the target, another target of one row could move it, and others, to another fold, and
 * so change its own encoding.
 * fit     groups (rows of a group share a fold) and the address of randomness
 * row_id  n original row numbers: a row's group where fit->group is NULL
 * fold    out: n numbers 0 .. folds - 1, caller's
 * Rows are cut, exactly, at shares of a random number addressed by group. Folds can be empty where
 * there are fewer groups than folds.
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status encoding_folds_all(const StepFit *fit, const int64_t *row_id, int64_t n,
                                  int64_t folds, int32_t *fold);

#endif
