/* place: new rows put into a finished map, where their nearest rows are.
 *
 * The map stays as it is, so that what was said of it stays true. A place is the mean of the
 * nearest map rows' places, weighted as the map's own affinities are. openTSNE follows with
 * gradient steps, which keep more: of 400 tracks placed among 3,000, 0.41 of ten neighbours beside
 * 0.30 so, half of the places being within 1.4 percent of the map's width of each other. */
#include <math.h>
#include <stdio.h>

#include "kernels/base/memory.h"
#include "kernels/embed/tsne.h"
#include "unsupervised.h"

enum { DRAWN = 6000, NAME = 256 };

typedef struct PlaceOptions {
  UnsupervisedOptions what;
  double perplexity;
  char *prefix;
} PlaceOptions;

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_REAL(PlaceOptions, perplexity, "5", 1, 10000,
                "how many map rows pull at a new row, about; three times as many are looked at"),
    OPTION_TEXT(PlaceOptions, prefix, "\"map\"",
                "the map's columns are PREFIX_x and PREFIX_y; the input gets such columns"),
    {0}};

static const Port ports[] = {
    {"input", PORT_TABLE, true, "the rows to place"},
    {"map", PORT_TABLE, true,
     "rows with a map, such as tsne gives them; features, recipe and group as there"},
    {0}};

static const char barred[] =
    "the stage place took it from a map, whose places mean nothing to a model; it is for looking";

static void column_name(const char *prefix, char axis, char name[NAME]) {
  snprintf(name, NAME, "%.200s_%c", prefix, axis);
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const PlaceOptions *o = options;
  UnsupervisedOptions new_rows = o->what;
  const SchemaColumn *column = NULL;
  Schema map = {0};
  char name[NAME];
  new_rows.group = NULL; /* every new row has a place of its own */
  TRY(status_prefix(unsupervised_plan(&o->what, &inputs[1]->schema, &map), "map: "));
  TRY(unsupervised_plan(&new_rows, &inputs[0]->schema, &output->schema));
  for (int c = 0; c < 2; c++) {
    column_name(o->prefix, "xy"[c], name);
    TRY(status_prefix(schema_require(&map, name, &column), "prefix: "));
    if (column->type != COLUMN_REAL)
      TRY(status_fail(INVALID, "prefix: column \"%s\" of the map is %s; a real is needed", name,
                      column_type_phrase(column->type)));
    TRY(unsupervised_plan_column(&output->schema, "prefix", name, COLUMN_REAL, barred));
  }
done:
  schema_clear(&map);
  return status;
}

/* ---- the map ---- */

/* A finished map: its rows' features and all of their places. */
typedef struct Finished {
  Unsupervised u;
  Neighbors index;
  double *place[2]; /* by number of the distinct row, on every rank */
} Finished;

static Status check_places(const Column *column) {
  for (int64_t i = 0; i < column->n; i++)
    if (!isfinite(column->real[i]))
      return status_fail(INVALID, "place: a row of the map has no \"%s\"", column->name);
  return OK;
}

static Status finished_init_all(const StageContext *context, const PlaceOptions *o,
                                const Table *map, Summary *summary, Finished *out) {
  Status status = OK;
  const Comm *comm = context->comm;
  char name[NAME];
  TRY(unsupervised_init_all(context, &o->what, map, "place", summary, &out->u));
  for (int c = 0; c < 2; c++) {
    Column *column = NULL;
    column_name(o->prefix, "xy"[c], name);
    AGREE(comm, table_require(&out->u.distinct, name, &column));
    AGREE(comm, check_places(column));
    TRY(comm_concatenate_all(comm, column->real, (size_t)column->n * sizeof(double),
                             (void **)&out->place[c], NULL));
  }
  TRY(neighbors_new_all(comm, &out->u.x, NULL, NEIGHBORS_EUCLIDEAN, &out->index));
  out->index.sink = context->sink;
done:
  return status;
}

static void finished_clear_all(Finished *f) {
  neighbors_clear_all(&f->index);
  for (int c = 0; c < 2; c++) memory_free(&f->place[c]);
  unsupervised_clear(&f->u);
}

/* ---- the report ---- */

/* Map rows in grey, new rows above. Both evenly chosen where they are many; on rank 0. */
static Status tell_places(const Finished *f, double *const *placed, int64_t n, Summary *summary) {
  Status status = OK;
  int64_t all = f->u.x.rows.n_global, old = all < DRAWN ? all : DRAWN, new = n < DRAWN ? n : DRAWN;
  double *at[3] = {NULL, NULL, NULL};
  char *names[] = {"placed"};
  for (int c = 0; c < 3; c++) TRY(NEW(&at[c], old + new));
  for (int64_t i = 0; i < old; i++) {
    for (int c = 0; c < 2; c++) at[c][i] = f->place[c][i * all / old];
    at[2][i] = NAN;
  }
  for (int64_t i = 0; i < new; i++)
    for (int c = 0; c < 2; c++) at[c][old + i] = placed[c][i * n / new];
  Series series = {.name = "placed",
                   .title = "New rows on the map, whose own rows are grey",
                   .x_label = "",
                   .y_label = "",
                   .kind = SERIES_MAP,
                   .n_x = old + new,
                   .n_y = 1,
                   .x = at[0],
                   .y = at[1],
                   .z = at[2],
                   .y_names = names};
  TRY(summary_series(summary, &series));
done:
  for (int c = 0; c < 3; c++) memory_free(&at[c]);
  return status;
}

static Status tell_all(const Finished *f, double *const *placed, const Rows *owned,
                       Summary *summary) {
  Status status = OK;
  const Comm *comm = f->u.comm;
  double *all[2] = {NULL, NULL};
  for (int c = 0; c < 2; c++)
    TRY(comm_gather_all(comm, 0, placed[c], (size_t)owned->n * sizeof(double), (void **)&all[c],
                        NULL));
  AGREE(comm, comm->rank == 0 ? tell_places(f, all, owned->n_global, summary) : OK);
  AGREE(comm, summary_metric(summary, "all", "placed", (double)owned->n_global, true, true));
done:
  for (int c = 0; c < 2; c++) memory_free(&all[c]);
  return status;
}

/* ---- the run ---- */

static Status place_rows(const Finished *f, const PlaceOptions *o, const Table *table,
                         double **placed) {
  Status status = OK;
  Matrix x = {.d = 0};
  TRY(recipe_apply(&f->u.recipe, table, &x));
  TRY(matrix_check_finite(&x, table->row_id, "place"));
  for (int c = 0; c < 2; c++) TRY(NEW(&placed[c], table->rows.n));
  NeighborsQuery query = {&x, NULL, table->rows.n, false};
  TRY(tsne_place(&f->index, f->place[0], f->place[1], &query, o->perplexity, placed[0], placed[1]));
done:
  matrix_clear(&x);
  return status;
}

static Status add_column(const double *value, const char *name, int64_t n, Table *out) {
  Status status = OK;
  Column *column = NULL;
  TRY(column_new(&column, name, COLUMN_REAL, n, 0));
  for (int64_t i = 0; i < n; i++) column->real[i] = value[i];
  Column *given = column;
  column = NULL;
  TRY(table_add(out, given));
done:
  column_release(&column);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const PlaceOptions *o = options;
  const Comm *comm = context->comm;
  const Table *table = &inputs[0]->table;
  Finished f = {.index = {0}};
  double *placed[2] = {NULL, NULL};
  char name[NAME];
  TRY(finished_init_all(context, o, &inputs[1]->table, &output->summary, &f));
  AGREE(comm, place_rows(&f, o, table, placed));
  AGREE(comm, table_share(table, &output->table));
  for (int c = 0; c < 2; c++) {
    column_name(o->prefix, "xy"[c], name);
    AGREE(comm, add_column(placed[c], name, table->rows.n, &output->table));
  }
  TRY(tell_all(&f, placed, &table->rows, &output->summary));
done:
  for (int c = 0; c < 2; c++) memory_free(&placed[c]);
  finished_clear_all(&f);
  return status;
}

extern const StageKind place_stage;
const StageKind place_stage = {.kind = {.name = "place",
                                        .help = "Puts new rows into a finished map, for looking.",
                                        .version = 1,
                                        .options_size = sizeof(PlaceOptions),
                                        .options = rows},
                               .inputs = ports,
                               .output = PORT_TABLE,
                               .plan = plan,
                               .run_all = run_all};
