/* What the machine can do with all ranks at it, as JSON; the floor that scripts/bench-trees holds
 * training against.
 *
 *   mpirun -n 2 bench_probe
 *
 * updates  packed histogram updates a second: a byte code, a load, a 64-bit addition and a store,
 *          rows in order, codes and histograms in the cache
 * stream   bytes a second that are read in order from memory
 * gathers  rows a second that are fetched from all over a table far larger than the cache: 24 bytes
 *          of codes and 8 of sums each, the next ones asked for ahead of time
 *
 * Sums over the ranks of the best of a few runs, all ranks running at the same time. */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  RUNS = 5,
  FEATURES = 16,
  CODES = 256,
  HOT_ROWS = 16384,        /* 256 KiB of codes */
  SWEEPS = 200,            /* over them in a run */
  STREAM_WORDS = 32 << 20, /* 256 MiB */
  TABLE_ROWS = 6 << 20,    /* 192 MiB */
  ROW_WORDS = 4,           /* 24 bytes of codes and 8 of sums */
  AHEAD = 32,
};

static volatile uint64_t sink; /* so that no work is dropped */

static uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void *take(size_t bytes) {
  void *p = aligned_alloc(64, bytes);
  if (!p) MPI_Abort(MPI_COMM_WORLD, 1);
  return p;
}

/* Work of one run, its amount, and the memory that it works on. */
typedef struct Probe {
  const char *name;
  double amount;
  void (*run)(const struct Probe *probe);
  uint8_t *codes;
  uint64_t *word, *histogram;
  uint32_t *row;
} Probe;

static void run_updates(const Probe *p) {
  uint64_t *h = p->histogram;
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    const uint8_t *c = p->codes;
    for (int i = 0; i < HOT_ROWS; i++, c += FEATURES) {
      uint64_t low, high, w = p->word[i];
      memcpy(&low, c, 8);
      memcpy(&high, c + 8, 8);
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++) h[j * CODES + (uint8_t)(low >> 8 * j)] += w;
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++) h[(8 + j) * CODES + (uint8_t)(high >> 8 * j)] += w;
    }
  }
  sink += h[7];
}

static void run_stream(const Probe *p) {
  uint64_t sum[8] = {0};
  for (int64_t i = 0; i < STREAM_WORDS; i += 8)
    for (int k = 0; k < 8; k++) sum[k] += p->word[i + k];
  for (int k = 0; k < 8; k++) sink += sum[k];
}

static void run_gathers(const Probe *p) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < TABLE_ROWS; i++) {
    __builtin_prefetch(p->word + (int64_t)p->row[i + AHEAD] * ROW_WORDS);
    const uint64_t *row = p->word + (int64_t)p->row[i] * ROW_WORDS;
    sum += row[0] + row[1] + row[2] + row[3];
  }
  sink += sum;
}

static void fill(Probe *updates, Probe *stream, Probe *gathers) {
  updates->codes = take(HOT_ROWS * FEATURES);
  updates->word = take(HOT_ROWS * sizeof(uint64_t));
  updates->histogram = take(FEATURES * CODES * sizeof(uint64_t));
  memset(updates->histogram, 0, FEATURES * CODES * sizeof(uint64_t));
  for (uint64_t i = 0; i < HOT_ROWS * FEATURES; i++) updates->codes[i] = (uint8_t)mixed(i);
  for (uint64_t i = 0; i < HOT_ROWS; i++) updates->word[i] = mixed(i) >> 20;
  stream->word = take(STREAM_WORDS * sizeof(uint64_t));
  for (uint64_t i = 0; i < STREAM_WORDS; i++) stream->word[i] = i;
  gathers->word = stream->word; /* its first 192 MiB */
  gathers->row = take((TABLE_ROWS + 64) * sizeof(uint32_t));
  for (uint64_t i = 0; i < TABLE_ROWS + 64; i++)
    gathers->row[i] = (uint32_t)(mixed(i + 1) % TABLE_ROWS);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  Probe probe[] = {{"updates", (double)HOT_ROWS * FEATURES * SWEEPS, run_updates, 0, 0, 0, 0},
                   {"stream", (double)STREAM_WORDS * 8, run_stream, 0, 0, 0, 0},
                   {"gathers", TABLE_ROWS, run_gathers, 0, 0, 0, 0}};
  fill(&probe[0], &probe[1], &probe[2]);
  for (int k = 0; k < 3; k++) {
    double best = 0, total = 0;
    for (int run = 0; run < RUNS; run++) {
      MPI_Barrier(MPI_COMM_WORLD);
      double begun = MPI_Wtime();
      probe[k].run(&probe[k]);
      double rate = probe[k].amount / (MPI_Wtime() - begun);
      if (rate > best) best = rate;
    }
    MPI_Reduce(&best, &total, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) printf("%s\"%s\": %.6g", k == 0 ? "{" : ", ", probe[k].name, total);
  }
  if (rank == 0) printf("}\n");
  free(probe[0].codes);
  free(probe[0].word);
  free(probe[0].histogram);
  free(probe[1].word);
  free(probe[2].row);
  MPI_Finalize();
  return 0;
}
