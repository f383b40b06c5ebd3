/* The journal of a study: what its trials found, in files that outlive the stage.
 *
 * runs/NAME/studies/STAGE-KEY holds a file for each rank that ever took part, RANK.journal; the key
 * is that of the stage without the option that may grow, so that a longer study finds the records
 * of a shorter one. A record is appended by one write as soon as it is there: a head (magic,
 * number, bytes, checksum) and the fields. What a kill left behind of the last one is not believed,
 * and cut off before anything is appended. Records of all files count, whoever wrote them. */
#ifndef SEGUE_PIPELINE_JOURNAL_H
#define SEGUE_PIPELINE_JOURNAL_H

#include <limits.h>

#include "kernels/base/fields.h"

typedef struct JournalRecord {
  int64_t number, bytes;
  uint8_t *data;
} JournalRecord;

typedef struct Journal {
  char folder[PATH_MAX];
  int rank;
  int file; /* descriptor of this rank's, -1: not open */
  bool loaded;
  int64_t n, capacity;
  JournalRecord *records;
} Journal;

/* Local, all of them. folder need not be there. */
void journal_init(Journal *journal, const char *folder, int rank);
void journal_clear(Journal *journal);
/* Append. Fails with IO, MEMORY. */
CHECKED Status journal_append(Journal *journal, int64_t number, const Fields *fields);
/* Read what all files hold, once, and find a record: an IN list that the caller clears. False when
 * there is none that is whole. */
bool journal_find(Journal *journal, int64_t number, Fields *out);

#endif
