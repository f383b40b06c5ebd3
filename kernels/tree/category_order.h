/* The order of categories in which the best split of them is a prefix (Fisher 1958; Breiman et al.
 * 1984, theorem 4.5): by the mean of the target. Shared by both growers. */
#ifndef SEGUE_TREE_CATEGORY_ORDER_H
#define SEGUE_TREE_CATEGORY_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "node.h"

/* A category that rows of a node have. */
typedef struct Category {
  double key;          /* by which it is ordered, as a double */
  int64_t sum, weight; /* where keys are equal sum / weight decides, exactly; both 0: nothing */
  int32_t code;        /* decides what is left: the lower one first; a missing value is the last */
} Category;

/* Rounding keeps the order of means of sums below 2^53, so that unequal keys need no second look;
 * of larger sums means that are equal but for their last bits may change places, everywhere alike.
 */
static inline Category category_of(int32_t code, int64_t sum, int64_t weight) {
  return (Category){(double)sum / (double)weight, sum, weight, code};
}

/* Put n categories, at most 256, in order: a total one, whatever order they came in. Local. */
void category_order(Category *list, int64_t n);

static inline void category_add(int32_t code, int64_t set[NODE_SET_WORDS]) {
  set[code / 64] = (int64_t)((uint64_t)set[code / 64] | UINT64_C(1) << (code % 64));
}
/* The set of a split that sends the codes of n categories of `list`, beginning with the first, left
 * (step -1: backwards), and the codes that no row of the node has where the weight is: left when
 * absent_left. all: how many categories there are, list[0 .. all - 1]. Local. */
void category_set(const Category *list, int64_t all, int64_t first, int64_t step, int64_t n,
                  bool absent_left, int64_t set[NODE_SET_WORDS]);

#endif
