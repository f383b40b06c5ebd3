/* The space of a search: what may be chosen, and points in it.
 *
 * A space has one or more groups (model kinds), of which a point is in one; parameters belong to a
 * group and are active in its points alone. A point is 1 + n numbers: its group, then the value of
 * each parameter, NaN where it is not active; a choice is its number 0 .. choices - 1.
 *
 * Samplers work on encoded points, 1 + n numbers too: numbers on a scale of 0 to 1 (of logarithms
 * where the parameter says so), 0.5 where they are not active; codes of categories, -1 where they
 * are not active. So two points differ in a dimension by a number from 0 to 1, or they do or do not
 * (Hutter and Osborne 2013, without their extra parameters). */
#ifndef SEGUE_SEARCH_SPACE_H
#define SEGUE_SEARCH_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef enum ParameterType {
  PARAMETER_REAL,
  PARAMETER_INTEGER,
  PARAMETER_CHOICE,  /* one of a list without order */
  PARAMETER_ORDERED, /* one of a list of rising or falling numbers */
} ParameterType;

typedef struct Parameter {
  ParameterType type;
  double low, high; /* REAL, INTEGER: inclusive, low < high */
  bool log;         /* low > 0 */
  int64_t choices;  /* CHOICE, ORDERED: at least 2 */
  int64_t group;    /* 0 .. groups - 1 */
} Parameter;

typedef struct Space {
  int64_t groups;
  int64_t n;
  const Parameter *items; /* borrowed */
} Space;

/* All local. Arrays of space_width numbers. */
static inline int64_t space_width(const Space *space) { return 1 + space->n; }
/* Is dimension j of encoded points (0: the group) one of categories? */
static inline bool space_is_category(const Space *space, int64_t j) {
  return j == 0 || space->items[j - 1].type == PARAMETER_CHOICE;
}
/* Is it active in points of a group? */
static inline bool space_is_active(const Space *space, int64_t j, int64_t group) {
  return j == 0 || space->items[j - 1].group == group;
}
/* Categories of a dimension, 0: it is a number. */
static inline int64_t space_categories(const Space *space, int64_t j) {
  if (j == 0) return space->groups;
  return space->items[j - 1].type == PARAMETER_CHOICE ? space->items[j - 1].choices : 0;
}

/* The point at u, each of whose numbers is uniform in [0, 1). */
void space_at(const Space *space, const double *u, double *point);
void space_encode(const Space *space, const double *point, double *encoded);
/* The nearest point: integers are rounded, what is not active is dropped. */
void space_decode(const Space *space, const double *encoded, double *point);
bool space_same(const Space *space, const double *a, const double *b);

/* How many points there are; INFINITY when a parameter is real. */
double space_size(const Space *space);

/* The grid: `levels` values of each range, ends included and evenly on its scale (fewer where there
 * are fewer integers), and all choices; group after group, the last parameter changing fastest. */
double space_grid_size(const Space *space, int64_t levels);
/* index: 0 .. space_grid_size - 1 < 2^53 */
void space_grid(const Space *space, int64_t levels, int64_t index, double *point);

#endif
