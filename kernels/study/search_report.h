/* What a search says. */
#ifndef SEGUE_STUDY_SEARCH_REPORT_H
#define SEGUE_STUDY_SEARCH_REPORT_H

#include "search.h"

/* How people call what a search chose. Borrowed. */
typedef struct SearchNames {
  const char *const *groups;     /* of the space: model kinds */
  const char *const *parameters; /* of the space: options */
  /* The value of parameter j as people write it, into a buffer of 64 bytes. Local. */
  void (*value)(const void *context, int64_t j, double value, char *text);
  const void *context;
} SearchNames;

/* The trials, best first, as a table; the best score so far by trial; the importance of parameters;
 * each parameter against the score; notes. The metrics under split "folds" are those of the best.
 * Local (summary is held on rank 0). Fails with MEMORY. */
CHECKED Status search_report(const SearchInputs *in, const SearchResult *result,
                             const SearchNames *names, Task task, Summary *summary);

#endif
