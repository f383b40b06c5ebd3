/* What steps share that take several number columns at once as a matrix (pca, kmeans). */
#ifndef SEGUE_PREPARE_NUMBERS_H
#define SEGUE_PREPARE_NUMBERS_H

#include "columns.h"
#include "kernels/numeric/matrix.h"

/* The columns that the step was fitted on. */
typedef struct Numbers {
  int64_t n;
  char **names;
} Numbers;

/* All local. columns: the step's option; none: all features that are numbers. */

/* Check the columns; unless keep, take them away from the features. Fails with INVALID. */
CHECKED Status numbers_plan(FrameSchema *schema, const TextList *columns, bool keep,
                            const char *step);
/* Note the names. Fails with INVALID when there is none, MEMORY; the caller clears out also then.
 */
CHECKED Status numbers_begin(const TextList *columns, const Frame *frame, Numbers *out);
void numbers_clear(Numbers *numbers);
CHECKED Status numbers_fields(Numbers *numbers, Fields *fields);
/* Their values, missing ones NaN, with names. The caller clears out, also after a failure. */
CHECKED Status numbers_matrix(const Numbers *numbers, const Frame *frame, const char *step,
                              Matrix *out);
void numbers_remove(const Numbers *numbers, Frame *frame);
/* Add a new feature; *column becomes NULL, also on failure. Fails with INVALID when there is a
 * feature of that name; option is what its name came from. */
CHECKED Status numbers_put(Frame *frame, Column **column, const char *option);

#endif
