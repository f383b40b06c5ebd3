/* Clusters told to people: sizes, profiles, names from the strongest traits, typical rows, the
 * words and values that they have. For stages that make or judge labels. */
#ifndef SEGUE_PIPELINE_STAGES_CLUSTER_REPORT_H
#define SEGUE_PIPELINE_STAGES_CLUSTER_REPORT_H

#include "unsupervised.h"

typedef struct ClusterReportOptions {
  TextList show;
  char *by, *value;
} ClusterReportOptions;

/* Rows of a struct with such a member named `report`. */
#define CLUSTER_REPORT_ROWS(S)                                                                 \
  {.name = "show",                                                                         \
   .type = OPTION_TYPE_TEXTS,                                                                  \
   .offset = OPTION_OF(S, report.show, TextList),                                          \
   .fallback = "[]",                                                                           \
   .help =                                                                                     \
       "columns that say which row it is, such as name and artists: typical rows are told by " \
       "them. A cluster nearly all of whose rows share a word of one of them (one artist) is " \
       "called out"},                                                                          \
      {.name = "by",                                                                           \
       .type = OPTION_TYPE_TEXT,                                                               \
       .offset = OPTION_OF(S, report.by, char *),                                              \
       .fallback = "null",                                                                     \
       .help =                                                                                 \
           "category or list column, such as the genre: the most frequent words of a cluster " \
           "are told"},                                                                        \
  {                                                                                            \
    .name = "value", .type = OPTION_TYPE_TEXT, .offset = OPTION_OF(S, report.value, char *),   \
    .fallback = "null", .help = "number column, such as popularity: its mean is told"          \
  }

/* Local. Fails with INVALID; the message begins with the option. */
CHECKED Status cluster_report_plan(const ClusterReportOptions *options, const Schema *schema);

/* Tell of clusters 0 .. k - 1 of the distinct rows.
 * label  u->x.rows.n; -1: none
 * name   of the labels, such as "kmeans": begins the names of tables and series
 * Collective. Fails with MEMORY, INVALID; agreed. */
CHECKED Status cluster_report_all(const Unsupervised *u, const ClusterReportOptions *options,
                                  const int32_t *label, int64_t k, const char *name,
                                  Summary *summary);

#endif
