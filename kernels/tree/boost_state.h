/* Inside boosting: a fit under way, and how it is saved and resumed.
 *
 * A finished unit of work is a run of rounds: their trees, losses, gains and covers, saved by rank
 * 0 when SAVE_SECONDS have passed since the last one, and when a stop was asked for. (One file a
 * tree would cost more than the tree.) Units are numbered through both phases. Whoever resumes
 * walks its own rows down the saved trees; raw values are whole numbers, so they are the same as
 * before. */
#ifndef SEGUE_TREE_BOOST_STATE_H
#define SEGUE_TREE_BOOST_STATE_H

#include "boost_fit.h"
#include "boost_grow.h"

/* A round by trees (boost_classes.h): this rank's trees on their way to the others. */
typedef struct BoostClasses {
  SharedMemory levels; /* holds level and log_sum, once per node */
  int64_t *sent; /* for each tree: nodes, d gains, the nodes, their covers (where there are such) */
  int64_t n_sent, sent_capacity;
  size_t *offsets;  /* size + 1 */
  int64_t *node_of; /* size: first rank of its node */
} BoostClasses;

typedef struct Fit {
  const Comm *comm;
  const Comm *growing; /* who grows a tree: all ranks, on their rows; or one (alone), on all rows */
  Comm alone;
  BoostClasses classes;
  const TrainingData *data;
  const GbdtOptions *options;
  const BoostConstraints *constraints;
  WorkSink *sink;
  Gbdt *model;
  BoostHistory *history;
  BoostTable table;
  BoostLayout layout;
  BoostGrower *grower;
  BoostSample sample;
  double *level;              /* outputs x n: raw values in units */
  double *g, *h, *log_sum;    /* n_train */
  double *value;              /* leaves */
  int64_t *count;             /* leaves: their rows */
  int64_t *reached;           /* leaves: positions of rows while values are added */
  int64_t *begin;             /* leaves + 1; with the two below where leaves are quantiles */
  uint64_t *key;              /* n_train */
  int64_t *share;             /* n_train: weights as whole numbers */
  double most_weight;         /* over all ranks */
  uint64_t *packed;           /* n_train x words */
  int32_t *row, *feature;     /* the sample */
  int32_t *rest, *leaf_value; /* rows outside the sample, and what they get */
  int64_t n_rest;
  int64_t node_capacity, offset_capacity, rounds_capacity, cover_capacity;
  int64_t phase;               /* 0; 1: fitted again, on all rows */
  int64_t rounds;              /* made in this phase */
  int64_t saved_rounds, units; /* rounds of this phase in saved units; units of all phases */
  double save_time;
  int64_t judged; /* rounds looked at for early stopping, and the least validation loss of them */
  double least;
} Fit;

/* Parts of a round. Gradients of output k, their scale and the rules in its units. Collective over
 * fit->growing. */
void boost_prepare_tree_all(Fit *fit, int64_t k, BoostRules *rules);
/* Values of leaves: steps along the gradient. Local. */
void boost_step_leaves(const BoostTree *tree, const BoostRules *rules, double *value);
/* Leaf values into the tree, and onto the rows. Local. */
void boost_apply_tree(Fit *fit, const BoostTree *tree, double *level);
/* The rows of the sample that came to each node. Collective over fit->growing.
 * cover: tree->n_nodes; rows beyond 2^30 are counted in twos, fours ... */
void boost_count_rows_all(Fit *fit, const BoostTree *tree, int32_t *cover);
/* A tree behind the others of the model. gain: d, in the loss's units. Local. */
void boost_append_tree(Fit *fit, const int64_t *node, int64_t n_nodes, const double *gain);
/* Add what tree t of the model gives to its rows. Local. */
void boost_walk_rows(Fit *fit, int64_t t);

/* Room for `rounds` more losses and `trees` more trees with `nodes` more nodes. Local. MEMORY. */
CHECKED Status boost_make_room(Fit *fit, int64_t rounds, int64_t trees, int64_t nodes);

/* Take the units of this phase that an earlier attempt left and all ranks find, and bring the raw
 * values up to them. Collective. Fails with FORMAT, MEMORY; agreed. */
CHECKED Status boost_resume_all(Fit *fit);
/* After a round: progress; a unit when it is time. Collective. STOPPED, agreed, when any rank was
 * asked to and there is more to do. */
CHECKED Status boost_tick_all(Fit *fit);
/* Before another phase: save what is not yet, so that its units come behind. Local, on all ranks.
 */
void boost_end_phase(Fit *fit);

#endif
