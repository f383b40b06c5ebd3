/* tsne: a map of the rows that keeps neighbours near, as two columns. */
#include "kernels/embed/tsne.h"

#include <math.h>
#include <stdio.h>

#include "kernels/base/memory.h"
#include "map_report.h"

enum { NEIGHBOURS = 10 }; /* that a map is judged by */

typedef struct TsneStageOptions {
  UnsupervisedOptions what;
  double perplexity, early_exaggeration, learning_rate;
  int64_t iterations, early_iterations;
  char *prefix;
  TextList colour;
} TsneStageOptions;

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_REAL(TsneStageOptions, perplexity, "30", 1, 10000,
                "how many neighbours a row is drawn to, about; three times as many are looked at. "
                "With few rows a third of them at most is taken"),
    OPTION_INTEGER(TsneStageOptions, iterations, "750", 1, 1000000, "gradient steps all together"),
    OPTION_INTEGER(TsneStageOptions, early_iterations, "250", 0, 1000000,
                   "the first of them, in which clusters form: attraction is exaggerated"),
    OPTION_REAL(TsneStageOptions, early_exaggeration, "12", 1, 1000,
                "factor of attraction in those"),
    OPTION_REAL(TsneStageOptions, learning_rate, "null", 1e-6, 1e9,
                "null: rows / 12, at least 200 (Belkina et al. 2019)"),
    OPTION_TEXT(TsneStageOptions, prefix, "\"map\"", "the new columns are PREFIX_x and PREFIX_y"),
    OPTION_TEXTS(TsneStageOptions, colour, "[]",
                 "category or list columns, such as clusters and the genre: the report draws the "
                 "map once in the colours of each; more than twelve words make families"),
    {0}};

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to look at"}, {0}};

static const char barred[] =
    "the stage tsne learned it from all rows, and a map's places mean nothing to a model; it is "
    "for "
    "looking";

static void column_name(const TsneStageOptions *o, char axis, char name[256]) {
  snprintf(name, 256, "%.200s_%c", o->prefix, axis);
}

static Status check(const void *options) {
  const TsneStageOptions *o = options;
  if (o->early_iterations > o->iterations)
    return status_fail(INVALID,
                       "early_iterations: %lld of all %lld iterations; they are the first "
                       "of them",
                       (long long)o->early_iterations, (long long)o->iterations);
  return OK;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const TsneStageOptions *o = options;
  char name[256];
  TRY(unsupervised_plan(&o->what, &inputs[0]->schema, &output->schema));
  TRY(map_report_plan(&o->colour, &inputs[0]->schema));
  for (int c = 0; c < 2; c++) {
    column_name(o, "xy"[c], name);
    TRY(unsupervised_plan_column(&output->schema, "prefix", name, COLUMN_REAL, barred));
  }
done:
  return status;
}

/* ---- the report ---- */

static Status tell_course(const Tsne *map, Summary *summary) {
  Series series = {.name = "kl",
                   .title = "Kullback-Leibler divergence by iteration",
                   .x_label = "iteration",
                   .y_label = "divergence, nats",
                   .kind = SERIES_LINE,
                   .n_x = map->n_told,
                   .n_y = map->n_told,
                   .x = map->told,
                   .y = map->divergence};
  return summary_series(summary, &series);
}

static Status judge_all(const Unsupervised *u, const Tsne *map, WorkSink *sink, Summary *summary) {
  Status status = OK;
  Matrix places = {.d = 0};
  MapQuality quality = {0};
  AGREE(u->comm, matrix_init(&places, &u->x.rows, 2));
  for (int64_t i = 0; i < u->x.rows.n; i++) {
    matrix_column(&places, 0)[i] = map->x[i];
    matrix_column(&places, 1)[i] = map->y[i];
  }
  TRY(map_report_quality_all(u, &places, NEIGHBOURS, sink, "all", summary, &quality));
done:
  matrix_clear(&places);
  return status;
}

static Status tell(const TsneStageOptions *o, const Tsne *map, Summary *summary) {
  Status status = OK;
  double last = map->n_told > 0 ? map->divergence[map->n_told - 1] : 0;
  TRY(summary_metric(summary, "all", "kl", last, false, true));
  TRY(tell_course(map, summary));
  if (map->perplexity < o->perplexity)
    TRY(summary_note(summary, NOTE_WARNING,
                     "There are too few rows for a perplexity of %g: %g, a "
                     "third of the other rows, was taken.",
                     o->perplexity, map->perplexity));
done:
  return status;
}

/* ---- the run ---- */

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const TsneStageOptions *o = options;
  const Comm *comm = context->comm;
  Unsupervised u = {0};
  Tsne map = {0};
  char name[256];
  TsneOptions how = {o->perplexity,         o->iterations,    o->early_iterations,
                     o->early_exaggeration, o->learning_rate, context->seed};
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "tsne", &output->summary, &u));
  TRY(tsne_all(comm, &u.x, &how, context->sink, &map));
  AGREE(comm, table_share(&inputs[0]->table, &output->table));
  for (int c = 0; c < 2; c++) {
    column_name(o, "xy"[c], name);
    TRY(unsupervised_add_reals_all(&u, c == 0 ? map.x : map.y, name, &output->table));
  }
  AGREE(comm, tell(o, &map, &output->summary));
  TRY(judge_all(&u, &map, context->sink, &output->summary));
  TRY(map_report_draw_all(&u, map.x, map.y, &o->colour, "map", &output->summary));
done:
  tsne_clear(&map);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind tsne_stage;
const StageKind tsne_stage = {
    .kind = {.name = "tsne",
             .help = "Makes a map of rows that keeps neighbours near, for looking.",
             .version = 3,
             .options_size = sizeof(TsneStageOptions),
             .options = rows,
             .check = check},
    .inputs = ports,
    .output = PORT_TABLE,
    .plan = plan,
    .run_all = run_all};
