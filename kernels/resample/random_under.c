/* random_under: rows of large classes are left out. */
#include "kernels/base/memory.h"
#include "strata.h"

typedef struct UnderOptions {
  double ratio;
} UnderOptions;

static const Option rows[] = {
    OPTION_REAL(UnderOptions, ratio, "1", 1e-6, 1,
                "rows of the smallest class over those of each other; classes with more are cut to "
                "it by a random choice, others stay; 1: all classes as small as the smallest"),
    {0}};

static Status run_all(const Comm *comm, const TrainingData *data, const void *options,
                      Resampled *out, Summary *summary) {
  Status status = OK;
  const UnderOptions *o = options;
  Strata strata = {0};
  Draws draws = {0};
  TRY(strata_of_classes_all(comm, data, &strata));
  AGREE(comm, draws_init(&draws, strata.rows));
  double wanted = (double)strata_smallest(&strata) / o->ratio;
  for (int64_t c = 0; c < strata.n; c++)
    if ((double)strata.before[c] > wanted) strata.after[c] = (int64_t)wanted;
  strata_share(&strata, data->seed, "resample/share", &draws);
  TRY(draws_rows_all(comm, data, &draws, out));
  AGREE(comm, strata_tell_classes(&strata, data, summary));
done:
  draws_clear(&draws);
  strata_clear(&strata);
  return status;
}

extern const ResampleKind random_under_resample;
const ResampleKind random_under_resample = {.kind = {.name = "random_under",
                                                     .help = "Leaves out rows of large classes.",
                                                     .version = 1,
                                                     .options_size = sizeof(UnderOptions),
                                                     .options = rows},
                                            .classification = true,
                                            .run_all = run_all};
