/* smote and smote_nc: rows between rows of a small class and their neighbours (Chawla et al. 2002).
 *
 * Every row of a class gives as many new ones as any other, but for one, as in the paper, so that
 * chance is left with which neighbour and how far. Booleans and whole numbers become fractions in
 * smote; smote_nc takes columns for categories, whose new rows have the value that is most frequent
 * among a row's neighbours. Rejected: the neighbours of imbalanced-learn's SMOTENC, where a
 * category that differs adds half the squared median of standard deviations, not all of it as in
 * the paper. */
#include "interpolate.h"

typedef struct SmoteNcOptions {
  InterpolateOptions between;
  TextList columns;
} SmoteNcOptions;

_Static_assert(offsetof(SmoteNcOptions, between) == 0, "INTERPOLATE_ROWS count from the beginning");

static const Option rows[] = {INTERPOLATE_ROWS, {0}};
static const Option nc_rows[] = {
    INTERPOLATE_ROWS,
    OPTION_TEXTS(SmoteNcOptions, columns, "[]",
                 "columns at the recipe's end that are numbers but stand for categories (key, mode "
                 "...); those of type category are taken as such anyway"),
    {0}};

static Status make_all(const Comm *comm, const TrainingData *data,
                       const InterpolateOptions *options, const TextList *columns, Resampled *out,
                       Summary *summary) {
  Status status = OK;
  Interpolation ip;
  TRY(interpolation_init_all(comm, data, options, false, columns, &ip));
  strata_share(&ip.strata, data->seed, "resample/share", &ip.draws);
  TRY(interpolation_finish_all(&ip, out, summary));
done:
  interpolation_clear_all(&ip);
  return status;
}

static Status run_all(const Comm *comm, const TrainingData *data, const void *options,
                      Resampled *out, Summary *summary) {
  return make_all(comm, data, options, NULL, out, summary);
}

static Status run_nc_all(const Comm *comm, const TrainingData *data, const void *options,
                         Resampled *out, Summary *summary) {
  const SmoteNcOptions *o = options;
  return make_all(comm, data, &o->between, &o->columns, out, summary);
}

extern const ResampleKind smote_resample, smote_nc_resample;
const ResampleKind smote_resample = {
    .kind = {.name = "smote",
             .help = "Makes rows of small classes between neighbours of a class.",
             .version = 2,
             .options_size = sizeof(InterpolateOptions),
             .options = rows},
    .classification = true,
    .numbers = true,
    .run_all = run_all};

const ResampleKind smote_nc_resample = {
    .kind = {.name = "smote_nc",
             .help = "Like smote, with categories: the most frequent among neighbours.",
             .version = 2,
             .options_size = sizeof(SmoteNcOptions),
             .options = nc_rows},
    .classification = true,
    .run_all = run_nc_all};
