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

#include "forest.h"

typedef struct Shap Shap;

/* Make ready to explain rows. Local.
 * cover  per node of the ensemble: what the rows weighed that came there in training, above 0
 * Both are borrowed and have to outlive the result. Fails with MEMORY. */
CHECKED Status shap_new(const Forest *forest, const int32_t *cover, Shap **out);
void shap_free(Shap **shap);

/* Explain rows. Local; a row's result does not depend on the other rows.
 * codes  n rows of bins_stride(d) bytes
 * class  n: whose probability is explained. NULL: the value, or the probability of class 1 of two;
 *        required with more classes
 * out    n x (d + 1): what each feature adds, and then the expectation. In units of shap_unit; the
 *        row's numbers add up exactly to its sum over the trees (what is lost by rounding, a few
 *        units, is given to the feature that adds the most) */
void shap_explain(Shap *shap, const uint8_t *codes, const int32_t *class, int64_t n, int64_t *out);

/* A unit in units of the target or of probability. Local. The prediction is forest->base plus the
 * numbers' sum times the unit; with more than two classes up to 2^-29, since shares are rounded. */
double shap_unit(const Forest *forest);

/* Points t in 0 .. 1 and weights of Gauss and Legendre; n 1 or more. Local. */
void shap_quadrature(int64_t n, double *point, double *weight);

#endif
