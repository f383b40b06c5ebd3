/* The graph: order of stages, port types, planned schemas, cache keys. */
#ifndef SEGUE_PIPELINE_GRAPH_H
#define SEGUE_PIPELINE_GRAPH_H

#include "config.h"
#include "io/file.h"
#include "kernels/numeric/hash.h"

typedef struct Graph {
  const Config *config; /* borrowed */
  int64_t n;
  int64_t *order;     /* stage numbers so that inputs come first, else in the order of the file */
  Planned *plans;     /* per stage */
  Hash *keys;         /* per stage; after graph_keys_all */
  FileStamp **stamps; /* per stage, of the files it reads when their contents were hashed */
  uint8_t *uses;      /* n x n: does stage i use stage j, directly or through others? */
} Graph;

/* Order the stages, check ports, plan every stage. Local.
 * Fails with INVALID: a circle (all its stages named), a port of another type, a plan's complaint;
 * messages begin with the JSON pointer. */
CHECKED Status graph_plan(const Config *config, Graph *graph);
void graph_clear(Graph *graph);

/* Key every stage: a hash of kind, version, effective options, seed, block size, the inputs' keys
 * and the contents of the files it reads; never of times or ranks. Collective.
 * Fails with IO when a file cannot be read, MEMORY; agreed. */
CHECKED Status graph_keys_all(const Comm *comm, Graph *graph);

/* The key of the study that a stage is one length of: its key without the option that grows. Local,
 * after graph_keys_all. Fails with MEMORY, INVALID. */
CHECKED Status graph_study_key(const Graph *graph, int64_t stage, Hash *key);

/* Are the files that the stage reads still those that its key was made from, by size and time?
 * Collective, after graph_keys_all. Fails with IO naming the file, MEMORY; agreed. */
CHECKED Status graph_files_check_all(const Comm *comm, const Graph *graph, int64_t stage);

/* Does stage `later` use `earlier`, directly or through others? Local. */
bool graph_reaches(const Graph *graph, int64_t later, int64_t earlier);

#endif
