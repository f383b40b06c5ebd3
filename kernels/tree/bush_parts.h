/* The bytes of a bush, between who lays it out and who walks it: levels one after another, up to
 * one that is all zero. A level is BushLevel with tables: the columns that they name, then three
 * tables of `registers` x 64 bytes, by exit: the column's number among them (BUSH_NO_COLUMN: no
 * split), the limit, the right child's exit BushSplit: plain ones, then those with missing values
 * left BushSet */
#ifndef SEGUE_TREE_BUSH_PARTS_H
#define SEGUE_TREE_BUSH_PARTS_H

#include "bush.h"

enum { BUSH_NO_COLUMN = 255, BUSH_SET_BYTES = 32 };

typedef struct BushLevel {
  uint16_t plain, flipped, sets;
  uint8_t registers; /* of a table; 0: none */
  uint8_t columns;
} BushLevel;

/* A column of a table: 2 x feature + flip (node.h). */
typedef struct BushSplit {
  uint16_t feature;
  uint8_t exit, limit, right, unused;
} BushSplit;

typedef struct BushSet {
  uint16_t feature;
  uint8_t exit, right;
  uint8_t left[BUSH_SET_BYTES]; /* bit c % 8 of byte c / 8: code c goes left */
} BushSet;

#endif
