/* A taxonomy of the words of a column, such as genres: the words clustered by the means of their
 * rows, and each looked for in the tree of all rows. */
#ifndef SEGUE_PIPELINE_STAGES_TAXONOMY_H
#define SEGUE_PIPELINE_STAGES_TAXONOMY_H

#include "kernels/cluster/linkage.h"
#include "unsupervised.h"

/* Tell of the words of a category or list column.
 *
 * Collective.
 * linkage  of the words' tree
 * rows     the tree of the distinct rows; replicated
 * label    rows->n: the cluster of each row, of k
 * Two thousand words at most: more give a warning instead. Fails with INVALID, MEMORY; agreed. */
CHECKED Status taxonomy_all(const Unsupervised *u, const char *name, Linkage linkage,
                            const Dendrogram *rows, const int32_t *label, int64_t k,
                            Summary *summary);

#endif
