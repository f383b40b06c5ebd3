/* The one list of stage, model and step kinds; see registry.h.
 *
 * A new kind is one new file and one row here. Rows stand in the order in which help lists them. */
#include "registry.h"

#include <string.h>

#include "kernels/model.h"
#include "kernels/prepare/step.h"

extern const StageKind read_csv_stage, synthesize_stage, join_stage, clean_stage, split_stage,
    folds_stage, train_stage, pca_stage, report_stage;
extern const ModelKind constant_model, linear_model, elastic_net_model, logistic_model,
    forest_model, gbdt_model;
extern const StepKind impute_step, scale_step, log_step, ratio_step, blend_step, one_hot_step,
    frequency_encode_step, target_encode_step, date_part_step, pca_step, drop_step;

const Kind *const stage_kinds[] = {
    &read_csv_stage.kind, &synthesize_stage.kind,
    &join_stage.kind,     &clean_stage.kind,
    &split_stage.kind,    &folds_stage.kind,
    &train_stage.kind,    &pca_stage.kind,
    &report_stage.kind,   NULL,
};

const Kind *const model_kinds[] = {
    &constant_model.kind,
    &linear_model.kind,
    &elastic_net_model.kind,
    &logistic_model.kind,
    &forest_model.kind,
    &gbdt_model.kind,
    NULL,
};

const Kind *const step_kinds[] = {
    &impute_step.kind,
    &scale_step.kind,
    &log_step.kind,
    &ratio_step.kind,
    &blend_step.kind,
    &one_hot_step.kind,
    &frequency_encode_step.kind,
    &target_encode_step.kind,
    &date_part_step.kind,
    &pca_step.kind,
    &drop_step.kind,
    NULL,
};

const Kind *registry_find(const Kind *const *kinds, const char *name) {
  for (; *kinds; kinds++)
    if (strcmp((*kinds)->name, name) == 0) return *kinds;
  return NULL;
}
