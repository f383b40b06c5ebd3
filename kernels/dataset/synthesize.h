/* Made-up tracks that look like the published ones: any number of rows, made where they are needed.
 *
 * Row i is a function of (seed, i) alone, so ranks make their rows without communication and the
 * table is the same on any number of ranks. Marginal distributions follow quantiles of the 114k
 * Spotify tracks; so do the share of rows that list a track again under another genre, the share
 * of recordings that exist under several ids, the number of tracks of an artist, and the signs and
 * sizes of the main correlations. Popularity hangs on genre, artists, audio features and release.
 */
#ifndef SEGUE_DATASET_SYNTHESIZE_H
#define SEGUE_DATASET_SYNTHESIZE_H

#include "kernels/base/work.h"
#include "kernels/table/table.h"

typedef struct SynthesizeOptions {
  int64_t rows;      /* 1 .. SYNTHESIZE_ROWS */
  int64_t genres;    /* 1 .. SYNTHESIZE_GENRES; of equal size, in order; at most one for each row */
  double duplicates; /* share of rows that list another row's track once more, 0 .. 0.5 */
} SynthesizeOptions;

#define SYNTHESIZE_ROWS 10000000000
#define SYNTHESIZE_GENRES 1000

typedef struct SynthesizeCounts {
  int64_t genres, artists; /* words in the dictionaries */
  int64_t listings;        /* rows that list another row's track once more */
  int64_t releases;        /* tracks that are another track's recording under a new id */
} SynthesizeCounts;

/* The columns: those of the published file and `release`, a date. Local. Fails with MEMORY. */
CHECKED Status synthesize_plan(Schema *out);

/* Make this rank's rows.
 *
 * Collective; all arguments but sink the same on all ranks.
 * block   rows in a block of the table
 * sink    asked for a stop between blocks; may be NULL
 * out     the table; the caller clears it, also after a failure
 * counts  replicated
 * Fails with MEMORY, STOPPED. Communicates the counts and the status alone. */
CHECKED Status synthesize_all(const Comm *comm, const SynthesizeOptions *options, uint64_t seed,
                              int64_t block, WorkSink *sink, Table *out, SynthesizeCounts *counts);

#endif
