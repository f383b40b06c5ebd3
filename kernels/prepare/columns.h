/* What steps share when they name columns: checks of names and types, and new columns. */
#ifndef SEGUE_PREPARE_COLUMNS_H
#define SEGUE_PREPARE_COLUMNS_H

#include "step.h"

/* Sets of column types. */
enum {
  TAKES_NUMBERS = 1 << COLUMN_REAL | 1 << COLUMN_INTEGER | 1 << COLUMN_BOOLEAN,
  TAKES_CATEGORIES = 1 << COLUMN_CATEGORY,
  TAKES_WORDS = 1 << COLUMN_CATEGORY | 1 << COLUMN_LIST,
  TAKES_DATES = 1 << COLUMN_DATE
};

/* All local. option is the name of the option that holds the column's name, for messages; step is
 * the step's own name. All fail with INVALID when a column is absent (naming the nearest) or of a
 * type that is not in types: `columns: column "x" is a text; target_encode takes categories and
 * lists`; MEMORY. */

/* Check a column and note it as needed. type may be NULL. */
CHECKED Status plan_typed(FrameSchema *schema, const char *option, const char *name, int types,
                          const char *step, ColumnType *type);
/* The same for every name of the option `columns`, which has to name one at least. */
CHECKED Status plan_listed(FrameSchema *schema, const TextList *columns, int types,
                           const char *step);
/* A feature that the step makes. Also fails when there is a feature of that name. */
CHECKED Status plan_made(FrameSchema *schema, const char *option, const char *name);
/* The feature that replaces `from`: takes `from` away unless keep, and adds from + suffix. */
CHECKED Status plan_replaced(FrameSchema *schema, const char *from, const char *suffix, bool keep);

/* Find a column of a frame and check its type. */
CHECKED Status frame_typed(const Frame *frame, const char *name, int types, const char *step,
                           Column **out);
/* A new column named name + suffix with a place for each row of the frame; REAL columns begin as
 * zeros. The caller releases it or hands it to frame_put. */
CHECKED Status frame_new(const Frame *frame, const char *name, const char *suffix, ColumnType type,
                         Column **out);
/* The values of a number column as doubles, missing ones NaN: a new REAL column of that name. */
CHECKED Status frame_reals(const Frame *frame, const Column *column, Column **out);
/* Hand a column to the features; *column becomes NULL, also on failure. */
CHECKED Status frame_put(Frame *frame, Column **column);

#endif
