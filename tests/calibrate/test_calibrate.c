/* Calibration, reliability and thresholds: against scikit-learn (tests/oracle/calibrate.csv),
 * against plain searches, the same bits on any share of rows, lack of memory. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/calibrate/reliability.h"
#include "kernels/calibrate/threshold.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

enum { MOST_ROWS = 400, MOST_CLASSES = 4, MOST_LINES = 16, N = 500 };

static const uint64_t SEED = 8;

typedef struct Case {
  char name[16];
  int64_t n, k, n_expected, n_bins;
  char expected[MOST_LINES][32];
  double value[MOST_LINES], bin[MOST_LINES][2];
  double truth[MOST_ROWS], given[MOST_ROWS * MOST_CLASSES];
  double mapped[2][MOST_ROWS * MOST_CLASSES]; /* by CalibrationMethod */
} Case;

static double expected(const Case *c, const char *name) {
  for (int64_t e = 0; e < c->n_expected; e++)
    if (strcmp(c->expected[e], name) == 0) return c->value[e];
  CHECK(false);
  return NAN;
}

/* A rank's rows: uneven shares, none on rank 1 of three. */
static CalibrationRows share_of(const Comm *comm, const Case *c) {
  int64_t border[2];
  for (int side = 0; side < 2; side++) {
    int64_t r = comm->rank + side;
    border[side] = r == comm->size ? c->n : comm->size >= 3 && r == 2 ? c->n / 5 : c->n * r / 5;
  }
  return (CalibrationRows){.n = border[1] - border[0],
                           .n_classes = c->k,
                           .probability = c->given + border[0] * c->k,
                           .truth = c->truth + border[0]};
}

/* ---- the fixture ---- */

static void read_row(Case *c, char *line, int64_t i) {
  double *const into[] = {c->given, c->mapped[0], c->mapped[1]};
  c->truth[i] = strtod(line, &line);
  for (int what = 0; what < 3; what++)
    for (int64_t k = 0; k < c->k; k++) into[what][i * c->k + k] = strtod(line + 1, &line);
}

/* line holds the case's first line; false at the end of the file. */
static bool read_case(FILE *file, char *line, int size, Case *c) {
  int64_t rows = 0;
  memset(c, 0, sizeof *c);
  if (sscanf(line, "case,%15[^,],%" SCNd64 ",%" SCNd64, c->name, &c->n, &c->k) != 3) return false;
  line[0] = 0;
  while (fgets(line, size, file) && strncmp(line, "case,", 5) != 0) {
    if (strncmp(line, "row,", 4) == 0) read_row(c, line + 4, rows++);
    if (strncmp(line, "bin,", 4) == 0) {
      char *at = line + 4;
      c->bin[c->n_bins][0] = strtod(at, &at);
      c->bin[c->n_bins++][1] = strtod(at + 1, NULL);
    }
    if (sscanf(line, "expect,%31[^,],%lf", c->expected[c->n_expected], &c->value[c->n_expected]) ==
        2)
      c->n_expected++;
    line[0] = 0;
  }
  CHECK_INTEGER(rows, c->n);
  return true;
}

/* ---- maps ---- */

static void test_maps(const Comm *comm, const Case *c, CalibrationMethod method, double tolerance) {
  static double p[MOST_ROWS * MOST_CLASSES], alone[MOST_ROWS * MOST_CLASSES];
  Comm self = comm_self();
  CalibrationRows rows = share_of(comm, c);
  CalibrationRows all = {.n = c->n, .n_classes = c->k, .probability = c->given, .truth = c->truth};
  Calibration map = {.method = method, .scale = SCALE_PROBABILITY}, other = map;
  CHECK_OK(calibration_fit_all(comm, &rows, &map));
  CHECK_OK(calibration_fit_all(&self, &all, &other));
  memcpy(p, c->given, sizeof p);
  memcpy(alone, c->given, sizeof alone);
  calibration_apply(&map, c->n, c->k, p);
  calibration_apply(&other, c->n, c->k, alone);
  CHECK(memcmp(p, alone, sizeof p) == 0);
  for (int64_t i = 0; i < c->n * c->k; i++) CHECK_REAL(p[i], c->mapped[method][i], tolerance);
  calibration_clear(&map);
  calibration_clear(&other);
}

/* On log odds Platt's map holds the identity, so calibrated probabilities stay; and order stays. */
static void test_log_odds(const Comm *comm) {
  static double p[2 * N], truth[N], out[2 * N];
  Stream stream = random_stream(SEED, "calibrate", 0);
  Calibration map = {.method = CALIBRATION_PLATT, .scale = SCALE_LOG_ODDS};
  for (int64_t i = 0; i < N; i++) {
    p[2 * i + 1] = random_uniform(&stream, (uint64_t)i, 0);
    p[2 * i] = 1 - p[2 * i + 1];
    truth[i] = random_uniform(&stream, (uint64_t)i, 1) < p[2 * i + 1];
  }
  CalibrationRows rows = {
      .n = comm->rank == 0 ? N : 0, .n_classes = 2, .probability = p, .truth = truth};
  CHECK_OK(calibration_fit_all(comm, &rows, &map));
  CHECK_REAL(map.maps[0].a, -1, 0.2);
  CHECK_REAL(map.maps[0].b, 0, 0.2);
  memcpy(out, p, sizeof out);
  calibration_apply(&map, N, 2, out);
  for (int64_t i = 1; i < N; i++) {
    CHECK((p[2 * i + 1] < p[2 * i - 1]) == (out[2 * i + 1] < out[2 * i - 1]));
    CHECK_REAL(out[2 * i] + out[2 * i + 1], 1, 1e-15);
  }
  double ends[] = {1, 0, 0, 1};
  calibration_apply(&map, 2, 2, ends);
  CHECK(ends[1] > 0 && ends[1] < 1e-3 && ends[3] < 1 && ends[3] > 1 - 1e-3);
  double missing[] = {NAN, NAN};
  calibration_apply(&map, 1, 2, missing);
  CHECK(isnan(missing[0]) && isnan(missing[1]));
  calibration_clear(&map);
}

/* Isotonic: the definition of max-min means, on few points. */
static void test_isotonic_is_max_min(const Comm *comm) {
  enum { FEW = 40 };
  double score[FEW];
  uint8_t positive[FEW];
  Stream stream = random_stream(SEED, "isotonic", 0);
  for (int64_t i = 0; i < FEW; i++) {
    score[i] = (double)i / FEW;
    positive[i] = random_uniform(&stream, (uint64_t)i, 0) < 0.2 + 0.6 * score[i];
  }
  int64_t begin = FEW * comm->rank / comm->size, end = FEW * (comm->rank + 1) / comm->size;
  BinaryRows rows = {.n = end - begin, .score = score + begin, .positive = positive + begin};
  CalibrationMap map = {0};
  CHECK_OK(isotonic_fit_all(comm, &rows, &map));
  for (int i = 0; i < FEW; i++) {
    double best = 0;
    for (int s = 0; s <= i; s++) {
      double least = 1;
      for (int t = i, sum = 0; t < FEW; t++) {
        if (t == i)
          for (int u = s; u < i; u++) sum += positive[u];
        sum += positive[t];
        least = fmin(least, (double)sum / (t - s + 1));
      }
      best = fmax(best, least);
    }
    CHECK_REAL(isotonic_value(&map, score[i]), best, 1e-15);
  }
  CHECK_REAL(isotonic_value(&map, -3), map.y[0], 0);
  CHECK_REAL(isotonic_value(&map, 3), map.y[map.n - 1], 0);
  memory_free(&map.x);
  memory_free(&map.y);
}

static void test_fields(const Case *c, CalibrationMethod method) {
  Comm self = comm_self();
  double p[2 * MOST_CLASSES], again[2 * MOST_CLASSES];
  CalibrationRows all = {.n = c->n, .n_classes = c->k, .probability = c->given, .truth = c->truth};
  Calibration map = {.method = method}, read = {0};
  Fields out, in;
  CHECK_OK(calibration_fit_all(&self, &all, &map));
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(calibration_fields(&map, &out));
  CHECK_OK(fields_copy(&out, &in));
  CHECK_OK(calibration_fields(&read, &in));
  memcpy(p, c->given, (size_t)(2 * c->k) * sizeof *p);
  memcpy(again, p, sizeof again);
  calibration_apply(&map, 2, c->k, p);
  calibration_apply(&read, 2, c->k, again);
  CHECK(memcmp(p, again, (size_t)(2 * c->k) * sizeof *p) == 0);
  fields_clear(&out);
  fields_clear(&in);
  calibration_clear(&map);
  calibration_clear(&read);
}

/* ---- reliability ---- */

static void test_reliability(const Comm *comm, const Case *c) {
  CalibrationRows rows = share_of(comm, c);
  Reliability got;
  int64_t bin = 0, n = 0;
  double error = 0;
  reliability_all(comm, &rows, 10, &got);
  CHECK_INTEGER(got.n, c->n);
  CHECK_REAL(got.brier, expected(c, "brier"), 1e-14);
  for (int64_t b = 0; b < 10; b++) {
    n += got.rows[b];
    if (got.rows[b] == 0) continue;
    error += (double)got.rows[b] * fabs(got.predicted[b] - got.observed[b]) / (double)c->n;
    if (c->k > 2) continue;
    CHECK_REAL(got.predicted[b], c->bin[bin][0], 1e-14);
    CHECK_REAL(got.observed[b], c->bin[bin++][1], 1e-14);
  }
  CHECK_INTEGER(bin, c->n_bins);
  CHECK_INTEGER(n, c->n);
  CHECK_REAL(got.calibration_error, error, 1e-14);
}

/* ---- thresholds ---- */

static void binary_of(const CalibrationRows *rows, double *score, uint8_t *positive,
                      BinaryRows *out) {
  for (int64_t i = 0; i < rows->n; i++) {
    score[i] = rows->probability[2 * i + 1];
    positive[i] = rows->truth[i] == 1;
  }
  *out = (BinaryRows){.n = rows->n, .score = score, .positive = positive};
}

static double score_of(const ThresholdChoice *choice, const ThresholdOptions *options,
                       const ThresholdPoint *point) {
  if (options->goal == GOAL_F1) return threshold_f1(choice, point);
  if (options->goal == GOAL_COST) return threshold_cost(choice, options, point);
  return threshold_recall(choice, point);
}

static void test_thresholds(const Comm *comm, const Case *c) {
  static double score[MOST_ROWS];
  static uint8_t positive[MOST_ROWS];
  static const char *const names[] = {"f1", "recall_at", "cost"};
  CalibrationRows rows = share_of(comm, c);
  BinaryRows binary;
  binary_of(&rows, score, positive, &binary);
  for (int goal = 0; goal < 3; goal++) {
    char name[40];
    ThresholdChoice choice;
    ThresholdPoint at;
    ThresholdOptions options = {
        .goal = (ThresholdGoal)goal, .precision = 0.8, .false_positive = 1, .false_negative = 3};
    CHECK_OK(threshold_choose_all(comm, &binary, &options, &choice));
    CHECK_REAL(score_of(&choice, &options, &choice.best), expected(c, names[goal]), 1e-14);
    snprintf(name, sizeof name, "%s_threshold", names[goal]);
    CHECK_REAL(choice.best.threshold, expected(c, name), 0);
    CHECK(choice.reached);
    threshold_at_all(comm, &binary, choice.best.threshold, &at);
    CHECK_INTEGER(at.hits, choice.best.hits);
    CHECK_INTEGER(at.called, choice.best.called);
    CHECK(choice.n_curve > 10 && choice.n_curve <= 201);
    CHECK_INTEGER(choice.curve[choice.n_curve - 1].called, c->n);
    for (int64_t k = 0; k < choice.n_curve; k++) {
      threshold_at_all(comm, &binary, choice.curve[k].threshold, &at);
      CHECK(at.hits == choice.curve[k].hits && at.called == choice.curve[k].called);
    }
    threshold_clear(&choice);
  }
}

/* What ends a search early or has no good answer. */
static void test_unusual_thresholds(const Comm *comm) {
  double score[] = {0.9, 0.8, 0.8, 0.4, 0.1, 0};
  uint8_t positive[] = {0, 1, 0, 0, 1, 0};
  BinaryRows rows = {
      .n = comm->rank == comm->size - 1 ? 6 : 0, .score = score, .positive = positive};
  ThresholdOptions options = {.goal = GOAL_RECALL, .precision = 0.9};
  ThresholdChoice choice;
  CHECK_OK(threshold_choose_all(comm, &rows, &options, &choice));
  CHECK(!choice.reached);
  CHECK_REAL(threshold_precision(&choice.best), 0.4, 0);
  CHECK_REAL(choice.best.threshold, 0.1, 0);
  threshold_clear(&choice);
  options = (ThresholdOptions){.goal = GOAL_COST, .false_positive = 10, .false_negative = 1};
  CHECK_OK(threshold_choose_all(comm, &rows, &options, &choice));
  CHECK_INTEGER(choice.best.called, 0);
  CHECK(choice.best.threshold > 0.9 && choice.best.threshold < 0.9001);
  threshold_clear(&choice);
  options = (ThresholdOptions){.goal = GOAL_COST}; /* nothing costs: the lowest */
  CHECK_OK(threshold_choose_all(comm, &rows, &options, &choice));
  CHECK_REAL(choice.best.threshold, 0, 0);
  threshold_clear(&choice);
  memset(positive, 1, sizeof positive);
  CHECK_INTEGER(threshold_choose_all(comm, &rows, &options, &choice), INVALID);
  CHECK_MESSAGE("all of one class (6 of 6 are positive)");
  threshold_clear(&choice);
}

static void test_one_class(const Comm *comm) {
  double p[] = {0.2, 0.8, 0.5, 0.5}, truth[] = {1, 1};
  CalibrationRows rows = {
      .n = comm->rank == 0 ? 2 : 0, .n_classes = 2, .probability = p, .truth = truth};
  Calibration map = {.method = CALIBRATION_PLATT};
  CHECK_INTEGER(calibration_fit_all(comm, &rows, &map), INVALID);
  CHECK_MESSAGE("all of one class");
  calibration_clear(&map);
}

/* ---- lack of memory ---- */

static Status everything_all(const Comm *comm, const Case *c) {
  Status status = OK;
  static double score[MOST_ROWS];
  static uint8_t positive[MOST_ROWS];
  CalibrationRows rows = share_of(comm, c);
  BinaryRows binary;
  Calibration map = {.method = CALIBRATION_ISOTONIC};
  ThresholdChoice choice = {0};
  ThresholdOptions options = {.goal = GOAL_F1};
  binary_of(&rows, score, positive, &binary);
  TRY(calibration_fit_all(comm, &rows, &map));
  TRY(threshold_choose_all(comm, &binary, &options, &choice));
done:
  calibration_clear(&map);
  threshold_clear(&choice);
  return status;
}

static void test_faults(const Comm *comm, const Case *c) {
  int64_t balance = memory_balance();
  for (int rank = 0; rank < comm->size; rank++) {
    bool more = true;
    for (int64_t nth = 1; more && nth < 2000; nth++) {
      fault_arm(FAULT_MEMORY, comm->rank == rank ? nth : 0, false);
      Status status = everything_all(comm, c);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK(status == OK || status == MEMORY);
      CHECK_INTEGER(comm_max_one_all(comm, status), status);
      CHECK_INTEGER(memory_balance(), balance);
      more = status != OK;
    }
    CHECK(!more);
  }
}

static void test_case(const Comm *comm, const Case *c) {
  test_maps(comm, c, CALIBRATION_PLATT, 1e-10);
  test_maps(comm, c, CALIBRATION_ISOTONIC, 1e-12);
  test_fields(c, CALIBRATION_PLATT);
  test_fields(c, CALIBRATION_ISOTONIC);
  test_reliability(comm, c);
  if (c->k == 2) test_thresholds(comm, c);
  if (c->k == 2) test_faults(comm, c);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Case one;
  static char line[4096];
  char path[2048];
  const char *source = getenv("SEGUE_SOURCE");
  int64_t cases = 0;
  snprintf(path, sizeof path, "%s/tests/oracle/calibrate.csv", source ? source : "../..");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (file && fgets(line, sizeof line, file))
    for (; read_case(file, line, sizeof line, &one); cases++) test_case(&world, &one);
  if (file) fclose(file);
  CHECK_INTEGER(cases, 3);
  test_log_odds(&world);
  test_isotonic_is_max_min(&world);
  test_unusual_thresholds(&world);
  test_one_class(&world);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("calibrate");
  MPI_Finalize();
  return failed;
}
