/* What the stages that put something behind a trained model have in common: the model's bundle is
 * copied, its spec gives out-of-fold predictions to learn from, and the adjusted bundle is measured
 * on the test part beside the one as it was. */
#ifndef SEGUE_PIPELINE_STAGES_ADJUST_H
#define SEGUE_PIPELINE_STAGES_ADJUST_H

#include "job.h"
#include "kernels/study/out_of_fold.h"

/* An adjusting stage's options begin with these, its rows end with ADJUST_HOW. */
typedef struct AdjustOptions {
  char *split;
  int64_t top_k, replicates;
  double confidence;
  int spread;
} AdjustOptions;

#define ADJUST_HOW                                                                               \
  OPTION_TEXT_OR_NULL(AdjustOptions, split, "\"split\"",                                         \
                      "category column with the parts \"train\" and \"test\", as the model had " \
                      "it; null: nothing is tested"),                                            \
      OPTION_INTEGER(AdjustOptions, top_k, "3", 1, 1000, "k of top-k accuracy"),                 \
      OPTION_INTEGER(AdjustOptions, replicates, "200", 0, 10000,                                 \
                     "bootstrap replicates of the confidence intervals; 0: none"),               \
      OPTION_REAL(AdjustOptions, confidence, "0.95", 0.5, 0.999, "of the confidence intervals"), \
      OPTION_WORD(AdjustOptions, spread, "\"auto\"", spread_words,                               \
                  "how folds go over ranks, as for train")

enum { ADJUST_INPUT, ADJUST_MODEL, ADJUST_FOLDS };
extern const Port adjust_ports[];
#define ADJUST_PORT "model" /* StageKind.adjusts */

/* Does the model predict classes, and do the columns that it needs stand in the input? The output
 * needs what the model needs. Local. two: of two classes. Fails with INVALID. */
CHECKED Status adjust_plan(const AdjustOptions *options, bool two, const Planned *const *inputs,
                           Planned *output);

typedef struct Adjusting {
  JobOptions options; /* made of the spec and the stage's options */
  Job job;
  OutOfFold known; /* what there is to learn from */
} Adjusting;

/* Copy the model's bundle to the output and predict out of fold. Collective. Fails with INVALID,
 * NUMERIC, MEMORY, STOPPED; agreed; the caller clears out also then, and does not move it. */
CHECKED Status adjust_begin_all(const StageContext *context, const AdjustOptions *options, bool two,
                                const Artifact *const *inputs, Artifact *output, Adjusting *out);
void adjust_clear(Adjusting *adjusting);

/* Measure the test part by the adjusted bundle (split test) and by the model as it was (split
 * `before`), and keep the predictions. Collective. Fails with NUMERIC, MEMORY; agreed. */
CHECKED Status adjust_test_all(const Adjusting *adjusting, const Bundle *model, const char *before,
                               Artifact *output, Predicted *predicted);

#endif
