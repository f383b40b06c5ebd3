/* Failures injected at every kind of place, on each rank in turn: all ranks end with the same status
 * and message, none hangs, nothing is left allocated, and the run can be taken up again with the
 * result of an undisturbed one.
 *
 * One launch on two ranks, a core for each, makes some hundred runs of a small pipeline that uses
 * every stage kind. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "pipeline/graph.h"
#include "pipeline/launch.h"
#include "pipeline/manifest.h"
#include "pipeline/run.h"

enum { MESSAGE = 512 };

static const char CONFIG[] =
    "{\"name\": \"faults\", \"block\": 16, \"stages\": {\n"
    " \"rows\": {\"kind\": \"read_csv\", \"path\": \"FOLDER/rows.csv\", \"columns\": {\n"
    "   \"id\": \"text\", \"genre\": \"category\", \"who\": \"list;\", \"x\": \"real\", \"y\": \"real\",\n"
    "   \"when\": \"date\"}},\n"
    " \"more\": {\"kind\": \"read_csv\", \"path\": \"FOLDER/more.csv\", \"columns\": {\n"
    "   \"id\": \"text\", \"z\": \"real\"}},\n"
    " \"joined\": {\"kind\": \"join\", \"left\": \"rows\", \"right\": \"more\", \"on\": \"id\"},\n"
    " \"clean\": {\"kind\": \"clean\", \"input\": \"joined\", \"recording\": [[\"id\"], [\"who\", \"x\"]],\n"
    "   \"rules\": {\"genre\": \"set\", \"y\": \"mean\"}},\n"
    " \"split\": {\"kind\": \"split\", \"input\": \"clean\", \"group\": \"recording\", \"test\": 0.3},\n"
    " \"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"group\": \"recording\", \"folds\": 3},\n"
    " \"value\": {\"kind\": \"train\", \"input\": \"split\", \"folds\": \"folds\", \"target\": \"y\",\n"
    "   \"features\": [\"x\", \"z\", \"genre\", \"who\", \"when\"], \"by\": \"genre\",\n"
    "   \"recipe\": [{\"step\": \"impute\", \"columns\": [\"z\"], \"by\": \"genre\"},\n"
    "     {\"step\": \"date_part\", \"columns\": [\"when\"]},\n"
    "     {\"step\": \"target_encode\", \"columns\": [\"genre\", \"who\"], \"folds\": 2}],\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 4}},\n"
    " \"genre\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"genre\",\n"
    "   \"features\": [\"x\", \"y\"], \"resample\": {\"kind\": \"adasyn\"},\n"
    "   \"model\": {\"kind\": \"forest\", \"trees\": 2}},\n"
    " \"many\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"x\", \"above\": 60,\n"
    "   \"features\": \"y\", \"resample\": \"smote_nc\",\n"
    "   \"recipe\": [{\"step\": \"outliers\", \"method\": \"quantiles\", \"action\": \"remove\"}],\n"
    "   \"model\": \"constant\"},\n"
    " \"map\": {\"kind\": \"tsne\", \"input\": \"rows\", \"features\": [\"x\", \"y\"],\n"
    "   \"group\": null, \"perplexity\": 4, \"iterations\": 8, \"early_iterations\": 4,\n"
    "   \"colour\": [\"genre\", \"who\"]},\n"
    " \"dense\": {\"kind\": \"dbscan\", \"input\": \"rows\", \"features\": [\"x\", \"y\"],\n"
    "   \"group\": null, \"min_samples\": 4, \"show\": [\"id\", \"who\"]},\n"
    " \"groups\": {\"kind\": \"kmeans\", \"input\": \"rows\", \"features\": [\"x\", \"y\"],\n"
    "   \"group\": null, \"k\": 2, \"k_to\": 3, \"starts\": 2, \"show\": [\"id\"], \"by\": \"genre\"},\n"
    " \"tree\": {\"kind\": \"ward\", \"input\": \"groups\", \"features\": [\"x\", \"y\"],\n"
    "   \"group\": null, \"k\": 3, \"taxonomy\": \"who\", \"value\": \"y\"},\n"
    " \"pairs\": {\"kind\": \"ward\", \"input\": \"rows\", \"features\": [\"x\"], \"group\": null,\n"
    "   \"linkage\": \"average\"},\n"
    " \"judged\": {\"kind\": \"validate\", \"input\": \"tree\", \"labels\": [\"cluster\", \"ward\"],\n"
    "   \"against\": [\"genre\"], \"features\": [\"x\", \"y\"], \"group\": null},\n"
    " \"placed\": {\"kind\": \"place\", \"input\": \"rows\", \"map\": \"map\",\n"
    "   \"features\": [\"x\", \"y\"], \"group\": null, \"perplexity\": 3},\n"
    " \"kept\": {\"kind\": \"validate\", \"input\": \"map\", \"features\": [\"x\", \"y\"],\n"
    "   \"group\": null, \"labels\": [\"genre\"], \"against\": [\"who\"], \"show\": [\"who\"],\n"
    "   \"by\": \"who\", \"value\": \"x\", \"maps\": [[\"map_x\", \"map_y\"], [\"y\"]]},\n"
    " \"parts\": {\"kind\": \"pca\", \"input\": \"more\", \"features\": [\"z\"], \"group\": null,\n"
    "   \"components\": 1},\n"
    " \"audit\": {\"kind\": \"audit\", \"input\": \"split\", \"target\": \"y\", \"split\": \"split\",\n"
    "   \"id\": \"id\", \"artist\": \"who\", \"audio\": [\"x\"], \"date\": \"when\", \"by\": \"genre\",\n"
    "   \"features\": [\"x\", \"genre\"],\n"
    "   \"recipe\": [{\"step\": \"target_encode\", \"columns\": [\"genre\"], \"folds\": 2}],\n"
    "   \"model\": {\"kind\": \"constant\"}},\n"
    " \"stack\": {\"kind\": \"stack\", \"input\": \"split\", \"folds\": \"folds\", \"target\": \"y\",\n"
    "   \"features\": [\"x\"], \"replicates\": 20, \"meta\": \"constant\",\n"
    "   \"members\": {\"a\": {\"model\": \"linear\"}, \"b\": {\"model\": \"constant\"}}},\n"
    " \"odds\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"y\", \"above\": 48,\n"
    "   \"features\": [\"x\"], \"replicates\": 0, \"model\": \"constant\"},\n"
    " \"calibrated\": {\"kind\": \"calibrate\", \"input\": \"split\", \"model\": \"odds\", \"folds\": \"folds\",\n"
    "   \"method\": \"isotonic\", \"replicates\": 0},\n"
    " \"decided\": {\"kind\": \"threshold\", \"input\": \"split\", \"model\": \"calibrated\",\n"
    "   \"folds\": \"folds\", \"replicates\": 0},\n"
    " \"report\": {\"kind\": \"report\"}}}\n";

typedef struct Outcome {
  Status status;
  char message[MESSAGE];
} Outcome;

static void must(Status status) {
  if (status == OK) return;
  fprintf(stderr, "the test itself failed: %s\n", status_message());
  MPI_Abort(MPI_COMM_WORLD, 3);
}

static void write_inputs(const char *base) {
  char path[PATH_MAX], text[16384];
  int n = snprintf(text, sizeof text, "id,genre,who,x,y,when\n");
  for (int i = 0; i < 150; i++)
    n += snprintf(text + n, sizeof text - (size_t)n, "t%d,g%d,a%d;b%d,%d.5,%d,20%02d-0%d\n", i / 2,
                  i % 5, i % 11, i % 3, i * 37 % 101, i * 53 % 97, i % 20, i % 9 + 1);
  snprintf(path, sizeof path, "%s/rows.csv", base);
  must(file_write(path, text, n));
  n = snprintf(text, sizeof text, "id,z\n");
  for (int i = 0; i < 60; i++)
    n += snprintf(text + n, sizeof text - (size_t)n, "t%d,%d\n", i, i * i % 31);
  snprintf(path, sizeof path, "%s/more.csv", base);
  must(file_write(path, text, n));
  n = 0;
  for (const char *at = CONFIG; *at;) {
    if (strncmp(at, "FOLDER", 6) == 0) {
      n += snprintf(text + n, sizeof text - (size_t)n, "%s", base);
      at += 6;
    } else {
      text[n++] = *at++;
    }
  }
  snprintf(path, sizeof path, "%s/config.json", base);
  must(file_write(path, text, n));
}

/* One run of the pipeline into run_dir. Collective. */
static Outcome run_all(const Comm *comm, const char *base, const char *run_dir) {
  Outcome outcome = {.status = OK};
  char path[PATH_MAX];
  Config config = {0};
  Graph graph = {0};
  RunOptions options = {.run_dir = run_dir, .quiet = true};
  snprintf(path, sizeof path, "%s/config.json", base);
  outcome.status = config_read_all(comm, path, NULL, 0, &config);
  if (outcome.status == OK) outcome.status = status_agree_all(comm, graph_plan(&config, &graph));
  if (outcome.status == OK) outcome.status = run_pipeline_all(comm, &graph, &options);
  graph_clear(&graph);
  config_clear(&config);
  snprintf(outcome.message, sizeof outcome.message, "%s",
           outcome.status == OK ? "" : status_message());
  return outcome;
}

/* Content hashes of all artifacts, one after the other. Rank 0. */
static void contents(const char *run_dir, char text[1024]) {
  char path[PATH_MAX];
  Manifest manifest;
  snprintf(path, sizeof path, "%s/manifest.json", run_dir);
  must(manifest_read(path, &manifest));
  text[0] = 0;
  for (int64_t i = 0; i < manifest.n_stages; i++)
    if (manifest.stages[i].content) strncat(text, manifest.stages[i].content, 33);
  manifest_clear(&manifest);
}

typedef struct Sweep {
  const Comm *world;
  const char *base;
  char reference[1024];
  int64_t runs, failed_runs, mistakes;
} Sweep;

static void mistake(Sweep *sweep, const char *what, FaultKind kind, int rank, int64_t nth) {
  static const char *const names[] = {"memory", "read", "write"};
  if (sweep->world->rank == 0)
    fprintf(stderr, "%s fault %lld on rank %d: %s\n", names[kind], (long long)nth, rank, what);
  sweep->mistakes++;
}

/* Every rank has the same outcome. */
static void check_agreement(Sweep *sweep, const Outcome *mine, FaultKind kind, int rank,
                            int64_t nth) {
  Outcome all[8];
  comm_allgather_all(sweep->world, mine, sizeof *mine, all);
  for (int r = 1; r < sweep->world->size; r++) {
    if (all[r].status == all[0].status && strcmp(all[r].message, all[0].message) == 0) continue;
    mistake(sweep, "ranks disagree", kind, rank, nth);
    if (sweep->world->rank == 0)
      fprintf(stderr, "  rank 0: %s\n  rank %d: %s\n", all[0].message, r, all[r].message);
    return;
  }
  if (mine->status != OK && !mine->message[0]) mistake(sweep, "no message", kind, rank, nth);
}

/* Inject one failure, then run again without: the results are those of an undisturbed run. Returns
 * false when the fault's place lies behind the end of the run. */
static bool inject(Sweep *sweep, FaultKind kind, int rank, int64_t nth, bool take_up) {
  char run_dir[1024], text[1024];
  const Comm *world = sweep->world;
  snprintf(run_dir, sizeof run_dir, "%s/run", sweep->base);
  fault_arm(kind, world->rank == rank ? nth : 0, false);
  Outcome outcome = run_all(world, sweep->base, run_dir);
  bool reached = comm_any_all(world, world->rank == rank && fault_count(kind) >= nth);
  fault_arm(kind, 0, false);
  sweep->runs++;
  sweep->failed_runs += outcome.status != OK;
  check_agreement(sweep, &outcome, kind, rank, nth);
  if (comm_any_all(world, memory_balance() != 0)) {
    mistake(sweep, "memory is left", kind, rank, nth);
    if (memory_balance() != 0)
      fprintf(stderr, "  rank %d: %lld allocations; %s\n", world->rank,
              (long long)memory_balance(), outcome.message);
  }
  if (take_up) {
    Outcome again = run_all(world, sweep->base, run_dir);
    if (again.status != OK) mistake(sweep, again.message, kind, rank, nth);
    if (again.status == OK && world->rank == 0) {
      contents(run_dir, text);
      if (strcmp(text, sweep->reference) != 0)
        mistake(sweep, "another result when taken up again", kind, rank, nth);
    }
  }
  if (world->rank == 0) file_remove_tree(run_dir);
  comm_barrier_all(world);
  return reached && sweep->mistakes < 5;
}

int main(int count, char **words) {
  launch_right_blas(words);
  MPI_Init(&count, &words);
  Comm world = comm_world();
  char base[512] = "/tmp/segue-faults-XXXXXX", run_dir[1024];
  if (world.rank == 0) {
    if (!mkdtemp(base)) abort();
    write_inputs(base);
  }
  comm_broadcast_all(&world, 0, base, sizeof base);
  Sweep sweep = {.world = &world, .base = base};
  snprintf(run_dir, sizeof run_dir, "%s/run", base);
  Outcome outcome = run_all(&world, base, run_dir);
  must(outcome.status);
  if (world.rank == 0) contents(run_dir, sweep.reference);
  if (world.rank == 0) file_remove_tree(run_dir);
  comm_barrier_all(&world);
  /* Places come thick at the beginning and thinner later on; other ranks get other places. */
  const FaultKind kinds[] = {FAULT_MEMORY, FAULT_READ, FAULT_WRITE};
  for (int k = 0; k < 3; k++)
    for (int rank = 0; rank < world.size; rank++)
      for (int64_t nth = 1 + rank, i = 0;; i++, nth += 1 + nth / (kinds[k] == FAULT_MEMORY ? 12 : 6))
        if (!inject(&sweep, kinds[k], rank, nth, i % 4 == 0)) break;
  if (world.rank == 0) {
    printf("faults: %lld runs, %lld of them failed as asked, %lld mistakes\n",
           (long long)sweep.runs, (long long)sweep.failed_runs, (long long)sweep.mistakes);
    file_remove_tree(base);
  }
  int64_t bad = comm_max_one_all(&world, sweep.mistakes + (sweep.failed_runs == 0));
  MPI_Finalize();
  return bad > 0;
}
