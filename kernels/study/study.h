/* Study: fit a spec (recipe, resampling, model) on the training rows of a fold.
 *
 * Leak-safe by construction: a fit is handed a table that holds training rows and no others. */
#ifndef SEGUE_STUDY_STUDY_H
#define SEGUE_STUDY_STUDY_H

#include "bundle.h"
#include "folds.h"

/* What is to be predicted. */
typedef struct Problem {
  Task task;
  Dictionary classes; /* CLASSIFICATION: replicated, in byte order */
} Problem;

/* Real and integer columns are regressions, boolean, category and list columns classifications
 * (boolean: classes "false" and "true"; list: a recording counts once under each of its words).
 * Local (dictionaries are replicated). Fails with INVALID for text and date columns. */
CHECKED Status problem_of(const Column *target, Problem *problem);
void problem_clear(Problem *problem);
/* The same decision from a planned type. Local. */
CHECKED Status problem_task(const char *target, ColumnType type, Task *task);

/* Rows of one part of a fold, spread over ranks in blocks, with what belongs to them. */
typedef struct StudyRows {
  Table table;    /* the wanted columns */
  double *target; /* n: value or class number */
  int64_t
      *group; /* n: recording numbers, 0 .. 2^62 - 1; NULL: every row is its own. Never NULL where a
                 row may stand several times: then it is the row's id, if nothing else */
  double *weight;  /* n, above 0; NULL: all 1 */
  int64_t dropped; /* rows left out because their target is missing, over all ranks */
  int64_t removed; /* rows that steps of a recipe took away, over all ranks; training then holds
                      those that are left */
} StudyRows;

/* What to take of a table. Borrowed. */
typedef struct StudyColumns {
  const Schema *columns; /* to take along; absent ones are an error */
  const char *target;
  const char *group;  /* integer column that numbers recordings, no row without one; NULL: none */
  const char *weight; /* real or integer column, finite and above 0 in every row; NULL: none */
  bool each_word;     /* a list target gives a row for each of its words, each of the row's weight,
                         as training needs; otherwise every row comes once and target holds its
                         first word */
} StudyColumns;

/* Can a column of this type be the weight? Local. Fails with INVALID. */
CHECKED Status study_check_weight(const char *name, ColumnType type);

/* The rows whose role is `wanted` and whose target is known.
 * role     table->rows.n bytes; NULL: all rows
 * Collective. The caller clears out. Fails with INVALID, MEMORY; agreed. */
CHECKED Status study_rows_all(const Comm *comm, const Table *table, const uint8_t *role,
                              Role wanted, const StudyColumns *columns, StudyRows *out);
void study_rows_clear(StudyRows *rows);
/* What StudyRows.group holds for a number of a group column, or a row id. Local. */
int64_t study_group_number(int64_t group);

/* Where rows of a role stand among the table's rows: what study_rows_all takes, once each, in the
 * order in which it gives them (each_word false). position: out, table->rows.n places; n: out.
 * Local. */
CHECKED Status study_positions(const Table *table, const uint8_t *role, Role wanted,
                               const char *target, int64_t *position, int64_t *n);

/* Fit the recipe on training rows, resample what comes of it where the spec says so, and fit the
 * model on that. bundle is begun with bundle_init. Collective. Fails with INVALID (no training
 * rows ...), NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status study_fit_all(const Comm *comm, StudyRows *training, const Problem *problem,
                             const Schema *needed, uint64_t seed, WorkSink *sink, Bundle *bundle,
                             Summary *summary);

/* The two halves of that. The recipe: x out, the features of the training rows, which the caller
 * clears; training loses the rows that steps removed; summary may be NULL. The model,
 * after resampling where the spec asks for it, on features of a recipe that may have been fitted
 * for another spec: bundle's task and classes are set; cache: of x, or NULL. Collective. Fail as
 * above.
 */
CHECKED Status study_recipe_all(const Comm *comm, StudyRows *training, const Problem *problem,
                                const Schema *needed, uint64_t seed, Bundle *bundle, Matrix *x,
                                Summary *summary);
CHECKED Status study_model_all(const Comm *comm, const StudyRows *training, const Problem *problem,
                               const Matrix *x, FeatureCache *cache, uint64_t seed, WorkSink *sink,
                               Bundle *bundle, Summary *summary);

/* Is the model told to weigh classes? Local. */
bool study_weighs_classes(const Variant *model);

/* What a spec asks and reads of a table. */
typedef struct SpecNeeds {
  Problem problem;
  Schema needed;   /* raw columns of the recipe */
  Schema measured; /* those, the target and a column to measure by */
} SpecNeeds;

/* by: column that errors are told for; NULL: none. Local. Fails with INVALID, MEMORY; the caller
 * clears out also then. */
CHECKED Status spec_needs(const Spec *spec, const Table *table, const char *by, SpecNeeds *out);
void spec_needs_clear(SpecNeeds *needs);

/* Take the training rows of a fold and fit the bundle's spec on them.
 * role      of table's rows; NULL: all train
 * training  out; the caller clears it
 * Collective. Fails as study_rows_all and study_fit_all do. */
CHECKED Status study_fit_fold_all(const Comm *comm, const Table *table, const uint8_t *role,
                                  const SpecNeeds *needs, uint64_t seed, WorkSink *sink,
                                  StudyRows *training, Bundle *bundle, Summary *summary);

#endif
