/* Out-of-fold predictions that are kept; see held_values.h. */
#include "held_values.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

void held_values_clear(HeldValues *held) {
  memory_free(&held->row);
  memory_free(&held->value);
  *held = (HeldValues){0};
}

/* Which rows, in which roles of the split and of every fold; sums of hashes, as folds_key_all. */
static void key_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                    int64_t key[HELD_VALUES_KEY]) {
  const Table *table = in->table;
  uint64_t sums[HELD_VALUES_KEY] = {0};
  for (int64_t i = 0; i < table->rows.n; i++) {
    const int64_t place[3] = {table->rows.begin + i, table->row_id[i], role[i]};
    Hash hash = hash_bytes(place, sizeof place, hash_zero());
    for (int64_t f = 0; f < in->folds->n_folds; f++)
      hash = hash_bytes(folds_role(in->folds, f) + i, 1, hash);
    for (int k = 0; k < 2; k++) sums[k] += hash.word[k] >> 32; /* no sum overflows */
  }
  for (int k = 0; k < 2; k++) key[k] = (int64_t)sums[k];
  comm_sum_all(comm, key, 2);
  key[2] = (int64_t)in->seed;
}

/* This rank's part: rows and values that are known. */
static Status collect(const FoldInputs *in, const double *value, int64_t width, int64_t *n,
                      int64_t **row, double **known) {
  Status status = OK;
  const Rows *rows = &in->table->rows;
  *n = 0;
  TRY(NEW(row, rows->n));
  TRY(NEW(known, rows->n * width));
  for (int64_t i = 0; i < rows->n; i++) {
    if (isnan(value[i * width])) continue;
    (*row)[*n] = rows->begin + i;
    memcpy(*known + *n * width, value + i * width, (size_t)width * sizeof *value);
    ++*n;
  }
done:
  return status;
}

Status held_values_keep_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                            const double *value, int64_t width, HeldValues *out) {
  Status status = OK;
  int64_t n = 0, *row = NULL;
  double *known = NULL;
  void *all = NULL;
  *out = (HeldValues){.width = width};
  AGREE(comm, collect(in, value, width, &n, &row, &known));
  int64_t total = comm_sum_one_all(comm, n);
  if (total > HELD_VALUES_BYTES / (int64_t)sizeof(double) / (width + 1)) goto done;
  key_all(comm, in, role, out->key);
  TRY(comm_concatenate_all(comm, row, (size_t)n * sizeof *row, &all, NULL));
  out->row = all;
  TRY(comm_concatenate_all(comm, known, (size_t)(n * width) * sizeof *known, &all, NULL));
  out->value = all;
  out->n = total;
done:
  memory_free(&row);
  memory_free(&known);
  return status;
}

Status held_values_find_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                            const HeldValues *held, double **value) {
  Status status = OK;
  int64_t key[HELD_VALUES_KEY], width = held->width;
  const Rows *rows = &in->table->rows;
  *value = NULL;
  if (held->n == 0) return OK;
  key_all(comm, in, role, key);
  if (memcmp(key, held->key, sizeof key) != 0) return OK;
  AGREE(comm, NEW(value, rows->n * width));
  for (int64_t j = 0; j < rows->n * width; j++) (*value)[j] = NAN;
  for (int64_t k = 0; k < held->n; k++) {
    int64_t i = held->row[k] - rows->begin;
    if (i < 0 || i >= rows->n) continue;
    memcpy(*value + i * width, held->value + k * width, (size_t)width * sizeof **value);
  }
done:
  return status;
}

Status held_values_fields(HeldValues *held, Fields *fields) {
  Status status = OK;
  int64_t keys = HELD_VALUES_KEY, *key = held->key;
  if (!fields_has(fields, "rows", held->n > 0)) return OK;
  if (fields->mode == FIELDS_IN) key = NULL;
  TRY(fields_integer(fields, "rows", &held->n));
  TRY(fields_integer(fields, "width", &held->width));
  TRY(fields_array(fields, "key", FIELD_INTEGER, &key, 1, &keys));
  int64_t shape[2] = {held->n, held->width};
  TRY(fields_array(fields, "row", FIELD_INTEGER, &held->row, 1, shape));
  TRY(fields_array(fields, "value", FIELD_REAL, &held->value, 2, shape));
  if (fields->mode == FIELDS_IN) memcpy(held->key, key, sizeof held->key);
done:
  if (fields->mode == FIELDS_IN) memory_free(&key);
  return status;
}

Status held_values_copy(const HeldValues *from, HeldValues *out) {
  Status status = OK;
  int64_t n = from->n, width = from->width;
  *out = *from;
  out->row = NULL;
  out->value = NULL;
  TRY(NEW(&out->row, n));
  TRY(NEW(&out->value, n * width));
  if (n > 0) memcpy(out->row, from->row, (size_t)n * sizeof *out->row);
  if (n > 0) memcpy(out->value, from->value, (size_t)(n * width) * sizeof *out->value);
done:
  return status;
}
