/* Bins of categories; see bins.h.
 *
 * A tree splits at most BINS_MAX bins of a feature. The words that most rows have keep a bin each;
 * the tail, of which a tree could learn little, shares the last one. */
#include <math.h>
#include <stdlib.h>

#include "bins.h"
#include "kernels/base/memory.h"

typedef struct Counted {
  int64_t rows;
  int32_t code;
} Counted;

/* More rows first, ties: the lower code. */
static int compare_counted(const void *a, const void *b) {
  const Counted *x = a, *y = b;
  if (x->rows != y->rows) return x->rows > y->rows ? -1 : 1;
  return (x->code > y->code) - (x->code < y->code);
}

/* Bins of k codes from their rows over all ranks, bin[k] for new words; returns the number of
 * bins, at least 1. */
static int64_t choose_bins(const int64_t *rows, int64_t k, int64_t max_bins, Counted *list,
                           uint8_t *bin) {
  int64_t n = 0;
  for (int64_t code = 0; code < k; code++) {
    list[n] = (Counted){rows[code], (int32_t)code};
    n += rows[code] > 0;
  }
  uint8_t new = (uint8_t)(n > max_bins ? max_bins - 1 : BINS_MISSING);
  for (int64_t code = 0; code <= k; code++) bin[code] = new;
  qsort(list, (size_t)n, sizeof *list, compare_counted);
  int64_t own = n <= max_bins ? n : max_bins - 1;
  for (int64_t i = 0; i < n; i++) bin[list[i].code] = (uint8_t)(i < own ? i : own);
  return n <= max_bins ? (n > 0 ? n : 1) : max_bins;
}

static Status category_offsets(const Matrix *x, Bins *out) {
  Status status = OK;
  TRY(NEW(&out->category_offset, x->d + 1));
  for (int64_t j = 0; j < x->d; j++) {
    int64_t k = matrix_categories(x, j);
    out->category_offset[j + 1] = out->category_offset[j] + (k > 0 ? k + 1 : 0);
  }
  TRY(NEW(&out->category, out->category_offset[x->d]));
done:
  return status;
}

Status bins_count_categories_all(const Comm *comm, const Matrix *x, int64_t max_bins, Bins *out,
                                 int32_t *n_bins) {
  Status status = OK;
  int64_t *rows = NULL;
  Counted *list = NULL;
  AGREE(comm, category_offsets(x, out));
  int64_t total = out->category_offset[x->d];
  status = NEW(&rows, total);
  if (status == OK) status = NEW(&list, total);
  AGREE(comm, status);
  for (int64_t j = 0; j < x->d; j++) {
    const double *column = matrix_column(x, j);
    int64_t *own = rows + out->category_offset[j];
    double k = matrix_categories(x, j);
    for (int64_t i = 0; k > 0 && i < x->rows.n; i++) {
      if (column[i] < k) own[(int64_t)column[i]]++; /* false for NaN */
    }
  }
  comm_sum_all(comm, rows, total);
  for (int64_t j = 0; j < x->d; j++) {
    int64_t at = out->category_offset[j], k = matrix_categories(x, j);
    n_bins[j] = 1;
    if (k == 0) continue;
    n_bins[j] = (int32_t)choose_bins(rows + at, k, max_bins, list, out->category + at);
  }
done:
  memory_free(&rows);
  memory_free(&list);
  return status;
}

void bins_encode_categories(const Bins *bins, int64_t j, const double *column, int64_t n,
                            uint8_t *codes) {
  int64_t at = bins->category_offset[j], stride = bins_stride(bins->d);
  double k = (double)(bins->category_offset[j + 1] - at - 1);
  for (int64_t i = 0; i < n; i++) {
    double code = column[i] < k ? column[i] : k;
    bool missing = !(column[i] >= 0); /* true for NaN */
    codes[i * stride] = missing ? BINS_MISSING : bins->category[at + (int64_t)code];
  }
}

static Status check_categories(const Bins *bins, int64_t n_offset) {
  bool sound = n_offset == bins->d + 1 && bins->category_offset[0] == 0;
  for (int64_t j = 0; sound && j < bins->d; j++) {
    sound = bins->category_offset[j] <= bins->category_offset[j + 1];
  }
  return sound ? OK : status_fail(FORMAT, "forest: the offsets of categories do not ascend from 0");
}

static Status check_codes(const Bins *bins) {
  for (int64_t j = 0; j < bins->d; j++) {
    for (int64_t at = bins->category_offset[j]; at < bins->category_offset[j + 1]; at++) {
      if (bins->category[at] < bins_of(bins, j) || bins->category[at] == BINS_MISSING) continue;
      return status_fail(FORMAT, "forest: a category of feature %lld has no bin", (long long)j);
    }
  }
  return OK;
}

Status bins_category_fields(Bins *bins, Fields *fields) {
  Status status = OK;
  if (!fields_has(fields, "category_offset", bins->category_offset != NULL)) return OK;
  int64_t n_offset = fields->mode == FIELDS_OUT ? bins->d + 1 : -1;
  TRY(fields_array(fields, "category_offset", FIELD_INTEGER, &bins->category_offset, 1, &n_offset));
  TRY(check_categories(bins, n_offset));
  int64_t n = bins->category_offset[bins->d];
  TRY(fields_array(fields, "category_bin", FIELD_BYTE, &bins->category, 1, &n));
  TRY(check_codes(bins));
done:
  return status;
}
