/* The recipe: steps fitted in order inside one training fold, then applied to any rows.
 *
 * It begins with the named feature columns and ends with a matrix: every feature has to be a
 * number by then (real, integer or boolean), or, for models that split categories themselves, a
 * category. Text, list and date features that no step has encoded, and categories for other
 * models, are refused with the steps that would do it. */
#ifndef SEGUE_PREPARE_RECIPE_H
#define SEGUE_PREPARE_RECIPE_H

#include "kernels/numeric/matrix.h"
#include "step.h"

typedef struct Recipe {
  TextList inputs;          /* names of the raw feature columns; borrowed */
  const VariantList *steps; /* kinds are StepKind; borrowed, must outlive the recipe */
  bool categorical;         /* the model takes categories; false after recipe_init */
  void **states;            /* one per step */
  int64_t n_features;
  char **features;   /* names of the matrix's columns, in order; known after fit */
  Dictionary *words; /* of those that are categories: the training rows' words; else none */
} Recipe;

/* Check a recipe against a table's planned schema. Local.
 * categorical  the model takes categories
 * exclude  name of the target, which no step may read and no feature may be; NULL: none
 * needed   out: raw columns that a file for prediction has to have; may be NULL
 * Fails with INVALID; the message begins with the step's position: "/1/columns: ...". */
CHECKED Status recipe_plan(const TextList *inputs, const VariantList *steps, const Schema *schema,
                           bool categorical, const char *exclude, Schema *needed);

void recipe_init(Recipe *recipe, const TextList *inputs, const VariantList *steps);

/* Fit all steps on training rows and give their features.
 * training  rows to learn from, and no others; whole blocks
 * fit       what else may be looked at; fit->position and keep are ignored
 * x         out: rows of training, or of what steps left of them (fit->left), names set; the caller
 *           clears it
 * Collective. Fails with INVALID, NUMERIC, MEMORY; agreed. */
CHECKED Status recipe_fit_all(Recipe *recipe, const Table *training, const StepFit *fit, Matrix *x);

void rows_left_clear(RowsLeft *left);

/* Features of other rows, by what was learned. Local; a row's result depends on that row alone.
 * Fails with INVALID when a column is absent or of another type, MEMORY. */
CHECKED Status recipe_apply(const Recipe *recipe, const Table *rows, Matrix *x);

/* Visit the states and feature names; IN allocates. Local. */
CHECKED Status recipe_fields(Recipe *recipe, Fields *fields);
void recipe_clear(Recipe *recipe);

#endif
