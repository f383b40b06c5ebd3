/* Calibration of classes, one against the rest; see calibration.h. */
#include "calibration.h"

#include <math.h>
#include <stdio.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"

const char *const calibration_method_words[] = {"platt", "isotonic", NULL};
const char *const calibration_scale_words[] = {"log_odds", "probability", NULL};

static const double CUT = 1e-6;

/* What a map takes of a probability. */
static double score_of(const Calibration *calibration, double p) {
  if (calibration->method == CALIBRATION_ISOTONIC || calibration->scale == SCALE_PROBABILITY)
    return p;
  p = fmin(fmax(p, CUT), 1 - CUT);
  return elementary_log(p / (1 - p));
}

/* A missing probability stays missing. */
static double mapped(const Calibration *calibration, const CalibrationMap *map, double p) {
  if (isnan(p)) return p;
  double score = score_of(calibration, p);
  return calibration->method == CALIBRATION_PLATT ? platt_value(map->a, map->b, score)
                                                  : isotonic_value(map, score);
}

/* Rows of one class against the rest, in own arrays. */
typedef struct ClassRows {
  int64_t n;
  double *score;
  uint8_t *positive;
} ClassRows;

static void class_rows_fill(const CalibrationRows *rows, const Calibration *calibration,
                            int64_t class, ClassRows *out) {
  out->n = 0;
  for (int64_t i = 0; i < rows->n; i++) {
    if (rows->where && !rows->where[i]) continue;
    double p = rows->probability[i * rows->n_classes + class];
    out->score[out->n] = score_of(calibration, p);
    out->positive[out->n++] = rows->truth[i] == (double)class;
  }
}

static Status check_classes_all(const Comm *comm, const CalibrationRows *rows) {
  int64_t ends[2] = {INT64_MIN, INT64_MIN}; /* largest class, minus the smallest */
  for (int64_t i = 0; i < rows->n; i++) {
    if (rows->where && !rows->where[i]) continue;
    int64_t class = (int64_t)rows->truth[i];
    if (class > ends[0]) ends[0] = class;
    if (-class > ends[1]) ends[1] = -class;
  }
  comm_max_all(comm, ends, 2);
  if (ends[0] != INT64_MIN && ends[0] != -ends[1]) return OK;
  return status_fail(INVALID,
                     "the validation rows of the folds are all of one class, so nothing can be "
                     "learned about its probability; use folds that hold rows of several (such as "
                     "stratified ones)");
}

static Status allocate(const CalibrationRows *rows, Calibration *out, ClassRows *one) {
  Status status = OK;
  int64_t n = rows->n_classes == 2 ? 1 : rows->n_classes;
  TRY(NEW(&out->maps, n));
  out->n_maps = n;
  TRY(NEW(&one->score, rows->n));
  TRY(NEW(&one->positive, rows->n));
done:
  return status;
}

Status calibration_fit_all(const Comm *comm, const CalibrationRows *rows, Calibration *out) {
  Status status = OK;
  ClassRows one = {0};
  TRY(check_classes_all(comm, rows));
  AGREE(comm, allocate(rows, out, &one));
  for (int64_t m = 0; m < out->n_maps; m++) {
    CalibrationMap *map = &out->maps[m];
    class_rows_fill(rows, out, out->n_maps == 1 ? 1 : m, &one);
    BinaryRows binary = {.n = one.n, .score = one.score, .positive = one.positive};
    if (out->method == CALIBRATION_PLATT)
      platt_fit_all(comm, &binary, &map->a, &map->b);
    else
      TRY(isotonic_fit_all(comm, &binary, map));
  }
done:
  memory_free(&one.score);
  memory_free(&one.positive);
  return status;
}

static void apply_classes(const Calibration *calibration, int64_t k, double *p) {
  double sum = 0;
  for (int64_t c = 0; c < k; c++) {
    p[c] = mapped(calibration, &calibration->maps[c], p[c]);
    sum += p[c];
  }
  for (int64_t c = 0; c < k; c++) p[c] = sum == 0 ? 1 / (double)k : p[c] / sum;
}

void calibration_apply(const Calibration *calibration, int64_t n, int64_t n_classes,
                       double *probability) {
  if (calibration->n_maps == 0) return;
  for (int64_t i = 0; i < n; i++) {
    double *p = probability + i * n_classes;
    if (calibration->n_maps == 1) {
      p[1] = mapped(calibration, &calibration->maps[0], p[1]);
      p[0] = 1 - p[1];
    } else {
      apply_classes(calibration, n_classes, p);
    }
  }
}

static Status map_fields(CalibrationMap *map, CalibrationMethod method, Fields *fields) {
  Status status = OK;
  int64_t n = fields->mode == FIELDS_OUT ? map->n : -1;
  if (method == CALIBRATION_PLATT) {
    TRY(fields_real(fields, "a", &map->a));
    TRY(fields_real(fields, "b", &map->b));
  } else {
    TRY(fields_array(fields, "x", FIELD_REAL, &map->x, 1, &n));
    TRY(fields_array(fields, "y", FIELD_REAL, &map->y, 1, &n));
    map->n = n;
  }
done:
  return status;
}

Status calibration_fields(Calibration *calibration, Fields *fields) {
  Status status = OK;
  int64_t method = calibration->method, scale = calibration->scale, n = calibration->n_maps;
  TRY(fields_integer(fields, "method", &method));
  TRY(fields_integer(fields, "scale", &scale));
  TRY(fields_integer(fields, "maps", &n));
  if (method < CALIBRATION_PLATT || method > CALIBRATION_ISOTONIC || n < 1)
    return status_fail(FORMAT, "field \"method\" holds %lld, which is no way to calibrate",
                       (long long)method);
  calibration->method = (CalibrationMethod)method;
  calibration->scale = (CalibrationScale)scale;
  if (fields->mode == FIELDS_IN) TRY(NEW(&calibration->maps, n));
  calibration->n_maps = n;
  for (int64_t m = 0; m < n; m++) {
    char part[32];
    snprintf(part, sizeof part, "map_%lld", (long long)m);
    fields_enter(fields, part);
    status = map_fields(&calibration->maps[m], calibration->method, fields);
    fields_leave(fields);
    TRY(status);
  }
done:
  return status;
}

void calibration_clear(Calibration *calibration) {
  for (int64_t m = 0; calibration->maps && m < calibration->n_maps; m++) {
    memory_free(&calibration->maps[m].x);
    memory_free(&calibration->maps[m].y);
  }
  memory_free(&calibration->maps);
  calibration->n_maps = 0;
}
