/* Runs every case on communicators of 1, 2, 3, 4 and 7 ranks and compares; see ranks.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "pipeline/launch.h"
#include "ranks.h"

enum { WORLD = 7, LAYOUTS = 3, MOST_CASES = 64 };

/* Sizes of the communicators that a layout splits the world into; ranks behind them have no part.
 */
static const int layouts[LAYOUTS][4] = {{7}, {3, 4}, {1, 2}};

/* The place of a world rank in a layout: number of its part, -1: it has none. */
static int part_of(const int *sizes, int rank) {
  int part = 0;
  while (sizes[part] > 0 && rank >= sizes[part]) rank -= sizes[part++];
  return sizes[part] > 0 ? part : -1;
}

/* Wait for all, asleep: MPI's own barrier would take the cores of those that still work. */
static void sleep_until_all_come(const Comm *world) {
  MPI_Request request;
  int done = 0;
  MPI_Ibarrier(world->mpi, &request);
  for (;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    usleep(1000);
  }
}

typedef struct Result {
  int64_t size, failed; /* of the communicator that this rank led; size 0: it led none */
  Hash hash;
  char message[512];
} Result;

static void run_case(const RankCase *one, const Comm *comm, const char *base, int layout,
                     Result *result) {
  char folder[1024];
  snprintf(folder, sizeof folder, "%s/%s-%d-on-%d", base, one->name, layout, comm->size);
  if (comm->rank == 0 && file_make_folder(folder) != OK) abort();
  comm_barrier_all(comm);
  Status status = one->run(comm, folder, &result->hash);
  if (comm->rank != 0) return;
  result->size = comm->size;
  result->failed = status != OK;
  snprintf(result->message, sizeof result->message, "%s", status == OK ? "" : status_message());
}

/* Compare what the leaders have; returns the number of failures. Rank 0. */
static int compare(const char *name, const Result *results, int n, const Result *reference) {
  int failures = 0;
  for (int r = 0; r < n; r++) {
    if (results[r].size == 0) continue;
    char got[33], want[33];
    hash_text(&results[r].hash, got);
    hash_text(&reference->hash, want);
    bool equal = !results[r].failed && hash_compare(&results[r].hash, &reference->hash) == 0;
    if (equal) continue;
    failures++;
    fprintf(stderr, "%s on %d ranks: %s\n", name, (int)results[r].size,
            results[r].failed ? results[r].message : "another result");
    if (!results[r].failed) fprintf(stderr, "  %s, expected %s (7 ranks)\n", got, want);
  }
  return failures;
}

static int run_all(const Comm *world, const RankCase *one, const char *base) {
  int failures = 0;
  Result reference = {0}, all[WORLD];
  for (int layout = 0; layout < LAYOUTS; layout++) {
    Comm part;
    Result mine = {0};
    int number = part_of(layouts[layout], world->rank);
    comm_split_all(world, number < 0 ? WORLD : number, &part);
    if (number >= 0) run_case(one, &part, base, layout, &mine);
    sleep_until_all_come(world);
    comm_allgather_all(world, &mine, sizeof mine, all);
    if (layout == 0) reference = all[0];
    if (world->rank == 0) failures += compare(one->name, all, WORLD, &reference);
    comm_clear_all(&part);
  }
  return failures;
}

int main(int count, char **words) {
  launch_right_blas(words);
  MPI_Init(&count, &words);
  Comm world = comm_world();
  if (world.size != WORLD) {
    fprintf(stderr, "start this program on %d ranks\n", WORLD);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  char base[512] = "/tmp/segue-ranks-XXXXXX";
  if (world.rank == 0 && !mkdtemp(base)) abort();
  comm_broadcast_all(&world, 0, base, sizeof base);
  int failures = 0, cases = 0;
  for (const RankCase *one = pipeline_cases; one->name; one++, cases++) {
    if (count > 1 && strcmp(words[1], one->name) != 0) continue;
    int failed = run_all(&world, one, base);
    failures += failed;
    if (world.rank == 0) printf("%-32s %s\n", one->name, failed ? "FAILED" : "equal on 1 2 3 4 7");
  }
  int64_t balance = memory_balance();
  comm_max_all(&world, &balance, 1);
  if (world.rank == 0) {
    if (balance != 0) fprintf(stderr, "%d allocations are left\n", (int)balance);
    if (getenv("SEGUE_KEEP"))
      printf("kept: %s\n", base);
    else
      file_remove_tree(base);
  }
  comm_broadcast_all(&world, 0, &failures, sizeof failures);
  MPI_Finalize();
  return failures > 0 || balance != 0 || cases == 0;
}
