/* Out-of-bag scores; see oob.h. Rows are taken in blocks: large ones, so that a tree that was
 * loaded into the cache serves many rows, but sums for many classes stay within VALUES numbers. */
#include "oob.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "walk.h"

enum { VALUES = 131072, BLOCK_MIN = 256 };

/* Buffers of one block of rows, and what is summed up. */
typedef struct Scorer {
  const Oob *oob;
  int64_t block, feature, width, outputs;
  Stream others;         /* which row's code stands in */
  WalkBlock walk;        /* of block rows */
  uint8_t *others_codes; /* this rank's rows: of the feature */
  int32_t *row, *value, *trees;
  int64_t *sums; /* block x width */
  double *output;
  uint8_t *scored; /* this rank's rows */
  Exact error;
  int64_t rows, hits;
} Scorer;

static void scorer_clear(Scorer *s) {
  walk_block_clear(&s->walk);
  memory_free(&s->others_codes);
  memory_free(&s->row);
  memory_free(&s->value);
  memory_free(&s->trees);
  memory_free(&s->sums);
  memory_free(&s->output);
  memory_free(&s->scored);
}

static Status scorer_init(Scorer *s) {
  Status status = OK;
  const Ensemble *ensemble = &s->oob->forest->ensemble;
  const Walk *walk = NULL;
  int64_t rows = s->oob->data->x->rows.n;
  s->block = s->width == 1 ? WALK_ROWS : VALUES / s->width;
  if (s->block < BLOCK_MIN) s->block = BLOCK_MIN;
  if (s->block > rows) s->block = rows > 0 ? rows : 1;
  TRY(walk_of(ensemble, rows, &walk));
  TRY(walk_block_init(ensemble, walk, s->block, &s->walk));
  TRY(NEW(&s->row, s->block));
  TRY(NEW(&s->value, s->block));
  TRY(NEW(&s->trees, s->block));
  TRY(NEW(&s->sums, s->block * s->width));
  TRY(NEW(&s->output, s->outputs));
  TRY(NEW(&s->scored, s->oob->data->x->rows.n));
  TRY(NEW(&s->others_codes, s->feature >= 0 ? s->oob->data->x->rows.n : 0));
done:
  return status;
}

/* Where this rank's row stands in the samples. */
static int64_t place_of(const Scorer *s, int64_t row) {
  return s->oob->data->x->rows.begin + row - s->oob->samples->first;
}

/* Codes of n of this rank's rows from `begin` on, one feature from other rows when asked. */
static void load_codes(Scorer *s, int64_t begin, int64_t n) {
  const Samples *samples = s->oob->samples;
  int64_t stride = bins_stride(samples->rows.bins->d);
  uint8_t *codes = s->walk.codes;
  memcpy(codes, samples->rows.codes + place_of(s, begin) * stride, (size_t)(n * stride));
  for (int64_t i = 0; s->feature >= 0 && i < n; i++) {
    codes[i * stride + s->feature] = s->others_codes[begin + i];
  }
  walk_block_set(&s->walk, n);
}

/* Sums of the block's rows over the trees that did not see them. */
static void sum_trees(Scorer *s, int64_t begin, int64_t n) {
  const Oob *oob = s->oob;
  const int32_t *groups = oob->samples->group + place_of(s, begin);
  memset(s->sums, 0, (size_t)(n * s->width) * sizeof *s->sums);
  memset(s->trees, 0, (size_t)n * sizeof *s->trees);
  for (int64_t tree = 0; tree < oob->forest->ensemble.n_trees; tree++) {
    const uint8_t *bag = oob->in_bag + tree * oob->bag_bytes;
    int64_t out = 0;
    for (int64_t i = 0; i < n; i++) {
      int32_t group = groups[i];
      s->row[out] = (int32_t)i;
      out += !(bag[group / 8] >> (group % 8) & 1);
    }
    walk_leaves(&s->walk, tree, s->row, out, s->value);
    for (int64_t k = 0; k < out; k++) {
      int32_t row = s->row[k];
      forest_add(oob->forest, tree, s->value[row], s->sums + row * s->width);
      s->trees[row]++;
    }
  }
}

/* Compare with the targets of local rows first .. first + n - 1. */
static void compare_block(Scorer *s, int64_t first, int64_t n) {
  const TrainingData *data = s->oob->data;
  for (int64_t i = 0; i < n; i++) {
    if (s->trees[i] == 0 || (data->synthetic && data->synthetic[first + i])) continue;
    forest_finish(s->oob->forest, s->sums + i * s->width, s->trees[i], s->output);
    s->scored[first + i] = 1;
    s->rows++;
    double target = data->target[first + i];
    if (data->task == TASK_REGRESSION) {
      double error = s->output[0] - target;
      if (s->oob->prediction) s->oob->prediction[first + i] = s->output[0];
      exact_add(&s->error, error * error);
      continue;
    }
    int64_t likeliest = 0;
    for (int64_t c = 1; c < s->outputs; c++) {
      if (s->output[c] > s->output[likeliest]) likeliest = c;
    }
    s->hits += (double)likeliest == target;
  }
}

Status oob_score_all(const Comm *comm, const Oob *oob, int64_t feature, int64_t repetition,
                     OobScore *out) {
  Status status = OK;
  const Rows *rows = &oob->data->x->rows;
  Scorer s = {.oob = oob,
              .feature = feature,
              .width = forest_width(oob->forest),
              .outputs = forest_outputs(oob->forest)};
  uint64_t unit = (uint64_t)(feature + 1) << 32 | (uint64_t)repetition;
  s.others = random_stream(oob->data->seed, "forest/permutation", unit);
  exact_init(&s.error);
  AGREE(comm, scorer_init(&s));
  if (feature >= 0) {
    TRY(samples_permuted_all(comm, oob->samples, rows, feature, &s.others, s.others_codes));
  }
  for (int64_t first = 0; first < rows->n; first += s.block) {
    int64_t n = rows->n - first < s.block ? rows->n - first : s.block;
    load_codes(&s, first, n);
    sum_trees(&s, first, n);
    compare_block(&s, first, n);
  }
  *out = (OobScore){.rows = comm_sum_one_all(comm, s.rows), .hits = comm_sum_one_all(comm, s.hits)};
  exact_join_all(comm, &s.error, 1);
  out->error = exact_round(&s.error);
  if (oob->data->task == TASK_REGRESSION) {
    int64_t count = 0;
    double mean = 0, variance = 0;
    exact_moments_all(comm, oob->data->target, s.scored, rows->n, &count, &mean, &variance);
    out->spread = count > 0 ? variance * (double)count : 0;
  }
done:
  scorer_clear(&s);
  return status;
}
