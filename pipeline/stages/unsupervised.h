/* What stages that learn without a target have in common: which rows, which features, and columns
 * for what they found.
 *
 * Such a stage's options struct begins with UnsupervisedOptions, and its rows with
 * UNSUPERVISED_ROWS. It takes a table and gives that table with columns added. It learns from
 * distinct recordings: the first row of each; other rows of a recording get what that row gets. The
 * columns are barred as features of models (Schema): they were learned from all rows, test rows
 * among them. */
#ifndef SEGUE_PIPELINE_STAGES_UNSUPERVISED_H
#define SEGUE_PIPELINE_STAGES_UNSUPERVISED_H

#include "pipeline/registry.h"
#include "pipeline/stage.h"

typedef struct UnsupervisedOptions {
  TextList features;
  VariantList recipe;
  char *group;
} UnsupervisedOptions;

#define UNSUPERVISED_ROWS                                                                       \
  OPTION_TEXTS(UnsupervisedOptions, features, NULL,                                             \
               "raw columns that enter the recipe; at its end each is a number"),               \
      OPTION_VARIANTS(UnsupervisedOptions, recipe, "[{\"step\": \"scale\"}]", step_kinds,       \
                      "steps in order, fitted on all rows; none may need a target. Distances "  \
                      "depend on units, so scale unless all columns are on one scale"),         \
      OPTION_TEXT_OR_NULL(UnsupervisedOptions, group, "\"recording\"",                          \
                          "integer column that numbers recordings: only the first row of each " \
                          "is learned from, and the others get its result; null: every row is " \
                          "its own")

/* Check features, recipe and group against the input's planned columns, and begin the output's plan
 * with them. Local. Fails with INVALID; the message begins with the option. */
CHECKED Status unsupervised_plan(const UnsupervisedOptions *options, const Schema *schema,
                                 Schema *out);
/* A column that the stage adds; `option` named it. reason: why it is barred; lives for ever. Local.
 * Fails with INVALID when there is such a column. */
CHECKED Status unsupervised_plan_column(Schema *out, const char *option, const char *name,
                                        ColumnType type, const char *reason);

/* Rows to learn from, and their features. */
typedef struct Unsupervised {
  const Comm *comm;
  const Table *table; /* all rows; borrowed */
  Table distinct;     /* one row of each recording, in order, in blocks */
  bool repeats;       /* some recording has several rows */
  int64_t *position;  /* table->rows.n: the recording's row among all distinct ones; NULL unless
                         repeats */
  Recipe recipe;      /* fitted on the distinct rows */
  Matrix x;           /* features of the distinct rows, all finite */
} Unsupervised;

/* Find the rows, fit the recipe and check that every feature of theirs is a finite number; a
 * warning goes to the summary where the columns' units are far apart. who begins messages
 * ("kmeans"); all arguments must outlive out. Collective. Fails with INVALID, NUMERIC, MEMORY;
 * agreed; the caller clears out also then. */
CHECKED Status unsupervised_init_all(const StageContext *context,
                                     const UnsupervisedOptions *options, const Table *table,
                                     const char *who, Summary *summary, Unsupervised *out);
void unsupervised_clear(Unsupervised *u);

/* Add a column of numbers to a table of u->table's rows (table_share): value holds those of this
 * rank's distinct rows. Collective. Fails with MEMORY, agreed. */
CHECKED Status unsupervised_add_reals_all(const Unsupervised *u, const double *value,
                                          const char *name, Table *out);
/* Add a category column of labels 0 .. k - 1, -1 missing: words are the numbers, with as many
 * leading zeros as make their order that of the numbers. Otherwise as before. */
CHECKED Status unsupervised_add_labels_all(const Unsupervised *u, const int32_t *label, int64_t k,
                                           const char *name, Table *out);
/* The word of a label. Local. */
void unsupervised_label_word(int64_t label, int64_t k, char word[24]);

#endif
