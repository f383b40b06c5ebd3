/* t-SNE: forces against finite differences and against all pairs, maps of clusters, the same bits
 * on any number of ranks and after a stop, and input that is unkind. */
#include <stdlib.h>
#include <string.h>

#include "kernels/embed/attraction.h"
#include "kernels/embed/repulsion.h"
#include "kernels/embed/tsne.h"
#include "tests/neighbors/points.h"

static const TsneOptions defaults = {10, 120, 50, 12, NAN, 3};

/* ---- affinities ---- */

static void test_calibration(void) {
  enum { K = 40 };
  double squared[K], weight[K];
  for (int64_t seed = 0; seed < 20; seed++) {
    Stream stream = random_stream((uint64_t)seed, "test/affinity", 0);
    for (int64_t perplexity = 2; perplexity < 30; perplexity += 9) {
      double at = 3, entropy = 0, sum = 0;
      for (int64_t j = 0; j < K; j++)
        squared[j] = at +=
            pow(random_uniform(&stream, (uint64_t)j, 0), 4) * pow(10, (double)(seed % 7 - 3));
      affinity_calibrate(squared, K, (double)perplexity, weight);
      for (int64_t j = 0; j < K; j++) {
        sum += weight[j];
        if (weight[j] > 0) entropy -= weight[j] * log(weight[j]);
        if (j > 0) CHECK(weight[j] <= weight[j - 1]);
      }
      CHECK_REAL(sum, 1, 1e-12);
      CHECK_REAL(exp(entropy), (double)perplexity, 1e-6 * (double)perplexity);
    }
  }
  for (int64_t j = 0; j < K; j++) squared[j] = j < 20 ? 0 : 1; /* 20 equal rows, perplexity 5 */
  affinity_calibrate(squared, K, 5, weight);
  CHECK_REAL(weight[0], 0.05, 1e-9);
  for (int64_t j = 0; j < K; j++) squared[j] = 7;
  affinity_calibrate(squared, K, 5, weight);
  CHECK_REAL(weight[K - 1], 1.0 / K, 1e-15);
}

/* ---- forces ---- */

/* The divergence of this map as affinities and pairs have it. One rank. */
static double divergence(const Affinity *a, const double *x, const double *y, int64_t n) {
  double z = 0, sum = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      if (i != j) z += 1 / (1 + (x[i] - x[j]) * (x[i] - x[j]) + (y[i] - y[j]) * (y[i] - y[j]));
  for (int64_t i = 0; i < n; i++) {
    for (int64_t e = a->offset[i]; e < a->offset[i + 1]; e++) {
      int64_t j = a->column[e];
      double p = (double)a->weight[e] / a->total;
      double q = 1 / (1 + (x[i] - x[j]) * (x[i] - x[j]) + (y[i] - y[j]) * (y[i] - y[j]));
      if (p > 0) sum += p * log(p / q * z);
    }
  }
  return sum;
}

/* Gradient = finite differences; forces sum to zero; affinities are symmetric and sum to 1. */
static void test_gradient(void) {
  enum { N = 60 };
  Comm self = comm_self();
  Matrix rows;
  Neighbors index;
  Affinity a;
  Repulsion r;
  double x[N], y[N], push_x[N], push_y[N], pull_x[N], pull_y[N], share[N], z = 0, sum[2] = {0};
  float place[2 * N];
  points_init(&self, POINTS_NORMAL, 2, N, 4, &rows);
  CHECK_OK(neighbors_new_all(&self, &rows, NULL, NEIGHBORS_EUCLIDEAN, &index));
  CHECK_OK(affinity_init_all(&self, &index, &rows, 8, &a));
  CHECK_REAL(a.total, 2 * N, 1e-4);
  for (int64_t i = 0; i < N; i++) {
    x[i] = point_value(POINTS_NORMAL, 5, i, 0);
    y[i] = point_value(POINTS_NORMAL, 5, i, 1);
    place[2 * i] = (float)x[i];
    place[2 * i + 1] = (float)y[i];
  }
  CHECK_OK(repulsion_init_all(&self, N, true, &r));
  CHECK_OK(repulsion_push_all(&r, x, y, 0, N, push_x, push_y, share));
  attraction_pull(&a, place, 0, pull_x, pull_y);
  for (int64_t i = 0; i < N; i++) z += share[i];
  for (int64_t i = 0; i < N; i++) {
    double gradient = -4 * (pull_x[i] / a.total + push_x[i] / z), h = 1e-5, at = x[i];
    sum[0] += pull_x[i];
    sum[1] += push_x[i];
    x[i] = at + h;
    double above = divergence(&a, x, y, N);
    x[i] = at - h;
    double below = divergence(&a, x, y, N);
    x[i] = at;
    CHECK_REAL(gradient, (above - below) / (2 * h), 1e-6);
  }
  CHECK_REAL(sum[0], 0, 1e-4);
  CHECK_REAL(sum[1], 0, 1e-10);
  repulsion_clear_all(&r);
  affinity_clear(&a);
  neighbors_clear_all(&index);
  matrix_clear(&rows);
}

/* On the grid as by pairs, for maps of any size; in sparse ones a push comes from a few near
 * points, which three nodes a box show less well. */
static void test_grid(const Comm *comm) {
  enum { N = 1500 };
  double *x = NULL, *y = NULL, *got[3], *want[3];
  CHECK_OK(NEW(&x, N));
  CHECK_OK(NEW(&y, N));
  for (int k = 0; k < 3; k++) CHECK_OK(NEW(&got[k], N));
  for (int k = 0; k < 3; k++) CHECK_OK(NEW(&want[k], N));
  Rows rows = rows_share(comm, N, 16);
  Repulsion grid, pairs;
  CHECK_OK(repulsion_init_all(comm, N, false, &grid));
  CHECK_OK(repulsion_init_all(comm, N, true, &pairs));
  const double sizes[] = {1e-5, 0.3, 4, 20, 60};
  for (int s = 0; s < 5; s++) {
    for (int64_t i = 0; i < N; i++) {
      x[i] = sizes[s] * point_value(POINTS_NORMAL, 1, i, 0) + 3 * sizes[s];
      y[i] = sizes[s] * point_value(POINTS_NORMAL, 1, i, 1);
    }
    CHECK_OK(repulsion_push_all(&grid, x, y, rows.begin, rows.n, got[0], got[1], got[2]));
    CHECK_OK(repulsion_push_all(&pairs, x, y, rows.begin, rows.n, want[0], want[1], want[2]));
    double off = 0, size = 0, z[2] = {0};
    for (int64_t i = 0; i < rows.n; i++) {
      for (int k = 0; k < 2; k++) {
        off += (got[k][i] - want[k][i]) * (got[k][i] - want[k][i]);
        size += want[k][i] * want[k][i];
      }
      z[0] += got[2][i];
      z[1] += want[2][i];
    }
    if (rows.n > 0) CHECK(sqrt(off / size) < 0.06);
    if (rows.n > 0) CHECK_REAL(z[0] / z[1], 1, 0.002);
  }
  repulsion_clear_all(&grid);
  repulsion_clear_all(&pairs);
  memory_free(&x);
  memory_free(&y);
  for (int k = 0; k < 3; k++) memory_free(&got[k]);
  for (int k = 0; k < 3; k++) memory_free(&want[k]);
}

/* ---- maps ---- */

/* On all ranks as on one, by pairs and on the grid. */
static void test_bits(const Comm *comm, PointKind kind, int64_t n, int64_t d, int64_t iterations) {
  Matrix mine, all;
  Comm self = comm_self();
  Tsne one, many;
  TsneOptions options = defaults;
  options.iterations = iterations;
  options.early_iterations = iterations / 2;
  points_init(comm, kind, 9, n, d, &mine);
  points_init(&self, kind, 9, n, d, &all);
  CHECK_OK(tsne_all(comm, &mine, &options, NULL, &many));
  CHECK_OK(tsne_all(&self, &all, &options, NULL, &one));
  int64_t unlike = 0, bad = 0;
  for (int64_t i = 0; i < mine.rows.n; i++) {
    unlike += many.x[i] != one.x[mine.rows.begin + i] || many.y[i] != one.y[mine.rows.begin + i];
    bad += !isfinite(many.x[i]) || !isfinite(many.y[i]);
  }
  CHECK_INTEGER(unlike, 0);
  CHECK_INTEGER(bad, 0);
  CHECK_INTEGER(many.n_told, one.n_told);
  for (int64_t t = 0; t < one.n_told; t++) CHECK_REAL(many.divergence[t], one.divergence[t], 0);
  tsne_clear(&one);
  tsne_clear(&many);
  matrix_clear(&mine);
  matrix_clear(&all);
}

/* Five tight groups come out as five groups; the divergence falls; a row that is placed as if it
 * were new comes to its group. */
static void test_clusters(const Comm *comm) {
  enum { N = 500 };
  Matrix mine, all;
  Comm self = comm_self();
  Tsne map;
  Neighbors index;
  TsneOptions options = defaults;
  options.iterations = 400;
  options.early_iterations = 150;
  points_init(comm, POINTS_CLUSTERED, 4, N, 3, &mine);
  points_init(&self, POINTS_CLUSTERED, 4, N, 3, &all);
  CHECK_OK(tsne_all(comm, &mine, &options, NULL, &map));
  CHECK(map.n_told > 2);
  CHECK(map.divergence[map.n_told - 1] < map.divergence[0]);
  CHECK_REAL(map.told[map.n_told - 1], 400, 0);
  double exact = 0;
  CHECK_OK(tsne_divergence_all(comm, &mine, 10, map.x, map.y, &exact));
  CHECK_REAL(exact, map.divergence[map.n_told - 1], 1e-4);
  void *x = NULL, *y = NULL;
  size_t bytes = (size_t)mine.rows.n * sizeof(double);
  CHECK_OK(comm_concatenate_all(comm, map.x, bytes, &x, NULL));
  CHECK_OK(comm_concatenate_all(comm, map.y, bytes, &y, NULL));
  const double *px = x, *py = y;
  int64_t strangers = 0;
  for (int64_t i = 0; i < N; i++) {
    double near = 1e300;
    int64_t nearest = -1;
    for (int64_t j = 0; j < N; j++) {
      double d = (px[i] - px[j]) * (px[i] - px[j]) + (py[i] - py[j]) * (py[i] - py[j]);
      if (j != i && d < near) near = d, nearest = j;
    }
    strangers += i * 7 % 5 != nearest * 7 % 5;
  }
  CHECK(strangers <= 5);
  double placed_x[20], placed_y[20];
  CHECK_OK(neighbors_new_all(comm, &mine, NULL, NEIGHBORS_EUCLIDEAN, &index));
  NeighborsQuery query = {&all, NULL, 20, true};
  CHECK_OK(tsne_place(&index, px, py, &query, 5, placed_x, placed_y));
  for (int64_t i = 0; i < 20; i++) {
    double own = 0, other = 1e300, count = 0;
    for (int64_t j = 0; j < N; j++) {
      double d = hypot(placed_x[i] - px[j], placed_y[i] - py[j]);
      if (i * 7 % 5 == j * 7 % 5) own += d, count++;
      if (i * 7 % 5 != j * 7 % 5 && d < other) other = d;
    }
    CHECK(own / count < other + 20);
  }
  neighbors_clear_all(&index);
  memory_free(&x);
  memory_free(&y);
  tsne_clear(&map);
  matrix_clear(&mine);
  matrix_clear(&all);
}

/* ---- stopping ---- */

enum { UNITS = 64 };
typedef struct Keeper {
  WorkSink sink;
  Fields kept[UNITS];
  bool has[UNITS];
  int64_t stop_after; /* steps; neighbours before them do not count */
  bool in_map;
} Keeper;

static void enter(WorkSink *sink, const char *phase) {
  ((Keeper *)sink)->in_map = strcmp(phase, "map") == 0;
}

static bool keep(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  Keeper *keeper = (Keeper *)sink;
  (void)total;
  if (fields && unit < UNITS && !keeper->has[unit]) {
    CHECK_OK(fields_copy(fields, &keeper->kept[unit]));
    keeper->has[unit] = true;
  }
  return keeper->in_map && done >= keeper->stop_after;
}

static bool fetch(WorkSink *sink, int64_t unit, Fields *out) {
  Keeper *keeper = (Keeper *)sink;
  if (unit >= UNITS || !keeper->has[unit]) return false;
  CHECK_OK(fields_copy(&keeper->kept[unit], out));
  return true;
}

static void test_resume(void) {
  Comm self = comm_self();
  Matrix x;
  Tsne whole, parts;
  Keeper keeper = {.sink = {.tick = keep, .phase = enter, .find = fetch}};
  points_init(&self, POINTS_NORMAL, 12, 300, 4, &x);
  CHECK_OK(tsne_all(&self, &x, &defaults, NULL, &whole));
  const int64_t stops[] = {1, 50, 77, 119};
  for (int s = 0; s < 4; s++) {
    keeper.stop_after = stops[s];
    CHECK_INTEGER(tsne_all(&self, &x, &defaults, &keeper.sink, &parts), STOPPED);
    CHECK_MESSAGE("run again to go on");
    tsne_clear(&parts);
  }
  keeper.stop_after = INT64_MAX;
  CHECK_OK(tsne_all(&self, &x, &defaults, &keeper.sink, &parts));
  CHECK(keeper.has[3]);
  for (int64_t i = 0; i < 300; i++) {
    CHECK_REAL(parts.x[i], whole.x[i], 0);
    CHECK_REAL(parts.y[i], whole.y[i], 0);
  }
  CHECK_INTEGER(parts.n_told, whole.n_told);
  CHECK_REAL(parts.divergence[0], whole.divergence[0], 0);
  for (int u = 0; u < UNITS; u++)
    if (keeper.has[u]) fields_clear(&keeper.kept[u]);
  tsne_clear(&whole);
  tsne_clear(&parts);
  matrix_clear(&x);
}

/* A stop that is asked for while neighbours are looked for is heard there. */
static bool refuse_all(WorkSink *sink, int64_t unit, int64_t done, int64_t total,
                       const Fields *fields) {
  (void)sink, (void)unit, (void)done, (void)total, (void)fields;
  return true;
}

static void test_stop_early(const Comm *comm) {
  Matrix x;
  Tsne map;
  WorkSink sink = {.tick = refuse_all};
  points_init(comm, POINTS_NORMAL, 12, 300, 4, &x);
  CHECK_INTEGER(tsne_all(comm, &x, &defaults, &sink, &map), STOPPED);
  CHECK_INTEGER(map.n_told, 0);
  tsne_clear(&map);
  matrix_clear(&x);
}

static void test_refusals(const Comm *comm) {
  Matrix x;
  Tsne map;
  TsneOptions options = defaults;
  points_init(comm, POINTS_NORMAL, 1, 64, 3, &x);
  options.perplexity = 0.5;
  CHECK_INTEGER(tsne_all(comm, &x, &options, NULL, &map), INVALID);
  CHECK_MESSAGE("perplexity is 0.5");
  tsne_clear(&map);
  options = defaults;
  options.perplexity = 1000; /* no more than a third of the rows */
  options.iterations = 10;
  CHECK_OK(tsne_all(comm, &x, &options, NULL, &map));
  CHECK_REAL(map.perplexity, 21, 0);
  tsne_clear(&map);
  options.learning_rate = 1e300;
  CHECK_OK(tsne_all(comm, &x, &options, NULL, &map)); /* steps are cut */
  tsne_clear(&map);
  if (comm->rank == 0) matrix_column(&x, 2)[0] = NAN;
  CHECK_INTEGER(tsne_all(comm, &x, &defaults, NULL, &map), INVALID);
  CHECK_MESSAGE("column 2 is missing in row 0");
  tsne_clear(&map);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_calibration();
  test_gradient();
  test_grid(&world);
  for (int64_t n = 1; n < 7; n++) test_bits(&world, POINTS_NORMAL, n, 2, 20);
  test_bits(&world, POINTS_NORMAL, 333, 1, 60);
  test_bits(&world, POINTS_NORMAL, 2300, 5, 12); /* on the grid */
  test_bits(&world, POINTS_EQUAL, 2100, 3, 6);
  test_bits(&world, POINTS_LATTICE, 2200, 4, 6);
  comm_pretend_nodes(2);
  test_bits(&world, POINTS_NORMAL, 2300, 5, 6);
  comm_pretend_nodes(0);
  test_clusters(&world);
  test_resume();
  test_stop_early(&world);
  test_refusals(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("embed/tsne");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
