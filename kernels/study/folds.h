/* Folds: for each fold, the role of every row. A split is one fold; a column, never a copy. */
#ifndef SEGUE_STUDY_FOLDS_H
#define SEGUE_STUDY_FOLDS_H

#include "kernels/base/fields.h"
#include "kernels/table/table.h"

typedef enum Role {
  ROLE_NONE, /* in neither part: a gap in time, a purged recording, no usable date */
  ROLE_TRAIN,
  ROLE_VALIDATE, /* test rows of a split, validation rows of a fold */
} Role;

enum { FOLDS_KEY = 2 };

typedef struct Folds {
  Rows rows;
  int64_t n_folds;
  uint8_t *role;   /* n_folds x rows.n, fold by fold */
  int64_t repeats; /* folds r * n_folds / repeats ... belong to repeat r; at least 1 */
  int64_t key[FOLDS_KEY]; /* of the rows that are divided; folds_key_all */
} Folds;

/* Local. All roles ROLE_NONE. Fails with MEMORY. */
CHECKED Status folds_init(Folds *folds, const Rows *rows, int64_t n_folds);
void folds_clear(Folds *folds);
static inline uint8_t *folds_role(const Folds *folds, int64_t fold) {
  return folds->role + fold * folds->rows.n;
}
/* The one fold of a split: the role of every row of the table by the parts "train" and "test" of a
 * category column; split NULL: all rows train. role: table->rows.n bytes. Local. Fails with INVALID
 * when there is no such column or part. */
CHECKED Status folds_of_split(const Table *table, const char *split, uint8_t *role);

/* A number for which rows a table has, and in which order: hashes of places and row ids, summed.
 * Collective. */
void folds_key_all(const Comm *comm, const Table *table, int64_t key[FOLDS_KEY]);

/* Refuse folds that would leak: folds of other rows than the table's; rows of the test part in a
 * fold; a recording on both sides of one. Collective. Fails with INVALID, MEMORY; agreed.
 * group  integer column that numbers recordings; NULL: rows are not related
 * split  roles of the split */
CHECKED Status folds_check_all(const Comm *comm, const Folds *folds, const Table *table,
                               const char *group, const uint8_t *split);
/* The last of these for one role of a division `what`, named in the message. Collective. */
CHECKED Status folds_check_straddling_all(const Comm *comm, const Table *table, const char *group,
                                          const uint8_t *role, const char *what);

/* Visit; for IN, folds->rows has to be set. Local. */
CHECKED Status folds_fields(Folds *folds, Fields *fields);

#endif
