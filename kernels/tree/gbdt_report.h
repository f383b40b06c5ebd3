/* What boosted trees say about themselves. */
#ifndef SEGUE_TREE_GBDT_REPORT_H
#define SEGUE_TREE_GBDT_REPORT_H

#include "boost_fit.h"
#include "shap_report.h"

/* Size, curves, importance of features by gain, splits and permutation, SHAP values: into summary.
 * Collective. data: what was fitted to, with all weights. Fails with MEMORY, STOPPED; agreed. */
CHECKED Status gbdt_report_all(const Comm *comm, const TrainingData *data,
                               const GbdtOptions *options, const Gbdt *model,
                               const BoostHistory *history, WorkSink *sink, Summary *summary);

/* The model's trees for shap.h: outputs are raw values. Local; borrows both. */
ShapTrees gbdt_shap_trees(const Gbdt *model, const int32_t *cover);

#endif
