/* Content hashes of artifacts: functions of the data alone, not of ranks, chunks or times.
 *
 * A field's hash is a sum, in 128 bits as two words, of the hashes of its pieces, each seeded by
 * its number: a sum has no order, so one Allreduce of two words a field joins the ranks. A
 * distributed field's pieces are its blocks of rows; a replicated field is one piece, hashed by
 * rank i mod size. The whole is the hash of names, types, global shapes and those sums, by name.
 * Blocks of a ragged field follow from its rows' lengths. */
#include "store_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"

typedef struct Hasher {
  const Comm *comm;
  const Fields *fields;
  const Rows *rows;
  void *buffer; /* numbers with one form of NaN */
  int64_t capacity;
} Hasher;

/* What is joined over ranks: sums of integers, so the same for any number of ranks. */
typedef struct Sums {
  int64_t word[2];
  int64_t extent;
} Sums;

/* Copy n numbers, every NaN as the positive quiet one. */
static void copy_reals(const double *in, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = isnan(in[i]) ? (double)NAN : in[i];
}

static void copy_floats(const float *in, int64_t n, float *out) {
  for (int64_t i = 0; i < n; i++) out[i] = isnan(in[i]) ? NAN : in[i];
}

/* Add the hash of items begin .. begin + n - 1 of a field as its piece of that number. */
static Status add_piece(Hasher *hasher, const Field *field, int64_t begin, int64_t n,
                        int64_t number, Sums *sums) {
  size_t item = field_item_size(field->type);
  const uint8_t *bytes = (const uint8_t *)field->data + begin * (int64_t)item;
  if (n == 0) return OK;
  if (field->type == FIELD_REAL || field->type == FIELD_FLOAT) {
    if (n * (int64_t)item > hasher->capacity) {
      memory_free(&hasher->buffer);
      hasher->capacity = 0;
      hasher->buffer = memory_get(n, item);
      if (!hasher->buffer) return MEMORY;
      hasher->capacity = n * (int64_t)item;
    }
    if (field->type == FIELD_REAL)
      copy_reals((const double *)field->data + begin, n, hasher->buffer);
    else
      copy_floats((const float *)field->data + begin, n, hasher->buffer);
    bytes = hasher->buffer;
  }
  Hash hash = hash_bytes(bytes, (size_t)n * item, (Hash){{(uint64_t)number, (uint64_t)n}});
  for (int i = 0; i < 2; i++) sums->word[i] = (int64_t)((uint64_t)sums->word[i] + hash.word[i]);
  return OK;
}

static Status add_blocks(Hasher *hasher, const Field *field, Sums *sums) {
  Status status = OK;
  const Rows *rows = hasher->rows;
  const Field *length = NULL;
  int64_t inner = store_inner(field->dimensions, field->shape), begin = 0;
  assert(rows && rows->begin % rows->block == 0);
  if (field->ragged) TRY(store_find_length(hasher->fields, field->name, rows->n, INVALID, &length));
  for (int64_t b = 0; b < rows_blocks(rows); b++) {
    int64_t in_block = rows_in_block(rows, b), n = length ? 0 : in_block;
    for (int64_t i = 0; length && i < in_block; i++) n += store_length(length, b * rows->block + i);
    if (n < 0 || begin + n > field->shape[0])
      TRY(status_fail(INVALID, "field \"%s\" has %lld items, fewer than its rows have", field->name,
                      (long long)field->shape[0]));
    TRY(add_piece(hasher, field, begin * inner, n * inner, rows->begin / rows->block + b, sums));
    begin += n;
  }
done:
  return status;
}

/* This rank's part of every field. */
static Status add_fields(Hasher *hasher, Sums *sums) {
  Status status = OK;
  for (int64_t i = 0; i < hasher->fields->n; i++) {
    const Field *field = &hasher->fields->items[i];
    bool mine = i % hasher->comm->size == hasher->comm->rank;
    if (field->distributed) {
      sums[i].extent = field->shape[0];
      TRY(add_blocks(hasher, field, &sums[i]));
    } else if (mine) {
      sums[i].extent = field->dimensions > 0 ? field->shape[0] : 0;
      TRY(add_piece(hasher, field, 0, field_count(field), 0, &sums[i]));
    }
  }
done:
  return status;
}

static int compare_names(const void *a, const void *b) {
  const Field *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

/* Join the fields' hashes in order of name. */
static Status combine(const Fields *fields, const Sums *sums, Hash *out) {
  Status status = OK;
  const Field **order = NULL;
  TRY(NEW(&order, fields->n));
  for (int64_t i = 0; i < fields->n; i++) order[i] = &fields->items[i];
  if (fields->n > 1) qsort(order, (size_t)fields->n, sizeof(Field *), compare_names);
  *out = hash_zero();
  for (int64_t i = 0; i < fields->n; i++) {
    const Field *field = order[i];
    const Sums *sum = &sums[field - fields->items];
    int64_t head[4 + FIELD_DIMENSIONS] = {field->type, field->dimensions, sum->word[0],
                                          sum->word[1]};
    for (int d = 0; d < field->dimensions; d++)
      head[4 + d] = d == 0 ? sum->extent : field->shape[d];
    *out = hash_bytes(field->name, strlen(field->name), *out);
    *out = hash_bytes(head, sizeof head, *out);
  }
done:
  memory_free(&order);
  return status;
}

Status store_hash_all(const Comm *comm, const Fields *fields, const Rows *rows, Hash *out) {
  Status status = OK;
  Sums *sums = NULL;
  Hasher hasher = {.comm = comm, .fields = fields, .rows = rows};
  Status local = NEW(&sums, fields->n);
  if (local == OK) local = add_fields(&hasher, sums);
  AGREE(comm, local);
  comm_sum_all(comm, (int64_t *)sums, fields->n * (int64_t)(sizeof *sums / sizeof(int64_t)));
  AGREE(comm, combine(fields, sums, out));
done:
  memory_free(&hasher.buffer);
  memory_free(&sums);
  return status;
}
