/* The one list of stage, model, step and resampling kinds; see registry.h.
 *
 * A new kind is one new file and one row here. Rows stand in the order in which help lists them. */
#include "registry.h"

#include <string.h>

#include "kernels/model.h"
#include "kernels/prepare/step.h"
#include "kernels/resample/resample.h"

/* One a line, so that two new kinds do not meet. */
extern const StageKind read_csv_stage;
extern const StageKind synthesize_stage;
extern const StageKind join_stage;
extern const StageKind clean_stage;
extern const StageKind split_stage;
extern const StageKind folds_stage;
extern const StageKind train_stage;
extern const StageKind matrix_stage;
extern const StageKind search_stage;
extern const StageKind compare_stage;
extern const StageKind stack_stage;
extern const StageKind audit_stage;
extern const StageKind calibrate_stage;
extern const StageKind threshold_stage;
extern const StageKind pca_stage;
extern const StageKind dbscan_stage;
extern const StageKind tsne_stage;
extern const StageKind place_stage;
extern const StageKind kmeans_stage;
extern const StageKind ward_stage;
extern const StageKind validate_stage;
extern const StageKind report_stage;
extern const ModelKind constant_model;
extern const ModelKind linear_model;
extern const ModelKind elastic_net_model;
extern const ModelKind logistic_model;
extern const ModelKind forest_model;
extern const ModelKind gbdt_model;
extern const StepKind impute_step;
extern const StepKind outliers_step;
extern const StepKind scale_step;
extern const StepKind log_step;
extern const StepKind ratio_step;
extern const StepKind blend_step;
extern const StepKind one_hot_step;
extern const StepKind frequency_encode_step;
extern const StepKind target_encode_step;
extern const StepKind date_part_step;
extern const StepKind pca_step;
extern const StepKind kmeans_step;
extern const StepKind drop_step;
extern const ResampleKind random_over_resample;
extern const ResampleKind smote_resample;
extern const ResampleKind smote_nc_resample;
extern const ResampleKind adasyn_resample;
extern const ResampleKind random_under_resample;
extern const ResampleKind popularity_balanced_resample;

const Kind *const stage_kinds[] = {
    &read_csv_stage.kind,
    &synthesize_stage.kind,
    &join_stage.kind,
    &clean_stage.kind,
    &split_stage.kind,
    &folds_stage.kind,
    &train_stage.kind,
    &matrix_stage.kind,
    &search_stage.kind,
    &compare_stage.kind,
    &stack_stage.kind,
    &audit_stage.kind,
    &calibrate_stage.kind,
    &threshold_stage.kind,
    &pca_stage.kind,
    &dbscan_stage.kind,
    &tsne_stage.kind,
    &place_stage.kind,
    &kmeans_stage.kind,
    &ward_stage.kind,
    &validate_stage.kind,
    &report_stage.kind,
    NULL,
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
    &outliers_step.kind,
    &scale_step.kind,
    &log_step.kind,
    &ratio_step.kind,
    &blend_step.kind,
    &one_hot_step.kind,
    &frequency_encode_step.kind,
    &target_encode_step.kind,
    &date_part_step.kind,
    &pca_step.kind,
    &kmeans_step.kind,
    &drop_step.kind,
    NULL,
};

const Kind *const resample_kinds[] = {
    &random_over_resample.kind,
    &smote_resample.kind,
    &smote_nc_resample.kind,
    &adasyn_resample.kind,
    &random_under_resample.kind,
    &popularity_balanced_resample.kind,
    NULL,
};

const Kind *registry_find(const Kind *const *kinds, const char *name) {
  for (; *kinds; kinds++)
    if (strcmp((*kinds)->name, name) == 0) return *kinds;
  return NULL;
}
