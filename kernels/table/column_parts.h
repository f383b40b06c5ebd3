/* Columns in parts, for this folder alone: how they travel and are stored.
 *
 * Offsets of texts and lists count from this rank's first row and mean nothing on another rank;
 * per-row lengths do. */
#ifndef SEGUE_TABLE_COLUMN_PARTS_H
#define SEGUE_TABLE_COLUMN_PARTS_H

#include "table.h"

static inline bool column_is_ragged(const Column *column) {
  return column->type == COLUMN_TEXT || column->type == COLUMN_LIST;
}
static inline bool column_has_words(const Column *column) {
  return column->type == COLUMN_CATEGORY || column->type == COLUMN_LIST;
}

/* A column of no rows and without storage, to be filled with arrays that exist. Local. */
CHECKED Status column_bare(Column **out, const char *name, ColumnType type);
/* The number of items of each row of a text or list column; the caller frees it. Local.
 * Fails with INVALID when a value has 2^31 items or more, MEMORY. */
CHECKED Status column_lengths(const Column *column, int32_t **lengths);
/* n + 1 positions from n lengths; the caller frees them, also after a failure. Local.
 * Fails with FORMAT when a length is negative, MEMORY. */
CHECKED Status column_offsets(const int32_t *lengths, int64_t n, int64_t **offset);
/* Give a text or list column its n flags (takes them over), or none when none is set. Local. */
void column_adopt_missing(Column *column, uint8_t *flags);

#endif
