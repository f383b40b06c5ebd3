/* pca: principal components of the features, as columns, and what they are made of. */
#include "kernels/embed/pca.h"

#include <stdio.h>

#include "kernels/base/memory.h"
#include "unsupervised.h"

enum { SHOWN = 12 }; /* components that the report draws */

typedef struct PcaOptions {
  UnsupervisedOptions what;
  int64_t components;
  char *prefix;
} PcaOptions;

static const Option rows[] = {
    UNSUPERVISED_ROWS,
    OPTION_INTEGER(
        PcaOptions, components, "2", 1, 10000,
        "components that become columns, those of the largest variance first; the report "
        "tells of all"),
    OPTION_TEXT(PcaOptions, prefix, "\"pc\"", "the new columns are PREFIX1, PREFIX2 ..."),
    {0}};

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to look at"}, {0}};

static const char barred[] =
    "the stage pca learned it from all rows, test rows among them; use the step pca in the recipe, "
    "which is fitted on training rows alone";

static void component_name(const char *prefix, int64_t c, char name[256]) {
  snprintf(name, 256, "%.200s%lld", prefix, (long long)(c + 1));
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const PcaOptions *o = options;
  char name[256];
  TRY(unsupervised_plan(&o->what, &inputs[0]->schema, &output->schema));
  for (int64_t c = 0; c < o->components; c++) {
    component_name(o->prefix, c, name);
    TRY(unsupervised_plan_column(&output->schema, "prefix", name, COLUMN_REAL, barred));
  }
done:
  return status;
}

/* ---- the report ---- */

static double share_of(const Pca *pca, double variance) {
  return pca->total > 0 ? variance / pca->total : 0;
}

static Status tell_variance(const Pca *pca, const char *prefix, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"component", "variance", "share", "together"};
  int64_t handle = -1;
  double together = 0;
  char name[256];
  TRY(summary_table(summary, "variance", "Variance that components explain", 4, columns, &handle));
  for (int64_t c = 0; c < pca->k; c++) {
    together += share_of(pca, pca->variance[c]);
    component_name(prefix, c, name);
    Cell cells[] = {cell_text(name), cell_real(pca->variance[c]),
                    cell_real(share_of(pca, pca->variance[c])), cell_real(together)};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status tell_bars(const Pca *pca, int64_t n, char **names, Summary *summary) {
  Status status = OK;
  double *share = NULL;
  TRY(NEW(&share, n));
  for (int64_t c = 0; c < n; c++) share[c] = share_of(pca, pca->variance[c]);
  Series series = {.name = "explained",
                   .title = "Explained variance",
                   .x_label = "component",
                   .y_label = "share of the variance",
                   .kind = SERIES_BARS,
                   .n_x = n,
                   .n_y = n,
                   .y = share,
                   .x_names = names};
  TRY(summary_series(summary, &series));
done:
  memory_free(&share);
  return status;
}

/* A heat map of loadings: features over the first components. */
static Status tell_loadings(const Pca *pca, int64_t n, char **names, char **features,
                            Summary *summary) {
  Status status = OK;
  double *loading = NULL;
  TRY(NEW(&loading, n * pca->d));
  for (int64_t j = 0; j < pca->d; j++)
    for (int64_t c = 0; c < n; c++) loading[j * n + c] = pca->components[c * pca->d + j];
  Series series = {.name = "loadings",
                   .title = "Loadings: what components are made of",
                   .x_label = "component",
                   .y_label = "feature",
                   .kind = SERIES_HEATMAP,
                   .n_x = n,
                   .n_y = pca->d,
                   .z = loading,
                   .x_names = names,
                   .y_names = features};
  TRY(summary_series(summary, &series));
done:
  memory_free(&loading);
  return status;
}

static Status tell(const Pca *pca, const char *prefix, char **features, Summary *summary) {
  Status status = OK;
  int64_t n = pca->k < SHOWN ? pca->k : SHOWN;
  char text[SHOWN][256], *names[SHOWN];
  double two = 0;
  for (int64_t c = 0; c < n; c++) component_name(prefix, c, names[c] = text[c]);
  for (int64_t c = 0; c < n && c < 2; c++) two += share_of(pca, pca->variance[c]);
  TRY(summary_metric(summary, "all", "variance_of_two", two, true, true));
  TRY(summary_metric(summary, "all", "variance_of_first", share_of(pca, pca->variance[0]), true,
                     false));
  TRY(tell_variance(pca, prefix, summary));
  TRY(tell_bars(pca, n, names, summary));
  TRY(tell_loadings(pca, n, names, features, summary));
done:
  return status;
}

/* ---- the run ---- */

static Status add_columns_all(const Unsupervised *u, const Pca *pca, const PcaOptions *o,
                              Table *out) {
  Status status = OK;
  double **value = NULL;
  char name[256];
  Status local = NEW(&value, pca->k);
  for (int64_t c = 0; c < pca->k && local == OK; c++) local = NEW(&value[c], u->x.rows.n);
  AGREE(u->comm, local);
  pca_transform(pca, &u->x, value);
  for (int64_t c = 0; c < o->components; c++) {
    component_name(o->prefix, c, name);
    TRY(unsupervised_add_reals_all(u, value[c], name, out));
  }
done:
  for (int64_t c = 0; value && c < pca->k; c++) memory_free(&value[c]);
  memory_free(&value);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const PcaOptions *o = options;
  const Comm *comm = context->comm;
  Unsupervised u = {0};
  Pca pca = {0};
  TRY(unsupervised_init_all(context, &o->what, &inputs[0]->table, "pca", &output->summary, &u));
  if (o->components > u.x.d)
    TRY(status_fail(INVALID, "components: there are %lld features, and no more components",
                    (long long)u.x.d));
  TRY(pca_fit_all(comm, &u.x, u.x.d, 1, &pca));
  AGREE(comm, table_share(&inputs[0]->table, &output->table));
  TRY(add_columns_all(&u, &pca, o, &output->table));
  AGREE(comm, tell(&pca, o->prefix, u.x.names, &output->summary));
done:
  pca_clear(&pca);
  unsupervised_clear(&u);
  return status;
}

extern const StageKind pca_stage;
const StageKind pca_stage = {.kind = {.name = "pca",
                                      .help = "Finds principal components of rows, for looking.",
                                      .version = 1,
                                      .options_size = sizeof(PcaOptions),
                                      .options = rows},
                             .inputs = ports,
                             .output = PORT_TABLE,
                             .plan = plan,
                             .run_all = run_all};
