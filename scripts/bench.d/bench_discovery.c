/* Neighbours, clusters and maps of rows in a file, for scripts/bench-discovery: times and results.
 *
 * bench_discovery KIND FILE [NUMBERS]: FILE holds n and d as 64-bit integers and n x d doubles, row
 * by row. Prints one line of JSON; writes what was found beside FILE when SEGUE_BENCH_OUT is set.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/cluster/dbscan.h"
#include "kernels/cluster/kmeans.h"
#include "kernels/cluster/linkage.h"
#include "kernels/cluster/silhouette.h"
#include "kernels/embed/pca.h"
#include "kernels/embed/tsne.h"
#include "kernels/neighbors/neighbors.h"

static void must(Status status) {
  if (status == OK) return;
  fprintf(stderr, "bench_discovery: %s\n", status_message());
  MPI_Abort(MPI_COMM_WORLD, 1);
}

static void read_rows(const Comm *comm, const char *path, Matrix *out) {
  int64_t shape[2];
  double row[4096];
  FILE *file = fopen(path, "rb");
  if (!file || fread(shape, sizeof *shape, 2, file) != 2 || shape[1] > 4096) {
    fprintf(stderr, "bench_discovery: cannot read %s\n", path);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  Rows rows = rows_share(comm, shape[0], ROWS_BLOCK_DEFAULT);
  must(matrix_init(out, &rows, shape[1]));
  fseek(file, (long)(rows.begin * shape[1] * (int64_t)sizeof(double)), SEEK_CUR);
  for (int64_t i = 0; i < rows.n; i++) {
    if (fread(row, sizeof *row, (size_t)shape[1], file) != (size_t)shape[1]) abort();
    for (int64_t j = 0; j < shape[1]; j++) matrix_column(out, j)[i] = row[j];
  }
  fclose(file);
}

/* Append each rank's bytes to a file, in rank order. */
static void write_all(const Comm *comm, const char *name, const void *data, size_t bytes) {
  const char *folder = getenv("SEGUE_BENCH_OUT");
  char path[4096];
  if (!folder) return;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  for (int r = 0; r < comm->size; r++) {
    if (r == comm->rank) {
      FILE *file = fopen(path, r == 0 ? "wb" : "ab");
      if (file) fwrite(data, 1, bytes, file);
      if (file) fclose(file);
    }
    comm_barrier_all(comm);
  }
}

static void nearest(const Comm *comm, const Matrix *x, int64_t k) {
  Neighbors index;
  int32_t *row = NULL;
  double *distance = NULL;
  must(NEW(&row, x->rows.n * k));
  must(NEW(&distance, x->rows.n * k));
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  must(neighbors_new_all(comm, x, NULL, NEIGHBORS_EUCLIDEAN, &index));
  comm_barrier_all(comm);
  double built = MPI_Wtime();
  NeighborsQuery query = {x, NULL, x->rows.n, true};
  must(neighbors_nearest(&index, &query, k, row, distance));
  double mine = MPI_Wtime();
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  double busy[64];
  mine -= built;
  comm_allgather_all(comm, &mine, sizeof mine, busy);
  write_all(comm, "rows.bin", row, (size_t)(x->rows.n * k) * sizeof *row);
  write_all(comm, "distances.bin", distance, (size_t)(x->rows.n * k) * sizeof *distance);
  if (comm->rank == 0)
    printf(
        "{\"what\": \"nearest\", \"ranks\": %d, \"k\": %d, \"seconds\": %.4f, \"build\": %.4f, "
        "\"first\": %.4f, \"last\": %.4f}\n",
        comm->size, (int)k, end - begin, built - begin, busy[0], busy[comm->size - 1]);
  neighbors_clear_all(&index);
  memory_free(&row);
  memory_free(&distance);
}

static void dbscan(const Comm *comm, const Matrix *x, double eps, int64_t min_samples) {
  Dbscan found;
  DbscanOptions options = {eps, min_samples, NEIGHBORS_EUCLIDEAN};
  int64_t before = memory_peak();
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  must(dbscan_all(comm, x, &options, NULL, &found));
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  write_all(comm, "labels.bin", found.label, (size_t)x->rows.n * sizeof *found.label);
  write_all(comm, "cores.bin", found.core, (size_t)x->rows.n);
  int64_t more = comm_sum_one_all(comm, memory_peak() - before);
  if (comm->rank == 0)
    printf(
        "{\"what\": \"dbscan\", \"ranks\": %d, \"seconds\": %.4f, \"clusters\": %d, \"noise\": %d, "
        "\"bytes\": %lld}\n",
        comm->size, end - begin, (int)found.n_clusters, (int)found.n_noise, (long long)more);
  dbscan_clear(&found);
}

/* As scikit-learn does it: k-means++ ten times, the best of them to the end. */
static KmeansOptions twelve(int64_t starts) {
  return (KmeansOptions){
      .k = 12, .starts = starts, .max_iterations = 300, .tolerance = 1e-4, .seed = 1};
}

static void kmeans(const Comm *comm, const Matrix *x) {
  Kmeans found;
  KmeansOptions options = twelve(10);
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  must(kmeans_fit_all(comm, x, &options, NULL, &found, NULL));
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  if (comm->rank == 0)
    printf("{\"what\": \"kmeans\", \"ranks\": %d, \"seconds\": %.4f, \"inertia\": %.6f}\n",
           comm->size, end - begin, found.inertia);
  kmeans_clear(&found);
}

static void pca(const Comm *comm, const Matrix *x) {
  enum { TIMES = 10 };
  Pca found = {0};
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  for (int t = 0; t < TIMES; t++) {
    must(pca_fit_all(comm, x, x->d, 1, &found));
    pca_clear(&found);
  }
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  if (comm->rank == 0)
    printf("{\"what\": \"pca\", \"ranks\": %d, \"seconds\": %.6f}\n", comm->size,
           (end - begin) / TIMES);
}

static void tree(const Comm *comm, const Matrix *x, Linkage linkage) {
  Dendrogram found;
  int64_t before = memory_peak();
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  must(linkage_all(comm, x, linkage, NULL, &found, NULL));
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  int64_t more = comm_sum_one_all(comm, memory_peak() - before);
  if (comm->rank == 0) {
    write_all(&(Comm){MPI_COMM_SELF, 0, 1}, "heights.bin", found.height,
              (size_t)(found.n - 1) * sizeof *found.height);
    printf("{\"what\": \"%s\", \"ranks\": %d, \"seconds\": %.4f, \"bytes\": %lld}\n",
           linkage_words[linkage], comm->size, end - begin, (long long)more);
  }
  dendrogram_clear(&found);
}

/* Of twelve clusters of k-means, which are not timed. */
static void silhouettes(const Comm *comm, const Matrix *x) {
  Kmeans clusters;
  Silhouette found;
  KmeansOptions options = twelve(1);
  int32_t *label = NULL;
  double *value = NULL;
  must(NEW(&label, x->rows.n));
  must(NEW(&value, x->rows.n));
  must(kmeans_fit_all(comm, x, &options, NULL, &clusters, label));
  write_all(comm, "twelve.bin", label, (size_t)x->rows.n * sizeof *label);
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  must(silhouette_all(comm, x, label, clusters.k, NULL, value, &found));
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  if (comm->rank == 0)
    printf("{\"what\": \"silhouette\", \"ranks\": %d, \"seconds\": %.4f, \"mean\": %.9f}\n",
           comm->size, end - begin, found.mean);
  silhouette_clear(&found);
  kmeans_clear(&clusters);
  memory_free(&label);
  memory_free(&value);
}

/* Hears of every iteration: it is asked whether to stop. Neighbours, of the phase before, ask too.
 */
typedef struct Clock {
  WorkSink sink;
  double first, last;
  int64_t asked;
} Clock;

static bool look_at_clock(WorkSink *sink) {
  Clock *clock = (Clock *)sink;
  clock->last = MPI_Wtime();
  if (clock->asked++ == 0) clock->first = clock->last;
  return false;
}

static void start_clock(WorkSink *sink, const char *name) {
  (void)name;
  ((Clock *)sink)->asked = 0;
}

static bool go_on(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  (void)sink, (void)unit, (void)done, (void)total, (void)fields;
  return false;
}

static void map(const Comm *comm, const Matrix *x, int64_t iterations, uint64_t seed,
                double perplexity) {
  Tsne found;
  Clock clock = {.sink = {.stopping = look_at_clock, .phase = start_clock, .tick = go_on}};
  TsneOptions options = {perplexity, iterations, iterations / 3, 12, (double)x->rows.n_global / 12,
                         seed};
  comm_barrier_all(comm);
  double begin = MPI_Wtime();
  must(tsne_all(comm, x, &options, &clock.sink, &found));
  comm_barrier_all(comm);
  double end = MPI_Wtime();
  double *pairs = NULL;
  must(NEW(&pairs, 2 * x->rows.n));
  for (int64_t i = 0; i < x->rows.n; i++) {
    pairs[2 * i] = found.x[i];
    pairs[2 * i + 1] = found.y[i];
  }
  write_all(comm, "map.bin", pairs, (size_t)(2 * x->rows.n) * sizeof *pairs);
  memory_free(&pairs);
  for (int64_t t = 0; comm->rank == 0 && getenv("SEGUE_BENCH_COURSE") && t < found.n_told; t++)
    printf("%g %.6f\n", found.told[t], found.divergence[t]);
  if (comm->rank == 0)
    printf(
        "{\"what\": \"tsne\", \"ranks\": %d, \"seconds\": %.4f, \"kl\": %.6f, "
        "\"iteration\": %.6f}\n",
        comm->size, end - begin, found.n_told > 0 ? found.divergence[found.n_told - 1] : 0,
        (clock.last - clock.first) / (double)(clock.asked > 1 ? clock.asked - 1 : 1));
  tsne_clear(&found);
}

/* The exact divergence of a map in a file of n pairs of doubles, whoever made it. */
static void divergence(const Comm *comm, const Matrix *rows, const char *path) {
  double *x = NULL, *y = NULL, pair[2], found = 0;
  must(NEW(&x, rows->rows.n));
  must(NEW(&y, rows->rows.n));
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, (long)(rows->rows.begin * (int64_t)sizeof pair), SEEK_SET) != 0) abort();
  for (int64_t i = 0; i < rows->rows.n; i++) {
    if (fread(pair, sizeof *pair, 2, file) != 2) abort();
    x[i] = pair[0];
    y[i] = pair[1];
  }
  fclose(file);
  must(tsne_divergence_all(comm, rows, 30, x, y, &found));
  if (comm->rank == 0) printf("{\"what\": \"divergence\", \"kl\": %.6f}\n", found);
  memory_free(&x);
  memory_free(&y);
}

int main(int count, char **words) {
  memory_keep(); /* as segue does */
  MPI_Init(&count, &words);
  Comm world = comm_world();
  Matrix x;
  if (count < 3) {
    fprintf(stderr, "bench_discovery KIND FILE [NUMBERS]\n");
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  read_rows(&world, words[2], &x);
  if (strcmp(words[1], "nearest") == 0) nearest(&world, &x, count > 3 ? atoi(words[3]) : 90);
  if (strcmp(words[1], "dbscan") == 0)
    dbscan(&world, &x, count > 3 ? atof(words[3]) : 1, count > 4 ? atoi(words[4]) : 10);
  if (strcmp(words[1], "tsne") == 0)
    map(&world, &x, count > 3 ? atoi(words[3]) : 750, count > 4 ? (uint64_t)atoi(words[4]) : 1,
        count > 5 ? atof(words[5]) : 30);
  if (strcmp(words[1], "kmeans") == 0) kmeans(&world, &x);
  if (strcmp(words[1], "pca") == 0) pca(&world, &x);
  if (strcmp(words[1], "silhouette") == 0) silhouettes(&world, &x);
  for (Linkage linkage = LINKAGE_WARD; linkage <= LINKAGE_AVERAGE; linkage++)
    if (strcmp(words[1], linkage_words[linkage]) == 0) tree(&world, &x, linkage);
  if (strcmp(words[1], "divergence") == 0 && count > 3) divergence(&world, &x, words[3]);
  matrix_clear(&x);
  MPI_Finalize();
  return 0;
}
