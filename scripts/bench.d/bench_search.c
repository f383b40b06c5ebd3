/* Part of scripts/bench-search: Segue's samplers on functions whose least value is known.
 *
 *   bench_search METHOD WINDOW SEEDS     a line "FUNCTION SEED BEST16 BEST32 BEST64" for each */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/search/sampler.h"

enum { TRIALS = 64, MOST_WIDTH = 16 };

typedef struct Function {
  const char *name;
  int64_t groups, n;
  Parameter items[8];
  double (*value)(const double *point);
} Function;

static double branin(const double *p) {
  double x = p[1], y = p[2], pi = 3.141592653589793;
  double a = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return a * a + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10;
}

static double hartmann6(const double *p) {
  static const double alpha[4] = {1, 1.2, 3, 3.2};
  static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                 {0.05, 10, 17, 0.1, 8, 14},
                                 {3, 3.5, 1.7, 10, 17, 8},
                                 {17, 8, 0.05, 10, 0.1, 14}};
  static const double q[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                 {2329, 4135, 8307, 3736, 1004, 9991},
                                 {2348, 1451, 3522, 2883, 3047, 6650},
                                 {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    double inner = 0;
    for (int j = 0; j < 6; j++) inner += a[i][j] * pow(p[1 + j] - 1e-4 * q[i][j], 2);
    sum -= alpha[i] * exp(-inner);
  }
  return sum;
}

/* What tuning looks like: a rate on a log scale, a size, a share, a category and a switch. */
static double mixed(const double *p) {
  static const double by_category[] = {0.3, 0, 0.15, 0.4};
  double rate = log10(p[1]) + 1.2, size = log2(p[2]) - 5, share = p[3] - 0.6;
  double loss = 0.5 * rate * rate + 0.1 * size * size + 0.6 * share * share + 0.15 * rate * size;
  return loss + by_category[(int)p[4]] + (p[5] > 0 ? 0.05 * size + 0.1 : 0.08 * rate + 0.2);
}

/* Two kinds of model, each with parameters of its own. */
static double conditional(const double *p) {
  if (p[0] < 0.5) return 0.3 + pow(log10(p[1]) + 2, 2) + 0.5 * pow(p[2] - 0.3, 2);
  return 0.1 + 2 * pow(p[3] - 0.8, 2) + 0.02 * fabs(p[4] - 12) + 0.2 * pow(p[5] - 0.2, 2);
}

static const Function functions[] = {
    {"branin", 1, 2, {{.low = -5, .high = 10}, {.low = 0, .high = 15}}, branin},
    {"hartmann6",
     1,
     6,
     {{.high = 1}, {.high = 1}, {.high = 1}, {.high = 1}, {.high = 1}, {.high = 1}},
     hartmann6},
    {"mixed",
     1,
     5,
     {{.low = 1e-3, .high = 1, .log = true},
      {.type = PARAMETER_INTEGER, .low = 2, .high = 256, .log = true},
      {.low = 0.1, .high = 1},
      {.type = PARAMETER_CHOICE, .choices = 4},
      {.type = PARAMETER_CHOICE, .choices = 2}},
     mixed},
    {"conditional",
     2,
     5,
     {{.low = 1e-5, .high = 1, .log = true},
      {.high = 1},
      {.high = 1, .group = 1},
      {.type = PARAMETER_INTEGER, .low = 1, .high = 40, .group = 1},
      {.high = 1, .group = 1}},
     conditional},
};

static int run(const Function *f, const Sampler *sampler, int64_t window) {
  static double points[TRIALS * MOST_WIDTH], scores[TRIALS], memory[MOST_WIDTH + 2];
  static uint8_t state[TRIALS];
  double best = INFINITY;
  int64_t w = space_width(sampler->space);
  memset(memory, 0, sizeof memory);
  printf("%s %llu", f->name, (unsigned long long)sampler->seed);
  for (int64_t t = 0; t < TRIALS; t++) {
    for (int64_t i = 0; i < t; i++) state[i] = i <= t - window ? TRIAL_KNOWN : TRIAL_PENDING;
    TrialList before = {.n = t, .points = points, .scores = scores, .state = state};
    if (sampler_propose(sampler, &before, memory, points + t * w) != OK) return 1;
    scores[t] = f->value(points + t * w);
    best = fmin(best, scores[t]);
    if (t == 15 || t == 31 || t == 63) printf(" %.17g", best);
  }
  printf("\n");
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  SamplerMethod method = strcmp(argv[1], "tpe") == 0      ? SAMPLER_TPE
                         : strcmp(argv[1], "random") == 0 ? SAMPLER_RANDOM
                                                          : SAMPLER_BAYES;
  for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
    Space space = {functions[f].groups, functions[f].n, functions[f].items};
    for (int seed = 0; seed < atoi(argv[3]); seed++) {
      Sampler sampler = {&space, method, (uint64_t)seed, 8, 5};
      if (run(&functions[f], &sampler, atoi(argv[2])) != 0) return 1;
    }
  }
  return 0;
}
