/* Folds: for each fold, the role of every row. A split is one fold; a column, never a copy. */
#ifndef SEGUE_STUDY_FOLDS_H
#define SEGUE_STUDY_FOLDS_H

#include "kernels/base/fields.h"
#include "kernels/numeric/rows.h"

typedef enum Role {
  ROLE_NONE,     /* in neither part: a gap in time, a purged recording, no usable date */
  ROLE_TRAIN,
  ROLE_VALIDATE, /* test rows of a split, validation rows of a fold */
} Role;

typedef struct Folds {
  Rows rows;
  int64_t n_folds;
  uint8_t *role; /* n_folds x rows.n, fold by fold */
  int64_t repeats; /* folds r * n_folds / repeats ... belong to repeat r; at least 1 */
} Folds;

/* Local. All roles ROLE_NONE. Fails with MEMORY. */
CHECKED Status folds_init(Folds *folds, const Rows *rows, int64_t n_folds);
void folds_clear(Folds *folds);
static inline uint8_t *folds_role(const Folds *folds, int64_t fold) {
  return folds->role + fold * folds->rows.n;
}
/* Visit; for IN, folds->rows has to be set. Local. */
CHECKED Status folds_fields(Folds *folds, Fields *fields);

#endif
