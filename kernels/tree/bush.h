/* A bush: a tree, or a part of one, of at most BUSH_EXITS leaves, laid out so that 64 rows walk it
 * at a time in a vector register of bytes.
 *
 * A row holds the number of the exit that it is headed for, at first 0. A split leaves a row that
 * goes left at its number and gives one that goes right a new number. That is a compare, a compare
 * under the mask of the first, and a move under the mask of the second, for 64 rows, and does not
 * ask how deep the bush is. Levels follow each other; one with many splits looks columns, limits
 * and new numbers up in tables of bytes. All of it is whole numbers: any walk gives the same bits.
 *
 * The idea of evaluating splits instead of walking is QuickScorer's (Lucchese et al. 2015), numbers
 * of exits stand for its bit vectors, which grow with the square of the leaves. */
#ifndef SEGUE_TREE_BUSH_H
#define SEGUE_TREE_BUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"

enum {
  BUSH_ROWS = 256,       /* height of a column: rows that walk together */
  BUSH_GROUP = 64,       /* rows of a register */
  BUSH_EXITS = 256,      /* at most */
  BUSH_FEATURES = 32768, /* at most */
  BUSH_SUM_TREES = 256,  /* that sums in two bytes hold */
  BUSH_SUMS = 4 * BUSH_ROWS,
};

/* Bushes, one after another; 2-byte aligned. */
typedef struct BushStore {
  uint8_t *bytes;
  int64_t n, capacity;
} BushStore;

/* Where a bush ends: leaves of the tree, or nodes to go on from. */
typedef struct BushExits {
  int64_t n;
  int32_t node[BUSH_EXITS];  /* place in the tree */
  int32_t words[BUSH_EXITS]; /* of the subtree; 1: a leaf */
} BushExits;

/* Are there instructions for walking bushes (AVX-512 VBMI) here? Local. */
bool bush_available(void);

/* Append the bush of a subtree: all of it, or its largest subtrees, so that the exits are about as
 * large as each other. Local. Fails with MEMORY.
 * tree    see node.h
 * root    place of the subtree's root, words: its length
 * number  2 x features, zero between calls: scratch */
CHECKED Status bush_add(const int64_t *tree, int32_t root, int32_t words, uint8_t *number,
                        BushStore *store, BushExits *exits);
/* Append values of n exits as four planes of bytes, for bush_sum. Local. Fails with MEMORY. */
CHECKED Status bush_add_planes(const int32_t *value, int64_t n, BushStore *store);
static inline int64_t bush_registers(int64_t exits) {
  return exits <= 64 ? 1 : exits <= 128 ? 2 : 4;
}

/* The rest is for where bush_available. Local. */

/* Rows of codes as columns.
 * row      n numbers of rows in codes, at most BUSH_ROWS; NULL: 0 .. n - 1
 * columns  out, stride x BUSH_ROWS: what is past row n, up to a group, is the last row again */
void bush_columns(const uint8_t *codes, int64_t stride, const uint16_t *row, int64_t n,
                  uint8_t *columns);
/* Exits of n rows, at most BUSH_ROWS. exit: out, n rounded up to a group. */
void bush_walk(const uint8_t *bush, const uint8_t *columns, int64_t n, uint8_t *exit);
/* Add values of the exits to sums, of at most BUSH_SUM_TREES trees.
 * planes  see bush_add_planes; exits: their number
 * sums    BUSH_SUMS, in an order of its own */
void bush_sum(const uint8_t *bush, const uint8_t *planes, int64_t exits, const uint8_t *columns,
              int64_t n, uint16_t *sums);
/* Add the sums of so many trees to n whole numbers, one in every `step` of out, and clear them. */
void bush_take_sums(uint16_t *sums, int64_t trees, int64_t n, int64_t step, int64_t *out);

#endif
