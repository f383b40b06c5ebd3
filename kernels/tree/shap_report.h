/* Which features move predictions: means of magnitudes of SHAP values over some rows. */
#ifndef SEGUE_TREE_SHAP_REPORT_H
#define SEGUE_TREE_SHAP_REPORT_H

#include "kernels/base/summary.h"
#include "kernels/base/work.h"
#include "shap.h"

/* Rows to explain, this rank's share of them. Borrowed. */
typedef struct ShapRows {
  int64_t n, n_global;
  const uint8_t *codes; /* n rows of bins_stride(d) bytes */
  const char *title;    /* of the table: what features add to */
  char **names;         /* d; NULL: features are numbered */
} ShapRows;

/* Explain the rows and tell it in summary; with several outputs, each row's greatest one (ties to
 * the lower). Collective. Which rank has which row does not matter: sums are whole numbers.
 * Fails with MEMORY, STOPPED; agreed. One Allreduce of d sums. */
CHECKED Status shap_report_all(const Comm *comm, const ShapTrees *trees, const ShapRows *rows,
                               WorkSink *sink, Summary *summary);

#endif
