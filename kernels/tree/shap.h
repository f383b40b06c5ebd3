/* TreeSHAP: how much each feature adds to a row's prediction (Lundberg et al. 2020, Shapley values
 * of the path-dependent expectation: a feature that is left out sends a row down both branches, in
 * proportion to what the branches weighed in training).
 *
 * Method. For one leaf of value v, let q_i be the product of the branches' shares over the splits
 * on feature i above it, and o_i whether the row passes all of them (1 or 0). By Owen (1972) the
 * Shapley value is the integral along the diagonal of the game's multilinear extension,
 *
 *   phi_j = v (o_j - q_j) * integral over t in 0 .. 1 of prod over i != j of (q_i (1 - t) + o_i t),
 *
 * a polynomial of degree below the number D of features on the path, so D / 2 points of Gauss and
 * Legendre, rounded up, integrate it exactly. All factors are positive, hence nothing cancels, and
 * the products of all leaves below a node are summed before they are divided by a factor: one sweep
 * over a tree costs O(nodes x D) a row, as in Linear TreeSHAP (Yu et al. 2022), whose polynomials
 * in a Vandermonde basis lose digits when trees are deep. */
#ifndef SEGUE_TREE_SHAP_H
#define SEGUE_TREE_SHAP_H

#include "ensemble.h"

/* The trees to explain, and what sums of their leaves mean. Borrowed. */
typedef struct ShapTrees {
  const Ensemble *ensemble;
  const int32_t *cover; /* per node: what the rows weighed that came there in training, above 0 */
  int64_t outputs;      /* sums of a row: 1, or one for each class */
  bool shares;          /* leaves are distributions over the outputs; otherwise they are values, and
                           tree t adds to output t % outputs */
  const double *base;   /* outputs numbers; NULL: 0 */
  double unit;          /* output = base + unit x sum */
} ShapTrees;

typedef struct Shap Shap;

/* Make ready to explain rows. Local. trees is copied, what it points to has to outlive the result.
 * Fails with MEMORY. */
CHECKED Status shap_new(const ShapTrees *trees, Shap **out);
void shap_free(Shap **shap);

/* Explain rows. Local; a row's result does not depend on the other rows.
 * codes  n rows of bins_stride(d) bytes
 * class  n: whose output is explained. NULL with one output
 * out    n x (d + 1): what each feature adds, and then the expectation. In units; the row's numbers
 *        add up exactly to its sum over the trees (what is lost by rounding, a few units, is given
 *        to the feature that adds the most) */
void shap_explain(Shap *shap, const uint8_t *codes, const int32_t *class, int64_t n, int64_t *out);

/* Points t in 0 .. 1 and weights of Gauss and Legendre; n 1 or more. Local. */
void shap_quadrature(int64_t n, double *point, double *weight);

#endif
