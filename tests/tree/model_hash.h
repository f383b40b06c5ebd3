/* Hashes of what a fit leaves: the model's fields, and what its summary tells. */
#ifndef SEGUE_TESTS_TREE_MODEL_HASH_H
#define SEGUE_TESTS_TREE_MODEL_HASH_H

#include "kernels/model.h"
#include "kernels/numeric/hash.h"
#include "tests/check.h"

static inline Hash model_hash(const ModelKind *kind, void **model) {
  Fields fields;
  Hash hash = hash_zero();
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(kind->fields(model, &fields));
  for (int64_t f = 0; f < fields.n; f++) {
    const Field *field = &fields.items[f];
    size_t bytes = (size_t)field_count(field) * field_item_size(field->type);
    hash = hash_bytes(field->data, bytes, hash);
  }
  fields_clear(&fields);
  return hash;
}

static inline Hash summary_hash(const Summary *summary) {
  Hash hash = hash_zero();
  for (int64_t m = 0; m < summary->n_metrics; m++) {
    hash = hash_bytes(&summary->metrics[m].value, sizeof(double), hash);
  }
  for (int64_t s = 0; s < summary->n_series; s++) {
    hash = hash_bytes(summary->series[s].y, (size_t)summary->series[s].n_y * sizeof(double), hash);
  }
  for (int64_t t = 0; t < summary->n_tables; t++) {
    const SummaryTable *table = &summary->tables[t];
    for (int64_t c = 0; c < table->n_rows * table->n_columns; c++) {
      const Cell *cell = &table->cells[c];
      if (cell->type == CELL_REAL) hash = hash_bytes(&cell->real, sizeof(double), hash);
      if (cell->type == CELL_INTEGER) hash = hash_bytes(&cell->integer, sizeof(int64_t), hash);
      if (cell->text) hash = hash_bytes(cell->text, strlen(cell->text), hash);
    }
  }
  return hash;
}

#endif
