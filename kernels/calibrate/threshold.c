/* Decision thresholds; see threshold.h.
 *
 * Rows come into the order of descending score, each rank a range of scores. A rank knows what lies
 * above its range from an exclusive sum, finds the best threshold of its range, and the ranks'
 * bests are compared in their order. */
#include "threshold.h"

#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/measure/order.h"
#include "kernels/numeric/quantile.h"

enum { CURVE_STEPS = 100 };

const char *const threshold_goal_words[] = {"f1", "recall", "cost", NULL};

double threshold_precision(const ThresholdPoint *point) {
  return point->called > 0 ? (double)point->hits / (double)point->called : 0;
}

double threshold_recall(const ThresholdChoice *choice, const ThresholdPoint *point) {
  return choice->positives > 0 ? (double)point->hits / (double)choice->positives : NAN;
}

double threshold_f1(const ThresholdChoice *choice, const ThresholdPoint *point) {
  int64_t whole = choice->positives + point->called;
  return whole > 0 ? 2 * (double)point->hits / (double)whole : 0;
}

double threshold_cost(const ThresholdChoice *choice, const ThresholdOptions *options,
                      const ThresholdPoint *point) {
  return (double)(point->called - point->hits) * options->false_positive +
         (double)(choice->positives - point->hits) * options->false_negative;
}

/* Is a's precision at least b's? Fractions of whole numbers. */
static bool as_precise(const ThresholdPoint *a, const ThresholdPoint *b) {
  return (__int128)a->hits * b->called >= (__int128)b->hits * a->called;
}

static bool precise_enough(const ThresholdOptions *options, const ThresholdPoint *point) {
  return (double)point->hits >= options->precision * (double)point->called;
}

/* Is `next`, of a lower threshold, to be taken instead of `best`? */
static bool takes_over(const ThresholdChoice *choice, const ThresholdOptions *options,
                       const ThresholdPoint *next, const ThresholdPoint *best) {
  int64_t positives = choice->positives;
  switch (options->goal) {
    case GOAL_F1:
      return (__int128)next->hits * (positives + best->called) >=
             (__int128)best->hits * (positives + next->called);
    case GOAL_COST:
      return threshold_cost(choice, options, next) <= threshold_cost(choice, options, best);
    case GOAL_RECALL: break;
  }
  if (!precise_enough(options, best)) return as_precise(next, best);
  return precise_enough(options, next) && next->hits > best->hits;
}

/* A rank's best, and whether it has one. */
typedef struct Found {
  bool any;
  ThresholdPoint point;
} Found;

static void offer(const ThresholdChoice *choice, const ThresholdOptions *options,
                  const ThresholdPoint *next, Found *found) {
  if (found->any && !takes_over(choice, options, next, &found->point)) return;
  *found = (Found){true, *next};
}

/* How far down the curve a point is: steps of all rows and of the positive ones, so that the few
 * thresholds that matter where positive rows are rare are there too. */
static int64_t steps_of(const ThresholdChoice *choice, const ThresholdPoint *point) {
  return point->called * CURVE_STEPS / choice->n + point->hits * CURVE_STEPS / choice->positives;
}

/* Go down this rank's range. before: what lies above it. curve: this rank's points, appended. */
static Status walk(const Item *items, int64_t n, const ThresholdPoint *before,
                   const ThresholdOptions *options, ThresholdChoice *choice, Found *found) {
  Status status = OK;
  int64_t capacity = 0;
  ThresholdPoint at = *before;
  for (int64_t i = 0; i < n;) {
    int64_t step = steps_of(choice, &at);
    at.threshold = quantile_value(~items[i].key);
    for (uint64_t key = items[i].key; i < n && items[i].key == key; i++) {
      at.hits += (int64_t)items[i].tag;
      at.called++;
    }
    offer(choice, options, &at, found);
    if (steps_of(choice, &at) == step && before->called + i > 1) continue;
    TRY(RESERVE(&choice->curve, &capacity, choice->n_curve + 1));
    choice->curve[choice->n_curve++] = at;
  }
done:
  return status;
}

static Status items_of(const BinaryRows *rows, Item **items) {
  Status status = NEW(items, rows->n);
  for (int64_t i = 0; status == OK && i < rows->n; i++)
    (*items)[i] = (Item){~quantile_key(rows->score[i]), rows->positive[i] != 0};
  return status;
}

static Status check_classes(const ThresholdChoice *choice) {
  if (choice->positives > 0 && choice->positives < choice->n) return OK;
  return status_fail(INVALID,
                     "the validation rows of the folds are all of one class (%lld of %lld are "
                     "positive), so there is nothing to decide; use folds that hold rows of both "
                     "(such as stratified ones)",
                     (long long)choice->positives, (long long)choice->n);
}

/* The ranks' bests in the order of their ranges. */
static Status join_bests_all(const Comm *comm, const ThresholdOptions *options, const Found *mine,
                             ThresholdChoice *choice, Found *best) {
  Status status = OK;
  Found *all = NULL;
  AGREE(comm, NEW(&all, comm->size));
  comm_allgather_all(comm, mine, sizeof *mine, all);
  for (int r = 0; r < comm->size; r++)
    if (all[r].any) offer(choice, options, &all[r].point, best);
done:
  memory_free(&all);
  return status;
}

/* Every rank gets the whole curve. */
static Status join_curve_all(const Comm *comm, ThresholdChoice *choice) {
  Status status = OK;
  void *all = NULL;
  size_t *offsets = NULL, item = sizeof *choice->curve;
  AGREE(comm, NEW(&offsets, comm->size + 1));
  TRY(comm_concatenate_all(comm, choice->curve, (size_t)choice->n_curve * item, &all, offsets));
  memory_free(&choice->curve);
  choice->curve = all;
  choice->n_curve = (int64_t)(offsets[comm->size] / item);
done:
  memory_free(&offsets);
  return status;
}

Status threshold_choose_all(const Comm *comm, const BinaryRows *rows,
                            const ThresholdOptions *options, ThresholdChoice *out) {
  Status status = OK;
  Item *items = NULL;
  int64_t n = rows->n, hits = 0;
  Found mine = {0}, best = {0};
  *out = (ThresholdChoice){0};
  AGREE(comm, items_of(rows, &items));
  TRY(order_share_all(comm, &items, &n));
  for (int64_t i = 0; i < n; i++) hits += (int64_t)items[i].tag;
  out->positives = comm_sum_one_all(comm, hits);
  out->n = comm_sum_one_all(comm, n);
  TRY(check_classes(out));
  ThresholdPoint before = {.hits = comm_exscan_all(comm, hits), .called = comm_exscan_all(comm, n)};
  AGREE(comm, walk(items, n, &before, options, out, &mine));
  TRY(join_curve_all(comm, out));
  if (options->goal == GOAL_COST) { /* nothing is positive */
    ThresholdPoint none = {.threshold = nextafter(out->curve[0].threshold, INFINITY)};
    offer(out, options, &none, &best);
  }
  TRY(join_bests_all(comm, options, &mine, out, &best));
  out->best = best.point;
  out->reached = options->goal != GOAL_RECALL || precise_enough(options, &out->best);
done:
  memory_free(&items);
  return status;
}

void threshold_clear(ThresholdChoice *choice) { memory_free(&choice->curve); }

void threshold_at_all(const Comm *comm, const BinaryRows *rows, double threshold,
                      ThresholdPoint *out) {
  int64_t counts[2] = {0, 0};
  for (int64_t i = 0; i < rows->n; i++) {
    bool called = rows->score[i] >= threshold;
    counts[0] += called && rows->positive[i];
    counts[1] += called;
  }
  comm_sum_all(comm, counts, 2);
  *out = (ThresholdPoint){.threshold = threshold, .hits = counts[0], .called = counts[1]};
}
