/* Maps told to people: drawn in the colours of groups, and how well they keep neighbours. */
#ifndef SEGUE_PIPELINE_STAGES_MAP_REPORT_H
#define SEGUE_PIPELINE_STAGES_MAP_REPORT_H

#include "kernels/neighbors/map_quality.h"
#include "unsupervised.h"

/* Check the columns that are to colour a map. Local. Fails with INVALID; the message begins with
 * the option's name, colour. */
CHECKED Status map_report_plan(const TextList *colour, const Schema *schema);

/* Draw the distinct rows' places, some of them where they are many, once in the colours of each
 * column, or once in none. A column of more words than there are colours (the genre) is coloured by
 * families of words, which Ward's criterion makes of the mean features of their rows; a row of
 * several words counts by its first.
 * x, y  places of u->x.rows.n rows; name begins the names of series
 * Collective. Fails with MEMORY, INVALID; agreed. */
CHECKED Status map_report_draw_all(const Unsupervised *u, const double *x, const double *y,
                                   const TextList *colour, const char *name, Summary *summary);

/* Find how well places (columns of the distinct rows) keep neighbours; tells the metrics
 * neighbours_kept, trustworthiness and continuity under a split. Collective. Fails as
 * map_quality_all does. */
CHECKED Status map_report_quality_all(const Unsupervised *u, const Matrix *places, int64_t k,
                                      WorkSink *sink, const char *split, Summary *summary,
                                      MapQuality *out);

#endif
