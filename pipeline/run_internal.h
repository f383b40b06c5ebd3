/* What the files of the run share: its state, and its books (manifest and events); see run.h. */
#ifndef SEGUE_PIPELINE_RUN_INTERNAL_H
#define SEGUE_PIPELINE_RUN_INTERNAL_H

#include "artifact.h"
#include "graph.h"
#include "io/terminal.h"
#include "owner.h"
#include "run_folder.h"

typedef struct StageRun {
  char file[512]; /* of its artifact, relative to the run folder */
  bool valid;     /* the file is there and has the key */
  bool finished;  /* this run is done with it */
  bool reused;
  bool loaded; /* artifact is in memory */
  Artifact artifact;
  Summary summary;         /* kept for the report when the artifact is released */
  char *content, *profile; /* of the file that was found; rank 0 */
} StageRun;

typedef struct Runner {
  const Comm *comm;
  const Config *config;
  Graph graph;
  RunFolder folder;
  Owner *owner;
  Terminal terminal;
  char profile[160];
  StageRun *stages;
  Manifest manifest;   /* of this attempt; rank 0 */
  Manifest earlier[2]; /* the last attempt's and the last complete run's; rank 0 */
  double begun;
} Runner;

static inline bool run_is_root(const Runner *runner) { return runner->comm->rank == 0; }

/* ---- run_books.c: manifest and events of the attempt. All local; other ranks than 0 do nothing
 * and return OK. Fail with IO (also when the folder was lost to another attempt), MEMORY. ---- */

/* Begin attempt.json; the artifacts that are there already are known (StageRun.valid). */
CHECKED Status books_begin(Runner *runner);
/* Set a stage's state and save. */
CHECKED Status books_state(Runner *runner, int64_t stage, const char *state);
/* Append an event; stage NULL: of the run. */
CHECKED Status books_say(Runner *runner, const char *what, const char *stage);
/* The same with more to say; message NULL, seconds < 0: not. */
CHECKED Status books_tell(Runner *runner, const char *what, const char *stage, const char *message,
                          double seconds);
/* Write down how a stage ended that was not done. The disk may be full, but the first failure is
 * what people have to hear of: its message stays. */
void books_stage_ended(Runner *runner, int64_t stage, Status outcome);
/* Say how the attempt ended, complete the folder when it ended well; returns the outcome. A failure
 * to say so does not hide the first one. An attempt that lost its folder writes nothing there. */
CHECKED Status books_close(Runner *runner, Status outcome);

#endif
