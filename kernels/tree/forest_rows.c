/* Trees one after the other, each on the rows of all ranks; see forest.h.
 *
 * A tree is a unit of work as it is when trees are spread: its file has the same fields, so that
 * either way goes on where the other one stopped. */
#include <string.h>

#include "forest_fit.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"

/* ---- the sample ---- */

/* Weights of rows from counts of recordings; can a tree be grown on them? Collective. */
static bool weigh_rows_all(ForestFit *fit, int64_t *total) {
  int64_t most = 0;
  *total = 0;
  for (int64_t i = 0; i < fit->samples.rows.n; i++) {
    int32_t count = fit->options->bootstrap ? fit->counts[fit->samples.group[i]] : 1;
    if (fit->samples.weight) count *= fit->samples.weight[i];
    fit->weight[i] = count;
    *total += count;
    most = count > most ? count : most;
  }
  *total = comm_sum_one_all(fit->comm, *total);
  most = comm_max_one_all(fit->comm, most);
  return *total <= fit->samples.rows.weight_max && most <= UINT16_MAX;
}

/* As forest_fit.c draws it, for this rank's rows. Collective. */
static Status draw_rows_all(ForestFit *fit, int64_t tree) {
  Status status = OK;
  int64_t total = 0, n_groups = fit->samples.n_groups;
  if (!fit->options->bootstrap) {
    weigh_rows_all(fit, &total);
    return OK;
  }
  for (int64_t attempt = 0; attempt < FOREST_SAMPLE_ATTEMPTS; attempt++) {
    Stream stream = forest_sample_stream(fit->data->seed, tree, attempt);
    TRY(sample_groups_draw_all(fit->comm, &fit->samples.groups, &stream, fit->counts));
    if (weigh_rows_all(fit, &total)) {
      forest_fill_bag(fit->counts, n_groups, fit->bag_bytes, fit->bag);
      return OK;
    }
  }
  return forest_sample_failed(tree, total, fit->samples.n_global);
done:
  return status;
}

/* ---- units ---- */

/* The bits of this rank's recordings from those of all. */
static void take_bag(ForestFit *fit, int64_t tree, const uint8_t *bag) {
  const SampleGroups *groups = &fit->samples.groups;
  uint8_t *own = fit->in_bag + tree * fit->bag_bytes;
  for (int64_t g = 0; fit->bag_bytes > 0 && g < groups->n; g++) {
    int64_t number = groups->number[g];
    own[g / 8] |= (uint8_t)((bag[number / 8] >> (number % 8) & 1) << (g % 8));
  }
}

/* Take a tree of an earlier attempt. */
static Status place_found(ForestFit *fit, int64_t unit, Fields *result) {
  Status status = OK;
  uint8_t *bag = NULL;
  int64_t bytes = fit->bag_bytes_global;
  TRY(forest_place_tree(fit, unit, result));
  TRY(fields_array(result, "in_bag", FIELD_BYTE, &bag, 1, &bytes));
  take_bag(fit, unit, bag);
done:
  memory_free(&bag);
  return status;
}

/* Keep a tree that was just grown. */
static Status keep_tree(ForestFit *fit, int64_t unit, const GrownTree *tree) {
  Status status = OK;
  PlacedTree *p = &fit->trees[unit];
  size_t nodes = (size_t)tree->n_nodes, leaves = (size_t)tree->n_leaf;
  bool cover = fit->options->shap_rows > 0;
  TRY(NEW_RAW(&p->node, tree->n_nodes));
  if (cover) TRY(NEW_RAW(&p->cover, tree->n_nodes));
  TRY(NEW_RAW(&p->leaf_class, tree->n_leaf));
  TRY(NEW_RAW(&p->leaf_share, tree->n_leaf));
  p->n_nodes = tree->n_nodes;
  p->n_leaf = tree->n_leaf;
  memcpy(p->node, tree->node, nodes * sizeof *p->node);
  if (cover) memcpy(p->cover, tree->cover, nodes * sizeof *p->cover);
  if (leaves > 0) {
    memcpy(p->leaf_class, tree->leaf_class, leaves * sizeof *p->leaf_class);
    memcpy(p->leaf_share, tree->leaf_share, leaves * sizeof *p->leaf_share);
  }
  forest_add_importance(fit, tree->importance);
  TRY(forest_join_trees(fit));
  if (fit->bag_bytes > 0) {
    memcpy(fit->in_bag + unit * fit->bag_bytes, fit->bag, (size_t)fit->bag_bytes);
  }
done:
  return status;
}

/* Say that a tree is done; rank 0 has it saved. Returns, agreed, whether to stop. */
static Status tick_all(ForestFit *fit, int64_t unit, int64_t done, GrownTree *tree, bool *stop) {
  Status status = OK;
  uint8_t *bag = NULL;
  Fields fields;
  fields_init(&fields, FIELDS_OUT);
  if (fit->bag_bytes_global > 0) {
    TRY(sample_groups_bag_all(fit->comm, &fit->samples.groups, &bag));
  }
  Status local = OK;
  if (fit->comm->rank == 0) {
    local = forest_tree_fields(fit, tree, bag, fit->bag_bytes_global, &fields);
  }
  AGREE(fit->comm, local);
  fault_hit(FAULT_KILL);
  bool asked =
      work_tick(fit->sink, unit, done, fit->options->trees, fit->comm->rank == 0 ? &fields : NULL);
  *stop = comm_any_all(fit->comm, asked || work_stopping(fit->sink));
done:
  fields_clear(&fields);
  memory_free(&bag);
  return status;
}

/* Take the trees that all ranks find; found: out, which. Collective. */
static Status resume_all(ForestFit *fit, int64_t *found, int64_t *done) {
  Status status = OK;
  int64_t n = fit->options->trees;
  *done = 0;
  if (!fit->sink || !fit->sink->find) return OK;
  for (int64_t unit = 0; unit < n; unit++) {
    Fields fields;
    fields_init(&fields, FIELDS_IN);
    bool here = fit->sink->find(fit->sink, unit, &fields);
    found[unit] = !comm_any_all(fit->comm, !here);
    Status local = found[unit] ? place_found(fit, unit, &fields) : OK;
    fields_clear(&fields);
    AGREE(fit->comm, local);
    *done += found[unit];
  }
done:
  return status;
}

static Status grow_tree_all(ForestFit *fit, int64_t unit, GrownTree *tree) {
  Status status = OK;
  Stream nodes = forest_node_stream(fit->data->seed, unit);
  TRY(draw_rows_all(fit, unit));
  TRY(grow_rows_tree_all(fit->rows_grower, fit->weight, &nodes, fit->options->shap_rows > 0, tree));
  AGREE(fit->comm, keep_tree(fit, unit, tree));
done:
  return status;
}

Status forest_grow_rows_all(ForestFit *fit) {
  Status status = OK;
  int64_t n = fit->options->trees, done = 0, *found = NULL;
  AGREE(fit->comm, NEW(&found, n));
  TRY(resume_all(fit, found, &done));
  bool stop = comm_any_all(fit->comm, work_stopping(fit->sink));
  for (int64_t unit = 0; unit < n && !stop; unit++) {
    GrownTree tree;
    if (found[unit]) continue;
    TRY(grow_tree_all(fit, unit, &tree));
    done++;
    if (fit->sink) TRY(tick_all(fit, unit, done, &tree, &stop));
  }
  if (done < n) {
    status = status_fail(STOPPED, "stopped on request after %lld of %lld units; run again to go on",
                         (long long)done, (long long)n);
  }
done:
  memory_free(&found);
  return status;
}
