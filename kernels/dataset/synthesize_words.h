/* Words for made-up tracks: genres, artists, names of tracks and their ids.
 *
 * Dictionaries come out in byte order as they are generated, so every rank makes the same one
 * without communication. */
#ifndef SEGUE_DATASET_SYNTHESIZE_WORDS_H
#define SEGUE_DATASET_SYNTHESIZE_WORDS_H

#include "kernels/numeric/random.h"
#include "kernels/table/table.h"

enum {
  WORDS_GENRES = 1000, /* the most there can be */
  WORDS_FAMILIES = 19, /* genre g is of family g % WORDS_FAMILIES: its second half */
  WORDS_NAME = 24,     /* room for the name of a track */
  WORDS_ID = 22        /* bytes of a track id */
};

/* n genres such as "dream-folk", 1 <= n <= WORDS_GENRES; code g is genre g. Local. Fails with
 * MEMORY; the caller clears out. */
CHECKED Status words_genres(int64_t n, Dictionary *out);
/* n artists such as "Bakomi", all of one length, 1 <= n <= 2^24. Local. Fails with MEMORY; the
 * caller clears out. */
CHECKED Status words_artists(const Stream *stream, int64_t n, Dictionary *out);
/* The name of track `row`, such as "Silver River Tonight", one of 2^18. Local. Returns its length;
 * not terminated. */
int64_t words_name(const Stream *stream, int64_t row, char out[WORDS_NAME]);
/* The id of track `row`: 22 letters and digits, no two rows of a stream alike. Local. */
void words_id(const Stream *stream, int64_t row, char out[WORDS_ID]);

#endif
