/* Errors per value of a column; see by_value.h.
 *
 * Sums are whole numbers of 61 bits (fixed.h), joined by one integer Allreduce: an exact
 * accumulator per value would take 3 KB, too much for the 30,000 artists that a column may have.
 * R2 is about the value's own mean, found in a first pass. */
#include "by_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

enum { MOST_ROWS = 500, MOST_BARS = 40 };

/* Whole numbers only: summed over ranks as one array. */
typedef struct ValueSums {
  int64_t n, n_high, n_high_hit;
  Wide truth, error, absolute, square, deviation_square;
} ValueSums;

enum { VALUE_WORDS = sizeof(ValueSums) / sizeof(int64_t) };

typedef struct ValueScore {
  int32_t code; /* dictionary.n: missing */
  int64_t n, n_high;
  double rmse, mae, r2, bias, high_recall;
} ValueScore;

/* Scales of the sums, same on all ranks. */
typedef struct Scales {
  double truth, error, square, deviation_square;
} Scales;

typedef struct ByValue {
  const RegressionPart *part;
  const Column *by;
  int64_t n_values; /* dictionary.n + 1 */
  ValueSums *sums;
  double *mean; /* of the truth, per value */
  Scales scales;
  ValueScore *scores;
  int64_t n_scores;
} ByValue;

static Status check_column(const RegressionPart *part, const Column *by) {
  if (by->type != COLUMN_CATEGORY && by->type != COLUMN_LIST)
    return status_fail(INVALID,
                       "column \"%s\" is of type %s; errors by its values need a category or a "
                       "list",
                       by->name, column_type_words[by->type]);
  if (part->n > 0 && part->at[part->n - 1] >= by->n)
    return status_fail(INVALID, "column \"%s\" has %lld rows, fewer than the predictions", by->name,
                       (long long)by->n);
  return OK;
}

/* Codes of a row; none: the value "missing". */
static int64_t codes_of(const Column *by, int64_t i, const int32_t **codes) {
  if (column_missing(by, i)) return 0;
  *codes = by->code + (by->type == COLUMN_LIST ? by->offset[i] : i);
  return by->type == COLUMN_LIST ? by->offset[i + 1] - by->offset[i] : 1;
}

static bool seen_before(const int32_t *codes, int64_t k) {
  for (int64_t j = 0; j < k; j++)
    if (codes[j] == codes[k]) return true;
  return false;
}

static void add_errors(ByValue *work, int64_t i, int64_t value) {
  const RegressionPart *part = work->part;
  const Scales *scales = &work->scales;
  ValueSums *sums = &work->sums[value];
  double error = part->prediction[i] - part->truth[i];
  bool high = part->truth[i] > part->threshold;
  sums->n++;
  sums->n_high += high;
  sums->n_high_hit += high && part->prediction[i] > part->threshold;
  wide_add(&sums->truth, part->truth[i], scales->truth);
  wide_add(&sums->error, error, scales->error);
  wide_add(&sums->absolute, fabs(error), scales->error);
  wide_add(&sums->square, error * error, scales->square);
}

static void add_deviation(ByValue *work, int64_t i, int64_t value) {
  double deviation = work->part->truth[i] - work->mean[value];
  wide_add(&work->sums[value].deviation_square, deviation * deviation,
           work->scales.deviation_square);
}

/* Give every row to each of its values. */
static void each_value(ByValue *work, void (*add)(ByValue *, int64_t, int64_t)) {
  for (int64_t i = 0; i < work->part->n; i++) {
    const int32_t *codes = NULL;
    int64_t n = codes_of(work->by, work->part->at[i], &codes);
    if (n == 0) add(work, i, work->n_values - 1);
    for (int64_t k = 0; k < n; k++)
      if (!seen_before(codes, k)) add(work, i, codes[k]);
  }
}

static void sum_all(const Comm *comm, ByValue *work) {
  const RegressionPart *part = work->part;
  double max_truth = 0;
  for (int64_t i = 0; i < part->n; i++) max_truth = fmax(max_truth, fabs(part->truth[i]));
  comm_max_real_all(comm, &max_truth, 1);
  double max_error = part->max_error, spread = 2 * max_truth;
  work->scales = (Scales){.truth = fixed_scale(max_truth, WIDE_BITS),
                          .error = fixed_scale(max_error, WIDE_BITS),
                          .square = fixed_scale(max_error * max_error, WIDE_BITS),
                          .deviation_square = fixed_scale(spread * spread, WIDE_BITS)};
  each_value(work, add_errors);
  comm_sum_all(comm, (int64_t *)work->sums, work->n_values * VALUE_WORDS);
  for (int64_t v = 0; v < work->n_values; v++)
    if (work->sums[v].n > 0)
      work->mean[v] =
          wide_value(&work->sums[v].truth, work->scales.truth) / (double)work->sums[v].n;
  /* The other sums are joined already: the second join must not add them again. */
  if (comm->rank > 0) memset(work->sums, 0, (size_t)work->n_values * sizeof *work->sums);
  each_value(work, add_deviation);
  comm_sum_all(comm, (int64_t *)work->sums, work->n_values * VALUE_WORDS);
}

static void score_values(ByValue *work) {
  const Scales *scales = &work->scales;
  for (int64_t v = 0; v < work->n_values; v++) {
    const ValueSums *sums = &work->sums[v];
    if (sums->n == 0) continue;
    double n = (double)sums->n, square = wide_value(&sums->square, scales->square);
    double total = wide_value(&sums->deviation_square, scales->deviation_square);
    double recall = sums->n_high > 0 ? (double)sums->n_high_hit / (double)sums->n_high : NAN;
    work->scores[work->n_scores++] =
        (ValueScore){.code = (int32_t)v,
                     .n = sums->n,
                     .n_high = sums->n_high,
                     .rmse = sqrt(square / n),
                     .mae = wide_value(&sums->absolute, scales->error) / n,
                     .bias = wide_value(&sums->error, scales->error) / n,
                     .r2 = total > 0 ? 1 - square / total : NAN,
                     .high_recall = recall};
  }
}

static int most_rows_first(const void *a, const void *b) {
  const ValueScore *x = a, *y = b;
  if (x->n != y->n) return x->n > y->n ? -1 : 1;
  return (x->code > y->code) - (x->code < y->code);
}

static int largest_error_first(const void *a, const void *b) {
  const ValueScore *x = a, *y = b;
  if (x->rmse != y->rmse) return x->rmse > y->rmse ? -1 : 1;
  return (x->code > y->code) - (x->code < y->code);
}

static Status value_name(const Column *by, int32_t code, char **out) {
  if (code == by->dictionary.n) return memory_text(out, "(missing)");
  int64_t length = 0;
  const char *bytes = dictionary_word(&by->dictionary, code, &length);
  return memory_text_n(out, bytes, (size_t)length);
}

static Status write_table(const ByValue *work, const char *name, const char *title,
                          char *const *names, Summary *summary) {
  Status status = OK;
  int64_t table = -1;
  const char *const columns[] = {work->by->name, "n",    "rmse",   "mae",
                                 "r2",           "bias", "n_high", "high_recall"};
  bool with_high = !isnan(work->part->threshold);
  TRY(summary_table(summary, name, title, with_high ? 8 : 6, columns, &table));
  for (int64_t v = 0; v < work->n_scores; v++) {
    const ValueScore *score = &work->scores[v];
    const Cell cells[] = {cell_text(names[v]),         cell_integer(score->n),
                          cell_real(score->rmse),      cell_real(score->mae),
                          cell_real(score->r2),        cell_real(score->bias),
                          cell_integer(score->n_high), cell_real(score->high_recall)};
    TRY(summary_row(summary, table, cells));
  }
done:
  return status;
}

/* The values with the largest errors, as bars. */
static Status write_bars(const ByValue *work, char *name, char *title, char **names,
                         Summary *summary) {
  Status status = OK;
  double *heights = NULL;
  int64_t n = work->n_scores < MOST_BARS ? work->n_scores : MOST_BARS;
  TRY(NEW(&heights, n));
  for (int64_t v = 0; v < n; v++) heights[v] = work->scores[v].rmse;
  Series series = {.name = name,
                   .title = title,
                   .x_label = work->by->name,
                   .y_label = "RMSE",
                   .kind = SERIES_BARS,
                   .n_x = n,
                   .n_y = n,
                   .y = heights,
                   .x_names = names};
  TRY(summary_series(summary, &series));
done:
  memory_free(&heights);
  return status;
}

static Status write_scores(ByValue *work, const char *split, Summary *summary) {
  Status status = OK;
  char name[256], title[320], **names = NULL;
  int64_t n = 0, all = work->n_scores;
  snprintf(name, sizeof name, "error_by_%s", work->by->name);
  snprintf(title, sizeof title, "Error by %s (%s)", work->by->name, split);
  if (all > MOST_ROWS) {
    qsort(work->scores, (size_t)all, sizeof *work->scores, most_rows_first);
    work->n_scores = MOST_ROWS;
    TRY(summary_note(summary, NOTE_INFO, "%s: shown are the %d of %lld values with most rows", name,
                     MOST_ROWS, (long long)all));
  }
  qsort(work->scores, (size_t)work->n_scores, sizeof *work->scores, largest_error_first);
  TRY(NEW(&names, work->n_scores));
  for (; n < work->n_scores; n++) TRY(value_name(work->by, work->scores[n].code, &names[n]));
  TRY(write_table(work, name, title, names, summary));
  TRY(write_bars(work, name, title, names, summary));
done:
  for (int64_t v = 0; names && v < n; v++) memory_free(&names[v]);
  memory_free(&names);
  return status;
}

static Status work_new(ByValue *work) {
  Status status = OK;
  TRY(check_column(work->part, work->by));
  work->n_values = (int64_t)work->by->dictionary.n + 1;
  TRY(NEW(&work->sums, work->n_values));
  TRY(NEW(&work->mean, work->n_values));
  TRY(NEW(&work->scores, work->n_values));
done:
  return status;
}

Status by_value_all(const Comm *comm, const RegressionPart *part, const Column *by,
                    const char *name, Summary *summary) {
  Status status = OK;
  ByValue work = {.part = part, .by = by};
  AGREE(comm, work_new(&work));
  sum_all(comm, &work);
  score_values(&work);
  AGREE(comm, write_scores(&work, name, summary));
done:
  memory_free(&work.sums);
  memory_free(&work.mean);
  memory_free(&work.scores);
  return status;
}
