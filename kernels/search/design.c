/* Scrambled Halton points; see design.h. */
#include "design.h"

#include <math.h>

#include "kernels/numeric/hash.h"

static int64_t next_prime(int64_t p) {
  for (bool prime = false; !prime;) {
    prime = true;
    p++;
    for (int64_t q = 2; q * q <= p; q++) prime &= p % q != 0;
  }
  return p;
}

/* Digit by digit until further ones cannot be seen. */
static double scrambled(const Stream *stream, int64_t index, int64_t dimension, int64_t base) {
  double u = 0, unit = 1;
  uint64_t path = hash_mix((uint64_t)dimension + 1);
  while (unit > 0x1p-53) {
    int64_t digit = index % base;
    uint64_t bits = random_bits(stream, path, 0);
    int64_t a = 1 + (int64_t)((bits >> 32) % (uint64_t)(base - 1));
    int64_t b = (int64_t)((bits & 0xffffffffu) % (uint64_t)base);
    index /= base;
    unit /= (double)base;
    u += (double)((a * digit + b) % base) * unit;
    path = hash_mix(path * 31 + (uint64_t)digit + 1);
  }
  return u < 1 ? u : 0x1.fffffffffffffp-1;
}

void design_unit(const Stream *stream, int64_t index, int64_t d, double *u) {
  int64_t base = 2;
  for (int64_t j = 0; j < d; j++) {
    u[j] = scrambled(stream, index, j, base);
    base = next_prime(base);
  }
}

void design_point(const Stream *stream, const Space *space, int64_t index, double *point) {
  int64_t base = 2;
  point[0] = (double)(index % space->groups);
  for (int64_t j = 1; j <= space->n; j++) {
    Parameter alone = space->items[j - 1];
    Space one = {.groups = 1, .n = 1, .items = &alone};
    double u[2] = {0}, both[2];
    bool active = alone.group == (int64_t)point[0];
    alone.group = 0;
    u[1] = scrambled(stream, index / space->groups, j, base);
    space_at(&one, u, both);
    point[j] = active ? both[1] : NAN;
    base = next_prime(base);
  }
}
