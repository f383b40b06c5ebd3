/* The launch; see launch.h.
 *
 * OpenBLAS chooses its kernels in a library constructor by a list of known CPUs; on a newer one it
 * falls back to kernels that are up to five times slower (OpenBLAS issue 4267). The cure is an
 * environment variable, which has to stand before the process starts: hence the exec. */
#define _GNU_SOURCE
#include "launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stop.h"

extern char *openblas_get_corename(void);
extern void openblas_set_num_threads(int n);

enum { PROFILE_BYTES = 160 };

#ifdef __x86_64__
/* The kernels that this CPU can run at best; NULL when OpenBLAS' own choice is as good. */
static const char *better_kernels(const char *chosen) {
  __builtin_cpu_init();
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  const char *with_avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids"};
  for (size_t i = 0; i < sizeof with_avx512 / sizeof *with_avx512; i++)
    if (strcasecmp(chosen, with_avx512[i]) == 0) return NULL;
  if (avx512) return "SKYLAKEX";
  if (strcasecmp(chosen, "Prescott") == 0 && __builtin_cpu_supports("avx2")) return "HASWELL";
  return NULL;
}
#else
static const char *better_kernels(const char *chosen) { return (void)chosen, NULL; }
#endif

void launch_right_blas(char **words) {
  if (getenv("OPENBLAS_CORETYPE")) return;
  const char *better = better_kernels(openblas_get_corename());
  if (!better) return;
  setenv("OPENBLAS_CORETYPE", better, 1);
  stop_hold(true);
  if (!stop_requested()) execv("/proc/self/exe", words); /* else the request would be forgotten */
  stop_hold(false);
}

/* The number of processes that the launcher says it started, 0 when it says nothing. */
static int launcher_tasks(void) {
  /* Under mpirun inside Slurm both are set; what mpirun says holds for its ranks. */
  const char *names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE",
                         "SLURM_STEP_NUM_TASKS"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *text = getenv(names[i]);
    if (text) return atoi(text);
  }
  return 0;
}

static Status refuse_launch(int tasks) {
  return status_fail(INVALID,
                     "the launcher started %d processes, but each of them is an MPI world of one; "
                     "under Slurm use `srun --mpi=pmix segue ...` (`srun --mpi=list` shows what "
                     "there is) or `mpirun segue ...` inside the job; elsewhere use the mpirun of "
                     "the Open MPI that segue was built with",
                     tasks);
}

Status launch_mpi(Comm *world) {
  int begun = 0, tasks = launcher_tasks();
  /* srun without PMIx: Open MPI would abort in MPI_Init with a banner of its own. */
  bool unconnected =
      getenv("SLURM_STEP_NUM_TASKS") && !getenv("PMIX_RANK") && !getenv("OMPI_COMM_WORLD_SIZE");
  if (unconnected && tasks > 1) return refuse_launch(tasks);
  MPI_Initialized(&begun);
  if (!begun) MPI_Init(NULL, NULL);
  *world = comm_world();
  openblas_set_num_threads(1);
  return world->size > 1 || tasks <= 1 ? OK : refuse_launch(tasks);
}

void launch_finish(void) {
  int begun = 0, ended = 0;
  MPI_Initialized(&begun);
  MPI_Finalized(&ended);
  if (begun && !ended) MPI_Finalize();
}

void launch_profile(char *text, size_t bytes) {
#ifdef __x86_64__
  __builtin_cpu_init();
  const char *fma = __builtin_cpu_supports("fma") ? "fma" : "no fma";
#else
  const char *fma = "generic";
#endif
  snprintf(text, bytes, "march %s, BLAS kernels %s, libm with %s", SEGUE_BUILD_MARCH,
           openblas_get_corename(), fma);
}

/* The first rank whose profile is not rank 0's, or size. */
static int unlike_rank(const char *all, int size) {
  for (int r = 1; r < size; r++)
    if (strcmp(all, all + (size_t)r * PROFILE_BYTES) != 0) return r;
  return size;
}

Status launch_check_profile_all(const Comm *comm) {
  Status status = OK;
  char mine[PROFILE_BYTES] = "", *all = NULL;
  launch_profile(mine, sizeof mine);
  AGREE(comm, (all = malloc((size_t)comm->size * PROFILE_BYTES))
                  ? OK
                  : status_fail(MEMORY, "out of memory"));
  comm_allgather_all(comm, mine, sizeof mine, all);
  int r = unlike_rank(all, comm->size);
  if (r < comm->size)
    status = status_fail(INVALID,
                         "ranks run on unlike CPUs: rank 0 has \"%s\", rank %d has \"%s\"; results "
                         "would depend on who computes what. Start all ranks with "
                         "OPENBLAS_CORETYPE=HASWELL in their environment (mpirun -x "
                         "OPENBLAS_CORETYPE=HASWELL ...), or use one kind of node",
                         all, r, all + (size_t)r * PROFILE_BYTES);
done:
  free(all);
  return status;
}
