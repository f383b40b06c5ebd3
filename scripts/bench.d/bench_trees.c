/* Train and predict with one model kind on a matrix in an HDF5 file, and print seconds as JSON; the
 * part of scripts/bench-trees that is Segue's. Seconds of training are those from the matrix in
 * memory to the model on every rank, binning included, of the slowest rank: what the peers' `fit`
 * takes from an array.
 *
 *   mpirun -n 2 bench_trees FILE TARGET MODEL SEED [--predictions FILE] [--profile PREFIX]
 *
 * FILE    train/x and test/x, n x d floats, and train/TARGET, test/TARGET, doubles
 * TARGET  its attribute "classes" on train/TARGET: 0, regression; else the number of classes
 * MODEL   as in a config: {"kind": "gbdt", "trees": 300}
 *
 * --predictions writes what is predicted for test/x, doubles in the order of rows. --profile takes
 * a thousand samples a second of where training is and writes PREFIX.RANK: lines of object file and
 * address in it. Memory is peak resident sets during training, summed over ranks, so pages that
 * ranks share count for each of them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#include <hdf5.h>

#include "kernels/base/memory.h"
#include "kernels/tree/gbdt.h"
#include "kernels/tree/node.h"
#include "pipeline/options_json.h"
#include "pipeline/registry.h"

enum {
  SWEEP = 65536,         /* rows read at a time */
  PREDICTED = 100000,    /* rows of a timed prediction at least: the test rows again and again */
  PREDICTIONS = 5,       /* times; the fastest counts */
  COUNTED = 10,          /* trees whose work is counted */
  SINGLES = 300,         /* rows predicted one by one; the median counts */
  SAMPLES_MOST = 1 << 20 /* of the profile */
};

static const Kinds kinds = {
    .stages = stage_kinds, .models = model_kinds, .steps = step_kinds, .resamples = resample_kinds};

/* ---- the profile ---- */

static uintptr_t sample[SAMPLES_MOST];
static volatile sig_atomic_t n_samples;

static void take_sample(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  const ucontext_t *at = context;
  if (n_samples >= SAMPLES_MOST) return;
#if defined(__x86_64__)
  sample[n_samples] = (uintptr_t)at->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  sample[n_samples] = (uintptr_t)at->uc_mcontext.pc;
#else
  sample[n_samples] = 0;
#endif
  n_samples = n_samples + 1;
}

static void profile(bool on) {
  struct sigaction action = {.sa_sigaction = take_sample, .sa_flags = SA_SIGINFO | SA_RESTART};
  const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
  if (on) sigaction(SIGPROF, &action, NULL);
  setitimer(ITIMER_PROF, on ? &often : &never, NULL);
}

static Status profile_write(const char *prefix, int rank) {
  char path[4096];
  snprintf(path, sizeof path, "%s.%d", prefix, rank);
  FILE *file = fopen(path, "w");
  if (!file) return status_fail(IO, "%s: cannot be written", path);
  for (int i = 0; i < n_samples; i++) {
    Dl_info found;
    bool known = dladdr((void *)sample[i], &found) != 0;
    fprintf(file, "%s %llx\n", known ? found.dli_fname : "?",
            (unsigned long long)(sample[i] - (known ? (uintptr_t)found.dli_fbase : 0)));
  }
  return fclose(file) == 0 ? OK : status_fail(IO, "%s: cannot be written", path);
}

/* ---- memory ---- */

static void peak_forget(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file) return;
  fputs("5", file);
  fclose(file);
}

static int64_t peak_bytes(void) {
  char line[256];
  long long kib = 0;
  FILE *file = fopen("/proc/self/status", "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %lld kB", &kib) != 1) {
  }
  fclose(file);
  return kib * 1024;
}

/* ---- the file ---- */

typedef struct Part {
  Matrix x;
  double *y; /* x.rows.n */
} Part;

static void part_clear(Part *part) {
  matrix_clear(&part->x);
  memory_free(&part->y);
}

/* Rows begin .. begin + n - 1 of a data set of one or two dimensions. */
static Status read_rows(hid_t set, int dimensions, hsize_t width, int64_t begin, int64_t n,
                        hid_t type, void *out) {
  hsize_t start[2] = {(hsize_t)begin, 0}, count[2] = {(hsize_t)n, width};
  hid_t there = H5Dget_space(set), here = H5Screate_simple(dimensions, count, NULL);
  herr_t bad = H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, count, NULL);
  if (bad >= 0) bad = H5Dread(set, type, here, there, H5P_DEFAULT, out);
  H5Sclose(here);
  H5Sclose(there);
  return bad < 0 ? status_fail(FORMAT, "rows cannot be read") : OK;
}

static Status read_matrix(const Comm *comm, hid_t file, const char *name, Matrix *x) {
  Status status = OK;
  hsize_t extent[2] = {0, 0};
  float *row = NULL;
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = set < 0 ? -1 : H5Dget_space(set);
  if (space < 0 || H5Sget_simple_extent_ndims(space) != 2)
    return status_fail(FORMAT, "%s: no data set of rows", name);
  H5Sget_simple_extent_dims(space, extent, NULL);
  Rows rows = rows_share(comm, (int64_t)extent[0], ROWS_BLOCK_DEFAULT);
  int64_t d = (int64_t)extent[1];
  TRY(matrix_init(x, &rows, d));
  TRY(NEW_RAW(&row, SWEEP * d));
  for (int64_t first = 0; first < rows.n; first += SWEEP) {
    int64_t n = rows.n - first < SWEEP ? rows.n - first : SWEEP;
    TRY(read_rows(set, 2, extent[1], rows.begin + first, n, H5T_NATIVE_FLOAT, row));
    for (int64_t j = 0; j < d; j++) {
      double *column = matrix_column(x, j) + first;
      for (int64_t i = 0; i < n; i++) column[i] = (double)row[i * d + j];
    }
  }
done:
  H5Sclose(space);
  H5Dclose(set);
  memory_free(&row);
  return status;
}

static Status read_part(const Comm *comm, hid_t file, const char *part, const char *target,
                        int64_t *classes, Part *out) {
  Status status = OK;
  char name[256];
  snprintf(name, sizeof name, "%s/x", part);
  TRY(read_matrix(comm, file, name, &out->x));
  snprintf(name, sizeof name, "%s/%s", part, target);
  TRY(NEW(&out->y, out->x.rows.n));
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  if (set < 0) return status_fail(FORMAT, "%s: there is none", name);
  status = read_rows(set, 1, 1, out->x.rows.begin, out->x.rows.n, H5T_NATIVE_DOUBLE, out->y);
  if (classes) {
    hid_t attribute = H5Aopen(set, "classes", H5P_DEFAULT);
    if (attribute >= 0) H5Aread(attribute, H5T_NATIVE_INT64, classes);
    if (attribute >= 0) H5Aclose(attribute);
  }
  H5Dclose(set);
done:
  return status;
}

/* ---- what is measured ---- */

typedef struct Bench {
  const Comm *comm;
  const ModelKind *kind;
  void *options;
  Part train, test;
  int64_t classes;
  void *model;
  double fit, predict_rate, single; /* seconds, rows a second, seconds */
  int64_t bytes, loaded, peak;
  double rows_a_tree; /* whose histograms have to be built */
} Bench;

static int64_t width_of(const Bench *b) { return b->classes > 0 ? b->classes : 1; }

static double slowest_all(const Comm *comm, double seconds) {
  comm_max_real_all(comm, &seconds, 1);
  return seconds;
}

static Status fit_all(Bench *b, uint64_t seed, const char *prefix) {
  Status status = OK;
  Summary summary;
  int64_t *row_id = NULL, n = b->train.x.rows.n;
  summary_init(&summary, b->comm->rank == 0);
  AGREE(b->comm, NEW(&row_id, n));
  for (int64_t i = 0; i < n; i++) row_id[i] = b->train.x.rows.begin + i;
  TrainingData data = {.task = b->classes > 0 ? TASK_CLASSIFICATION : TASK_REGRESSION,
                       .n_classes = b->classes,
                       .x = &b->train.x,
                       .target = b->train.y,
                       .row_id = row_id,
                       .seed = seed};
  peak_forget();
  b->loaded = comm_sum_one_all(b->comm, peak_bytes());
  if (prefix) profile(true);
  comm_barrier_all(b->comm);
  double begun = MPI_Wtime();
  status = b->kind->fit_all(b->comm, &data, b->options, NULL, &b->model, &summary);
  b->fit = slowest_all(b->comm, MPI_Wtime() - begun);
  if (prefix) profile(false);
  b->peak = comm_sum_one_all(b->comm, peak_bytes());
  if (status == OK && prefix) AGREE(b->comm, profile_write(prefix, b->comm->rank));
done:
  summary_clear(&summary);
  memory_free(&row_id);
  return status;
}

static Status count_bytes(Bench *b) {
  Status status = OK;
  Fields fields;
  fields_init(&fields, FIELDS_OUT);
  TRY(b->kind->fields(&b->model, &fields));
  for (int64_t i = 0; i < fields.n; i++) {
    const Field *field = &fields.items[i];
    b->bytes += field_count(field) * (int64_t)field_item_size(field->type);
  }
done:
  fields_clear(&fields);
  return status;
}

/* ---- what had to be done ---- */

/* Rows of the whole training set that come to each node of a tree, added to count. */
static void count_rows(const Ensemble *e, int64_t tree, const uint8_t *codes, int64_t n,
                       int64_t *count) {
  const int64_t *node = e->node + e->node_offset[tree];
  int64_t stride = bins_stride(e->bins.d);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = 0;
    count[0]++;
    while (!node_is_leaf(node[at])) {
      bool left = node_at_goes_left(node + at, codes[i * stride + node_feature(node[at])]);
      at += left ? node_words(node[at]) : node_low(node[at]);
      count[at]++;
    }
  }
}

/* Rows whose histograms the subtree needs below its root: of the smaller child of every split whose
 * children may be split again. */
static int64_t rows_needed(const int64_t *node, const int64_t *count, int64_t at, int64_t depth) {
  if (node_is_leaf(node[at]) || depth < 1) return 0;
  int64_t left = at + node_words(node[at]), right = at + node_low(node[at]);
  int64_t smaller = count[left] < count[right] ? count[left] : count[right];
  return (depth > 1 ? smaller : 0) + rows_needed(node, count, left, depth - 1) +
         rows_needed(node, count, right, depth - 1);
}

/* Mean rows a tree whose histograms have to be built, from COUNTED trees. Boosting only. */
static Status count_updates_all(Bench *b) {
  Status status = OK;
  const GbdtOptions *o = b->options;
  const Ensemble *e = &((const Gbdt *)b->model)->ensemble;
  int64_t stride = bins_stride(e->bins.d), n = b->train.x.rows.n, trees = 0;
  int64_t depth = o->max_depth == OPTION_NONE_INTEGER ? INT64_MAX : o->max_depth;
  int64_t step = e->n_trees > COUNTED ? e->n_trees / COUNTED : 1, *count = NULL;
  uint8_t *codes = NULL;
  AGREE(b->comm, NEW_RAW(&codes, n * stride));
  bins_encode(&e->bins, &b->train.x, 0, n, codes);
  for (int64_t t = 0; t < e->n_trees; t += step, trees++) {
    int64_t words = e->node_offset[t + 1] - e->node_offset[t];
    AGREE(b->comm, NEW(&count, words));
    count_rows(e, t, codes, n, count);
    comm_sum_all(b->comm, count, words);
    b->rows_a_tree +=
        (double)(count[0] + rows_needed(e->node + e->node_offset[t], count, 0, depth));
    memory_free(&count);
  }
  b->rows_a_tree /= (double)trees;
done:
  memory_free(&count);
  memory_free(&codes);
  return status;
}

/* ---- prediction ---- */

/* The test rows of this rank again and again, to the number that is timed. */
static Status repeat_rows(const Matrix *x, int64_t n_global, const Comm *comm, Matrix *out) {
  Status status = OK;
  Rows rows = rows_share(comm, n_global, ROWS_BLOCK_DEFAULT);
  if (x->rows.n == 0) return status_fail(INVALID, "a rank has no test row");
  TRY(matrix_init(out, &rows, x->d));
  for (int64_t j = 0; j < x->d; j++) {
    double *to = matrix_column(out, j);
    const double *from = matrix_column(x, j);
    for (int64_t i = 0; i < rows.n; i++) to[i] = from[i % x->rows.n];
  }
done:
  return status;
}

static Status predict_many_all(Bench *b) {
  Status status = OK;
  Matrix many = {0};
  double *out = NULL, fastest = INFINITY;
  int64_t n = b->test.x.rows.n_global > PREDICTED ? b->test.x.rows.n_global : PREDICTED;
  AGREE(b->comm, repeat_rows(&b->test.x, n, b->comm, &many));
  AGREE(b->comm, NEW(&out, many.rows.n * width_of(b)));
  for (int k = 0; k < PREDICTIONS; k++) {
    comm_barrier_all(b->comm);
    double begun = MPI_Wtime();
    status = b->kind->predict(b->model, &many, out);
    double seconds = slowest_all(b->comm, MPI_Wtime() - begun);
    if (seconds < fastest) fastest = seconds;
    AGREE(b->comm, status);
  }
  b->predict_rate = (double)n / fastest;
done:
  memory_free(&out);
  matrix_clear(&many);
  return status;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Local: a single row is one rank's work. */
static Status predict_single(Bench *b) {
  Status status = OK;
  const Comm self = comm_self();
  Rows rows = rows_share(&self, 1, ROWS_BLOCK_DEFAULT);
  Matrix one = {0};
  double *out = NULL, took[SINGLES];
  TRY(matrix_init(&one, &rows, b->test.x.d));
  TRY(NEW(&out, width_of(b)));
  for (int64_t k = 0; k < SINGLES; k++) {
    for (int64_t j = 0; j < one.d; j++)
      matrix_column(&one, j)[0] = matrix_column(&b->test.x, j)[k % b->test.x.rows.n];
    double begun = MPI_Wtime();
    TRY(b->kind->predict(b->model, &one, out));
    took[k] = MPI_Wtime() - begun;
  }
  qsort(took, SINGLES, sizeof *took, by_size);
  b->single = took[SINGLES / 2];
done:
  memory_free(&out);
  matrix_clear(&one);
  return status;
}

static Status keep_predictions_all(Bench *b, const char *path) {
  Status status = OK;
  const Matrix *x = &b->test.x;
  double *out = NULL, *all = NULL;
  size_t bytes = (size_t)(x->rows.n * width_of(b)) * sizeof *out;
  AGREE(b->comm, NEW(&out, x->rows.n * width_of(b)));
  AGREE(b->comm, b->kind->predict(b->model, x, out));
  TRY(comm_gather_all(b->comm, 0, out, bytes, (void **)&all, NULL));
  if (b->comm->rank == 0) {
    size_t n = (size_t)(x->rows.n_global * width_of(b));
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(all, sizeof *all, n, file) == n;
    if (file) good = fclose(file) == 0 && good;
    if (!good) status = status_fail(IO, "%s: cannot be written", path);
  }
  AGREE(b->comm, status);
done:
  memory_free(&out);
  memory_free(&all);
  return status;
}

/* ---- the command line ---- */

typedef struct Arguments {
  const char *file, *target, *model, *predictions, *profile;
  uint64_t seed;
} Arguments;

static Status parse(int argc, char **argv, Arguments *out) {
  if (argc < 5) return status_fail(INVALID, "bench_trees FILE TARGET MODEL SEED [OPTIONS]");
  *out = (Arguments){.file = argv[1], .target = argv[2], .model = argv[3]};
  out->seed = strtoull(argv[4], NULL, 10);
  for (int i = 5; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--predictions") == 0) {
      out->predictions = argv[i + 1];
    } else if (strcmp(argv[i], "--profile") == 0) {
      out->profile = argv[i + 1];
    } else {
      return status_fail(INVALID, "unknown argument \"%s\"", argv[i]);
    }
  }
  return OK;
}

static Status make_ready(Bench *b, const Arguments *arguments) {
  Status status = OK;
  static const char *const others[] = {"kind", NULL};
  const Place place = {.key = "model: "};
  const Kind *kind = NULL;
  cJSON *model = NULL;
  hid_t file = -1;
  TRY(json_parse("model", arguments->model, (int64_t)strlen(arguments->model), &model));
  TRY(options_kind(model_kinds, "kind", model, &place, &kind));
  b->kind = (const ModelKind *)kind;
  TRY(options_parse(&kinds, kind, model, others, &place, &b->options));
  file = H5Fopen(arguments->file, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0) return status_fail(IO, "%s: cannot be opened", arguments->file);
  TRY(read_part(b->comm, file, "train", arguments->target, &b->classes, &b->train));
  TRY(read_part(b->comm, file, "test", arguments->target, NULL, &b->test));
done:
  if (file >= 0) H5Fclose(file);
  cJSON_Delete(model);
  return status;
}

static Status run_all(Bench *b, int argc, char **argv) {
  Status status = OK;
  Arguments arguments = {0};
  AGREE(b->comm, parse(argc, argv, &arguments));
  AGREE(b->comm, make_ready(b, &arguments));
  TRY(fit_all(b, arguments.seed, arguments.profile));
  AGREE(b->comm, count_bytes(b));
  if (b->kind == &gbdt_model) TRY(count_updates_all(b));
  if (arguments.predictions) TRY(keep_predictions_all(b, arguments.predictions));
  TRY(predict_many_all(b));
  AGREE(b->comm, b->comm->rank == 0 ? predict_single(b) : OK);
  if (b->comm->rank == 0) {
    printf(
        "{\"fit\": %.6f, \"predict_rate\": %.1f, \"single\": %.9f, \"model_bytes\": %lld, "
        "\"loaded_bytes\": %lld, \"peak_bytes\": %lld, \"rows_a_tree\": %.1f}\n",
        b->fit, b->predict_rate, b->single, (long long)b->bytes, (long long)b->loaded,
        (long long)b->peak, b->rows_a_tree);
  }
done:
  return status;
}

int main(int argc, char **argv) {
  memory_keep(); /* as segue does */
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Bench bench = {.comm = &world};
  Status status = run_all(&bench, argc, argv);
  if (status != OK && world.rank == 0) fprintf(stderr, "bench_trees: %s\n", status_message());
  if (bench.kind) {
    bench.kind->free(&bench.model);
    options_free(&bench.kind->kind, &bench.options);
  }
  part_clear(&bench.train);
  part_clear(&bench.test);
  MPI_Finalize();
  return status == OK ? 0 : 1;
}
