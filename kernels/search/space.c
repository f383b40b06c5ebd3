/* Points of a space; see space.h. */
#include "space.h"

#include <math.h>

#include "kernels/numeric/elementary.h"

static double bounded(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

/* Ends of the scale that 0 and 1 stand for: an integer is the middle of its share. */
static void scale_ends(const Parameter *p, double *low, double *high) {
  double half = p->type == PARAMETER_INTEGER ? 0.5 : 0;
  *low = p->log ? elementary_log(p->low - half) : p->low - half;
  *high = p->log ? elementary_log(p->high + half) : p->high + half;
}

/* The value at u of 0 .. 1 of the scale. */
static double value_at(const Parameter *p, double u) {
  double low, high;
  if (p->type == PARAMETER_CHOICE || p->type == PARAMETER_ORDERED)
    return bounded(floor(u * (double)p->choices), 0, (double)p->choices - 1);
  scale_ends(p, &low, &high);
  double x = low + u * (high - low);
  if (p->log) x = elementary_exp(x);
  if (p->type == PARAMETER_INTEGER) x = rint(x);
  return bounded(x, p->low, p->high);
}

static double scale_of(const Parameter *p, double value) {
  double low, high;
  if (p->type == PARAMETER_ORDERED) return (value + 0.5) / (double)p->choices;
  scale_ends(p, &low, &high);
  double x = p->log ? elementary_log(value) : value;
  return bounded((x - low) / (high - low), 0, 1);
}

void space_at(const Space *space, const double *u, double *point) {
  point[0] = bounded(floor(u[0] * (double)space->groups), 0, (double)space->groups - 1);
  for (int64_t j = 1; j <= space->n; j++) {
    const Parameter *p = &space->items[j - 1];
    point[j] = p->group == (int64_t)point[0] ? value_at(p, u[j]) : NAN;
  }
}

void space_encode(const Space *space, const double *point, double *encoded) {
  encoded[0] = point[0];
  for (int64_t j = 1; j <= space->n; j++) {
    const Parameter *p = &space->items[j - 1];
    bool active = p->group == (int64_t)point[0];
    if (p->type == PARAMETER_CHOICE)
      encoded[j] = active ? point[j] : -1;
    else
      encoded[j] = active ? scale_of(p, point[j]) : 0.5;
  }
}

void space_decode(const Space *space, const double *encoded, double *point) {
  point[0] = encoded[0];
  for (int64_t j = 1; j <= space->n; j++) {
    const Parameter *p = &space->items[j - 1];
    if (p->group != (int64_t)point[0])
      point[j] = NAN;
    else
      point[j] = p->type == PARAMETER_CHOICE ? encoded[j] : value_at(p, encoded[j]);
  }
}

bool space_same(const Space *space, const double *a, const double *b) {
  for (int64_t j = 0; j <= space->n; j++) {
    bool active = space_is_active(space, j, (int64_t)a[0]);
    if (active && !(a[j] == b[j])) return false;
  }
  return true;
}

/* Values of a parameter on a grid; levels 0: all there are. */
static double levels_of(const Parameter *p, int64_t levels) {
  if (p->type == PARAMETER_CHOICE || p->type == PARAMETER_ORDERED) return (double)p->choices;
  double all = p->type == PARAMETER_INTEGER ? p->high - p->low + 1 : INFINITY;
  return levels > 0 && (double)levels < all ? (double)levels : all;
}

static double group_size(const Space *space, int64_t group, int64_t levels) {
  double size = 1;
  for (int64_t j = 0; j < space->n; j++)
    if (space->items[j].group == group) size *= levels_of(&space->items[j], levels);
  return size;
}

double space_grid_size(const Space *space, int64_t levels) {
  double size = 0;
  for (int64_t g = 0; g < space->groups; g++) size += group_size(space, g, levels);
  return size;
}

double space_size(const Space *space) { return space_grid_size(space, 0); }

/* Level k of n, ends included. On a logarithmic scale of integers levels may coincide when they are
 * rounded; then the grid has the point twice, and a search looks at it once. */
static double grid_value(const Parameter *p, int64_t k, int64_t n) {
  if (p->type == PARAMETER_CHOICE || p->type == PARAMETER_ORDERED) return (double)k;
  double share = n > 1 ? (double)k / (double)(n - 1) : 0.5;
  double low = p->log ? elementary_log(p->low) : p->low;
  double high = p->log ? elementary_log(p->high) : p->high;
  double x = low + share * (high - low);
  if (p->log) x = elementary_exp(x);
  if (p->type == PARAMETER_INTEGER) x = rint(x);
  return bounded(x, p->low, p->high);
}

void space_grid(const Space *space, int64_t levels, int64_t index, double *point) {
  int64_t group = 0;
  while (group + 1 < space->groups && (double)index >= group_size(space, group, levels))
    index -= (int64_t)group_size(space, group++, levels);
  point[0] = (double)group;
  for (int64_t j = space->n; j >= 1; j--) {
    const Parameter *p = &space->items[j - 1];
    point[j] = NAN;
    if (p->group != group) continue;
    int64_t n = (int64_t)levels_of(p, levels);
    point[j] = grid_value(p, index % n, n);
    index /= n;
  }
}
