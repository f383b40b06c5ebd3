/* random_over: rows of small classes stand several times.
 *
 * Every row of a class is repeated as often as any other, but for one; so nothing is left to chance
 * but who is repeated once more. */
#include "kernels/base/memory.h"
#include "strata.h"

typedef struct OverOptions {
  double ratio;
} OverOptions;

static const Option rows[] = {
    OPTION_REAL(
        OverOptions, ratio, "1", 1e-6, 1,
        "rows of each class over those of the largest; classes with fewer are raised to it, "
        "others stay; 1: all classes as large as the largest"),
    {0}};

static Status run_all(const Comm *comm, const TrainingData *data, const void *options,
                      Resampled *out, Summary *summary) {
  Status status = OK;
  const OverOptions *o = options;
  Strata strata = {0};
  Draws draws = {0};
  TRY(strata_of_classes_all(comm, data, &strata));
  AGREE(comm, draws_init(&draws, strata.rows));
  strata_raise(&strata, o->ratio);
  strata_share(&strata, data->seed, "resample/share", &draws);
  TRY(draws_rows_all(comm, data, &draws, out));
  AGREE(comm, strata_tell_classes(&strata, data, summary));
done:
  draws_clear(&draws);
  strata_clear(&strata);
  return status;
}

extern const ResampleKind random_over_resample;
const ResampleKind random_over_resample = {.kind = {.name = "random_over",
                                                    .help = "Repeats rows of small classes.",
                                                    .version = 1,
                                                    .options_size = sizeof(OverOptions),
                                                    .options = rows},
                                           .classification = true,
                                           .run_all = run_all};
