/* Fit a model, or resample, on rows in a file some times; the part of scripts/bench-supervised that
 * is Segue's. Prints one line of JSON: the seconds of each time, of the slowest rank, from rows in
 * memory to the result on every rank; and the mean loss on the rows, or how many rows came out.
 *
 *   mpirun -n 2 bench_supervised FILE KIND ROUNDS
 *
 * FILE  n, d and the number of classes (0: regression) as 64-bit integers, n x d doubles row by
 * row, n targets KIND  a model or a resampling as in a config: {"kind": "logistic", "l2": 1} */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/resample/resample.h"
#include "pipeline/options_json.h"
#include "pipeline/registry.h"

static const Kinds kinds = {
    .stages = stage_kinds, .models = model_kinds, .steps = step_kinds, .resamples = resample_kinds};

static void must(Status status) {
  if (status == OK) return;
  fprintf(stderr, "bench_supervised: %s\n", status_message());
  MPI_Abort(MPI_COMM_WORLD, 1);
}

typedef struct Sample {
  int64_t n, d, classes;
  Matrix x;
  double *target;
} Sample;

static void read_at(FILE *file, int64_t double_number, void *out, int64_t n) {
  long at = (long)(8 * (3 + double_number));
  if (fseek(file, at, SEEK_SET) == 0 && fread(out, 8, (size_t)n, file) == (size_t)n) return;
  must(status_fail(FORMAT, "the file is too short"));
}

static void sample_read(const Comm *comm, const char *path, Sample *out) {
  int64_t shape[3];
  double *row = NULL;
  FILE *file = fopen(path, "rb");
  if (!file) must(status_fail(IO, "%s cannot be read", path));
  read_at(file, -3, shape, 3);
  *out = (Sample){.n = shape[0], .d = shape[1], .classes = shape[2]};
  Rows rows = rows_share(comm, out->n, ROWS_BLOCK_DEFAULT);
  must(matrix_init(&out->x, &rows, out->d));
  must(NEW(&out->target, rows.n));
  must(NEW(&row, out->d));
  for (int64_t j = 0; j < out->d; j++) {
    char name[32];
    snprintf(name, sizeof name, "x%lld", (long long)j);
    must(memory_text(&out->x.names[j], name));
  }
  for (int64_t i = 0; i < rows.n; i++) {
    read_at(file, (rows.begin + i) * out->d, row, out->d);
    for (int64_t j = 0; j < out->d; j++) matrix_column(&out->x, j)[i] = row[j];
  }
  read_at(file, out->n * out->d + rows.begin, out->target, rows.n);
  memory_free(&row);
  fclose(file);
}

/* Of the kind in either list. */
static const Kind *kind_read(const char *text, void **options, bool *resamples) {
  static const char *const others[] = {"kind", NULL};
  const Place place = {.key = "kind: "};
  const Kind *kind = NULL;
  cJSON *json = NULL;
  must(json_parse("kind", text, (int64_t)strlen(text), &json));
  const char *name = cJSON_GetStringValue(json_find(json, "kind"));
  *resamples = name && registry_find(resample_kinds, name);
  must(options_kind(*resamples ? resample_kinds : model_kinds, "kind", json, &place, &kind));
  must(options_parse(&kinds, kind, json, others, &place, options));
  cJSON_Delete(json);
  return kind;
}

/* Mean squared error, or mean log loss. */
static double loss_all(const Comm *comm, const Sample *s, const ModelKind *kind,
                       const void *model) {
  int64_t n = s->x.rows.n, width = s->classes > 0 ? s->classes : 1;
  double *out = NULL, *loss = NULL;
  must(NEW(&out, n * width));
  must(NEW(&loss, n));
  must(kind->predict(model, &s->x, out));
  for (int64_t i = 0; i < n; i++) {
    double apart = out[i * width] - s->target[i];
    loss[i] =
        s->classes > 0 ? -log(fmax(out[i * width + (int64_t)s->target[i]], 1e-300)) : apart * apart;
  }
  double mean = exact_sum_all(comm, loss, n) / (double)s->n;
  memory_free(&out);
  memory_free(&loss);
  return mean;
}

/* Once; seconds are those of the slowest rank. told: loss, or rows. */
static double run_all(const Comm *comm, const Sample *s, const Kind *kind, const void *options,
                      bool resamples, double *told) {
  Summary summary;
  void *model = NULL;
  Resampled rows = {0};
  const ModelKind *fits = (const ModelKind *)kind;
  const ResampleKind *makes = (const ResampleKind *)kind;
  TrainingData data = {.task = s->classes > 0 ? TASK_CLASSIFICATION : TASK_REGRESSION,
                       .n_classes = s->classes,
                       .x = &s->x,
                       .target = s->target,
                       .seed = 1};
  summary_init(&summary, comm->rank == 0);
  comm_barrier_all(comm);
  double begun = MPI_Wtime();
  if (resamples)
    must(makes->run_all(comm, &data, options, &rows, &summary));
  else
    must(fits->fit_all(comm, &data, options, NULL, &model, &summary));
  double seconds = MPI_Wtime() - begun;
  comm_max_real_all(comm, &seconds, 1);
  *told = resamples ? (double)rows.x.rows.n_global : loss_all(comm, s, fits, model);
  if (model) fits->free(&model);
  resampled_clear(&rows);
  summary_clear(&summary);
  return seconds;
}

int main(int argc, char **argv) {
  memory_keep();
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Sample sample;
  void *options = NULL;
  bool resamples = false;
  double told = 0;
  if (argc != 4) must(status_fail(INVALID, "bench_supervised FILE KIND ROUNDS"));
  const Kind *kind = kind_read(argv[2], &options, &resamples);
  sample_read(&world, argv[1], &sample);
  if (world.rank == 0) printf("{\"seconds\": [");
  for (int64_t k = 0, rounds = strtoll(argv[3], NULL, 10); k < rounds; k++) {
    double seconds = run_all(&world, &sample, kind, options, resamples, &told);
    if (world.rank == 0) printf("%s%.6f", k > 0 ? ", " : "", seconds);
  }
  if (world.rank == 0) printf("], \"%s\": %.10g}\n", resamples ? "rows" : "loss", told);
  options_free(kind, &options);
  matrix_clear(&sample.x);
  memory_free(&sample.target);
  MPI_Finalize();
  return 0;
}
