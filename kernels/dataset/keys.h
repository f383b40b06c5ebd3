/* Row keys: one 128-bit hash for the values of several columns in a row.
 *
 * The hash is of the values' canonical bytes (column_key): a category equals a text of the same
 * word, a whole number is the same in every numeric type, a list counts as a set. So keys of
 * different tables compare, whatever their dictionaries. */
#ifndef SEGUE_DATASET_KEYS_H
#define SEGUE_DATASET_KEYS_H

#include "kernels/base/options.h"
#include "kernels/numeric/hash.h"
#include "kernels/table/table.h"

/* The key of every row of this rank. Local.
 * columns  names, at least one, in an order that matters
 * out      rows.n hashes, hash_zero() where a part is missing
 * missing  rows.n flags: 1 when any part is missing, so that the row has no key
 * Fails with INVALID when a column is absent (names the nearest) or none is given, MEMORY. */
CHECKED Status keys_of(const Table *table, const TextList *columns, Hash *out, uint8_t *missing);

#endif
