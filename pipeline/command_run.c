/* segue run, segue check: read the config, plan the graph, and go, or only say what would. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "graph.h"
#include "io/file.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "launch.h"
#include "run.h"

enum { RUN_CONFIG, RUN_DIR, RUN_SET, RUN_FORCE, RUN_QUIET, RUN_WORDS };

static const WordRow run_rows[] = {
    [RUN_CONFIG] = {.name = "CONFIG", .help = "the pipeline, a JSON file", .required = true},
    [RUN_DIR] = {.name = "--run-dir",
                 .value = "DIR",
                 .help = "where the run's files go (default runs/NAME)"},
    [RUN_SET] = {.name = "--set",
                 .value = "POINTER=VALUE",
                 .help = "replace a value of the config: /stages/forest/model/trees=200",
                 .many = true},
    [RUN_FORCE] = {.name = "--force",
                   .value = "STAGE",
                   .help = "make a stage anew, with all that use it",
                   .many = true},
    [RUN_QUIET] = {.name = "--quiet", .help = "say nothing but errors"},
    {0}};

enum { CHECK_CONFIG, CHECK_SET, CHECK_WORDS };

static const WordRow check_rows[] = {
    [CHECK_CONFIG] = {.name = "CONFIG", .help = "the pipeline, a JSON file", .required = true},
    [CHECK_SET] = {.name = "--set",
                   .value = "POINTER=VALUE",
                   .help = "replace a value of the config",
                   .many = true},
    {0}};

/* Rank 0's message is out before any rank leaves. Collective. */
static int finish_all(const Comm *world, Status status, bool nothing_was_run) {
  if (status != OK && world->rank == 0) {
    fprintf(stderr, "segue: %s%s\n", status == STOPPED ? "" : "error: ", status_message());
    fflush(stderr);
  }
  comm_barrier_all(world);
  if (status == OK) return EXIT_DONE;
  if (status == STOPPED) return EXIT_STOPPED;
  return nothing_was_run ? EXIT_WRONG_USAGE : EXIT_STAGE_FAILED;
}

/* A launch gone wrong is refused by every process: each is its own world. */
static int refuse(void) {
  if (words_speaker()) fprintf(stderr, "segue: error: %s\n", status_message());
  return EXIT_WRONG_USAGE;
}

int command_run(int n, char **words) {
  WordValue values[RUN_WORDS] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  bool planned = false;
  if (!words_parse("run", "Runs the pipeline of CONFIG, on all ranks of mpirun or srun.", run_rows,
                   n, words, values, &exit_status)) {
    words_clear(run_rows, values);
    return exit_status;
  }
  Status status = OK;
  Comm world;
  Config config = {0};
  Graph graph = {0};
  if (launch_mpi(&world) != OK) return refuse();
  fault_from_environment(world.rank);
  TRY(config_read_all(&world, values[RUN_CONFIG].items[0], values[RUN_SET].items, values[RUN_SET].n,
                      &config));
  AGREE(&world, graph_plan(&config, &graph));
  RunOptions options = {.run_dir = values[RUN_DIR].n ? values[RUN_DIR].items[0] : NULL,
                        .force = values[RUN_FORCE].items,
                        .n_force = values[RUN_FORCE].n,
                        .quiet = values[RUN_QUIET].n > 0};
  AGREE(&world, world.rank == 0 ? run_check(&graph, &options) : OK);
  TRY(launch_check_profile_all(&world));
  planned = true;
  TRY(run_pipeline_all(&world, &graph, &options));
done:
  graph_clear(&graph);
  config_clear(&config);
  words_clear(run_rows, values);
  return finish_all(&world, status, !planned);
}

/* What a stage takes and gives, a line. */
static void print_stage(const Graph *graph, int64_t stage) {
  const StageConfig *config = &graph->config->stages[stage];
  const Planned *plan = &graph->plans[stage];
  printf("  %-18s %-11s", config->name, config->kind->kind.name);
  for (int64_t p = 0; p < config->n_inputs; p++)
    if (config->inputs[p] >= 0)
      printf(" %s=%s", stage_port(config->kind, p)->name,
             graph->config->stages[config->inputs[p]].name);
  if (plan->type == PORT_TABLE)
    printf(" -> %lld columns", (long long)plan->schema.n);
  else if (plan->type != PORT_NOTHING)
    printf(" -> %s", port_type_words[plan->type]);
  printf("\n");
}

/* Files that are not there yet are worth a word, but may appear before the run. */
static Status warn_of_files(const Graph *graph) {
  Status status = OK;
  for (int64_t i = 0; i < graph->n; i++) {
    const StageConfig *config = &graph->config->stages[i];
    TextList paths = {0};
    if (!config->kind->files) continue;
    status = config->kind->files(config->options, &paths);
    for (int64_t f = 0; status == OK && f < paths.n; f++)
      if (!file_exists(paths.items[f]))
        fprintf(stderr, "segue: warning: /stages/%s: %s is not there now\n", config->name,
                paths.items[f]);
    memory_free(&paths.items);
    TRY(status);
  }
done:
  return status;
}

int command_check(int n, char **words) {
  WordValue values[CHECK_WORDS] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  if (!words_parse("check",
                   "Validates CONFIG: keys, types, ranges, stages, ports and columns, before "
                   "any data is read.",
                   check_rows, n, words, values, &exit_status)) {
    words_clear(check_rows, values);
    return exit_status;
  }
  Status status = OK;
  Comm world;
  Config config = {0};
  Graph graph = {0};
  if (launch_mpi(&world) != OK) return refuse();
  TRY(config_read_all(&world, values[CHECK_CONFIG].items[0], values[CHECK_SET].items,
                      values[CHECK_SET].n, &config));
  AGREE(&world, graph_plan(&config, &graph));
  if (world.rank == 0) {
    TRY(warn_of_files(&graph));
    printf("%s: ok, %lld stages\n", values[CHECK_CONFIG].items[0], (long long)graph.n);
    for (int64_t i = 0; i < graph.n; i++) print_stage(&graph, graph.order[i]);
  }
done:
  graph_clear(&graph);
  config_clear(&config);
  words_clear(check_rows, values);
  return finish_all(&world, status, true);
}
