/* synthesize: made-up tracks, for trying things out and for sizes that no published file has. */
#include "kernels/dataset/synthesize.h"

#include "pipeline/stage.h"

static const Option rows[] = {
    OPTION_INTEGER(SynthesizeOptions, rows, "114000", 1, SYNTHESIZE_ROWS, "number of rows"),
    OPTION_INTEGER(SynthesizeOptions, genres, "114", 1, SYNTHESIZE_GENRES,
                   "number of genres, each with the same number of rows"),
    OPTION_REAL(SynthesizeOptions, duplicates, "0.2128", 0, 0.5,
                "share of rows that list another row's track once more, under another genre"),
    {0}};

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  (void)options;
  (void)inputs;
  return synthesize_plan(&output->schema);
}

static Status describe(const SynthesizeCounts *counts, int64_t n, Summary *summary) {
  return summary_note(
      summary, NOTE_INFO,
      "These tracks are made up: %lld rows of random numbers shaped like published "
      "ones, not music. %lld genres, %lld artists; %lld rows list a track once more "
      "under another genre, %lld tracks are a recording under a new id.",
      (long long)n, (long long)counts->genres, (long long)counts->artists,
      (long long)counts->listings, (long long)counts->releases);
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  (void)inputs;
  Status status = OK;
  SynthesizeCounts counts;
  TRY(synthesize_all(context->comm, options, context->seed, context->block, context->sink,
                     &output->table, &counts));
  AGREE(context->comm, describe(&counts, output->table.rows.n_global, &output->summary));
done:
  return status;
}

extern const StageKind synthesize_stage;
const StageKind synthesize_stage = {.kind = {.name = "synthesize",
                                             .help = "Makes up tracks that look like real ones.",
                                             .version = 1,
                                             .options_size = sizeof(SynthesizeOptions),
                                             .options = rows},
                                    .output = PORT_TABLE,
                                    .plan = plan,
                                    .run_all = run_all};
