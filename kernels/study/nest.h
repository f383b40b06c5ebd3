/* The inside of a stack's bundle: bundles of its members and of the model on top of them.
 *
 * Members of level 1 learn from raw columns; those of level l, and meta, from the predictions of
 * the level below, which stand beside the raw columns in a frame under names of their own: NAME for
 * values, NAME:CLASS for every class but the first: its probability, or the log odds of that, cut
 * at those of 1e-4 and 1 - 1e-4 (trees give 0 and 1). */
#ifndef SEGUE_STUDY_NEST_H
#define SEGUE_STUDY_NEST_H

#include "bundle.h"

/* Begin the bundles inside a stack whose task and classes are known: specs and names, nothing
 * fitted. Local. Fails with MEMORY; bundle_clear clears also then. */
CHECKED Status nest_begin(Bundle *bundle);
void nest_clear(Bundle *bundle);

/* Levels of members; meta is above them. Local. */
int64_t nest_levels(const StackOptions *stack);
static inline const MemberOptions *nest_member(const StackOptions *stack, int64_t m) {
  return (const MemberOptions *)stack->members.items + m;
}

/* Check the recipes of all parts against the raw columns, and which of those they read.
 * bundle  begun with nest_begin
 * needed  out: appended to
 * Local. Fails with INVALID: an absent column, a member that is named as a raw column; MEMORY. */
CHECKED Status nest_plan(const Bundle *bundle, const Schema *raw, Schema *needed);

/* A frame for these raw rows: shares their columns. Local. */
CHECKED Status nest_frame(const Table *rows, Table *frame);
/* Put a member's predictions (rows x width) into the frame. Local. Fails with MEMORY. */
CHECKED Status nest_add(const Bundle *bundle, int64_t member, const double *value, Table *frame);

/* Predict.
 * members  n_members arrays of rows x width for what each member predicts; NULL: not wanted
 * out      rows x width; without the bundle's calibration
 * Local. */
CHECKED Status nest_predict(const Bundle *bundle, const Table *rows, double *const *members,
                            double *out);
/* Visit; IN: task and classes have been read. Local. */
CHECKED Status nest_fields(Bundle *bundle, Fields *fields);

#endif
