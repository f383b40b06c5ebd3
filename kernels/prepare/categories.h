/* Categories that stay categories, for models that split them as such: at the recipe's end a word
 * becomes its number in the dictionary of the training rows. */
#ifndef SEGUE_PREPARE_CATEGORIES_H
#define SEGUE_PREPARE_CATEGORIES_H

#include "words.h"

/* The words of the training rows, and no others, in byte order.
 * Collective. column: this rank's rows of a category column. Fails with MEMORY, agreed. */
CHECKED Status categories_fit_all(const Comm *comm, const Column *column, Dictionary *words);

/* Codes 0 .. words->n - 1 of a category column of any file; words->n for a word that is not among
 * them; NaN for a missing value, and where there are no words at all. Local. out: column->n. Fails
 * with MEMORY. */
CHECKED Status categories_encode(const Column *column, const Dictionary *words, double *out);

#endif
