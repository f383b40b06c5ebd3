/* Rounds of boosting whose trees, one a class, are grown by different ranks, each alone on all
 * rows.
 *
 * Gradients of a class need the raw values of its row only, and the sum over classes, so ranks meet
 * three times a round, however many nodes trees have: when the sums are made (each rank of a node
 * for its part of the rows), when trees have been grown (they are given to all), and when raw
 * values are up to date. Raw values stand once per node: who grows a class adds its leaves to them;
 * those of classes that another node grew are added by walking the rows down, classes parted among
 * the ranks.
 *
 * The trees are those of ranks that grow every tree together, bit for bit: sums over rows are whole
 * numbers either way. */
#include "boost_classes.h"

#include <string.h>

#include "kernels/base/memory.h"

enum { SPREAD_AUTO, SPREAD_ROWS, SPREAD_TREES };
/* A table of more rows is kept apart unless `spread` asks for it. */
static const int64_t ROWS_MOST = 1 << 22;

bool boost_by_trees(const Comm *comm, const GbdtOptions *options, const BoostLoss *loss,
                    int64_t rows) {
  if (comm->size == 1 || loss->outputs == 1 || options->spread == SPREAD_ROWS) return false;
  return options->spread == SPREAD_TREES || (loss->outputs >= 2 * comm->size && rows <= ROWS_MOST);
}

/* Ranks that write into the same raw values, and which of them this is. */
static int64_t writers(const Fit *fit) {
  return fit->classes.levels.window ? fit->classes.levels.node.size : 1;
}
static int64_t writer(const Fit *fit) {
  return fit->classes.levels.window ? fit->classes.levels.node.rank : 0;
}

static Status classes_allocate(const Fit *fit, BoostClasses *c) {
  Status status = OK;
  TRY(NEW(&c->offsets, fit->comm->size + 1));
  TRY(NEW(&c->node_of, fit->comm->size));
done:
  return status;
}

Status boost_classes_begin_all(Fit *fit) {
  Status status = OK;
  const BoostTable *t = &fit->table;
  const int64_t numbers = fit->model->loss.outputs * t->n + t->n_train;
  int64_t node = fit->comm->rank;
  TRY(comm_shared_new_all(fit->comm, (size_t)numbers * sizeof(double), &fit->classes.levels));
  fit->level = fit->classes.levels.data;
  fit->log_sum = fit->level + fit->model->loss.outputs * t->n;
  if (fit->classes.levels.owner) memset(fit->level, 0, (size_t)numbers * sizeof(double));
  AGREE(fit->comm, classes_allocate(fit, &fit->classes));
  if (fit->classes.levels.window)
    comm_broadcast_all(&fit->classes.levels.node, 0, &node, sizeof node);
  comm_allgather_all(fit->comm, &node, sizeof node, fit->classes.node_of);
  comm_shared_publish_all(fit->comm, &fit->classes.levels);
done:
  return status;
}

void boost_classes_clear_all(Fit *fit) {
  comm_shared_clear_all(&fit->classes.levels);
  memory_free(&fit->classes.sent);
  memory_free(&fit->classes.offsets);
  memory_free(&fit->classes.node_of);
  fit->classes.n_sent = fit->classes.sent_capacity = 0;
  fit->level = fit->log_sum = NULL;
}

void boost_classes_log_sums_all(Fit *fit) {
  const int64_t n = fit->table.n_train, begin = n * writer(fit) / writers(fit);
  const int64_t end = n * (writer(fit) + 1) / writers(fit);
  boost_loss_log_sums(&fit->model->loss, fit->level + begin, fit->table.n, end - begin,
                      fit->log_sum + begin);
  comm_shared_publish_all(fit->comm, &fit->classes.levels);
}

/* Words of a tree that is sent. */
static int64_t tree_words(const Fit *fit, int64_t n_nodes) {
  return 1 + fit->model->ensemble.bins.d + n_nodes +
         (fit->options->shap_rows > 0 ? (n_nodes + 1) / 2 : 0);
}

static Status send_tree(Fit *fit, const BoostTree *tree, double gain_unit) {
  Status status = OK;
  BoostClasses *c = &fit->classes;
  const int64_t d = fit->model->ensemble.bins.d, n = tree_words(fit, tree->n_nodes);
  TRY(RESERVE(&c->sent, &c->sent_capacity, c->n_sent + n));
  int64_t *at = c->sent + c->n_sent;
  for (int64_t j = 0; j < d; j++) tree->gain[j] *= gain_unit;
  at[0] = tree->n_nodes;
  memcpy(at + 1, tree->gain, (size_t)d * sizeof *tree->gain);
  memcpy(at + 1 + d, tree->node, (size_t)tree->n_nodes * sizeof *tree->node);
  if (fit->options->shap_rows > 0) {
    boost_count_rows_all(fit, tree, (int32_t *)(void *)(at + 1 + d + tree->n_nodes));
  }
  c->n_sent += n;
done:
  return status;
}

static Status grow_own(Fit *fit) {
  Status status = OK;
  fit->classes.n_sent = 0;
  for (int64_t k = fit->comm->rank; k < fit->model->loss.outputs; k += fit->comm->size) {
    BoostTree tree;
    BoostRules rules;
    boost_prepare_tree_all(fit, k, &rules);
    boost_grow_all(fit->grower, &fit->sample, &rules, &tree);
    boost_step_leaves(&tree, &rules, fit->value);
    boost_apply_tree(fit, &tree, fit->level + k * fit->table.n);
    TRY(send_tree(fit, &tree, rules.gain_unit));
  }
done:
  return status;
}

/* Take the trees of all ranks, in the order of classes. */
static void take_trees(Fit *fit, const char *all) {
  const int64_t d = fit->model->ensemble.bins.d;
  const BoostClasses *c = &fit->classes;
  const Ensemble *e = &fit->model->ensemble;
  for (int64_t k = 0; k < fit->model->loss.outputs; k++) {
    int64_t rank = k % fit->comm->size;
    const int64_t *at = (const int64_t *)(const void *)(all + c->offsets[rank]);
    c->offsets[rank] += (size_t)tree_words(fit, at[0]) * sizeof *at;
    if (fit->options->shap_rows > 0) {
      memcpy(fit->history->cover + e->node_offset[e->n_trees], at + 1 + d + at[0],
             (size_t)at[0] * sizeof *fit->history->cover);
    }
    boost_append_tree(fit, at + 1 + d, at[0], (const double *)(const void *)(at + 1));
    bool elsewhere = c->node_of[rank] != c->node_of[fit->comm->rank];
    if (elsewhere && k % writers(fit) == writer(fit)) {
      boost_walk_rows(fit, e->n_trees - 1);
    }
  }
}

Status boost_classes_grow_all(Fit *fit) {
  Status status = OK;
  const BoostClasses *c = &fit->classes;
  void *all = NULL;
  AGREE(fit->comm, grow_own(fit));
  TRY(comm_concatenate_all(fit->comm, c->sent, (size_t)c->n_sent * sizeof *c->sent, &all,
                           c->offsets));
  AGREE(fit->comm, boost_make_room(fit, 1, fit->model->loss.outputs,
                                   (int64_t)(c->offsets[fit->comm->size] / sizeof *c->sent)));
  take_trees(fit, all);
  comm_shared_publish_all(fit->comm, &fit->classes.levels);
done:
  memory_free(&all);
  return status;
}

void boost_classes_resume_all(Fit *fit) {
  const int64_t outputs = fit->model->loss.outputs;
  for (int64_t t = 0; t < fit->model->ensemble.n_trees; t++) {
    if (t % outputs % writers(fit) == writer(fit)) boost_walk_rows(fit, t);
  }
  comm_shared_publish_all(fit->comm, &fit->classes.levels);
}
