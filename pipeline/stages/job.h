/* A job: what the stages that fit and judge specs have in common: which rows, which target, how
 * predictions are measured.
 *
 * Such a stage's options struct begins with a JobOptions, and its rows with JOB_WHAT and, after
 * what it fits, JOB_HOW, or those of its parts that mean something to it. A stage then says what is
 * to be fitted; fitting, testing beside the baseline and the table of predictions are here. */
#ifndef SEGUE_PIPELINE_STAGES_JOB_H
#define SEGUE_PIPELINE_STAGES_JOB_H

#include "kernels/study/cross_validate.h"
#include "pipeline/registry.h"
#include "pipeline/stage.h"

typedef struct JobOptions {
  char *target, *group, *split, *by, *weight;
  TextList features;
  VariantList recipe;
  Variant resample;
  double above, high;
  int64_t top_k, replicates;
  double confidence;
  bool baseline;
  int spread;
  int refit; /* JobRefit */
} JobOptions;

typedef enum JobRefit { REFIT_NONE, REFIT_ALL } JobRefit;
extern const char *const job_refit_words[];

#define JOB_TARGET                                                                             \
  OPTION_TEXT(JobOptions, target, NULL,                                                        \
              "column to predict: a number gives a regression; a boolean, category or list a " \
              "classification (a list: any of its words)"),                                    \
      OPTION_REAL(JobOptions, above, "null", -1e300, 1e300,                                    \
                  "a number as target becomes a question: is it above this? The classes are "  \
                  "\"false\" and \"true\"; null: the number itself is predicted")
#define JOB_WHAT                                                                                   \
  JOB_TARGET,                                                                                      \
      OPTION_TEXTS(JobOptions, features, NULL,                                                     \
                   "raw columns that enter the recipe; nothing else is learned from. At its end "  \
                   "each is a number, or a category for forest and gbdt, which split those by "    \
                   "sets of words"),                                                               \
      OPTION_VARIANTS(JobOptions, recipe, "[]", step_kinds,                                        \
                      "steps in order, each fitted on training rows alone"),                       \
      OPTION_VARIANT(JobOptions, resample, "null", resample_kinds,                                 \
                     "other rows for the model, made of the training rows after the recipe; rows " \
                     "that are added are learned from alone and never judged by; null: none. A "   \
                     "stack resamples for its members, not for meta")

#define JOB_GROUP                                                                          \
  OPTION_TEXT_OR_NULL(JobOptions, group, "\"recording\"",                                  \
                      "integer column that numbers recordings: never on both sides of an " \
                      "encoding fold or a bootstrap; null: every row is its own")
#define JOB_SPLIT                                                                              \
  OPTION_TEXT_OR_NULL(JobOptions, split, "\"split\"",                                          \
                      "category column with the parts \"train\" and \"test\"; null: train on " \
                      "all rows and measure by folds or out of bag only")
#define JOB_WEIGHT                                                                           \
  OPTION_TEXT(JobOptions, weight, "null",                                                    \
              "real or integer column: how much a training row counts for the model, as if " \
              "it stood there so often (above 0, in every row; a list target gives every "   \
              "word its row's); steps of the recipe and the metrics count every row once, "  \
              "and it is a feature only if features names it; null: all the same")
#define JOB_BY                        \
  OPTION_TEXT(JobOptions, by, "null", \
              "category or list column: errors are also told for each of its values")
#define JOB_SCORES                                                                            \
  OPTION_REAL(JobOptions, high, "71", -1e300, 1e300,                                          \
              "regression: values above it count as high in high_recall and high_precision"), \
      OPTION_INTEGER(JobOptions, top_k, "3", 1, 1000, "classification: k of top-k accuracy")
#define JOB_INTERVALS                                                          \
  OPTION_INTEGER(JobOptions, replicates, "200", 0, 10000,                      \
                 "bootstrap replicates of the confidence intervals; 0: none"), \
      OPTION_REAL(JobOptions, confidence, "0.95", 0.5, 0.999, "of the confidence intervals")
#define JOB_BASELINE \
  OPTION_BOOLEAN(JobOptions, baseline, "true", "measure the constant baseline beside the model")
#define JOB_SPREAD                                                                           \
  OPTION_WORD(JobOptions, spread, "\"auto\"", spread_words,                                  \
              "how folds go over ranks: folds: each rank, or group of ranks, fits folds of " \
              "its own, on a copy of the columns that is shared on a node; rows: all ranks " \
              "fit one fold after the other; auto: rows when these columns take more than "  \
              "256 MiB, otherwise the number of groups that is estimated to finish first; "  \
              "the results are the same")

/* Of stages that end with job_finish_all. */
#define JOB_REFIT                                                                               \
  OPTION_WORD(JobOptions, refit, "\"none\"", job_refit_words,                                   \
              "all: once everything is measured, fit what is kept again on all rows, those of " \
              "the test part too, for predicting new ones; every score, and the table of "      \
              "predictions, stays that of the model before, and no later stage may measure "    \
              "the one that is kept on these rows. none: keep the model that was measured")
#define JOB_HOW \
  JOB_GROUP, JOB_SPLIT, JOB_WEIGHT, JOB_BY, JOB_SCORES, JOB_INTERVALS, JOB_BASELINE, JOB_SPREAD

/* Check what all specs of a job share against the planned columns. Local.
 * task  out: what the target asks for
 * Fails with INVALID; the message begins with the option. */
CHECKED Status job_plan(const JobOptions *options, const Schema *schema, Task *task);
/* Can a model do the task, and is it not told to weigh classes that there are not? Local. Fails
 * with INVALID; the message begins with option. */
CHECKED Status job_check_model(const char *option, const Variant *model, Task task,
                               const char *target);
/* The same of the spec's model; and does its recipe end in columns that it takes? Local.
 * needed  out: raw columns that rows for prediction have to have; may be NULL
 * Fails with INVALID; the message begins with "model: " or the option of the recipe. */
CHECKED Status job_plan_spec(const Spec *spec, Task task, const Schema *schema, Schema *needed);
/* Tell those who take the planned bundle what it predicts, and whether it will have seen all rows.
 * Local. Fails with INVALID when a refit finds no other rows. */
CHECKED Status job_plan_output(const JobOptions *options, Planned *output);
/* Refuse to measure a bundle that was fitted again on all rows. Local. Fails with INVALID; the
 * message begins with option, the port that it comes by. */
CHECKED Status job_check_unseen(const char *option, bool refitted);
/* The spec of the job's own features and recipe with a model. Local; borrows from options. */
Spec job_spec(const JobOptions *options, const Variant *model);

/* A job under way. */
typedef struct Job {
  const StageContext *context;
  const JobOptions *options;
  const Table *table; /* with the target as it is to be predicted */
  Table asked;        /* where `above` makes a flag of the target: what table is */
  uint8_t *role;      /* of the split, by row of table */
  MeasureOptions measure;
} Job;

/* Begin, and refuse a split that tears recordings. Arguments are borrowed and must outlive the job.
 * Collective. Fails with INVALID, MEMORY; agreed; the caller clears job also then. */
CHECKED Status job_init_all(const StageContext *context, const JobOptions *options,
                            const Table *table, Job *job);
void job_clear(Job *job);

/* What a cross-validation of the job's specs works on, after refusing folds that would leak.
 * Collective. Fails with INVALID, MEMORY; agreed. */
CHECKED Status job_folds_all(const Job *job, const Folds *folds, FoldInputs *out);

/* Fit the bundle's spec on the split's training part, test it on its test part (split null: not)
 * beside the constant, and keep the predictions: output->bundle is begun with bundle_init, its
 * predictions and summary are filled. With refit, the bundle is then fitted again on all rows.
 * Units go to the context's sink in the phase that the caller has begun. Collective. Fails with
 * INVALID, NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status job_finish_all(const Job *job, Artifact *output);

/* Parts of that, for stages that fit by themselves. */

/* Measure the test part's predictions, beside the constant of the training rows, and keep them.
 * Collective. Fails with NUMERIC, MEMORY; agreed. */
CHECKED Status job_tell_test_all(const Job *job, const StudyRows *training,
                                 const Predicted *predicted, Artifact *output);
/* A table of no predictions, where the split is null. Local. Fails with MEMORY. */
CHECKED Status job_no_predictions(const Job *job, Table *out);
/* Say how many training rows have no target. Local. Fails with MEMORY. */
CHECKED Status job_note_rows(const StudyRows *training, Summary *summary);

#endif
