/* Roles of rows, fold by fold; see folds.h. */
#include "folds.h"

#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "kernels/numeric/hash.h"

Status folds_init(Folds *folds, const Rows *rows, int64_t n_folds) {
  *folds = (Folds){.rows = *rows, .n_folds = n_folds, .repeats = 1};
  return NEW(&folds->role, n_folds * rows->n);
}

void folds_clear(Folds *folds) {
  memory_free(&folds->role);
  *folds = (Folds){0};
}

Status folds_of_split(const Table *table, const char *split, uint8_t *role) {
  Status status = OK;
  Column *column = NULL;
  int64_t n = table->rows.n;
  if (!split) {
    if (n > 0) memset(role, ROLE_TRAIN, (size_t)n);
    return OK;
  }
  TRY(table_require(table, split, &column));
  int32_t train = dictionary_find(&column->dictionary, "train", 5);
  int32_t test = dictionary_find(&column->dictionary, "test", 4);
  if (train == MISSING_CODE)
    return status_fail(INVALID, "split: column \"%s\" has no part \"train\"", split);
  for (int64_t i = 0; i < n; i++) {
    int32_t code = column->code[i];
    role[i] = code == train                          ? ROLE_TRAIN
              : code == test && test != MISSING_CODE ? ROLE_VALIDATE
                                                     : ROLE_NONE;
  }
done:
  return status;
}

void folds_key_all(const Comm *comm, const Table *table, int64_t key[FOLDS_KEY]) {
  uint64_t sums[FOLDS_KEY] = {0};
  for (int64_t i = 0; i < table->rows.n; i++) {
    const int64_t place[2] = {table->rows.begin + i, table->row_id[i]};
    Hash hash = hash_bytes(place, sizeof place, hash_zero());
    for (int k = 0; k < FOLDS_KEY; k++) sums[k] += hash.word[k] >> 32; /* no sum overflows */
  }
  for (int k = 0; k < FOLDS_KEY; k++) key[k] = (int64_t)sums[k];
  comm_sum_all(comm, key, FOLDS_KEY);
}

Status folds_check_straddling_all(const Comm *comm, const Table *table, const char *group,
                                  const uint8_t *role, const char *what) {
  Status status = OK;
  Column *column = NULL;
  int64_t found = 0;
  if (!group) return OK;
  AGREE(comm, table_require(table, group, &column));
  TRY(division_straddling_all(comm, column->integer, role, table->rows.n, &found));
  if (found > 0)
    status = status_fail(INVALID,
                         "%s: %lld training rows are of a recording (column \"%s\") that is "
                         "measured on too, so scores would leak; divide with \"group\": \"%s\", or "
                         "set this stage's group to null if rows are not related",
                         what, (long long)found, group, group);
done:
  return status;
}

static Status check_test_rows_all(const Comm *comm, const Folds *folds, const uint8_t *split) {
  int64_t found = 0;
  for (int64_t i = 0; i < folds->rows.n; i++) {
    bool used = false;
    for (int64_t f = 0; f < folds->n_folds; f++) used |= folds_role(folds, f)[i] != ROLE_NONE;
    found += used && split[i] == ROLE_VALIDATE;
  }
  found = comm_sum_one_all(comm, found);
  if (found == 0) return OK;
  return status_fail(INVALID,
                     "folds: %lld rows of the test part are in folds; make the folds of the "
                     "split's output, and name its column in their `split`",
                     (long long)found);
}

Status folds_check_all(const Comm *comm, const Folds *folds, const Table *table, const char *group,
                       const uint8_t *split) {
  Status status = OK;
  if (folds->rows.n_global != table->rows.n_global)
    return status_fail(INVALID,
                       "folds: they divide %lld rows, but the input has %lld; both have to come "
                       "from the same stage",
                       (long long)folds->rows.n_global, (long long)table->rows.n_global);
  int64_t key[FOLDS_KEY];
  folds_key_all(comm, table, key);
  if (memcmp(key, folds->key, sizeof key) != 0)
    return status_fail(INVALID,
                       "folds: they divide %lld other rows than the input's; both have to come "
                       "from the same stage",
                       (long long)folds->rows.n_global);
  TRY(check_test_rows_all(comm, folds, split));
  for (int64_t f = 0; f < folds->n_folds; f++)
    TRY(folds_check_straddling_all(comm, table, group, folds_role(folds, f), "folds"));
done:
  return status;
}

Status folds_fields(Folds *folds, Fields *fields) {
  Status status = OK;
  TRY(fields_integer(fields, "count", &folds->n_folds));
  TRY(fields_integer(fields, "repeats", &folds->repeats));
  TRY(fields_integer(fields, "rows_key/0", &folds->key[0]));
  TRY(fields_integer(fields, "rows_key/1", &folds->key[1]));
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
