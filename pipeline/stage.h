/* What a stage kind is: a new one is one file in stages/ with one of these and one row in the
 * registry. The graph does everything around it: parsing, defaults, ranges, port types, cache,
 * progress, artifacts, clean-up. A stage turns artifacts into an artifact by calling kernels, and
 * says what it has to say in a Summary; it holds no parsing, no printing, no file formats. */
#ifndef SEGUE_PIPELINE_STAGE_H
#define SEGUE_PIPELINE_STAGE_H

#include "io/report.h"
#include "kernels/base/options.h"
#include "kernels/base/summary.h"
#include "kernels/base/work.h"
#include "kernels/study/bundle.h"
#include "kernels/study/folds.h"
#include "kernels/study/held_values.h"
#include "kernels/table/table.h"

typedef enum PortType {
  PORT_TABLE,  /* rows */
  PORT_FOLDS,  /* folds over the rows of a table */
  PORT_BUNDLE, /* a fitted recipe and model */
  PORT_NOTHING /* nothing that another stage takes: what it has to say to people is all */
} PortType;
extern const char *const port_type_words[]; /* "table", "folds", "bundle", "nothing" */

/* PORT_MANY: a list of stages, at least one; the last port of its kind alone. */
typedef enum PortNeed { PORT_OPTIONAL = false, PORT_REQUIRED = true, PORT_MANY } PortNeed;

typedef struct Port {
  const char *name; /* the config key whose value names the stage it comes from, as "input" */
  PortType type;
  PortNeed required;
  const char *help;
} Port;

/* What is known of a stage's output before data is read. */
typedef struct Planned {
  PortType type;
  Schema schema; /* TABLE: its columns; BUNDLE: the columns a file for prediction has to have */
  const char *target; /* BUNDLE: what it predicts, borrowed from options; NULL: not told */
  bool refitted;      /* BUNDLE: on all rows, so that none is left to measure it on */
  bool asked;         /* BUNDLE: that number became the question whether it is above another */
} Planned;

/* A stage's output while the run goes on. */
typedef struct Artifact {
  PortType type;
  Table table;       /* TABLE */
  Folds folds;       /* FOLDS */
  Bundle bundle;     /* BUNDLE */
  Table predictions; /* BUNDLE: rows that were predicted: row_id, split, truth, prediction ... */
  HeldValues held;   /* BUNDLE: out-of-fold predictions of its spec; may be empty */
  Summary summary;
} Artifact;

typedef struct StageContext {
  const Comm *comm;
  const char *run_name;
  const char *run_dir;
  const char *config_json; /* the resolved config */
  const char *profile;     /* the arithmetic profile, one line */
  uint64_t seed;
  int64_t block;                  /* rows in a block */
  WorkSink *sink;                 /* never NULL */
  const char *const *input_names; /* of the stages that the inputs come from, as run_all has them */
  /* The finished stages in order of execution, rank 0 only; for kinds that take summaries. */
  int64_t n_reports;
  const ReportStage *reports;
} StageContext;

typedef struct StageKind {
  Kind kind;
  const char *grows;  /* an option that may rise without making void what units found before: its
                         records are kept in a journal (WorkSink.record); NULL: there is none */
  const Port *inputs; /* ended by a port without a name; NULL: a source */
  PortType output;
  bool takes_summaries; /* runs after all others, each time, and sees their summaries */
  /* Check options against the inputs' plans and describe the output. Local. inputs in port order,
   * NULL where an optional one is not given; those of a port of many follow each other, and NULL is
   * behind the last of all. Fails with INVALID; the message begins with the
   * option and a colon: "target: column ...". output->type is set by the caller. */
  Status (*plan)(const void *options, const Planned *const *inputs, Planned *output);
  /* The files it reads: their contents are part of the cache key. Appends borrowed texts. Local.
   * NULL: none. */
  Status (*files)(const void *options, TextList *paths);
  /* Do it. Collective. inputs as in plan; output is zeroed, its type set, its summary begun; the
   * caller clears it, also after a failure. */
  Status (*run_all)(const StageContext *context, const void *options, const Artifact *const *inputs,
                    Artifact *output);
  /* Treat new rows as this stage treated the rows that a later bundle was trained on, row by row
   * (impossible values become missing ...); columns may be absent. Local. NULL: nothing to do. */
  Status (*serve)(const void *options, Table *rows);
  /* BUNDLE that is an input's with more behind the model (a calibration ...): the port that it
   * comes by. Its spec is then that input's, and `spec` and `choose` are not asked. */
  const char *adjusts;
  /* BUNDLE: the spec that the options hold, borrowed from them. Local. */
  void (*spec)(const void *options, Spec *spec);
  /* BUNDLE whose spec the stage chooses, in the place of spec: run_all calls bundle_choose. */
  SpecMaker *choose;
} StageKind;

#endif
