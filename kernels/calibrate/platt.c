/* Platt's map by Newton's method; see calibration.h.
 *
 * Each row's share of loss, gradient and Hessian is computed in the same way wherever it lies and
 * added exactly, so that every decision (direction, step, stop) is the same on any number of
 * ranks. Where the loss is too flat to compare, full steps are taken, which double the digits that
 * are right: two parameters make them cheap, and the result depends on no tolerance. */
#include <math.h>

#include "calibration.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/exact.h"

enum { MOST_ITERATIONS = 50, MOST_HALVINGS = 40 };
static const double RIDGE = 1e-12;
static const double SMALL = 1e-16; /* gradient of a row */
static const double NEAR = 1e-8;   /* fall of the loss that a step promises */

/* What a row is drawn to: not 0 and 1, so that separable rows have a finite solution. */
typedef struct Targets {
  double positive, negative, n;
} Targets;

double platt_value(double a, double b, double score) {
  double z = a * score + b, e = elementary_exp(-fabs(z));
  return z >= 0 ? e / (1 + e) : 1 / (1 + e);
}

static double loss_of(double z, double target) {
  double tail = elementary_log(1 + elementary_exp(-fabs(z)));
  return (z >= 0 ? target * z : (target - 1) * z) + tail;
}

static double loss_all(const Comm *comm, const BinaryRows *rows, const Targets *targets, double a,
                       double b) {
  Exact sum;
  exact_init(&sum);
  for (int64_t i = 0; i < rows->n; i++)
    exact_add(&sum, loss_of(a * rows->score[i] + b,
                            rows->positive[i] ? targets->positive : targets->negative));
  exact_join_all(comm, &sum, 1);
  return exact_round(&sum);
}

enum { GRADIENT_A, GRADIENT_B, HESSIAN_AA, HESSIAN_AB, HESSIAN_BB, SUMS };

static void derivatives_all(const Comm *comm, const BinaryRows *rows, const Targets *targets,
                            double a, double b, double out[SUMS]) {
  Exact sums[SUMS];
  for (int s = 0; s < SUMS; s++) exact_init(&sums[s]);
  for (int64_t i = 0; i < rows->n; i++) {
    double score = rows->score[i], p = platt_value(a, b, score), spread = p * (1 - p);
    double error = (rows->positive[i] ? targets->positive : targets->negative) - p;
    exact_add(&sums[GRADIENT_A], score * error);
    exact_add(&sums[GRADIENT_B], error);
    exact_add(&sums[HESSIAN_AA], score * score * spread);
    exact_add(&sums[HESSIAN_AB], score * spread);
    exact_add(&sums[HESSIAN_BB], spread);
  }
  exact_join_all(comm, sums, SUMS);
  for (int s = 0; s < SUMS; s++) out[s] = exact_round(&sums[s]);
}

/* One step downhill; false: there is none. */
static bool step_all(const Comm *comm, const BinaryRows *rows, const Targets *targets, double *a,
                     double *b, double *loss) {
  double of[SUMS];
  derivatives_all(comm, rows, targets, *a, *b, of);
  if (fabs(of[GRADIENT_A]) + fabs(of[GRADIENT_B]) < SMALL * targets->n) return false;
  double aa = of[HESSIAN_AA] + RIDGE, bb = of[HESSIAN_BB] + RIDGE, ab = of[HESSIAN_AB];
  double determinant = aa * bb - ab * ab;
  double da = -(bb * of[GRADIENT_A] - ab * of[GRADIENT_B]) / determinant;
  double db = -(aa * of[GRADIENT_B] - ab * of[GRADIENT_A]) / determinant;
  double length = 1, fall = -(da * of[GRADIENT_A] + db * of[GRADIENT_B]);
  if (fall < NEAR) { /* closer than the loss can tell */
    *a += da;
    *b += db;
    return fall > 0;
  }
  for (int k = 0; k < MOST_HALVINGS; k++, length /= 2) {
    double next = loss_all(comm, rows, targets, *a + length * da, *b + length * db);
    if (!(next < *loss)) continue;
    *a += length * da;
    *b += length * db;
    *loss = next;
    return true;
  }
  return false;
}

void platt_fit_all(const Comm *comm, const BinaryRows *rows, double *a, double *b) {
  int64_t counts[2] = {0, 0}; /* negative, positive */
  for (int64_t i = 0; i < rows->n; i++) counts[rows->positive[i] != 0]++;
  comm_sum_all(comm, counts, 2);
  double negative = (double)counts[0], positive = (double)counts[1];
  Targets targets = {.positive = (positive + 1) / (positive + 2),
                     .negative = 1 / (negative + 2),
                     .n = negative + positive};
  *a = 0;
  *b = elementary_log((negative + 1) / (positive + 1));
  double loss = loss_all(comm, rows, &targets, *a, *b);
  for (int k = 0; k < MOST_ITERATIONS; k++)
    if (!step_all(comm, rows, &targets, a, b, &loss)) return;
}
