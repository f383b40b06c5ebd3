/* Audit: how much a careless protocol would flatter a job, and which of the known faults it has.
 *
 * The same spec is fitted and judged under several protocols: rows divided one by one, by id, by
 * recording, by artist, in time, as the job itself divides them. For each it is told how many test
 * rows have a twin in training, and what the model then scores. Careless ways that cannot be
 * configured (a feature made of the target, encodings and resampling before the split, a model
 * refitted on test rows) are rebuilt here and measured beside their honest twins: that is the only
 * place where anything is fitted on rows that it is judged on, and nothing of it leaves but scores.
 * Fourteen rules then say what this job has, what Segue kept it from, and what that was worth. */
#ifndef SEGUE_AUDIT_AUDIT_H
#define SEGUE_AUDIT_AUDIT_H

#include "kernels/study/cross_validate.h"

/* Borrowed; the same on all ranks. Texts are columns of the table; NULL: not given. */
typedef struct AuditOptions {
  const Spec *spec;   /* the job; its group numbers recordings */
  const char *id;     /* any type: rows of an equal value are one id */
  const char *artist; /* TEXT, CATEGORY, or LIST whose first word counts */
  TextList audio;     /* number columns: rows that are equal in all are twins; n = 0: not given */
  const char *date;   /* date or number */
  const char *by;     /* CATEGORY or LIST: classes that may die by dropping duplicates */
  const char *split;  /* the job's own parts "train" and "test" */
  double test;        /* share of test rows of the protocols that are drawn */
  int64_t repeats;    /* draws of each protocol that is drawn */
  const MeasureOptions *measure; /* replicates count for the standard error of the score */
  Spread spread;                 /* of the protocols' fits */
  uint64_t seed;
} AuditOptions;

/* The name of the protocol that is a job's honest twin: its own split, or by recording, or by id,
 * or by row, whichever comes first. Local. */
const char *audit_home(const AuditOptions *options);

/* Audit a job and tell in summary.
 * table    rows with their duplicates kept
 * summary  metrics under the protocols' names ("row", "recording" ...) and under those of careless
 *          ways; the tables protocols, scores, careless and rules; the series protocol_scores and
 *          twins; a warning for every rule that this job breaks
 * Fits go through sink (may be NULL) in phases of their own. A protocol that this table cannot be
 * divided by (no usable dates, one artist, one class in its training part) is left out with a note.
 * Collective. Fails with INVALID, NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status audit_all(const Comm *comm, const Table *table, const AuditOptions *options,
                         WorkSink *sink, Summary *summary);

#endif
