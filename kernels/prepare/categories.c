/* Categories as codes; see categories.h. */
#include "categories.h"

#include <math.h>

#include "kernels/base/memory.h"

Status categories_fit_all(const Comm *comm, const Column *column, Dictionary *words) {
  Status status = OK;
  WordRows rows = {0};
  int64_t *count = NULL;
  Status local = word_rows_init(&rows, column);
  if (local == OK) local = NEW(&count, column->dictionary.n);
  AGREE(comm, local);
  word_rows_count_all(comm, &rows, count);
  AGREE(comm, dictionary_select(&column->dictionary, count, words, NULL));
done:
  word_rows_clear(&rows);
  memory_free(&count);
  return status;
}

Status categories_encode(const Column *column, const Dictionary *words, double *out) {
  Status status = OK;
  int32_t *map = NULL;
  TRY(dictionary_map(&column->dictionary, words, &map));
  for (int64_t i = 0; i < column->n; i++) {
    int32_t code = column->code[i];
    int32_t own = code == MISSING_CODE ? MISSING_CODE : map[code];
    bool missing = code == MISSING_CODE || words->n == 0;
    out[i] = missing ? (double)NAN : (double)(own == MISSING_CODE ? words->n : own);
  }
done:
  memory_free(&map);
  return status;
}
