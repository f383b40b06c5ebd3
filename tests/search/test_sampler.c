/* Spaces, designs and samplers: points lie in their space, come back from encoding, are spread
 * evenly, do not repeat, and are found near the optimum by those that learn. */
#include "kernels/base/comm.h"
#include "kernels/base/memory.h"
#include "kernels/search/design.h"
#include "kernels/search/sampler.h"
#include "tests/check.h"

enum { MOST = 80, WIDTH = 7 };
static const uint64_t SEED = 577;

static const Parameter mixed_items[] = {
    {.type = PARAMETER_REAL, .low = 1e-3, .high = 1, .log = true},
    {.type = PARAMETER_INTEGER, .low = 2, .high = 300, .log = true},
    {.type = PARAMETER_INTEGER, .low = -3, .high = 4},
    {.type = PARAMETER_CHOICE, .choices = 3},
    {.type = PARAMETER_ORDERED, .choices = 4, .group = 1},
    {.type = PARAMETER_REAL, .low = -5, .high = 10, .group = 1},
};
static const Space mixed = {2, 6, mixed_items};

static const Parameter small_items[] = {{.type = PARAMETER_INTEGER, .low = 1, .high = 3},
                                        {.type = PARAMETER_CHOICE, .choices = 2}};
static const Space small = {1, 2, small_items};

static void check_inside(const Space *space, const double *point) {
  CHECK(point[0] >= 0 && point[0] < (double)space->groups && point[0] == floor(point[0]));
  for (int64_t j = 1; j <= space->n; j++) {
    const Parameter *p = &space->items[j - 1];
    if (p->group != (int64_t)point[0]) {
      CHECK(isnan(point[j]));
      continue;
    }
    bool chosen = p->type == PARAMETER_CHOICE || p->type == PARAMETER_ORDERED;
    double low = chosen ? 0 : p->low, high = chosen ? (double)p->choices - 1 : p->high;
    CHECK(point[j] >= low && point[j] <= high);
    if (p->type != PARAMETER_REAL) CHECK_REAL(point[j], rint(point[j]), 0);
  }
}

static void test_space(void) {
  Stream stream = random_stream(SEED, "space", 0);
  for (uint64_t i = 0; i < 300; i++) {
    double u[WIDTH], point[WIDTH], encoded[WIDTH], back[WIDTH];
    for (uint32_t j = 0; j < WIDTH; j++) u[j] = random_uniform(&stream, i, j);
    space_at(&mixed, u, point);
    check_inside(&mixed, point);
    space_encode(&mixed, point, encoded);
    space_decode(&mixed, encoded, back);
    CHECK(space_same(&mixed, point, point));
    for (int64_t j = 0; j < WIDTH; j++) /* a logarithm and back may cost the last digits */
      CHECK_REAL(back[j], point[j], j == 1 || j == 6 ? 1e-14 * fabs(point[j]) + 1e-15 : 0);
  }
  CHECK(isinf(space_size(&mixed)));
  CHECK_REAL(space_size(&small), 6, 0);
}

static void test_grid(void) {
  double point[WIDTH], first[WIDTH];
  int64_t n = (int64_t)space_grid_size(&mixed, 3);
  CHECK_INTEGER(n, 3 * 3 * 3 * 3 + 4 * 3);
  for (int64_t i = 0; i < n; i++) {
    space_grid(&mixed, 3, i, point);
    check_inside(&mixed, point);
    for (int64_t k = 0; k < i; k++) {
      space_grid(&mixed, 3, k, first);
      CHECK(!space_same(&mixed, point, first));
    }
  }
  space_grid(&mixed, 3, 0, point);
  CHECK_REAL(point[1], 1e-3, 1e-18);
  CHECK_REAL(point[2], 2, 0);
  space_grid(&mixed, 3, 80, point);
  CHECK_REAL(point[1], 1, 0);
  CHECK_REAL(point[2], 300, 0);
}

/* Every run of base^k points has one in each interval of a dimension's base^-k. */
static void test_design(void) {
  enum { D = 5 };
  static const int base[D] = {2, 3, 5, 7, 11}, intervals[D] = {16, 27, 25, 7, 11};
  Stream stream = random_stream(SEED, "design", 0);
  for (int j = 0; j < D; j++) {
    CHECK(intervals[j] % base[j] == 0);
    for (int64_t from = 0; from < 4; from++) {
      int hits[32] = {0};
      for (int64_t i = 0; i < intervals[j]; i++) {
        double u[D];
        design_unit(&stream, from * intervals[j] + i, D, u);
        CHECK(u[j] >= 0 && u[j] < 1);
        hits[(int)(u[j] * intervals[j])]++;
      }
      for (int k = 0; k < intervals[j]; k++) CHECK_INTEGER(hits[k], 1);
    }
  }
}

static double loss(const double *p) {
  if (p[0] < 0.5)
    return 1 + fabs(log(p[1]) + 3) + 0.01 * fabs(p[2] - 40) + 0.1 * fabs(p[3]) + (p[4] > 0);
  return 0.2 * fabs(p[5] - 2) + 0.1 * fabs(p[6] - 7);
}

/* The points of n trials; the best loss. */
static double run(const Space *space, SamplerMethod method, int64_t n, int64_t window,
                  double (*f)(const double *), double *points) {
  static double scores[MOST], memory[WIDTH + 2];
  static uint8_t state[MOST];
  Sampler sampler = {space, method, SEED, 8, 3};
  double best = INFINITY;
  int64_t w = space_width(space);
  memset(memory, 0, sizeof memory);
  for (int64_t t = 0; t < n; t++) {
    for (int64_t i = 0; i < t; i++)
      state[i] = i > t - window ? TRIAL_PENDING : i % 9 == 4 ? TRIAL_FAILED : TRIAL_KNOWN;
    TrialList before = {.n = t, .points = points, .scores = scores, .state = state};
    CHECK_OK(sampler_propose(&sampler, &before, memory, points + t * w));
    check_inside(space, points + t * w);
    scores[t] = f(points + t * w);
    best = fmin(best, scores[t]);
  }
  return best;
}

static int64_t repeats(const Space *space, const double *points, int64_t n) {
  int64_t found = 0, w = space_width(space);
  for (int64_t t = 0; t < n; t++) {
    TrialList before = {.n = t, .points = points};
    found += sampler_seen(space, &before, points + t * w);
  }
  return found;
}

static double flat(const double *p) { return p[0]; }

static void test_samplers(void) {
  static double points[MOST * WIDTH], again[MOST * WIDTH];
  const SamplerMethod methods[] = {SAMPLER_RANDOM, SAMPLER_BAYES, SAMPLER_TPE};
  double best[3];
  for (int m = 0; m < 3; m++) {
    best[m] = run(&mixed, methods[m], 50, 3, loss, points);
    CHECK_INTEGER(repeats(&mixed, points, 50), 0);
    run(&mixed, methods[m], 30, 3, loss, again); /* fewer trials are the first ones of more */
    CHECK(memcmp(points, again, sizeof(double) * 30 * WIDTH) == 0);
    for (int64_t n = 5; n <= 6; n++) { /* a small space is seen as a whole, without repeats */
      run(&small, methods[m], n, 2, flat, points);
      CHECK_INTEGER(repeats(&small, points, n), 0);
    }
    run(&small, methods[m], 8, 2, flat, points); /* and after that goes on */
    CHECK_INTEGER(repeats(&small, points, 8), 2);
  }
  CHECK(best[1] < best[0] && best[2] < best[0]);
  CHECK(best[1] < 0.05);
  run(&mixed, SAMPLER_GRID, 20, 3, loss, points);
  CHECK_INTEGER(repeats(&mixed, points, 20), 0);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_space();
  test_grid();
  test_design();
  test_samplers();
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("sampler");
  MPI_Finalize();
  return failed;
}
