/* Merge: the rows of a recording become one, by a rule for each column. */
#ifndef SEGUE_DATASET_MERGE_H
#define SEGUE_DATASET_MERGE_H

#include "kernels/table/table.h"

/* Missing values take no part in any rule; where all are missing, so is the result. */
typedef enum MergeRule {
  MERGE_FIRST,         /* the value of the first row that has one */
  MERGE_MOST_FREQUENT, /* the value of most rows; of several such the one that is seen first */
  MERGE_MEAN,          /* numbers: the mean, a REAL; added in order of rows */
  MERGE_MIN,           /* numbers and dates */
  MERGE_MAX,
  MERGE_SET, /* categories and lists: the union of the words, a LIST with ascending codes */
  MERGE_RULES
} MergeRule;
extern const char *const merge_rule_words[]; /* "first", "most_frequent", ..., NULL */

/* The type that a column has after the rule. Fails with INVALID where the rule cannot be used for
 * the type; the message says for which it can. Local. */
CHECKED Status merge_type(MergeRule rule, const char *name, ColumnType type, ColumnType *out);

/* The column as the rule leaves it when every row is a recording of its own: numbers as means are
 * reals, categories as sets are lists of one. Shared where that changes nothing. Local. */
CHECKED Status merge_alone(Column *column, MergeRule rule, Column **out);

/* Merge rows. Collective.
 * table      in blocks; borrowed
 * first      rows.n: global number of the first row of the row's recording (recordings.h)
 * rules      one for each column, same on all ranks
 * out        a row for each recording in the order of their first rows, whose row ids they keep; in
 *            blocks of the same size; the caller clears it
 * differing  out, n_columns, replicated: recordings whose rows have different values
 * Fails with INVALID (merge_type), MEMORY; agreed.
 * Rows travel to the rank of their first row, results back to blocks. */
CHECKED Status merge_all(const Comm *comm, const Table *table, const int64_t *first,
                         const MergeRule *rules, Table *out, int64_t *differing);

#endif
