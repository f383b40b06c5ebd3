/* Target sums: what every word knows of the target, by encoding fold, exactly.
 *
 * Sums are integers (counts of classes; values as fixed-point numbers, numeric/fixed.h) joined by
 * one Allreduce, so that leaving a fold out is an exact subtraction and the number of ranks cannot
 * be seen. */
#ifndef SEGUE_PREPARE_TARGET_SUMS_H
#define SEGUE_PREPARE_TARGET_SUMS_H

#include "words.h"

enum { TARGET_CLASSES = 20, ALL_FOLDS = -1 };

typedef struct TargetSums {
  int64_t outputs; /* numbers per word: 1 (value, share of class 1), or one per class if over two */
  int64_t folds;
  int64_t n_words;
  bool classes;  /* the target is a class number */
  double scale;  /* of fixed-point values */
  int64_t width; /* integers in a cell */
  /* (n_words + 1) x folds cells: the number of rows, then the sums; word n_words is every row. */
  int64_t *cells;
} TargetSums;

/* Add up the training rows.
 * words   the rows' words
 * target  words->n numbers; rows whose target is NaN do not count
 * n_classes  0: regression; at most TARGET_CLASSES
 * fold    words->n numbers 0 .. folds - 1
 * Collective. The caller clears sums, also after a failure.
 * Fails with NUMERIC when a target is infinite, MEMORY; agreed. One Allreduce of the cells. */
CHECKED Status target_sums_init_all(TargetSums *sums, const Comm *comm, const WordRows *words,
                                    const double *target, int64_t n_classes, const int32_t *fold,
                                    int64_t folds);
void target_sums_clear(TargetSums *sums);

/* The mean target of all rows outside fold `without` (ALL_FOLDS: of all); NaN where there is none.
 * out outputs numbers. Local. */
void target_prior(const TargetSums *sums, int64_t without, double *out);
/* Add to out how far a word's encoding is from the prior: (sum - n prior) / (n + smoothing) over
 * its rows outside fold `without` (Micci-Barreca 2001, with the weight n / (n + smoothing)); 0
 * where n is 0. prior: of the same rows; prior, out outputs numbers. Local. */
void target_add_word(const TargetSums *sums, int64_t word, int64_t without, double smoothing,
                     const double *prior, double *out);

#endif
