/* Keys of rows; see keys.h. A row's parts stand one after the other in one buffer that is used
 * again for the next row: the parts carry their lengths, so ("ab", "c") differs from ("a", "bc").
 */
#include "keys.h"

#include "kernels/base/memory.h"

/* Seed of this use of the hash: the letters "row keys". */
static const Hash SEED = {{0x726f77206b657973u, 0}};

typedef struct Parts {
  int64_t n;
  Column **columns; /* borrowed from the table */
  uint8_t *bytes;
  int64_t capacity;
} Parts;

static Status find_parts(const Table *table, const TextList *columns, Parts *parts) {
  Status status = OK;
  if (columns->n == 0) return status_fail(INVALID, "a key needs at least one column");
  TRY(NEW(&parts->columns, columns->n));
  parts->n = columns->n;
  for (int64_t j = 0; j < columns->n; j++)
    TRY(table_require(table, columns->items[j], &parts->columns[j]));
done:
  return status;
}

static bool any_missing(const Parts *parts, int64_t i) {
  for (int64_t j = 0; j < parts->n; j++)
    if (column_missing(parts->columns[j], i)) return true;
  return false;
}

static Status key_of_row(Parts *parts, int64_t i, Hash *out) {
  Status status = OK;
  int64_t length = 0;
  for (int64_t j = 0; j < parts->n; j++)
    TRY(column_key(parts->columns[j], i, true, &parts->bytes, &length, &parts->capacity));
  *out = hash_bytes(parts->bytes, (size_t)length, SEED);
done:
  return status;
}

Status keys_of(const Table *table, const TextList *columns, Hash *out, uint8_t *missing) {
  Status status = OK;
  Parts parts = {0};
  TRY(find_parts(table, columns, &parts));
  for (int64_t i = 0; i < table->rows.n; i++) {
    out[i] = hash_zero();
    missing[i] = any_missing(&parts, i);
    if (!missing[i]) TRY(key_of_row(&parts, i, &out[i]));
  }
done:
  memory_free(&parts.columns);
  memory_free(&parts.bytes);
  return status;
}
