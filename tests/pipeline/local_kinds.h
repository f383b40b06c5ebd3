/* Kinds for the tests of parser, schema and help: one row of every type, whatever the registry
 * holds. */
#ifndef SEGUE_TESTS_PIPELINE_LOCAL_KINDS_H
#define SEGUE_TESTS_PIPELINE_LOCAL_KINDS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "pipeline/options_json.h"
#include "pipeline/stage.h"

typedef struct Plain {
  int statistic;
  char *group;
} Plain;

typedef struct Woods {
  int64_t trees, max_depth;
  double max_features;
  char *note;
} Woods;

typedef struct Pair {
  Variant left;
} Pair;

typedef struct Fill {
  char *by;
} Fill;

typedef struct Stretch {
  TextList columns;
  RealList quantiles;
} Stretch;

typedef struct SourceColumn {
  int type;
  TextList missing;
} SourceColumn;

typedef struct Source {
  char *path;
  Map columns;
  TextLists keys;
  bool skip;
} Source;

typedef struct Learn {
  char *target;
  VariantList recipe;
  Variant model;
  double alpha;
} Learn;

static const char *const statistics[] = {"mean", "median", NULL};
static const Option plain_rows[] = {
    OPTION_WORD(Plain, statistic, "\"mean\"", statistics, "What it predicts."),
    OPTION_TEXT_OR_NULL(Plain, group, "\"recording\"", "Column."),
    {0}};

static const char *const fractions[] = {"sqrt", "all", NULL};
static const Option woods_rows[] = {
    OPTION_INTEGER(Woods, trees, "300", 1, 100000, "number of trees"),
    OPTION_INTEGER(Woods, max_depth, "null", 1, 64, "Deepest leaf; no limit when null."),
    OPTION_REAL_OR_WORD(Woods, max_features, "\"sqrt\"", 0, 1, fractions,
                        "Share tried at a split."),
    OPTION_TEXT(Woods, note, "null", "For people."),
    {0}};

static inline Status woods_check(const void *options) {
  const Woods *woods = options;
  if (woods->trees == 13) return status_fail(INVALID, "trees: 13 brings bad luck; allowed: others");
  return OK;
}

static const Kind plain_kind = {.name = "constant",
                                .help = "One number for all.",
                                .version = 2,
                                .options_size = sizeof(Plain),
                                .options = plain_rows};
static const Kind woods_kind = {.name = "forest",
                                .help = "Trees side by side.",
                                .version = 5,
                                .options_size = sizeof(Woods),
                                .options = woods_rows,
                                .check = woods_check};
extern const Kind *const local_models[];
static const Option pair_rows[] = {
    OPTION_VARIANT(Pair, left, NULL, local_models, "The model inside."), {0}};
static const Kind pair_kind = {.name = "pair",
                               .help = "A model around a model.",
                               .version = 1,
                               .options_size = sizeof(Pair),
                               .options = pair_rows};
const Kind *const local_models[] = {&plain_kind, &woods_kind, &pair_kind, NULL};

static const Option fill_rows[] = {OPTION_TEXT(Fill, by, "null", "Group | none."), {0}};
static const Option stretch_rows[] = {
    OPTION_TEXTS(Stretch, columns, "[]", "Columns; empty: all."),
    OPTION_REALS(Stretch, quantiles, "[0.25, 0.75]", 0, 1, "From, to."),
    {0}};
static const Kind fill_kind = {.name = "impute",
                               .help = "Fills holes.",
                               .version = 1,
                               .options_size = sizeof(Fill),
                               .options = fill_rows};
static const Kind stretch_kind = {.name = "scale",
                                  .help = "Stretches.",
                                  .version = 4,
                                  .options_size = sizeof(Stretch),
                                  .options = stretch_rows};
static const Kind drop_kind = {.name = "drop", .help = "Drops; knows no option.", .version = 1};
static const Kind *const local_steps[] = {&fill_kind, &stretch_kind, &drop_kind, NULL};

static const char *const types[] = {"real", "text", "date", NULL};
static const Option column_rows[] = {
    OPTION_WORD(SourceColumn, type, NULL, types, "Type of its values."),
    OPTION_TEXTS(SourceColumn, missing, "[\"\", \"NA\"]", "Words for no value."),
    {0}};
static const Option source_rows[] = {
    OPTION_TEXT(Source, path, NULL, "The file."),
    OPTION_MAP(Source, columns, "{}", column_rows, SourceColumn, "Columns by name."),
    OPTION_TEXT_LISTS(Source, keys, "[]", "Keys."),
    OPTION_BOOLEAN(Source, skip, "false", "Skip bad rows."),
    {0}};
static const Option learn_rows[] = {
    OPTION_TEXT(Learn, target, NULL, "The column to predict."),
    OPTION_VARIANTS(Learn, recipe, "[]", local_steps, "Steps in order."),
    OPTION_VARIANT(Learn, model, "{\"kind\": \"forest\"}", local_models, "The model."),
    OPTION_REAL(Learn, alpha, "0.1", 0, (double)INFINITY, "Strength."),
    {0}};

static const Port learn_ports[] = {
    {.name = "input", .type = PORT_TABLE, .required = true, .help = "Rows to learn from."},
    {.name = "folds", .type = PORT_FOLDS, .required = false, .help = "Folds over the rows."},
    {0}};

static const StageKind source_stage = {.kind = {.name = "read",
                                                .help = "Reads a file.",
                                                .version = 1,
                                                .options_size = sizeof(Source),
                                                .options = source_rows},
                                       .output = PORT_TABLE};
static const StageKind learn_stage = {.kind = {.name = "train",
                                               .help = "Learns.",
                                               .version = 3,
                                               .options_size = sizeof(Learn),
                                               .options = learn_rows},
                                      .inputs = learn_ports,
                                      .output = PORT_BUNDLE};
static const StageKind tell_stage = {.kind = {.name = "report", .help = "Tells.", .version = 1},
                                     .output = PORT_NOTHING,
                                     .takes_summaries = true};
static const Kind *const local_stages[] = {&source_stage.kind, &learn_stage.kind, &tell_stage.kind,
                                           NULL};

static const Kinds local_kinds = {
    .stages = local_stages, .models = local_models, .steps = local_steps};

#endif
