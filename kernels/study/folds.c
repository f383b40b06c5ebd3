/* Roles of rows, fold by fold; see folds.h. */
#include "folds.h"

#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"

Status folds_init(Folds *folds, const Rows *rows, int64_t n_folds) {
  *folds = (Folds){.rows = *rows, .n_folds = n_folds, .repeats = 1};
  return NEW(&folds->role, n_folds * rows->n);
}

void folds_clear(Folds *folds) {
  memory_free(&folds->role);
  *folds = (Folds){0};
}

Status folds_fields(Folds *folds, Fields *fields) {
  Status status = OK;
  TRY(fields_integer(fields, "count", &folds->n_folds));
  TRY(fields_integer(fields, "repeats", &folds->repeats));
  if (fields->mode == FIELDS_IN) TRY(NEW(&folds->role, folds->n_folds * folds->rows.n));
  for (int64_t f = 0; f < folds->n_folds; f++) {
    char name[32];
    int64_t n = folds->rows.n;
    uint8_t *role = folds->role + f * n;
    snprintf(name, sizeof name, "role/%lld", (long long)f);
    TRY(fields_rows(fields, name, FIELD_BYTE, &role, 1, &n));
    if (fields->mode == FIELDS_OUT) continue;
    memcpy(folds_role(folds, f), role, (size_t)n);
    memory_free(&role);
  }
done:
  return status;
}
